"""maple: what its phases lose, what they leave alone, and which places and sentences have which state."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hilum.model.batch import Batch, Phrases
from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import frozen_weights, make_objective
from hilum.model.objectives.maple import FROZEN, MapleObjective, anchor_states, sentence_groups
from hilum.training.trainer import freeze, parameter_groups, set_training

N, REGIONS, GRID = 4, 3, 4  # the second region lies in the first
FINDINGS = ("x", "y", "z")
INSIDE = torch.tensor([[0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=torch.bool)


def random_words(*shape: int, seed: int) -> Tensor:
    return torch.randint(1, 50, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def batch() -> Batch:
    """Image 0: y in b (so in a); 1: z in a, no more said; 2: y without a place; 3: z doubted in c.

    Sentence 0 says y, 1 denies it and says z, 2 says nothing.
    """
    present = torch.zeros(N, REGIONS + 1, 2, dtype=torch.bool)
    absent, uncertain = present.clone(), present.clone()
    present[0, [0, 1, 3], 0] = present[1, [0, 3], 1] = present[2, 3, 0] = True
    uncertain[3, [2, 3], 1] = True
    absent[1, :, 0] = True
    weights = torch.zeros(N, REGIONS, GRID * GRID)
    weights[:, 0, :8], weights[:, 1, :4], weights[:, 2, 8:] = 1 / 8, 1 / 4, 1 / 8
    return Batch(
        pixels=torch.randn(N, 1, 32, 32, generator=torch.Generator().manual_seed(1)),
        weights=weights,
        subjects=torch.arange(N),
        report_ids=random_words(N, 7, seed=2),
        report_is_word=torch.ones(N, 7, dtype=torch.bool),
        present=present,
        absent=absent,
        uncertain=uncertain,
        sentence_ids=random_words(3, 5, seed=3),
        sentence_is_word=torch.ones(3, 5, dtype=torch.bool),
        routes=torch.tensor([[0, 1, 0], [1, 0, 1]]),
        said=torch.tensor([[0, 0, 0], [1, 0, 1], [1, 1, 0]]),
    )


@pytest.fixture
def phrases() -> Phrases:
    ids, words = random_words(3, 3, seed=4), random_words(REGIONS, 2, 4, seed=5)
    related = INSIDE | INSIDE.T | torch.eye(REGIONS, dtype=torch.bool)
    return Phrases(ids, torch.ones_like(ids).bool(), words, torch.ones_like(words).bool(), INSIDE, related)


@pytest.fixture
def model() -> RegionLanguageModel:
    """Batches tell of y and z; x was learned from what has gone since."""
    torch.manual_seed(0)
    text = {**text_configuration("small", 50, 12), "hidden_dropout_prob": 0.2}
    config = ModelConfig(image_configuration("small"), text, 16, 12, ("a", "b", "c"), 0.5, 0.25, FINDINGS)
    made = RegionLanguageModel(config)
    assert made.learn_cells(FINDINGS, torch.tensor([[1, 1, 1], [1, 1, 0], [0, 0, 1]]).bool()) == (0, 1, 2)
    return made


def objective(phase: str, phrases: Phrases, hard: bool = True) -> MapleObjective:
    made = make_objective("maple", phase, phrases, hard, (1, 2))  # type: ignore[arg-type]
    assert isinstance(made, MapleObjective)
    return made


def step(model: RegionLanguageModel, losses: dict[str, Tensor]) -> None:
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.5), lr=0.01)
    torch.stack(list(losses.values())).sum().backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters() if p.grad is not None)
    optimizer.step()


def test_losses_by_name(model: RegionLanguageModel, batch: Batch, phrases: Phrases) -> None:
    assert set(objective("align", phrases)(model, batch)) == {"global", "states"}
    losses = objective("locate", phrases)(model, batch)
    assert set(losses) == {"global", "triplet", "collapse", "presence", "patches"}
    assert all(loss.item() > 0 for loss in losses.values())


def test_a_step_of_the_second_phase_leaves_the_text_as_it_was(
    model: RegionLanguageModel, batch: Batch, phrases: Phrases
) -> None:
    freeze(model, frozen_weights("maple", "locate"))
    set_training(model)
    assert model.image_encoder.training and not model.text_encoder.training  # no dropout in what is frozen
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    step(model, objective("locate", phrases)(model, batch))
    changed = {name for name, _ in model.named_parameters() if not torch.equal(before[name], model.state_dict()[name])}
    assert changed == {name for name, _ in model.named_parameters() if not name.startswith(FROZEN)}
    assert torch.equal(before["findings.seen"], model.state_dict()["findings.seen"])


def test_other_objectives_freeze_nothing(model: RegionLanguageModel) -> None:
    assert frozen_weights("maple", "align") == frozen_weights("rra_vl", "locate") == ()
    freeze(model, ())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_phase_one_trains_what_reads_sentences(model: RegionLanguageModel, batch: Batch, phrases: Phrases) -> None:
    step(model, objective("align", phrases)(model, batch))
    tuned = {name for name, p in model.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert {"findings.of_text.scale", "findings.direction", "findings.bias", "project_text.weight"} <= tuned
    assert not [name for name in tuned if name.startswith(("findings.evidence", "findings.of_image"))]


def test_who_has_which_state(batch: Batch) -> None:
    says, denies, silent = sentence_groups(batch)
    assert says.tolist() == [[True, False], [False, True], [False, False]]
    assert denies.tolist() == [[False, False], [True, False], [False, False]]
    assert silent.tolist() == [[False, True], [False, False], [True, True]]
    present, absent = anchor_states(batch, INSIDE)
    assert present[0, :, 0].tolist() == [True, True, False] and absent[0, :, 0].tolist() == [False, False, True]
    assert present[1, :, 1].tolist() == [True, False, False]
    assert absent[1, :, 1].tolist() == [False, False, True]  # b is a part of a, and may be where z is
    assert not (present | absent)[2, :, 0].any()  # said to be there, and not where
    assert absent[3, :, 1].tolist() == [True, True, False]  # doubted in c
    assert absent[3, :, 0].all() and absent[1, :, 0].all()  # silent, denied


@pytest.mark.parametrize("phase", ["align", "locate"])
def test_batches_with_little_to_say(model: RegionLanguageModel, batch: Batch, phrases: Phrases, phase: str) -> None:
    nothing = torch.zeros_like(batch.present)
    mute = replace(batch, said=batch.said[:0])
    silent = replace(
        mute, sentence_ids=batch.sentence_ids[:0, :1], sentence_is_word=batch.sentence_is_word[:0, :1],
        routes=batch.routes[:0],
    )  # fmt: skip
    one_state = replace(batch, said=batch.said[batch.said[:, 2] == 1])
    alone = replace(
        batch, pixels=batch.pixels[:1], weights=batch.weights[:1], subjects=batch.subjects[:1],
        report_ids=batch.report_ids[:1], report_is_word=batch.report_is_word[:1], present=batch.present[:1],
        absent=batch.absent[:1], uncertain=batch.uncertain[:1], routes=batch.routes[:1],
    )  # fmt: skip
    normal = replace(silent, present=nothing, absent=nothing, uncertain=nothing)
    for name, awkward in {"mute": mute, "silent": silent, "one": one_state, "alone": alone, "normal": normal}.items():
        losses = objective(phase, phrases)(model, awkward)
        assert all(bool(torch.isfinite(loss)) for loss in losses.values()), name
        if phase == "locate" and name in ("mute", "silent", "one", "normal"):  # nothing is said to be there
            assert losses["triplet"].item() == 0, name
        if phase == "locate" and name == "normal":
            assert losses["collapse"].item() == 0 and losses["patches"].item() == 0
        step(model, losses)


def test_hard_sampling_can_be_left_out(model: RegionLanguageModel, batch: Batch, phrases: Phrases) -> None:
    model.eval()
    hard, plain = (objective("locate", phrases, hard)(model, batch)["triplet"].item() for hard in (True, False))
    assert hard > plain


def test_it_repeats_to_the_bit(model: RegionLanguageModel, batch: Batch, phrases: Phrases) -> None:
    model.eval()
    first, second = (objective("locate", phrases)(model, batch) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_network_without_findings_is_refused(batch: Batch, phrases: Phrases) -> None:
    config = ModelConfig(
        image_configuration("small"), text_configuration("small", 50, 12), 16, 12, ("a", "b", "c"), 0.5, 0.25
    )
    with pytest.raises(ValueError, match="names findings"):
        objective("align", phrases)(RegionLanguageModel(config), batch)
