"""Boxes in MS-CXR's form: csv and COCO's json say the same, boxes unite, bad rows are counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import BadDataError
from hilum.evaluation.annotated import COLUMNS, draw_priors, draw_priors_of_others, read_annotations

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
    priors = draw_priors_of_others(units)
    left, right = np.hsplit(priors["a/Mass"].picture, 2)
    assert np.all(left == 0.5) and np.all(right == 1.0)  # b covers the right half, c all of it
    assert np.all(np.hsplit(priors["c/Mass"].picture, 2)[0] == 0.5)
    np.testing.assert_allclose(priors["a/Mass"].box, [0.25, 0, 0.75, 1])  # between b's half and c's whole
    assert not priors["c/Nodule"].picture.any() and priors["c/Nodule"].box is None  # no other image has one


def test_a_prior_leaves_out_all_images_of_the_patient(tmp_path: Path) -> None:
    rows = [
        (name, "Mass", "mass", f"files/p10/p1000003{patient}/s5/{name}.jpg", x, 0, 50, 100, 100, 100)
        for name, patient, x in (("a", 1, 0), ("b", 1, 0), ("c", 2, 50))
    ]
    priors = draw_priors_of_others(read_annotations(write_csv(tmp_path / "boxes.csv", rows))[0])
    assert set(priors) == {"10000031/Mass", "10000032/Mass"}
    np.testing.assert_allclose(priors["10000031/Mass"].box, [0.5, 0, 0.5, 1])


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_split_of_the_later_version_is_read(form: str, tmp_path: Path) -> None:
    path = write_json(tmp_path / "boxes.json") if form == "json" else tmp_path / "boxes.csv"
    if form == "csv":
        write_csv(path, [(*row, "train" if row[0] == "a" else "test") for row in ROWS], (*COLUMNS, "split"))
    else:
        content = json.loads(path.read_text())
        content["images"][0]["split"], content["images"][1]["split"] = "train", "test"
        path.write_text(json.dumps(content))
    units, _ = read_annotations(path)
    assert [(unit.dicom_id, unit.split) for unit in units] == [("a", "train"), ("a", "train"), ("b", "test")]
    priors = draw_priors([unit for unit in units if unit.split == "train"])
    assert set(priors) == {"Pneumonia", "Effusion"}
    np.testing.assert_allclose(priors["Pneumonia"].box, [35 / 200, 20 / 100, 30 / 200, 40 / 100])  # of two boxes
    older, _ = read_annotations(write_csv(tmp_path / "older.csv", ROWS))
    assert {unit.split for unit in older} == {""}
