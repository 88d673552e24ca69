"""What a training batch is: the contract between training, which fills it, and objectives, which read it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor

Tensors = TypeVar("Tensors", "Batch", "Phrases")


def move(tensors: Tensors, device: torch.device) -> Tensors:
    """The same on a device; itself if it is there already."""
    return type(tensors)(**{row.name: getattr(tensors, row.name).to(device) for row in fields(tensors)})


@dataclass(frozen=True)
class Batch:
    """One batch of frontal images with what their reports say.

    pixels: (n, 1, size, size) float, normalised. weights: (n, regions, patches), rows sum to 1.
    subjects: (n,) int64. report_ids, report_is_word: (n, words).
    present, absent, uncertain: (n, regions + 1, findings) bool, parents included; the last place is "anywhere", which
    holds unplaced findings too. A finding that the report does not mention is False in all three.
    sentence_ids, sentence_is_word: (n_sentences, words), each distinct sentence of the batch once.
    routes: (n_routes, 3) int64, rows (image, region, sentence): the sentence speaks of the region in that image.
    said: (n_said, 3) int64, rows (sentence, finding, state), each once: the sentence says that the finding is present
    (0) or absent (1), somewhere.
    """

    pixels: Tensor
    weights: Tensor
    subjects: Tensor
    report_ids: Tensor
    report_is_word: Tensor
    present: Tensor
    absent: Tensor
    uncertain: Tensor
    sentence_ids: Tensor
    sentence_is_word: Tensor
    routes: Tensor
    said: Tensor


@dataclass(frozen=True)
class Phrases:
    """The phrases that stand for findings, tokenised once for a whole training run.

    finding_ids, finding_is_word: (findings, words), "pleural effusion". placed_ids, placed_is_word:
    (regions, findings, words), "left costophrenic angle pleural effusion"; finding_ids has one row more, "normal".
    inside: (regions, regions) bool, [a, b] True where b lies in a. related: (regions, regions) bool, True where one
    region lies in the other or they are the same: such pairs are never negatives of each other.
    """

    finding_ids: Tensor
    finding_is_word: Tensor
    placed_ids: Tensor
    placed_is_word: Tensor
    inside: Tensor
    related: Tensor
