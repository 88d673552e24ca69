"""Location-conditioned contrast against loops over pairs, and what each kind of negative is."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from hilum.model.location import contrast_images, contrast_patches, contrast_phrases, contrast_sentences

SCALE = torch.tensor(7.0)


def contrast(pairs: list[tuple[float, bool]]) -> float:
    """-mean over positives of log softmax; pairs are (logit, is positive)."""
    bottom = math.log(sum(math.exp(logit) for logit, _ in pairs))
    right = [logit for logit, positive in pairs if positive]
    return sum(bottom - logit for logit in right) / len(right)


@pytest.fixture
def batch() -> dict[str, Tensor]:
    """Six images of five subjects, three regions (the second lies in the first), two findings and "normal"."""
    generator = torch.Generator().manual_seed(4)
    present = torch.zeros(6, 3, 3, dtype=torch.bool)
    present[0, 0, 0] = present[0, 1, 0] = True
    present[1, 2, 0] = present[1, 2, 1] = True
    present[2, 0, 0] = present[3, 0, 0] = True
    present[3, 2, 2] = present[4, 2, 2] = present[4, 0, 1] = True
    possible = present.clone()
    possible[5, 0, 0] = True  # doubted: neither positive nor negative of finding 0
    related = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    return {
        "regions": normalize(torch.randn(6, 3, 8, generator=generator), dim=-1),
        "phrases": normalize(torch.randn(3, 3, 8, generator=generator), dim=-1),
        "present": present,
        "possible": possible,
        "subjects": torch.tensor([1, 2, 2, 3, 4, 5]),
        "related": related,
    }


@pytest.mark.parametrize("hard", [True, False])
def test_contrast_images_against_loops(batch: dict[str, Tensor], hard: bool) -> None:
    regions, present, possible = batch["regions"], batch["present"][..., :2], batch["possible"][..., :2]
    rows = []
    for i in range(6):
        for k in range(3):
            pairs = []
            for j in range(6):
                for other in range(3):
                    logit = (SCALE * regions[i, k] @ regions[j, other]).item()
                    shared = bool((present[i, k] & present[j, other]).any())
                    maybe = bool((possible[i, k] & possible[j, other]).any())
                    if other == k and batch["subjects"][i] != batch["subjects"][j] and (shared or not maybe):
                        pairs.append((logit, shared))
                    elif hard and not batch["related"][k, other] and shared:
                        pairs.append((logit, False))
            if any(positive for _, positive in pairs):
                rows.append(contrast(pairs))
    found = contrast_images(regions, present, possible, batch["subjects"], batch["related"], SCALE, hard_negatives=hard)
    assert found.item() == pytest.approx(sum(rows) / len(rows), rel=1e-4)


@pytest.mark.parametrize("hard", [True, False])
def test_contrast_phrases_against_loops(batch: dict[str, Tensor], hard: bool) -> None:
    regions, phrases, present, possible = (batch[name] for name in ("regions", "phrases", "present", "possible"))

    def kind(i: int, k: int, place: int, finding: int) -> bool | None:
        if place == k:
            return True if present[i, k, finding] else (None if possible[i, k, finding] else False)
        if hard and finding < 2 and present[i, k, finding] and not batch["related"][k, place]:
            return False
        return None

    logits = {
        (i, k, place, f): (SCALE * regions[i, k] @ phrases[place, f]).item()
        for i in range(6) for k in range(3) for place in range(3) for f in range(3)
    }  # fmt: skip
    totals = []
    for group in (lambda key: key[:2], lambda key: key[2:]):
        rows: dict[tuple[int, ...], list[tuple[float, bool]]] = {}
        for key, logit in logits.items():
            is_positive = kind(*key)
            if is_positive is not None:
                rows.setdefault(group(key), []).append((logit, is_positive))
        values = [contrast(pairs) for pairs in rows.values() if any(positive for _, positive in pairs)]
        totals.append(sum(values) / len(values))
    found = contrast_phrases(regions, phrases, present, possible, batch["related"], SCALE, hard_negatives=hard)
    assert found.item() == pytest.approx(sum(totals) / 2, rel=1e-4)


def test_contrast_sentences_against_loops(batch: dict[str, Tensor]) -> None:
    regions, present = batch["regions"], batch["present"]
    routes = torch.tensor([[0, 0, 0], [0, 1, 1], [2, 0, 2], [4, 0, 3], [4, 2, 3]])
    sentences = normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(5)), dim=-1)
    table = {}
    for i, k in {(int(r[0]), int(r[1])) for r in routes}:
        for column, (j, other, _) in enumerate(routes.tolist()):
            positive = (i, k) == (j, other)
            shared = bool((present[i, k] & present[j, other]).any())
            if positive or not (k == other and shared):
                table[(i, k), column] = ((SCALE * regions[i, k] @ sentences[column]).item(), positive)
    totals = []
    for axis in (0, 1):
        rows: dict[object, list[tuple[float, bool]]] = {}
        for key, pair in table.items():
            rows.setdefault(key[axis], []).append(pair)
        totals.append(sum(contrast(pairs) for pairs in rows.values()) / len(rows))
    found = contrast_sentences(regions, sentences, routes, present, SCALE)
    assert found.item() == pytest.approx(sum(totals) / 2, rel=1e-4)


def test_contrast_patches_against_loops() -> None:
    generator = torch.Generator().manual_seed(6)
    patches = normalize(torch.randn(3, 4, 8, generator=generator), dim=-1)
    phrases = normalize(torch.randn(2, 8, generator=generator), dim=-1)
    inside = torch.zeros(3, 2, 4, dtype=torch.bool)
    inside[0, 0, :2] = inside[2, 1, 3] = True
    outside = ~inside
    outside[1, 0] = False  # a doubtful image
    values = []
    for i, m in ((0, 0), (2, 1)):
        logits = SCALE * patches @ phrases[m]
        within = [math.exp(logits[i, p]) for p in range(4) if inside[i, m, p]]
        right = len(within) * (sum(share**0.25 for share in within) / len(within)) ** 4
        wrong = sum(math.exp(logits[j, p]) for j in range(3) for p in range(4) if outside[j, m, p])
        values.append(-math.log(right / (right + wrong)))
    found = contrast_patches(patches, phrases, inside, outside, SCALE)
    assert found.item() == pytest.approx(sum(values) / 2, rel=1e-4)


def test_nothing_present_gives_zero_and_finite_gradients(batch: dict[str, Tensor]) -> None:
    regions = batch["regions"].clone().requires_grad_()
    nothing = torch.zeros_like(batch["present"])
    loss = contrast_images(regions, nothing, nothing, batch["subjects"], batch["related"], SCALE, True)
    loss = loss + contrast_phrases(regions, batch["phrases"], nothing, nothing, batch["related"], SCALE, True)
    outside = torch.ones(6, 2, 3, dtype=torch.bool)
    loss = loss + contrast_patches(regions, batch["phrases"][0, :2], ~outside, outside, SCALE)
    loss.backward()
    assert loss.item() == 0.0
    assert regions.grad is not None and bool(torch.isfinite(regions.grad).all())
