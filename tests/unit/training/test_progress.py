"""A training that is killed and goes on ends with the bytes of one that was not; nobody else's progress is taken up."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save
from torch import Tensor

from hilum.model.batch import Batch
from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives.rra_vl import RegionRelevanceObjective
from hilum.training import progress, trainer
from hilum.training.batches import make_phrases
from hilum.training.examples import Examples, build_examples, read_training_tables
from hilum.training.progress import Keeper
from hilum.training.seed import make_repeatable
from hilum.training.tokenizer import train_tokenizer
from hilum.vocabulary import REGIONS

WORDS = train_tokenizer(["no consolidation in the right left upper lower lung zone hyperaeration elsewhere"] * 3, 90, 1)
CONFIG = ModelConfig(
    image_configuration("small"), {**text_configuration("small", 90, 32), "hidden_dropout_prob": 0.1}, 16, 32, REGIONS,
    0.5, 0.25,
)  # fmt: skip
FINDINGS = ("consolidation", "hyperaeration")
SETTINGS = trainer.Settings("locate", 1, 3, 12, 1e-3, 0.05, "validate_region_ap")


class Killed(Exception):
    """Stands for SIGKILL: nothing of the training runs after it."""


class Mortal:
    """The real objective, until its n-th batch."""

    def __init__(self, n_batches: int) -> None:
        self.left = n_batches
        self.objective = RegionRelevanceObjective("locate", make_phrases(WORDS, FINDINGS, 32))

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        if not self.left:
            raise Killed
        self.left -= 1
        return self.objective(model, batch)


@pytest.fixture
def splits(planted: Any) -> tuple[Examples, Examples]:
    tables = read_training_tables(planted.data, planted.partitions)
    train, validation = (build_examples(tables, split, WORDS, 32, FINDINGS) for split in ("train", "validate"))
    return train, validation


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save after every batch."""
    monkeypatch.setenv("HILUM_SAVE_S", "0")


def fresh() -> RegionLanguageModel:
    make_repeatable(0, 1)
    return RegionLanguageModel(CONFIG)


def run(
    splits: tuple[Examples, Examples], n_batches: int, out: Path | None
) -> tuple[bytes, list[dict[str, float]], Keeper | None]:
    model = fresh()
    keeper = Keeper(out, {"seed": 1}, model) if out else None
    rows = trainer.train(model, Mortal(n_batches), *splits, SETTINGS, 6, keeper)
    return save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}), rows, keeper


@pytest.mark.usefixtures("always")
def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    splits: tuple[Examples, Examples], tmp_path: Path
) -> None:
    whole, rows, _ = run(splits, 10_000, None)
    n_batches = SETTINGS.epochs * -(-len(splits[0]) // SETTINGS.batch_size)
    moments = random.Random(0).sample(range(1, n_batches), 4)
    for moment in (*moments, n_batches // SETTINGS.epochs):  # the last: between two epochs
        with pytest.raises(Killed):
            run(splits, moment, tmp_path / "locate")
        again, rows_again, keeper = run(splits, n_batches - moment, tmp_path / "locate")
        assert again == whole and rows_again == rows, moment
        assert keeper is not None and keeper.path.is_file()
        keeper.forget()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("always")
def test_other_parameters_code_or_weights_begin_again(
    splits: tuple[Examples, Examples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Killed):
        run(splits, 2, tmp_path / "locate")
    (mine,) = tmp_path.iterdir()
    (tmp_path / f".{mine.name}.half").touch()  # as whole_file's own, of a run killed while it saved
    others = [Keeper(tmp_path / "locate", {"seed": 1}, fresh()).path]
    assert others == [mine] == list(tmp_path.iterdir())
    monkeypatch.setattr(progress, "digest_code", lambda: "other code")
    assert Keeper(tmp_path / "locate", {"seed": 1}, fresh()).path != mine
    assert list(tmp_path.iterdir()) == []  # nobody will go on with it
    monkeypatch.undo()
    other = RegionLanguageModel(CONFIG)
    paths = {Keeper(tmp_path / "locate", {"seed": s}, m).path for s, m in ((1, fresh()), (2, fresh()), (1, other))}
    assert len(paths) == 3


@pytest.mark.usefixtures("always")
def test_a_file_cut_short_is_no_trap(
    splits: tuple[Examples, Examples], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, *_ = run(splits, 10_000, None)
    with pytest.raises(Killed):
        run(splits, 3, tmp_path / "locate")
    (mine,) = tmp_path.iterdir()
    mine.write_bytes(mine.read_bytes()[:1000])
    again, *_ = run(splits, 10_000, tmp_path / "locate")
    assert again == whole and "training begins again" in caplog.text


def test_it_is_not_saved_at_every_batch(splits: tuple[Examples, Examples], tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(splits, 3, tmp_path / "locate")
    assert list(tmp_path.iterdir()) == []
