"""What a model is trained for: each objective turns a batch into a dict of named losses, which are summed.

In: the network and a batch. Out: losses, already weighted. `global` is CLIP's and ConVIRT's objective. `rra_vl` is our
reading of ALC-ITR's RRA-VL from its public text (arXiv 2503.07456), not the paper's equations: relevance-aligned global
contrast and word-patch alignment (GLoRIA's form) in phase `align`; region-sentence and location-conditioned contrast,
and phrase-patch contrast (our addition, for grounding), in phase `locate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from hilum.model.batch import Batch, Phrases
from hilum.model.location import contrast_images, contrast_patches, contrast_phrases, contrast_sentences
from hilum.model.losses import identity_contrast, relevance, soft_contrast, word_patch_scores
from hilum.model.network import ImageEmbeddings, RegionLanguageModel, TextEmbeddings

ObjectiveName = Literal["global", "rra_vl"]
Phase = Literal["align", "locate"]


class Objective(Protocol):
    """Anything that turns a batch into named, weighted losses."""

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """Losses by name; training minimises their sum."""
        ...


class GlobalObjective:
    """Whole image and whole report, each pair against the batch: the baseline that knows no place."""

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """One loss, `global`."""
        images = model.encode_images(batch.pixels, batch.weights)
        texts = model.encode_texts(batch.report_ids, batch.report_is_word)
        logits = model.logit_scale * images.whole @ normalize(texts.whole, dim=-1).T
        return {"global": identity_contrast(logits)}


@dataclass(frozen=True)
class Weights:
    """Weights of rra_vl's losses and their fixed temperatures.

    The word-patch scales are GLoRIA's (4, 5, 10). A relevance of 1 against 0 is a factor e^5 in the soft target.
    """

    words: float = 0.5
    sentences: float = 0.5
    images: float = 0.5
    phrases: float = 1.0
    patches: float = 1.0
    relevance_temperature: float = 0.2
    attention_scale: float = 4.0
    word_scale: float = 5.0
    score_scale: float = 10.0
    max_words: int = 32


class RegionRelevanceObjective:
    """Relevance- and region-aligned objective `rra_vl`; phase `locate` adds what knows of places."""

    def __init__(
        self, phase: Phase, phrases: Phrases, hard_negatives: bool = True, weights: Weights | None = None
    ) -> None:
        self.phase = phase
        self.phrases = phrases
        self.hard_negatives = hard_negatives
        self.weights = weights or Weights()

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """`global`; in phase align `words`; in phase locate `images`, `phrases`, `patches`, `sentences`."""
        images = model.encode_images(batch.pixels, batch.weights)
        reports = model.encode_texts(batch.report_ids, batch.report_is_word)
        targets = relevance(batch.present)
        logits = model.logit_scale * images.whole @ normalize(reports.whole, dim=-1).T
        losses = {"global": soft_contrast(logits, targets, self.weights.relevance_temperature)}
        if self.phase == "align":
            return losses | {"words": self._words(batch, images, reports, targets)}
        return losses | self._locate(model, batch, images)

    def _words(self, batch: Batch, images: ImageEmbeddings, reports: TextEmbeddings, targets: Tensor) -> Tensor:
        weights = self.weights
        words, is_word = spread_words(reports.words, batch.report_is_word, weights.max_words)
        patches = normalize(coarse_patches(images.patches), dim=-1)
        scores = word_patch_scores(words, is_word, patches, weights.attention_scale, weights.word_scale)
        return weights.words * soft_contrast(weights.score_scale * scores, targets, weights.relevance_temperature)

    def _locate(self, model: RegionLanguageModel, batch: Batch, images: ImageEmbeddings) -> dict[str, Tensor]:
        weights, scale, phrases = self.weights, model.region_scale, self.phrases
        present, possible = with_normal(batch)
        regions = torch.arange(images.regions.shape[1], device=images.regions.device)
        whole = model.encode_texts(phrases.finding_ids, phrases.finding_is_word).whole
        placed = model.condition(whole.unsqueeze(0), regions.unsqueeze(1))
        by_image = contrast_images(
            images.regions, present[..., :-1], possible[..., :-1], batch.subjects, phrases.related, scale,
            self.hard_negatives,
        )  # fmt: skip
        by_phrase = contrast_phrases(
            images.regions, placed, present, possible, phrases.related, scale, self.hard_negatives
        )
        losses = {
            "images": weights.images * by_image,
            "phrases": weights.phrases * by_phrase,
            "patches": weights.patches * self._patches(model, batch, images.patches, whole[:-1]),
        }
        if len(batch.routes):
            spoken = model.encode_texts(batch.sentence_ids, batch.sentence_is_word).whole
            sentences = model.condition(spoken[batch.routes[:, 2]], batch.routes[:, 1])
            losses["sentences"] = weights.sentences * contrast_sentences(
                images.regions, sentences, batch.routes, present[..., :-1], scale
            )
        return losses

    def _patches(self, model: RegionLanguageModel, batch: Batch, patches: Tensor, whole: Tensor) -> Tensor:
        """Bare phrases ("pleural effusion") and phrases that name the place, against patches."""
        inside, outside = finding_patches(batch, self.phrases.inside)
        bare = contrast_patches(patches, normalize(whole, dim=-1), inside, outside, model.region_scale)
        specific = most_specific(batch.present[:, :-1], self.phrases.inside)
        cells = torch.nonzero(specific.any(0))
        if not len(cells):
            return bare
        place, finding = cells[:, 0], cells[:, 1]
        ids, is_word = self.phrases.placed_ids[place, finding], self.phrases.placed_is_word[place, finding]
        named = normalize(model.encode_texts(ids, is_word).whole, dim=-1)
        here = specific[:, place, finding].unsqueeze(-1) & covered_patches(batch.weights)[:, place]
        possible = (batch.present | batch.uncertain)[:, :-1].float()
        near = torch.einsum("ab,ibf->iaf", self.phrases.related.float(), possible) > 0
        missing = ~near[:, place, finding]
        elsewhere = outside[:, finding] | (missing.unsqueeze(-1) & inside[:, finding])
        return (bare + contrast_patches(patches, named, here, elsewhere & ~here, model.region_scale)) / 2


def with_normal(batch: Batch) -> tuple[Tensor, Tensor]:
    """Present and possible findings of each region, with "normal" as one more finding at the end.

    A region is normal where the report says of some finding that it is absent, and of none that it may be there.
    Returns two (n, regions, findings + 1) bool.
    """
    present, possible = batch.present[:, :-1], (batch.present | batch.uncertain)[:, :-1]
    found = possible.any(-1, keepdim=True)
    normal = batch.absent[:, :-1].any(-1, keepdim=True) & ~found
    return torch.cat([present, normal], -1), torch.cat([possible, ~found], -1)


def most_specific(present: Tensor, inside: Tensor) -> Tensor:
    """Drop a finding from a region where a region inside of it has the finding too.

    present: (n, regions, findings) bool. inside: (regions, regions) bool, [a, b] True where b lies in a.
    """
    below = torch.einsum("ab,ibf->iaf", inside.float(), present.float()) > 0
    return present & ~below


def covered_patches(weights: Tensor) -> Tensor:
    """Patches that a region's box covers by half or more of its best covered one; (n, regions, patches) bool."""
    return weights >= 0.5 * weights.amax(-1, keepdim=True)


def finding_patches(batch: Batch, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Where each finding is said to lie, and where it cannot: two (n, findings, patches) bool.

    A finding said without a place, or with doubt, leaves the patches it may lie in out of both.
    """
    specific = most_specific(batch.present[:, :-1], inside).float()
    covered = covered_patches(batch.weights).float()
    lies = torch.einsum("ikf,ikp->ifp", specific, covered) > 0
    doubted = torch.einsum("ikf,ikp->ifp", batch.uncertain[:, :-1].float(), covered) > 0
    placed = batch.present[:, :-1].any(1)
    unplaced = (batch.present | batch.uncertain)[:, -1] & ~placed & ~batch.uncertain[:, :-1].any(1)
    return lies, ~lies & ~doubted & ~unplaced.unsqueeze(-1)


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


def make_objective(name: ObjectiveName, phase: Phase, phrases: Phrases, hard_negatives: bool = True) -> Objective:
    """The objective of that name, for a phase."""
    if name == "global":
        return GlobalObjective()
    return RegionRelevanceObjective(phase, phrases, hard_negatives)
