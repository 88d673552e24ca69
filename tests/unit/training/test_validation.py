"""The figure that chooses an epoch, against a slow version."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hilum.training.validation import average_precision_by_cell


def slow(embeddings: np.ndarray, present: np.ndarray, subjects: np.ndarray) -> float:
    cells = []
    for region in range(embeddings.shape[0]):
        for finding in range(present.shape[2]):
            found = present[:, region, finding]
            if found.sum() < 3:
                continue
            scores = []
            for query in np.flatnonzero(found):
                others = [j for j in range(len(subjects)) if subjects[j] != subjects[query]]
                others.sort(key=lambda j: -float(embeddings[region, query] @ embeddings[region, j]))
                ranks = [rank for rank, j in enumerate(others, 1) if found[j]]
                if ranks:
                    scores.append(np.mean([(i + 1) / rank for i, rank in enumerate(ranks)]))
            if scores:
                cells.append(np.mean(scores))
    return float(np.mean(cells))


def test_against_a_slow_version() -> None:
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(3, 14, 5)).astype(np.float32)
    present = generator.random((14, 3, 2)) < 0.4
    subjects = np.arange(14) // 2
    assert average_precision_by_cell(embeddings, present, subjects) == pytest.approx(
        slow(embeddings, present, subjects), rel=1e-5
    )


def test_without_a_cell_it_is_not_a_number() -> None:
    present = np.zeros((4, 1, 1), bool)
    present[:2] = True
    assert math.isnan(average_precision_by_cell(np.ones((1, 4, 2), np.float32), present, np.arange(4)))


def test_a_finding_of_one_patient_asks_no_question() -> None:
    present = np.ones((3, 1, 1), bool)
    assert math.isnan(average_precision_by_cell(np.ones((1, 3, 2), np.float32), present, np.zeros(3, int)))
