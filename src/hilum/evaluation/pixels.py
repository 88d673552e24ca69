"""The baseline that knows nothing: how alike two regions are as small grey pictures.

In: packed pixels, geometry and region boxes. Out: unit vectors of 16 x 16 thumbnails, mean taken off, so that their
inner product is the correlation of the pictures and a brighter exposure is no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.schema import IMAGES, REGION_BOXES
from hilum.tables import check_partitions, read_table

THUMBNAIL = 16
CHUNK = 256  # images whose running sums are held at once


class RegionThumbnails:
    """Thumbnails of every indexed image's regions, made from the memory-mapped pixels when asked for."""

    def __init__(self, data: Path, partitions: Sequence[str], dicom_ids: pd.Series) -> None:
        """dicom_ids: the rows of the index, each of which must be packed. Raises BadDataError if one is not."""
        check_partitions(data / "pixels", partitions, ".npy")
        self._n_images = len(dicom_ids)
        positions = pd.Index(dicom_ids)
        self._parts = []
        for name in partitions:
            images = read_table(data / "images" / f"{name}.parquet", IMAGES)
            boxes = read_table(data / "region_boxes" / f"{name}.parquet", REGION_BOXES)
            boxes = boxes.merge(images, on="dicom_id", how="inner", validate="m:1")
            boxes["position"] = positions.get_indexer(pd.Index(boxes["dicom_id"]))
            pixels = np.load(data / "pixels" / f"{name}.npy", mmap_mode="r")
            self._parts.append((pixels, boxes[boxes["position"] >= 0]))
            missing = int((~images["row"].between(0, len(pixels) - 1)).sum())
            if missing:
                raise BadDataError(f"pixels: {name}.npy has {len(pixels)} images; {missing} rows of images lie beyond.")

    def __call__(self, region: str) -> np.ndarray:
        """(n_images, 256) float64 unit vectors; zeros for an image without a box, which is then alike to none."""
        out = np.zeros((self._n_images, THUMBNAIL * THUMBNAIL))
        for pixels, boxes in self._parts:
            chosen = boxes[boxes["region"] == region]
            scale = chosen["scale"].to_numpy()
            left = chosen["x"].to_numpy() * scale + chosen["offset_x_px"].to_numpy()
            top = chosen["y"].to_numpy() * scale + chosen["offset_y_px"].to_numpy()
            edges = np.column_stack(
                [left, top, left + chosen["width"].to_numpy() * scale, top + chosen["height"].to_numpy() * scale]
            )
            rows, positions = chosen["row"].to_numpy(), chosen["position"].to_numpy()
            for start in range(0, len(chosen), CHUNK):
                part = slice(start, start + CHUNK)
                small = thumbnails(np.asarray(pixels[rows[part]]), edges[part])
                out[positions[part]] = centre_to_unit(small.reshape(len(small), -1))
        return out


def thumbnails(images: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean grey of each of 16 x 16 equal parts of one box an image, exact by running sums.

    images: (n, height, width) uint8. edges: (n, 4) left, top, right, bottom in their pixels; what lies outside the
    picture is left out, and a box of less than a pixel is taken as one. Returns (n, 16, 16) float64.
    """
    n, height, width = images.shape
    sums = np.zeros((n, height + 1, width + 1), np.float64)
    np.cumsum(images, axis=1, out=sums[:, 1:, 1:])
    np.cumsum(sums[:, 1:, 1:], axis=2, out=sums[:, 1:, 1:])
    x = _part_edges(edges[:, 0], edges[:, 2], width)
    y = _part_edges(edges[:, 1], edges[:, 3], height)
    corners = _sums_at(sums, y, x)
    totals = np.diff(np.diff(corners, axis=1), axis=2)
    areas = np.diff(y, axis=1)[:, :, None] * np.diff(x, axis=1)[:, None, :]
    return totals / areas


def centre_to_unit(vectors: np.ndarray) -> np.ndarray:
    """Each row less its mean, of unit length; a flat row becomes zeros."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    flat = length < 1e-9
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, length))


def _part_edges(low: np.ndarray, high: np.ndarray, size: int) -> np.ndarray:
    low = np.clip(low, 0, size - 1)
    high = np.clip(np.maximum(high, low + 1), 1, size)
    return low[:, None] + (high - low)[:, None] * np.linspace(0, 1, THUMBNAIL + 1)


def _sums_at(sums: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Running sums at fractional corners (bilinear, exact for pixels of constant grey)."""
    n = np.arange(len(sums))[:, None, None]
    y0, x0 = np.minimum(y.astype(int), sums.shape[1] - 2), np.minimum(x.astype(int), sums.shape[2] - 2)
    fy, fx = (y - y0)[:, :, None], (x - x0)[:, None, :]
    y0, x0 = y0[:, :, None], x0[:, None, :]
    above = sums[n, y0, x0] * (1 - fx) + sums[n, y0, x0 + 1] * fx
    below = sums[n, y0 + 1, x0] * (1 - fx) + sums[n, y0 + 1, x0 + 1] * fx
    return above * (1 - fy) + below * fy
