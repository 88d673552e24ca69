"""The pixel baseline: thumbnails by running sums against a slow mean, and refusal of arrays that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.evaluation.pixels import PackedImages, RegionThumbnails, centre_to_unit, thumbnails
from hilum.schema import IMAGES, REGION_BOXES
from hilum.tables import write_table


def test_whole_pixels_are_averaged() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 50), dtype=np.uint8)
    edges = np.array([[0, 0, 48, 32], [1, 4, 33, 36], [2, 8, 50, 40]], float)
    found = thumbnails(images, edges)
    for image, (left, top, right, bottom), small in zip(images, edges.astype(int), found):
        crop = image[top:bottom, left:right].astype(float)
        ys, xs = np.linspace(0, crop.shape[0], 17), np.linspace(0, crop.shape[1], 17)
        for row in range(16):
            for column in range(16):
                area = np.zeros(crop.shape)
                for y in range(crop.shape[0]):
                    high = max(0.0, min(y + 1, ys[row + 1]) - max(y, ys[row]))
                    if high:
                        across = np.clip(np.minimum(np.arange(crop.shape[1]) + 1, xs[column + 1])
                                         - np.maximum(np.arange(crop.shape[1]), xs[column]), 0, None)  # fmt: skip
                        area[y] = high * across
                assert small[row, column] == pytest.approx((crop * area).sum() / area.sum())


@pytest.mark.parametrize("edges", [[5, 5, 5, 5], [-9, -9, 3, 3], [39, 39, 80, 80], [60, 60, 70, 70], [-5, -5, -1, -1]])
def test_boxes_at_or_beyond_the_edge_give_numbers(edges: list[float]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 40, 40), dtype=np.uint8)
    found = thumbnails(images, np.array([edges], float))
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 255


def test_exposure_makes_no_difference_and_a_blank_is_alike_to_none() -> None:
    picture = np.random.default_rng(0).random((1, 256))
    np.testing.assert_allclose(centre_to_unit(picture), centre_to_unit(picture * 0.5 + 0.2))
    assert (centre_to_unit(np.full((1, 256), 7.0)) == 0).all()


def write_packed(data: Path, n_pixels: int = 2, dtype: type = np.uint8) -> pd.DataFrame:
    ids = ["-".join([f"{i:08x}"] * 5) for i in range(2)]
    images = pd.DataFrame(
        {
            "dicom_id": ids, "study_id": [50000000, 50000001], "subject_id": [10000000, 10000001], "split": "test",
            "view_position": "PA", "study_datetime": None, "row": [1, 0], "rows_px": 64, "columns_px": 64, "scale": 0.5,
            "offset_x_px": 0.0, "offset_y_px": 0.0,
        }
    )  # fmt: skip
    write_table(data / "images/P.parquet", images, IMAGES)
    boxes = pd.DataFrame(
        {
            "dicom_id": ids,
            "region": "spine",
            "x": 0.0,
            "y": 0.0,
            "width": 64.0,
            "height": 64.0,
            "region_source": "atlas",
        }
    )
    write_table(data / "region_boxes/P.parquet", boxes, REGION_BOXES)
    (data / "pixels").mkdir(exist_ok=True)
    np.save(data / "pixels/P.npy", (np.arange(n_pixels * 1024).reshape(n_pixels, 32, 32) % 251).astype(dtype))
    return images


def test_rows_follow_the_images_table(tmp_path: Path) -> None:
    images = write_packed(tmp_path)
    packed = PackedImages(tmp_path, ["P"])
    stored = np.load(tmp_path / "pixels/P.npy")
    np.testing.assert_array_equal(packed.read(images["dicom_id"][0]), stored[1])
    order = images["dicom_id"][::-1].reset_index(drop=True)
    found = RegionThumbnails(packed, tmp_path, ["P"], order)("spine")
    expected = centre_to_unit(stored.reshape(2, 16, 2, 16, 2).mean(axis=(2, 4)).reshape(2, 256))
    np.testing.assert_allclose(found, expected)
    assert (RegionThumbnails(packed, tmp_path, ["P"], order)("carina") == 0).all()


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_packed(tmp_path, n_pixels=1)
    with pytest.raises(BadDataError, match=r"P\.npy holds uint8 \(1, 32, 32\); images lists rows up to 1"):
        PackedImages(tmp_path, ["P"])
    write_packed(tmp_path, dtype=np.float32)
    with pytest.raises(BadDataError, match="holds float32"):
        PackedImages(tmp_path, ["P"])
    (tmp_path / "pixels/P.npy").unlink()
    with pytest.raises(BadDataError, match=r"missing partitions \['P'\]"):
        PackedImages(tmp_path, ["P"])
