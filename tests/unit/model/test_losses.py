"""Losses against slow, obvious versions, and the batches that say nothing."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from hilum.model.losses import (
    identity_contrast,
    multi_positive_contrast,
    relevance,
    soft_contrast,
    word_patch_scores,
)


def test_relevance_is_jaccard_with_normal_studies_alike() -> None:
    labels = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]], dtype=torch.bool)
    found = relevance(labels.view(5, 2, 2))
    assert found[0, 1] == pytest.approx(1 / 3)
    assert found[2, 3] == 1.0  # two studies without a finding
    assert found[0, 2] == 0.0
    assert torch.equal(found.diagonal(), torch.ones(5))
    assert torch.equal(found, found.T)


def test_soft_contrast_with_identity_targets_is_clip() -> None:
    logits = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    soft = soft_contrast(logits, torch.eye(6, dtype=torch.float64), temperature=0.01)
    assert soft.item() == pytest.approx(identity_contrast(logits).item())


def test_soft_contrast_against_sums() -> None:
    generator = torch.Generator().manual_seed(1)
    logits, targets = torch.randn(4, 4, generator=generator), torch.rand(4, 4, generator=generator)
    expected = 0.0
    for matrix, wanted in ((logits, targets), (logits.T, targets.T)):
        for row, target in zip(matrix.tolist(), wanted.tolist()):
            shares = [math.exp(t / 0.2) for t in target]
            log_sum = math.log(sum(math.exp(x) for x in row))
            expected += sum(s / sum(shares) * (log_sum - x) for s, x in zip(shares, row)) / 8
    assert soft_contrast(logits, targets, 0.2).item() == pytest.approx(expected, rel=1e-5)


def test_word_patch_scores_against_loops() -> None:
    generator = torch.Generator().manual_seed(2)
    words = normalize(torch.randn(3, 5, 8, generator=generator), dim=-1)
    patches = normalize(torch.randn(2, 9, 8, generator=generator), dim=-1)
    is_word = torch.arange(5) < torch.tensor([[5], [1], [3]])
    scores = word_patch_scores(words, is_word, patches, attention_scale=4.0, word_scale=5.0)
    for image in range(2):
        for text in range(3):
            total = 0.0
            for word in range(int(is_word[text].sum())):
                similarity = patches[image] @ words[text, word]
                context = torch.softmax(4.0 * similarity, 0) @ patches[image]
                cosine = torch.cosine_similarity(words[text, word], context, dim=0)
                total += math.exp(5.0 * cosine.item())
            assert scores[image, text].item() == pytest.approx(math.log(total) / 5.0, rel=1e-4)


def test_multi_positive_contrast_against_loops() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(5, 7, generator=generator)
    positives = torch.rand(5, 7, generator=generator) < 0.3
    positives[2] = False  # a row that says nothing
    candidates = torch.rand(5, 7, generator=generator) < 0.6
    rows = []
    for i in range(5):
        pool = [j for j in range(7) if positives[i, j] or candidates[i, j]]
        right = [j for j in range(7) if positives[i, j]]
        if right:
            bottom = math.log(sum(math.exp(logits[i, j]) for j in pool))
            rows.append(sum(bottom - logits[i, j].item() for j in right) / len(right))
    expected = sum(rows) / len(rows)
    assert multi_positive_contrast(logits, positives, candidates).item() == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_a_positive_pair_costs_nothing_and_has_a_gradient() -> None:
    logits = torch.randn(3, 4, requires_grad=True)
    nothing = torch.zeros(3, 4, dtype=torch.bool)
    loss = multi_positive_contrast(logits, nothing, ~nothing)
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None and torch.equal(logits.grad, torch.zeros(3, 4))


def test_no_rows_at_all() -> None:
    empty = torch.zeros(0, 4, dtype=torch.bool)
    assert multi_positive_contrast(torch.zeros(0, 4), empty, empty).item() == 0.0
