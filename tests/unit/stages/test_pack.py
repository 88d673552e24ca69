import hashlib
import io
import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hilum.config import PackParams
from hilum.errors import UsageError, VerificationError
from hilum.image.boxes import AtlasSource
from hilum.image.decode import read_gray
from hilum.image.registration import is_negative, negative_of
from hilum.schema import IMAGES, MANIFEST, REGION_BOXES
from hilum.stages import pack
from hilum.tables import read_table, write_table
from tests.unit.image.region_files import mask_row, scene_graph, thorax_masks, write_graphs, write_masks

PARAMS = PackParams(size_px=48, region_sources=["atlas"])


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
        self.manifest, self.regions = folder / "manifest.parquet", folder / "regions"
        write_table(self.manifest, pd.DataFrame(rows, columns=list(MANIFEST.column_names)), MANIFEST)

    def run(self, name="a", workers=1, params=PARAMS):
        paths = (self.out / f"{name}.npy", self.out / f"{name}-i.parquet", self.out / f"{name}-b.parquet")
        pack.run(self.manifest, self.tree, self.regions, *paths, params, workers)
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


def test_the_atlas_alone_writes_what_the_atlas_draws(tmp_path):
    """Byte for byte, whatever the ladder does besides."""
    rows = [row(tmp_path / "tree", n, shape=(90 + n, 70)) for n in range(4)]
    place = Place(tmp_path, rows)
    _, _, boxes = place.run()
    drawn = []
    for one in rows:
        gray = read_gray((place.tree / one["path"]).read_bytes(), 2**40)
        gray = negative_of(gray) if is_negative(gray) else gray
        for region, box in AtlasSource().boxes(gray, one["dicom_id"]).items():
            drawn.append((one["dicom_id"], region, box.x, box.y, box.width, box.height, "atlas"))
    frame = pd.DataFrame(drawn, columns=list(REGION_BOXES.column_names))
    write_table(tmp_path / "drawn.parquet", frame, REGION_BOXES)
    assert boxes.read_bytes() == (tmp_path / "drawn.parquet").read_bytes()


@pytest.fixture
def three_rungs(tmp_path):
    """Twenty images: a graph of two regions for every second, a mask for every third, a poor one for every fifth."""
    masks, _ = thorax_masks(1)
    shape = masks[0].shape
    rows = [row(tmp_path / "tree", n, shape=shape) for n in range(20)]
    place = Place(tmp_path, rows)
    ids = [one["dicom_id"] for one in rows]
    write_graphs(place.regions, *[scene_graph(i, ("svc", 90, 60, 110, 120), ("left lung", 150, 40, 260, 200))
                                  for i in ids[::2]])  # fmt: skip
    write_masks(place.regions, *[mask_row(ids[n], masks, 0.6 if n % 5 == 0 else 0.8) for n in range(0, 20, 3)])
    return place, ids


def test_each_row_says_who_drew_it(three_rungs, caplog):
    place, ids = three_rungs
    sources = ["imagenome", "chexmask", "atlas"]
    with caplog.at_level(logging.INFO):
        _, _, boxes = place.run(params=PackParams(size_px=48, region_sources=sources))
    table = read_table(boxes, REGION_BOXES)
    counts = table.groupby(["dicom_id", "region_source"]).size()
    for n, dicom_id in enumerate(ids):
        graphed, masked = 2 * (n % 2 == 0), n % 3 == 0 and n % 5 != 0
        expected = {"imagenome": graphed, "chexmask": (29 - graphed) * masked, "atlas": (29 - graphed) * (not masked)}
        assert counts[dicom_id].to_dict() == {name: n for name, n in expected.items() if n}
    drawn = table[table["region_source"] == "imagenome"].set_index("region")
    assert drawn.loc["svc", ["x", "y", "width", "height"]].drop_duplicates().to_numpy().tolist() == [[90, 60, 20, 60]]
    said = "{'chexmask: no mask': 13, 'chexmask: poor mask': 2, 'imagenome: no graph': 10}"
    assert f"images that a source left to the next: {said}" in caplog.text
    assert f"'imagenome': {10 * 2}" in caplog.text


def test_workers_share_the_rungs_and_change_no_byte(three_rungs):
    params = PackParams(size_px=48, region_sources=["imagenome", "chexmask", "atlas"])
    one, two = (three_rungs[0].run(str(n), n, params) for n in (1, 2))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


@pytest.mark.parametrize("source, file", [("imagenome", "scene_graph.zip"), ("chexmask", "MIMIC-CXR-JPG.csv")])
def test_a_named_source_without_its_file_stops_the_stage_and_leaves_nothing(tmp_path, source, file):
    place = Place(tmp_path, [row(tmp_path / "tree", 1)])
    with pytest.raises(UsageError, match=f"names {source}, but .*regions.* {file}"):
        place.run(params=PackParams(size_px=48, region_sources=[source, "atlas"]))
    assert not place.out.exists()
