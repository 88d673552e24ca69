"""What each objective returns, and how labels become masks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hilum.model.batch import Batch, Phrases
from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import make_objective
from hilum.model.objectives.places import finding_patches, most_specific, with_normal
from hilum.model.objectives.words import coarse_patches, spread_words

N, REGIONS, FINDINGS, GRID = 4, 3, 2, 4  # the second region lies in the first
RRA_VL = {"global", "images", "phrases", "patches", "sentences", "texts", "reports", "findings"}
INSIDE = torch.tensor([[0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=torch.bool)


@pytest.fixture
def model() -> RegionLanguageModel:
    torch.manual_seed(0)
    config = ModelConfig(
        image_configuration("small"), text_configuration("small", 50, 12), 16, 12, ("a", "b", "c"), 0.5, 0.25
    )
    return RegionLanguageModel(config)


@pytest.fixture
def batch() -> Batch:
    """Image 0: finding 0 in b (so in a); 1: finding 0 in c; 2: finding 1 absent from a; 3: finding 1 doubted in c."""
    present = torch.zeros(N, REGIONS + 1, FINDINGS, dtype=torch.bool)
    absent, uncertain = present.clone(), present.clone()
    present[0, [0, 1, 3], 0] = present[1, [2, 3], 0] = True
    absent[2, :2, 1] = True
    uncertain[3, [2, 3], 1] = True
    weights = torch.zeros(N, REGIONS, GRID * GRID)
    weights[:, 0, :8] = 1 / 8
    weights[:, 1, :4] = 1 / 4
    weights[:, 2, 8:] = 1 / 8
    generator = torch.Generator().manual_seed(1)
    return Batch(
        pixels=torch.randn(N, 1, 32, 32, generator=generator),
        weights=weights,
        subjects=torch.arange(N),
        report_ids=torch.randint(1, 50, (N, 7), generator=generator),
        report_is_word=torch.ones(N, 7, dtype=torch.bool),
        present=present,
        absent=absent,
        uncertain=uncertain,
        sentence_ids=torch.randint(1, 50, (2, 5), generator=generator),
        sentence_is_word=torch.ones(2, 5, dtype=torch.bool),
        routes=torch.tensor([[0, 1, 0], [1, 2, 1], [2, 0, 1]]),
        said=torch.tensor([[0, 0, 0], [1, 1, 1]]),
    )


@pytest.fixture
def phrases() -> Phrases:
    words = torch.randint(1, 50, (REGIONS, FINDINGS, 4), generator=torch.Generator().manual_seed(2))
    bare = torch.randint(1, 50, (FINDINGS + 1, 3), generator=torch.Generator().manual_seed(3))
    related = INSIDE | INSIDE.T | torch.eye(REGIONS, dtype=torch.bool)
    return Phrases(bare, torch.ones_like(bare, dtype=torch.bool), words, torch.ones_like(words).bool(), INSIDE, related)


@pytest.mark.parametrize(
    ("name", "phase", "expected"),
    [
        ("global", "align", {"global"}),
        ("global", "locate", {"global"}),
        ("local", "align", {"global", "words"}),
        ("local", "locate", {"global", "words"}),
        ("rra_vl", "align", {"global", "words"}),
        ("rra_vl", "locate", RRA_VL),
    ],
)
def test_losses_by_name(
    model: RegionLanguageModel, batch: Batch, phrases: Phrases, name: str, phase: str, expected: set[str]
) -> None:
    losses = make_objective(name, phase, phrases)(model, batch)  # type: ignore[arg-type]
    assert set(losses) == expected
    torch.stack(list(losses.values())).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


def test_every_weight_learns_in_the_second_phase(model: RegionLanguageModel, batch: Batch, phrases: Phrases) -> None:
    losses = make_objective("rra_vl", "locate", phrases)(model, batch)
    torch.stack(list(losses.values())).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_a_batch_of_normal_studies_without_sentences(
    model: RegionLanguageModel, batch: Batch, phrases: Phrases
) -> None:
    nothing = torch.zeros_like(batch.present)
    silent = replace(
        batch,
        present=nothing,
        absent=nothing,
        uncertain=nothing,
        sentence_ids=torch.zeros(0, 1, dtype=torch.int64),
        sentence_is_word=torch.zeros(0, 1, dtype=torch.bool),
        routes=torch.zeros(0, 3, dtype=torch.int64),
        said=torch.zeros(0, 3, dtype=torch.int64),
    )
    losses = make_objective("rra_vl", "locate", phrases)(model, silent)
    assert "sentences" not in losses
    assert {name for name, loss in losses.items() if loss.item() == 0} == {"images", "phrases", "patches"}


def test_normal_is_denied_and_not_merely_unmentioned(batch: Batch) -> None:
    present, possible = with_normal(batch)
    assert present[2, :, -1].tolist() == [True, True, False]
    assert present[..., -1].sum() == 2
    assert not possible[3, 2, -1]  # something is doubted there
    assert possible[2, 2, -1]  # nothing is said: it may be normal
    assert not possible[0, 0, -1]


def test_most_specific_region_only(batch: Batch) -> None:
    specific = most_specific(batch.present[:, :-1], INSIDE)
    assert specific[0, :, 0].tolist() == [False, True, False]
    assert specific[1, :, 0].tolist() == [False, False, True]


def test_where_a_finding_lies_and_where_it_cannot(batch: Batch) -> None:
    lies, cannot = finding_patches(batch, INSIDE)
    assert lies[0, 0].tolist() == [True] * 4 + [False] * 12
    assert cannot[0, 0].tolist() == [False] * 4 + [True] * 12
    assert cannot[2, 0].all() and not lies[2].any()
    assert cannot[3, 1].tolist() == [True] * 8 + [False] * 8  # doubted in c


def test_an_unplaced_finding_is_nowhere_impossible(batch: Batch) -> None:
    batch.present[2, -1, 0] = True
    lies, cannot = finding_patches(batch, INSIDE)
    assert not lies[2, 0].any() and not cannot[2, 0].any()


def test_spread_words_keeps_short_reports_and_thins_long_ones() -> None:
    words = torch.arange(10.0).view(1, 10, 1).repeat(2, 1, 1)
    is_word = torch.arange(10) < torch.tensor([[10], [3]])
    picked, kept = spread_words(words, is_word, 5)
    assert picked[0, :, 0].tolist() == [0, 2, 4, 6, 8]
    assert picked[1, :3, 0].tolist() == [0, 1, 2] and kept[1].tolist() == [True] * 3 + [False] * 2
    same, _ = spread_words(words, is_word, 20)
    assert same is words


def test_coarse_patches_average_two_by_two_and_keep_odd_edges() -> None:
    patches = torch.arange(9.0).view(1, 9, 1)
    assert coarse_patches(patches)[0, :, 0].tolist() == [2.0, 3.5, 6.5, 8.0]
