"""locate: goes on from align, learns where findings are, repeats, and refuses what does not fit."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.errors import BadDataError
from hilum.model.inference import load_model, similarity_map
from hilum.training.tokenizer import train_tokenizer, write_tokenizer
from hilum.vocabulary import finding_name


def again(trained: Any, folder: Path) -> Any:
    """The same stages from the same phase one, with phase two elsewhere."""
    other = type(trained)(trained.planted, folder)
    other.tokenizer, other.align = trained.tokenizer, trained.align
    return other


def pointing(trained: Any) -> float:
    """Share of planted spots that the map of their finding points at: the right quarter of the picture."""
    loaded = load_model(trained.locate)
    hits = []
    for number, partition in enumerate(trained.planted.partitions):
        pixels = np.load(trained.planted.data / "pixels" / f"{partition}.npy")
        patches = loaded.encode_images(pixels).patches
        for row in range(len(pixels)):
            drawn = trained.planted.truth["-".join([f"{number * len(pixels) + row:08x}"] * 5)]
            if drawn is not None:
                phrase = loaded.encode_phrases([finding_name(drawn[1])])[0]
                top, left = divmod(int(similarity_map(phrase, patches[row]).argmax()), 6)
                hits.append((top < 3) == ("upper" in drawn[0]) and (left < 3) == drawn[0].startswith("right"))
    return float(np.mean(hits))


def test_it_learns_where_findings_are(trained: Any) -> None:
    rows = list(csv.DictReader((trained.folder / "plots" / "locate.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 21))
    assert float(rows[-1]["patches"]) < 0.6 * float(rows[0]["patches"])
    assert pointing(trained) > 0.5  # a quarter of the picture: chance is 0.25


def test_twice_is_the_same_bytes(trained: Any, tmp_path: Path) -> None:
    first, second = again(trained, tmp_path / "1"), again(trained, tmp_path / "2")
    for line in (first, second):
        line.run_locate(epochs=2)
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (first.locate / name).read_bytes() == (second.locate / name).read_bytes()


def test_the_checkpoint_names_its_start(trained: Any) -> None:
    record = json.loads((trained.locate / "config.json").read_text())
    assert record["start"] == load_model(trained.align).model_id
    assert record["params"] == {
        "align": trained.align_params.model_dump(),
        "locate": trained.locate_params.model_dump(),
    }


def test_without_epochs_it_is_phase_one(trained: Any, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.run_locate(epochs=0)
    assert load_model(other.locate).model_id == load_model(trained.align).model_id


@pytest.mark.parametrize("change", [{"hard_negatives": False}, {"shuffle_labels": True}])
def test_ablations_train_other_weights(trained: Any, tmp_path: Path, change: dict[str, bool]) -> None:
    plain, ablated = again(trained, tmp_path / "plain"), again(trained, tmp_path / "ablated")
    plain.run_locate(epochs=1)
    ablated.run_locate(epochs=1, **change)
    assert load_model(plain.locate).model_id != load_model(ablated.locate).model_id


def test_a_vocabulary_that_changed_since_align(trained: Any, tmp_path: Path) -> None:
    other = again(trained, tmp_path)
    other.tokenizer = tmp_path / "tokenizer"
    write_tokenizer(other.tokenizer, train_tokenizer(["other words"], 50, 1), 1, 1)
    with pytest.raises(BadDataError, match="was trained with vocabulary"):
        other.run_locate(epochs=1)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_cuda_it_learns_what_it_learns_on_a_processor(trained: Any, tmp_path: Path, precision: str) -> None:
    other = again(trained, tmp_path)
    other.run_locate(device="cuda", precision=precision)
    assert pointing(other) == pytest.approx(pointing(trained), abs=0.1)
