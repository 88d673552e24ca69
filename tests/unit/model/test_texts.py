"""Reports against reports: the losses against loops, and the awkward batches."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from hilum.model.objectives.texts import contrast_findings, contrast_reports, region_texts

SCALE = torch.tensor(6.0)


def vectors(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_a_region_is_the_mean_of_its_sentences_and_silence_is_told() -> None:
    sentences = vectors(3, 8)
    routes = torch.tensor([[0, 2, 5], [1, 0, 3], [0, 2, 4]])
    texts, spoken = region_texts(sentences, routes, 2, 3)
    assert spoken.tolist() == [[False, False, True], [True, False, False]]
    assert torch.allclose(texts[0, 2], normalize(sentences[0] + sentences[2], dim=0))
    assert torch.allclose(texts[1, 0], sentences[1])
    assert not texts[~spoken].any()


def test_reports_against_loops() -> None:
    reports, temperature = vectors(4, 8), 0.5
    relevance = torch.tensor([[1, 0.5, 0, 0], [0.5, 1, 0.2, 0], [0, 0.2, 1, 1], [0, 0, 1, 1.0]])
    rows = []
    for i in range(4):
        others = [j for j in range(4) if j != i]
        wanted = [math.exp(relevance[i, j].item() / temperature) for j in others]
        logits = [(SCALE * reports[i] @ reports[j]).item() for j in others]
        bottom = math.log(sum(map(math.exp, logits)))
        rows.append(-sum(w / sum(wanted) * (logit - bottom) for w, logit in zip(wanted, logits, strict=True)))
    found = contrast_reports(reports, relevance, temperature, SCALE)
    assert found.item() == pytest.approx(sum(rows) / 4, rel=1e-5)


def test_a_report_alone_is_compared_with_nothing() -> None:
    alone = vectors(1, 8).requires_grad_()
    loss = contrast_reports(alone, torch.ones(1, 1), 0.2, SCALE)
    loss.backward()
    assert loss.item() == 0 and alone.grad is not None and not alone.grad.any()


def test_findings_against_loops_and_doubt_says_nothing() -> None:
    wholes, findings = vectors(3, 8), vectors(3, 8, seed=1)  # two findings and "normal"
    present, uncertain = torch.zeros(3, 2, 2, dtype=torch.bool), torch.zeros(3, 2, 2, dtype=torch.bool)
    present[0, -1, 0] = True  # the first has finding 0, denies or omits 1
    uncertain[1, -1, 1] = True  # the second doubts finding 1 and has nothing: no positive, left out
    batch: Any = SimpleNamespace(present=present, uncertain=uncertain)  # the third is normal
    logits = (SCALE * wholes @ findings.T).tolist()

    def share(row: int, right: int, wrong: list[int]) -> float:
        return math.log(sum(math.exp(logits[row][j]) for j in (right, *wrong))) - logits[row][right]

    expected = (share(0, 0, [1, 2]) + share(2, 2, [0, 1])) / 2
    assert contrast_findings(wholes, findings, batch, SCALE).item() == pytest.approx(expected, rel=1e-5)
