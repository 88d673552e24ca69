"""Word-patch alignment in GLoRIA's form (ICCV 2021): a report's words look for their places in every image.

In: embeddings of a batch's patches and words. Out: one score for every image and report. The patches are averaged two
by two and long reports thinned, because all pairs of the batch are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from hilum.model.batch import Batch
from hilum.model.losses import word_patch_scores
from hilum.model.network import ImageEmbeddings, TextEmbeddings


@dataclass(frozen=True)
class WordScales:
    """GLoRIA's fixed scales of attention, word and score, and how many words of a report are looked at."""

    attention: float = 4.0
    word: float = 5.0
    score: float = 10.0
    max_words: int = 32


def word_logits(batch: Batch, images: ImageEmbeddings, reports: TextEmbeddings, scales: WordScales) -> Tensor:
    """Scaled scores of every image (rows) and report (columns)."""
    words, is_word = spread_words(reports.words, batch.report_is_word, scales.max_words)
    patches = normalize(coarse_patches(images.patches), dim=-1)
    return scales.score * word_patch_scores(words, is_word, patches, scales.attention, scales.word)


def coarse_patches(patches: Tensor) -> Tensor:
    """Patches averaged two by two: the word-patch loss compares all pairs of the batch, and its cost is the grid's."""
    n, n_patches, size = patches.shape
    grid = round(n_patches**0.5)
    maps = patches.transpose(1, 2).reshape(n, size, grid, grid)
    pooled = torch.nn.functional.avg_pool2d(maps, 2, ceil_mode=True, count_include_pad=False)
    return pooled.flatten(2).transpose(1, 2)


def spread_words(words: Tensor, is_word: Tensor, max_words: int) -> tuple[Tensor, Tensor]:
    """At most max_words of each report, evenly spread over it. words: (n, words, size)."""
    if words.shape[1] <= max_words:
        return words, is_word
    lengths = is_word.sum(1, keepdim=True)
    steps = torch.arange(max_words, device=words.device).unsqueeze(0)
    picked = torch.where(lengths > max_words, steps * lengths // max_words, steps)
    chosen = one_hot(picked, words.shape[1]).to(words.dtype)  # a product, not an index: its gradient has one order
    return chosen @ words, is_word.gather(1, picked)
