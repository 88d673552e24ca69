"""The controls: a box that moved keeps its size and stays in its image, a crop is the box's own pixels, the classifier
tells findings and no place, and what is put into another order is put only there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.evaluation.pixels import PackedImages, RegionThumbnails
from hilum.evaluation.rivals import Crops, encode_moved, move_boxes, predict_findings
from hilum.evaluation.similarities import rank_answers, rerank
from hilum.schema import IMAGES, REGION_BOXES
from hilum.tables import write_table

IDS = ["-".join([f"{i:08x}"] * 5) for i in range(3)]
LUNG, SPINE = "left lung", "spine"


class Grey:
    """A model whose vectors are the mean grey of what it is shown, whole and under each box."""

    def encode_images(self, pixels: np.ndarray, boxes: np.ndarray | None = None, batch_size: int = 64) -> Any:
        whole = pixels.reshape(len(pixels), -1).mean(axis=1)[:, None]
        if boxes is None:
            return SimpleNamespace(whole=whole)
        edges = np.round(boxes * pixels.shape[-1]).astype(int)
        regions = [
            [image[top:bottom, left:right].mean() for left, top, right, bottom in row]
            for image, row in zip(pixels, edges)
        ]
        return SimpleNamespace(whole=whole, regions=np.array(regions)[:, :, None])


@pytest.fixture
def packed(tmp_path: Path) -> tuple[PackedImages, RegionThumbnails, pd.DataFrame]:
    """Three images of 64 px, packed at half their size into 32; the lung is bright. The third has no box."""
    images = pd.DataFrame(
        {
            "dicom_id": IDS, "study_id": [1, 2, 3], "subject_id": [1, 2, 3], "split": ["test", "train", "test"],
            "view_position": "PA", "study_datetime": None, "row": [0, 1, 2], "rows_px": 64, "columns_px": 64,
            "scale": 0.5, "offset_x_px": 0.0, "offset_y_px": 0.0,
        }
    )  # fmt: skip
    images["study_id"] += 50_000_000
    images["subject_id"] += 10_000_000
    boxes = [
        {"dicom_id": i, "region": region, "x": x, "y": 8.0, "width": 16.0, "height": 32.0, "region_source": "atlas"}
        for i in IDS[:2] for region, x in ((LUNG, 32.0), (SPINE, 0.0))
    ]  # fmt: skip
    pixels = np.full((3, 32, 32), 10, np.uint8)
    pixels[0, 4:20, 16:24] = 200
    pixels[1, 4:20, 16:24] = 100
    write_table(tmp_path / "images/P.parquet", images, IMAGES)
    write_table(tmp_path / "region_boxes/P.parquet", pd.DataFrame(boxes), REGION_BOXES)
    (tmp_path / "pixels").mkdir()
    np.save(tmp_path / "pixels/P.npy", pixels)
    opened = PackedImages(tmp_path, ["P"])
    return opened, RegionThumbnails(opened, tmp_path, ["P"], images["dicom_id"]), images


def test_a_crop_is_the_box_and_nothing_else(packed: Any) -> None:
    crops = Crops(packed[1], Grey(), 3, 8)
    assert crops(LUNG)[:, 0].tolist() == [200, 100, 0]  # the third has no box
    assert crops(SPINE)[:, 0].tolist() == [10, 10, 0]
    assert crops("abdomen").shape[0] == 3


def test_moved_boxes_are_of_the_asking_images_and_repeat(packed: Any) -> None:
    opened, thumbnails, images = packed
    moved = encode_moved(thumbnails, opened, images, Grey(), (SPINE, LUNG), 5)
    assert 10 <= moved(LUNG)[0, 0] < 200 and moved(LUNG)[1, 0] == 0  # only test images ask
    assert moved(LUNG)[2, 0] == 10  # without a box the whole image stands in
    again = encode_moved(thumbnails, opened, images, Grey(), (SPINE, LUNG), 5)
    np.testing.assert_array_equal(moved(LUNG), again(LUNG))


@settings(deadline=None)
@given(st.integers(0, 2**16), st.floats(0.1, 2.0), st.floats(1, 120), st.floats(1, 90))
def test_a_moved_box_keeps_its_size_and_its_image(seed: int, scale: float, width: float, height: float) -> None:
    boxes = pd.DataFrame(
        {"x": [3.0], "y": [5.0], "width": width, "height": height, "scale": scale, "offset_x_px": 7.0,
         "offset_y_px": 2.0, "columns_px": 120, "rows_px": 90}
    )  # fmt: skip
    left, top, right, bottom = move_boxes(boxes, np.random.default_rng(seed))[0]
    assert right - left == pytest.approx(width * scale) and bottom - top == pytest.approx(height * scale)
    assert left >= 7 and right <= 7 + 120 * scale + 1e-6 and top >= 2 and bottom <= 2 + 90 * scale + 1e-6


def test_moved_boxes_lie_anywhere() -> None:
    boxes = pd.DataFrame(
        {"x": 0.0, "y": 0.0, "width": 20.0, "height": 20.0, "scale": 1.0, "offset_x_px": 0.0, "offset_y_px": 0.0,
         "columns_px": 100, "rows_px": 100}, index=range(2000),
    )  # fmt: skip
    corner = move_boxes(boxes, np.random.default_rng(0))[:, :2]
    assert np.abs(corner.mean(axis=0) - 40).max() < 2 and corner.min() < 1 and corner.max() > 79


def test_the_classifier_tells_findings_of_images_it_was_not_taught() -> None:
    random = np.random.default_rng(0)
    has = random.random((200, 2)) < 0.4
    whole = random.normal(size=(200, 12)) * 0.15
    whole[:, 0] += has[:, 0]
    whole[:, 1] += has[:, 1]
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    rows = pd.DataFrame({"study_id": np.arange(200), "split": np.where(np.arange(200) % 4, "train", "test")})
    said = [(i, region, "xy"[f], "present") for i, f in np.argwhere(has) for region in "ab"]
    labels = pd.DataFrame(said, columns=["study_id", "region", "finding", "label"])
    test = (rows["split"] == "test").to_numpy()
    guessed = predict_findings(whole, rows, pd.concat([labels, labels.assign(label="absent", finding="z")]))
    assert guessed.shape == (200, 2)
    for finding in range(2):
        order = np.argsort(-guessed[test, finding])
        assert has[test, finding][order[:12]].mean() > 0.9
    assert (predict_findings(whole, rows.assign(split="test"), labels) == 0).all()


@given(st.integers(0, 2**16), st.integers(1, 12))
def test_rerank_orders_the_first_n_alone(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.uniform(-1, 1, (2, 3, 9))
    allowed = random.random((3, 9)) < 0.8
    before, after = rank_answers(first, allowed), rank_answers(rerank(first, second, allowed, n), allowed)
    for old, new, other, fit in zip(before, after, second, allowed):
        k = min(n, int(fit.sum()))
        assert list(new[:k]) == sorted(old[:k], key=lambda i: -other[i]) and list(new[k : fit.sum()]) == list(
            old[k : fit.sum()]
        )
