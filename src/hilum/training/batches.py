"""Batches: the tensors that some examples become.

In: `Examples`. Out: `Batch`. Everything random comes from the epoch's generator, so that an epoch is the same whatever
came before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer

from hilum.labels.parents import ANCESTORS, spread_down, spread_up
from hilum.model.batch import Batch, Phrases
from hilum.model.configuration import ModelConfig
from hilum.model.encoders import as_pixels
from hilum.model.pooling import box_weights
from hilum.model.tokens import encode_texts
from hilum.training.augmentation import augment
from hilum.training.examples import ANYWHERE, Examples
from hilum.vocabulary import REGIONS, finding_name

NORMAL_PHRASE = "normal"


def make_batch(
    examples: Examples,
    rows: np.ndarray,
    config: ModelConfig,
    grid: int,
    generator: np.random.Generator | None = None,
) -> Batch:
    """The tensors of some examples; augmented if a generator is given."""
    images, boxes = torch.from_numpy(read_pixels(examples, rows)), examples.boxes[rows]
    if generator is not None:
        images, boxes = augment(images, boxes, generator)
    studies = examples.study[rows]
    report_ids, report_is_word = examples.reports.take(studies)
    image, routed = examples.routes.take(studies)
    _, said = examples.said.take(studies)
    sentences, sentence = np.unique(np.concatenate([routed[:, 1], said[:, 0]]), return_inverse=True)
    said = np.column_stack([sentence[len(routed) :], said[:, 1:]])
    sentence_ids, sentence_is_word = examples.sentences.take(sentences)
    present, absent, uncertain = dense_labels(examples, studies)
    return Batch(
        pixels=as_pixels(images, config.pixel_mean, config.pixel_std),
        weights=torch.from_numpy(box_weights(boxes, grid)),
        subjects=torch.from_numpy(examples.subjects[rows]),
        report_ids=torch.from_numpy(report_ids),
        report_is_word=torch.from_numpy(report_is_word),
        present=torch.from_numpy(present),
        absent=torch.from_numpy(absent),
        uncertain=torch.from_numpy(uncertain),
        sentence_ids=torch.from_numpy(sentence_ids),
        sentence_is_word=torch.from_numpy(sentence_is_word),
        routes=torch.from_numpy(np.column_stack([image, routed[:, 0], sentence[: len(routed)]]).astype(np.int64)),
        said=torch.from_numpy(np.unique(said.astype(np.int64), axis=0)),
    )


def read_pixels(examples: Examples, rows: np.ndarray) -> np.ndarray:
    """uint8 (len(rows), size, size), copied out of the memory-mapped files."""
    return np.stack([examples.pixels[examples.partition[r]][examples.row[r]] for r in rows])


def dense_labels(examples: Examples, studies: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Present, absent and uncertain findings, each (len(studies), regions + 1, findings) bool, places completed.

    Regions say what they say of one another (hilum.labels.parents); what is present or doubted in any is so anywhere.
    Present beats uncertain beats absent.
    """
    labels = np.zeros((3, len(studies), len(REGIONS) + 1, len(examples.findings)), bool)
    owner, values = examples.labels.take(studies)
    labels[values[:, 2], owner, values[:, 0], values[:, 1]] = True
    present, absent, uncertain = spread_up(labels[0]), spread_down(labels[1]), spread_up(labels[2])
    present[:, ANYWHERE] |= present.any(1)
    uncertain[:, ANYWHERE] |= uncertain.any(1)
    uncertain &= ~present
    return present, absent & ~present & ~uncertain, uncertain


def seen_cells(examples: Examples) -> torch.Tensor:
    """Where some study of the examples has each finding, places completed: (regions, findings) bool."""
    values = examples.labels.values
    present = np.zeros((1, len(REGIONS) + 1, len(examples.findings)), bool)
    there = values[values[:, 2] == 0]
    present[0, there[:, 0], there[:, 1]] = True
    return torch.from_numpy(spread_up(present)[0, :-1])


def make_phrases(tokenizer: Tokenizer, findings: Sequence[str], max_tokens: int) -> Phrases:
    """The phrases of some findings, bare and with each region's name in front, and which region lies in which."""
    names = [finding_name(finding) for finding in findings]
    bare = encode_texts(tokenizer, [*names, NORMAL_PHRASE], max_tokens)
    placed = encode_texts(tokenizer, [f"{region} {name}" for region in REGIONS for name in names], max_tokens)
    finding_ids, finding_is_word = bare.take(np.arange(len(names) + 1))
    placed_ids, placed_is_word = placed.take(np.arange(len(REGIONS) * len(names)))
    inside = torch.tensor([[a in ANCESTORS[b] for b in REGIONS] for a in REGIONS])
    shape = (len(REGIONS), len(names), -1)
    return Phrases(
        finding_ids=torch.from_numpy(finding_ids),
        finding_is_word=torch.from_numpy(finding_is_word),
        placed_ids=torch.from_numpy(placed_ids).view(shape),
        placed_is_word=torch.from_numpy(placed_is_word).view(shape),
        inside=inside,
        related=inside | inside.T | torch.eye(len(REGIONS), dtype=torch.bool),
    )
