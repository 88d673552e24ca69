"""Boxes in MS-CXR's form: csv and COCO's json say the same, boxes unite, bad rows are counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import BadDataError
from hilum.evaluation.annotated import COLUMNS, draw_priors_but_one, read_annotations

FOLDER = "files/p10/p10000032/s50414267"
ROWS = [
    ("a", "Pneumonia", "left basal opacity", f"{FOLDER}/a.jpg", 10, 20, 30, 40, 200, 100),
    ("a", "Pneumonia", "left basal opacity", f"{FOLDER}/a.jpg", 60, 20, 30, 40, 200, 100),
    ("a", "Effusion", "small effusion", f"{FOLDER}/a.jpg", 0, 0, 10, 10, 200, 100),
    ("b", "Pneumonia", "opacity", "b.jpg", 5, 5, 0, 10, 100, 100),
    ("b", "Pneumonia", "opacity", "b.jpg", 0, 0, 50, 50, 100, 100),
]


def write_csv(path: Path, rows: list[tuple[object, ...]], columns: tuple[str, ...] = COLUMNS) -> Path:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_json(path: Path) -> Path:
    images = [
        {"id": 1, "file_name": "a.jpg", "path": f"{FOLDER}/a.jpg", "width": 200, "height": 100},
        {"id": 2, "file_name": "b.jpg", "width": 100, "height": 100},
    ]
    names = ["Pneumonia", "Effusion"]
    boxes = [
        {"image_id": 1 if row[0] == "a" else 2, "category_id": names.index(str(row[1])), "label_text": row[2],
         "bbox": list(row[4:8])}
        for row in ROWS
    ]  # fmt: skip
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return path


@pytest.mark.parametrize("form", ["csv", "json"])
def test_units_are_an_image_and_a_phrase_with_their_boxes_together(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"boxes.{form}"
    units, n_broken = read_annotations(write_csv(path, ROWS) if form == "csv" else write_json(path))
    assert n_broken == 1  # a box without width
    assert [(u.dicom_id, u.category, len(u.boxes)) for u in units] == [
        ("a", "Pneumonia", 2), ("a", "Effusion", 1), ("b", "Pneumonia", 1),
    ]  # fmt: skip
    assert units[0].boxes.tolist() == [[10, 20, 30, 40], [60, 20, 30, 40]]
    assert (units[0].subject, units[2].subject) == ("10000032", "b")
    assert (units[0].width_px, units[0].height_px) == (200, 100)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "boxes.csv", [row[:-1] for row in ROWS], COLUMNS[:-1])
    with pytest.raises(BadDataError, match=r"lacks the columns \['image_width'|lacks the columns \['image_height'"):
        read_annotations(path)


@pytest.mark.parametrize("name", ["none.csv", "none.json", "empty.json"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(BadDataError, match="cannot be read as boxes"):
        read_annotations(tmp_path / name)


def test_a_file_without_a_usable_box(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="no usable box among 1 rows"):
        read_annotations(write_csv(tmp_path / "boxes.csv", [ROWS[3]]))


def test_a_prior_is_that_of_the_other_images(tmp_path: Path) -> None:
    rows = [
        ("a", "Mass", "mass", "a.jpg", 0, 0, 50, 100, 100, 100),
        ("b", "Mass", "mass", "b.jpg", 100, 0, 100, 200, 200, 200),
        ("c", "Mass", "mass", "c.jpg", 0, 0, 100, 100, 100, 100),
        ("c", "Nodule", "nodule", "c.jpg", 0, 0, 10, 10, 100, 100),
    ]
    units, _ = read_annotations(write_csv(tmp_path / "boxes.csv", rows))
    priors = draw_priors_but_one(units)
    left, right = np.hsplit(priors["a/Mass"], 2)
    assert np.all(left == 0.5) and np.all(right == 1.0)  # b covers the right half, c all of it
    assert np.all(np.hsplit(priors["c/Mass"], 2)[0] == 0.5)
    assert not priors["c/Nodule"].any()  # no other image has one
