"""The loop: it learns, it repeats, it keeps its best epoch, and it says what is wrong."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hilum.errors import BadDataError
from hilum.model.batch import Batch
from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives.baselines import GlobalObjective
from hilum.training import trainer
from hilum.training.curves import write_curves
from hilum.training.examples import Examples, build_examples, read_training_tables
from hilum.training.seed import make_repeatable
from hilum.training.tokenizer import train_tokenizer
from hilum.vocabulary import REGIONS

WORDS = train_tokenizer(["no consolidation in the right left upper lower lung zone hyperaeration elsewhere"] * 3, 90, 1)
CONFIG = ModelConfig(image_configuration("small"), text_configuration("small", 90, 32), 16, 32, REGIONS, 0.5, 0.25)
SETTINGS = trainer.Settings("align", 1, 2, 12, 1e-3, 0.05, "validate_region_ap")


def to_half(model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
    """An objective that can be checked by eye: bring one weight to 0.5."""
    return {"distance": (model.log_scale - 0.5) ** 2}


@pytest.fixture
def splits(planted: Any) -> tuple[Examples, Examples]:
    tables = read_training_tables(planted.data, planted.partitions)
    train, validation = (
        build_examples(tables, split, WORDS, 32, ("consolidation", "hyperaeration")) for split in ("train", "validate")
    )
    return train, validation


def fresh() -> RegionLanguageModel:
    make_repeatable(0, 1)
    return RegionLanguageModel(CONFIG)


def test_losses_fall_and_rows_are_complete(splits: tuple[Examples, Examples]) -> None:
    model = fresh()
    before = to_half(model, None)["distance"].item()  # type: ignore[arg-type]
    rows = trainer.train(model, to_half, *splits, SETTINGS, grid=6)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert set(rows[0]) == {"epoch", "distance", "total", "validate_region_ap", "validate_global_ap"}
    assert rows[-1]["total"] < rows[0]["total"] < before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("writes", "shown"), [(True, True), (False, False)])
def test_on_a_terminal_the_bar_says_images_per_second_and_the_time_left(
    splits: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch, writes: bool, shown: bool
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    trainer.train(fresh(), to_half, *splits, SETTINGS, grid=6, writes=writes)
    n = SETTINGS.epochs * len(splits[0])
    last = terminal.getvalue().split("\r")[-1]
    assert (re.search(rf"align: 100%.* {n}/{n} \[\d+:\d+<\d+:\d+, +[\d.]+ images/s\]", last) is not None) == shown
    assert shown or not terminal.getvalue()


def test_no_epochs_leave_the_model_as_it_was(splits: tuple[Examples, Examples]) -> None:
    model = fresh()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    settings = trainer.Settings("align", 1, 0, 12, 1e-3, 0.05, "validate_region_ap")
    assert trainer.train(model, to_half, *splits, settings, grid=6) == []
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_best_epoch_is_kept(splits: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    scores = iter([0.5, 0.9, 0.7])

    def judge(model: RegionLanguageModel, *_: object) -> dict[str, float]:
        seen.append(model.log_scale.item())
        return {"validate_region_ap": next(scores)}

    monkeypatch.setattr(trainer, "validate", judge)
    model = fresh()
    trainer.train(model, to_half, *splits, trainer.Settings("align", 1, 3, 12, 1e-2, 0.0, "validate_region_ap"), 6)
    assert model.log_scale.item() == seen[1]


@pytest.mark.parametrize(
    ("scores", "patience", "n_epochs"),
    [((0.5, 0.4, 0.3, 0.9), 2, 3), ((0.5, 0.4, 0.6, 0.5), 2, 4), ((0.5, 0.5, 0.5, 0.5), 2, 3), ((0.5, 0.4), 0, 4),
     ((math.nan, math.nan), 1, 4)],
    ids=["two worse", "better in between", "as good is not better", "no patience is for ever", "no figure"],
)  # fmt: skip
def test_training_ends_when_nothing_gets_better(
    splits: tuple[Examples, Examples],
    monkeypatch: pytest.MonkeyPatch,
    scores: tuple[float, ...],
    patience: int,
    n_epochs: int,
) -> None:
    left = iter([*scores, *[scores[-1]] * 4])
    monkeypatch.setattr(trainer, "validate", lambda *_: {"validate_region_ap": next(left)})
    settings = trainer.Settings("align", 1, 4, 12, 1e-2, 0.0, "validate_region_ap", patience)
    assert len(trainer.train(fresh(), to_half, *splits, settings, 6)) == n_epochs


def test_without_a_validation_figure_the_last_epoch_is_kept(
    splits: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def judge(model: RegionLanguageModel, *_: object) -> dict[str, float]:
        seen.append(model.log_scale.item())
        return {"validate_region_ap": math.nan}

    monkeypatch.setattr(trainer, "validate", judge)
    model = fresh()
    trainer.train(model, to_half, *splits, trainer.Settings("align", 1, 3, 12, 1e-2, 0.0, "validate_region_ap"), 6)
    assert model.log_scale.item() == seen[2]


def test_a_loss_that_is_no_number_stops_with_a_next_move(splits: tuple[Examples, Examples]) -> None:
    def broken(model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        return {"bad": model.log_scale * math.inf}

    with pytest.raises(BadDataError, match=r"align: the loss is not a number \({'bad': inf}\); lower align"):
        trainer.train(fresh(), broken, *splits, SETTINGS, grid=6)


def test_batches_without_a_positive_pair_are_counted(
    splits: tuple[Examples, Examples], caplog: pytest.LogCaptureFixture
) -> None:
    def sometimes(model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        return to_half(model, batch) | {"pairs": model.log_scale * float(len(batch.pixels) % 2)}

    caplog.set_level("INFO")
    settings = trainer.Settings("locate", 1, 1, 8, 1e-3, 0.05, "validate_region_ap")
    trainer.train(fresh(), sometimes, *splits, settings, grid=6)
    sizes = [len(part) for part in np.array_split(splits[0].study, 5)]  # 36 images: 8, 7, 7, 7, 7
    even = sum(size % 2 == 0 for size in sizes)
    assert 0 < even < 5
    assert f"locate: batches of 5 in which a loss had no positive pair: {{'pairs': {even}}}" in caplog.text


def test_a_blank_image_is_learned_from_without_harm(splits: tuple[Examples, Examples]) -> None:
    train, validation = splits
    blank = tuple(np.zeros_like(pixels) for pixels in train.pixels)
    model = fresh()
    rows = trainer.train(model, GlobalObjective(), replace(train, pixels=blank), validation, SETTINGS, grid=6)
    assert all(math.isfinite(row["total"]) for row in rows)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())


def test_an_empty_validate_split_keeps_the_last_epoch(planted: Any, splits: tuple[Examples, Examples]) -> None:
    tables = read_training_tables(planted.data, planted.partitions)
    tables.images["split"] = "train"
    nothing = build_examples(tables, "validate", WORDS, 32, splits[0].findings)
    model = fresh()
    rows = trainer.train(model, to_half, splits[0], nothing, SETTINGS, grid=6)
    assert len(rows) == 2 and all(math.isnan(row["validate_region_ap"]) for row in rows)
    assert to_half(model, None)["distance"].item() < rows[-1]["total"]  # type: ignore[arg-type]


def test_an_empty_train_split_is_refused(planted: Any) -> None:
    tables = read_training_tables(planted.data, planted.partitions)
    tables.images["split"] = "test"
    empty = build_examples(tables, "train", WORDS, 32, ("consolidation",))
    with pytest.raises(BadDataError, match="align: the train split has 0 frontal images"):
        trainer.train(fresh(), to_half, empty, empty, SETTINGS, grid=6)


def test_weights_that_do_not_decay() -> None:
    model = fresh()
    decayed, kept = trainer.parameter_groups(model, 0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    kept_names = {names[id(parameter)] for parameter in kept["params"]}  # type: ignore[attr-defined]
    assert {"log_scale", "condition_on.shift", "project_image.bias"} <= kept_names
    assert "project_image.weight" not in kept_names
    n_all = len(decayed["params"]) + len(kept["params"])  # type: ignore[arg-type]
    assert n_all == len(list(model.parameters())) and kept["weight_decay"] == 0.0


def test_curves_are_a_csv_with_blanks_for_nothing(tmp_path: Path) -> None:
    write_curves(tmp_path / "c.csv", "align", [{"epoch": 1, "total": 2.5, "validate_region_ap": math.nan}])
    assert (tmp_path / "c.csv").read_text() == "epoch,phase,total,validate_region_ap\n1,align,2.500000,\n"
    write_curves(tmp_path / "empty.csv", "align", [])
    assert (tmp_path / "empty.csv").read_text() == "epoch,phase\n"
