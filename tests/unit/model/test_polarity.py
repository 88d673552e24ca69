"""Losses of states against loops that say what they are, and batches that have nothing to tell apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from hilum.model.polarity import contrast_presence, contrast_states, hard_triplets, mean_of_groups, push_apart

FINDINGS, ROWS, SENTENCES, SIZE = 3, 7, 5, 4
MARGIN, TEMPERATURE = 0.7, 0.1


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def vectors() -> Tensor:
    return normalize(random(FINDINGS, ROWS, SIZE), dim=-1)


@pytest.fixture
def spoken() -> Tensor:
    return normalize(random(FINDINGS, SENTENCES, SIZE, seed=1), dim=-1)


@pytest.fixture
def anchors() -> Tensor:
    """Cell 0 has both states, 1 too, 2 is only absent; the last row is neither."""
    present = torch.tensor([[1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [0] * 7], dtype=torch.bool)
    absent = ~present
    absent[:, -1] = False
    return torch.stack([present, absent])


@pytest.fixture
def sentences() -> Tensor:
    """Every sentence says that finding 1 is there, so that it has no triplet."""
    present = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 0]], dtype=torch.bool)
    return torch.stack([present, ~present])


def slow_triplets(vectors: Tensor, spoken: Tensor, anchors: Tensor, sentences: Tensor, temperature: float) -> float:
    """The definition: for every anchor the expected distances, a hinge, and means of means."""
    by_state = []
    for state in (0, 1):
        means = []
        for finding in range(FINDINGS):
            near = [y for y, chosen in zip(spoken[finding], sentences[state, finding]) if chosen]
            far = [y for y, chosen in zip(spoken[finding], sentences[1 - state, finding]) if chosen]
            own = [x for x, chosen in zip(vectors[finding], anchors[state, finding]) if chosen]
            hinges = []
            for x in own if near and far else []:
                expected = []
                for sign, candidates in ((-1, near), (1, far)):
                    weights = [math.exp(sign * float(x @ y) / temperature) if temperature else 1 for y in candidates]
                    distances = [float(((x - y) ** 2).sum()) for y in candidates]
                    expected.append(sum(w * d for w, d in zip(weights, distances)) / sum(weights))
                hinges.append(max(0.0, expected[0] - expected[1] + MARGIN))
            if hinges:
                means.append(sum(hinges) / len(hinges))
        by_state.append(sum(means) / len(means) if means else 0.0)
    return sum(by_state) / 2


@pytest.mark.parametrize("temperature", [TEMPERATURE, 0.0])
def test_triplets_are_the_expected_draw(
    vectors: Tensor, spoken: Tensor, anchors: Tensor, sentences: Tensor, temperature: float
) -> None:
    found = hard_triplets(vectors @ spoken.transpose(1, 2), anchors, sentences, MARGIN, temperature)
    expected = slow_triplets(vectors, spoken, anchors, sentences, temperature)
    assert expected > 0.1 and found.item() == pytest.approx(expected, abs=1e-5)


def test_hard_samples_cost_more_than_any(vectors: Tensor, spoken: Tensor, anchors: Tensor, sentences: Tensor) -> None:
    cosines = vectors @ spoken.transpose(1, 2)
    hard, plain = (hard_triplets(cosines, anchors, sentences, MARGIN, t).item() for t in (TEMPERATURE, 0.0))
    assert hard > plain


def test_triplets_are_over_when_states_lie_apart(anchors: Tensor, sentences: Tensor) -> None:
    signs = torch.where(anchors[0], 1.0, -1.0).unsqueeze(2) * torch.where(sentences[0], 1.0, -1.0).unsqueeze(1)
    assert hard_triplets(signs, anchors, sentences, MARGIN, TEMPERATURE).item() == 0.0
    assert hard_triplets(-signs, anchors, sentences, MARGIN, TEMPERATURE).item() == pytest.approx(4.0 + MARGIN)


def test_triplets_need_both_states(vectors: Tensor, spoken: Tensor, anchors: Tensor, sentences: Tensor) -> None:
    cosines = (vectors @ spoken.transpose(1, 2)).requires_grad_()
    one_state = torch.stack([sentences[0] | True, sentences[0] & False])
    for chosen, said in ((anchors, one_state), (anchors & False, sentences)):
        loss = hard_triplets(cosines, chosen, said, MARGIN, TEMPERATURE)
        (gradient,) = torch.autograd.grad(loss, cosines)
        assert loss.item() == 0.0 and not gradient.any()
    empty = hard_triplets(cosines[..., :0], anchors, sentences[..., :0], MARGIN, TEMPERATURE)
    assert empty.item() == 0.0


def test_push_apart_is_a_hinge_over_pairs_of_states(vectors: Tensor, anchors: Tensor) -> None:
    means = []
    for own, there, gone in zip(vectors, *anchors):
        pairs = [max(0.0, float(x @ y) - 0.1) for x in own[there] for y in own[gone]]
        means += [sum(pairs) / len(pairs)] if pairs else []
    assert len(means) == 2
    assert push_apart(vectors, anchors, 0.1).item() == pytest.approx(sum(means) / 2, abs=1e-6)
    assert push_apart(vectors, anchors & False, 0.1).item() == 0.0


def cross_entropy(logit: float, there: bool) -> float:
    return math.log1p(math.exp(-logit if there else logit))


def test_states_are_means_of_groups() -> None:
    logits = random(SENTENCES, FINDINGS)
    codes = torch.tensor([[0, 0, 2], [0, 1, 2], [1, 1, 2], [2, 1, 2], [2, 1, 2]])
    groups = torch.stack([codes == state for state in range(3)])
    means = []
    for state in range(3):
        for finding in range(FINDINGS):
            members = [s for s in range(SENTENCES) if codes[s, finding] == state]
            losses = [cross_entropy(float(logits[s, finding]), state == 0) for s in members]
            means += [sum(losses) / len(losses)] if losses else []
    assert len(means) == 6
    assert contrast_states(logits, groups).item() == pytest.approx(sum(means) / 6, abs=1e-5)


def test_presence_weighs_states_by_the_root_of_their_count() -> None:
    logits = random(ROWS, 2)
    present = torch.zeros(ROWS, 2, dtype=torch.bool)
    present[0, 0] = True
    absent = ~present
    absent[3:, 0] = False  # one present, two absent; the other finding has seven absent
    one = cross_entropy(float(logits[0, 0]), True)
    two = sum(cross_entropy(float(logits[r, 0]), False) for r in (1, 2)) / 2
    seven = sum(cross_entropy(float(x), False) for x in logits[:, 1]) / 7
    expected = ((one + math.sqrt(2) * two) / (1 + math.sqrt(2)) + seven) / 2
    assert contrast_presence(logits, present, absent).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("loss", [contrast_states, None])
def test_nothing_known_is_no_loss(loss: Callable[..., Tensor] | None) -> None:
    logits = random(ROWS, 2).requires_grad_()
    nothing = torch.zeros(3, ROWS, 2, dtype=torch.bool)
    found = contrast_states(logits, nothing) if loss else contrast_presence(logits, nothing[0], nothing[1])
    (gradient,) = torch.autograd.grad(found, logits)
    assert found.item() == 0.0 and not gradient.any()


def test_no_rows_at_all_is_no_loss() -> None:
    assert mean_of_groups(torch.zeros(0, 2), torch.zeros(3, 0, 2, dtype=torch.bool)).item() == 0.0
