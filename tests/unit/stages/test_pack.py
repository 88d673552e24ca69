import hashlib
import io
import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hilum.config import PackParams
from hilum.errors import VerificationError
from hilum.schema import IMAGES, MANIFEST, REGION_BOXES
from hilum.stages import pack
from hilum.tables import read_table, write_table

PARAMS = PackParams(size_px=48, region_source="atlas")


def row(tree, number, view="PA", status="ok", kind="image", shape=(90, 70), subject=10000001):
    """One file on disk and its row of the manifest. number: tells pictures, studies and ids apart."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    picture = ((x * 3 + y * (number + 1)) % 200 + number).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    path = f"files/p10/p{subject}/s{50000000 + number}/{number}.jpg"
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_bytes(file.getvalue())
    return {
        "path": path,
        "landing": "L0001",
        "subject_id": subject,
        "study_id": 50000000 + number,
        "dicom_id": "-".join([f"{99 - number:08x}"] * 5),
        "kind": kind,
        "bytes": len(file.getvalue()),
        "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
        "view_position": view,
        "rows_px": shape[0],
        "columns_px": shape[1],
        "split": "train",
        "study_datetime": None,
        "status": status,
    }


class Place:
    """A partition in a folder."""

    def __init__(self, folder, rows):
        self.tree, self.out = folder / "tree", folder / "out"
        self.manifest = folder / "manifest.parquet"
        write_table(self.manifest, pd.DataFrame(rows, columns=list(MANIFEST.column_names)), MANIFEST)

    def run(self, name="a", workers=1, params=PARAMS):
        paths = (self.out / f"{name}.npy", self.out / f"{name}-i.parquet", self.out / f"{name}-b.parquet")
        pack.run(self.manifest, self.tree, *paths, params, workers)
        return paths


def test_only_usable_frontals_are_packed_and_the_rest_is_counted(tmp_path, caplog):
    tree = tmp_path / "tree"
    rows = [row(tree, 1), row(tree, 2, "LATERAL"), row(tree, 3, None), row(tree, 4, "AP", "quarantined"),
            row(tree, 5, "AP"), row(tree, 6, "LL"), row(tree, 7, kind="report", view=None)]  # fmt: skip
    with caplog.at_level(logging.INFO):
        _, images, boxes = Place(tmp_path, rows).run()
    assert set(read_table(images, IMAGES)["study_id"]) == {50000001, 50000005}
    assert len(read_table(boxes, REGION_BOXES)) == 2 * 29
    assert "pack: 6 images; left out: 1 quarantined, 2 not frontal, 1 of unknown view" in caplog.text


def test_rows_are_in_the_order_of_subject_study_and_image(tmp_path):
    tree = tmp_path / "tree"
    rows = [row(tree, n, subject=10000009 - n) for n in range(5)]
    pixels, images, _ = Place(tmp_path, rows).run()
    table = read_table(images, IMAGES).sort_values("row")
    assert table["subject_id"].is_monotonic_increasing and table["row"].tolist() == list(range(5))
    array = np.load(pixels, mmap_mode="r")
    assert array.shape == (5, 48, 48) and array.dtype == np.uint8 and not np.isfortran(array)
    alone, _, _ = Place(tmp_path, [rows[2]]).run("alone")
    at = int(table.set_index("study_id").loc[50000002, "row"])
    assert (array[at] == np.load(alone)[0]).all()


def test_the_geometry_and_the_boxes_are_those_of_each_image(tmp_path):
    tree = tmp_path / "tree"
    rows = [row(tree, 1, shape=(90, 70)), row(tree, 2, shape=(60, 120))]
    _, images, boxes = Place(tmp_path, rows).run()
    table = read_table(images, IMAGES).set_index("study_id")
    assert table.loc[50000001, ["rows_px", "columns_px"]].tolist() == [90, 70]
    assert table.loc[50000002, "scale"] == pytest.approx(48 / 120)
    assert table.loc[50000002, "offset_y_px"] == 12 and table.loc[50000002, "offset_x_px"] == 0
    placed = read_table(boxes, REGION_BOXES).merge(table.reset_index(), on="dicom_id", validate="m:1")
    assert (placed["x"] + placed["width"] <= placed["columns_px"] + 1e-6).all()
    assert (placed["y"] + placed["height"] <= placed["rows_px"] + 1e-6).all()
    assert (placed[["x", "y"]] >= 0).all(axis=None) and set(placed["region_source"]) == {"atlas"}
    assert (placed.groupby("dicom_id")["region"].nunique() == 29).all()


def test_workers_do_not_change_a_byte(tmp_path):
    rows = [row(tmp_path / "tree", n) for n in range(20)]
    place = Place(tmp_path, rows)
    one, two = place.run("one", 1), place.run("two", 2)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_no_frontal_at_all_gives_empty_files(tmp_path):
    pixels, images, boxes = Place(tmp_path, [row(tmp_path / "tree", 1, "LATERAL")]).run(workers=4)
    assert np.load(pixels, mmap_mode="r").shape == (0, 48, 48)
    assert len(read_table(images, IMAGES)) == 0 and len(read_table(boxes, REGION_BOXES)) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_changed_bytes_stop_the_stage_and_leave_nothing(tmp_path, workers):
    rows = [row(tmp_path / "tree", n) for n in range(20)]
    (tmp_path / "tree" / rows[13]["path"]).write_bytes(b"other")
    place = Place(tmp_path, rows)
    with pytest.raises(VerificationError, match=r"13\.jpg has sha256"):
        place.run(workers=workers)
    assert list(place.out.iterdir()) == []
