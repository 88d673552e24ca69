"""Tables as arrays: boxes, labels, ragged rows, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.training.examples import (
    Ragged,
    box_fractions,
    build_examples,
    digest_training_data,
    findings_in_use,
    open_pixels,
    read_training_tables,
    shuffle_labels,
)
from hilum.training.seed import epoch_generator
from hilum.training.tokenizer import train_tokenizer
from hilum.vocabulary import REGIONS

WORDS = train_tokenizer(["no consolidation in the right left upper lower lung zone hyperaeration elsewhere"] * 3, 90, 1)


def test_ragged_rows_keep_order_and_may_be_empty() -> None:
    ragged = Ragged.build(np.array([2, 0, 2]), np.array([[1], [2], [3]]), 4)
    owner, values = ragged.take(np.array([2, 1, 0, 2]))
    assert owner.tolist() == [0, 0, 2, 3, 3]
    assert values[:, 0].tolist() == [1, 3, 2, 1, 3]
    owner, values = ragged.take(np.array([1, 3]))
    assert len(owner) == 0 and values.shape == (0, 1)


def test_boxes_are_fractions_of_the_packed_square() -> None:
    images = pd.DataFrame(
        {"dicom_id": ["a"], "scale": [0.5], "offset_x_px": [10.0], "offset_y_px": [0.0], "partition": [0]}
    )
    boxes = pd.DataFrame({"dicom_id": "a", "region": REGIONS, "x": 20.0, "y": 40.0, "width": 60.0, "height": 0.0})
    fractions = box_fractions(images, boxes, [100])
    assert fractions.shape == (1, len(REGIONS), 4)
    assert np.allclose(fractions[0, 3], [0.2, 0.2, 0.5, 0.2])
    with pytest.raises(BadDataError, match="1 of 1 images lack a box"):
        box_fractions(images, boxes.iloc[1:], [100])
    with pytest.raises(BadDataError, match="1 of 1 images lack a box"):
        box_fractions(images, boxes.assign(width=[np.nan, *[60.0] * (len(boxes) - 1)]), [100])


def test_examples_are_one_splits_images(planted: Any) -> None:
    tables = read_training_tables(planted.data, planted.partitions)
    findings = findings_in_use(tables)
    assert set(findings) == {"consolidation", "hyperaeration"}
    splits = {s: build_examples(tables, s, WORDS, 32, findings) for s in ("train", "validate", "test")}
    assert sum(len(examples) for examples in splits.values()) == len(tables.images)
    subjects = [set(examples.subjects.tolist()) for examples in splits.values()]
    assert not subjects[0] & subjects[1] and not subjects[0] & subjects[2]
    train = splits["train"]
    row = tables.images[tables.images["subject_id"] == train.subjects[0]].iloc[0]
    assert (train.partition[0], train.row[0]) == (row["partition"], row["row"])


def test_images_without_a_report_are_left_out(planted: Any) -> None:
    tables = read_training_tables(planted.data, planted.partitions)
    gone = int(tables.images.loc[tables.images["split"] == "train", "study_id"].iloc[0])
    fewer = {study: body for study, body in tables.bodies.items() if study != gone}
    full, reduced = (
        build_examples(type(tables)(**{**tables.__dict__, "bodies": b}), "train", WORDS, 32, ("consolidation",))
        for b in (tables.bodies, fewer)
    )
    assert len(reduced) == len(full) - 1


def test_an_empty_split_is_no_error(planted: Any) -> None:
    tables = read_training_tables(planted.data, planted.partitions)
    tables.images["split"] = "train"
    assert len(build_examples(tables, "validate", WORDS, 32, ("consolidation",))) == 0


def test_shuffled_labels_keep_their_number_and_leave_the_images(planted: Any) -> None:
    tables = read_training_tables(planted.data, planted.partitions)
    examples = build_examples(tables, "train", WORDS, 32, findings_in_use(tables))
    shuffled = shuffle_labels(examples, epoch_generator(0, 0))
    assert sorted(map(tuple, shuffled.labels.values)) == sorted(map(tuple, examples.labels.values))
    assert not np.array_equal(shuffled.labels.values, examples.labels.values)
    assert np.array_equal(shuffled.row, examples.row)


def test_a_missing_partition_is_named(planted: Any) -> None:
    with pytest.raises(BadDataError, match="missing partitions"):
        read_training_tables(planted.data, [*planted.partitions, "L0002-p10-p19"])


@pytest.mark.parametrize("array", [np.zeros((3, 8, 8), np.float32), np.zeros((2, 8, 8), np.uint8)])
def test_pixels_that_do_not_fit_their_table(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", array)
    with pytest.raises(BadDataError, match="3 square uint8 images are expected"):
        open_pixels(tmp_path / "p.npy", pd.DataFrame({"row": [0, 2]}))


def test_pixels_that_are_no_array(tmp_path: Path) -> None:
    (tmp_path / "p.npy").write_bytes(b"not an array")
    with pytest.raises(BadDataError, match="cannot be read"):
        open_pixels(tmp_path / "p.npy", pd.DataFrame({"row": [0]}))


def test_digests_change_with_one_byte(planted: Any, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(planted.data, copy)
    before = digest_training_data(copy, planted.partitions)
    path = copy / "pixels" / f"{planted.partitions[0]}.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    after = digest_training_data(copy, planted.partitions)
    assert [name for name in before if before[name] != after[name]] == [f"pixels/{path.name}"]
