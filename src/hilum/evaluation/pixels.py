"""The packed pictures of the collection, and the baseline that knows nothing: regions as small grey pictures.

In: packed pixels, geometry and region boxes. Out: single pictures; unit vectors of 16 x 16 thumbnails, mean taken off,
so that their inner product is the correlation of the pictures and a brighter exposure is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.schema import IMAGES, REGION_BOXES
from hilum.tables import check_partitions, read_table, read_tables

THUMBNAIL = 16
CHUNK = 256  # images whose running sums are held at once


class PackedImages:
    """The memory-mapped pixels of all partitions with their images table, indexed by dicom_id.

    images: the IMAGES columns, index dicom_id, and `part`, which array of pixels the row is of.
    """

    def __init__(self, data: Path, partitions: Sequence[str]) -> None:
        """Raises BadDataError if a partition is missing or its array does not hold the rows that its table lists."""
        check_partitions(data / "pixels", partitions, ".npy")
        frames, self._arrays = [], []
        for part, name in enumerate(partitions):
            images = read_table(data / "images" / f"{name}.parquet", IMAGES).assign(part=part)
            array = np.load(data / "pixels" / f"{name}.npy", mmap_mode="r" if len(images) else None)
            if len(images) and (array.ndim != 3 or array.dtype != np.uint8 or int(images["row"].max()) >= len(array)):
                raise BadDataError(
                    f"pixels: {name}.npy holds {array.dtype} {array.shape}; images lists rows up to "
                    f"{int(images['row'].max())}. Run `dvc repro` to pack them again."
                )
            frames.append(images)
            self._arrays.append(array)
        self.images = pd.concat(frames, ignore_index=True).set_index("dicom_id", drop=False)

    def read(self, dicom_id: str) -> np.ndarray:
        """The packed square of one image, uint8. KeyError if it is not packed."""
        part, row = (int(str(self.images.at[dicom_id, name])) for name in ("part", "row"))
        return np.array(self._arrays[part][row])

    def parts(self, frame: pd.DataFrame) -> list[tuple[np.ndarray, pd.DataFrame]]:
        """Each array of pixels with those rows of `frame` (which has `part`) that are of it."""
        return [(array, frame[frame["part"] == part]) for part, array in enumerate(self._arrays)]


class RegionThumbnails:
    """Pictures of every indexed image's regions, made when asked for.

    boxes: a row a box of an indexed image: its region, its image's geometry, `position` (row of the index).
    """

    def __init__(self, packed: PackedImages, data: Path, partitions: Sequence[str], dicom_ids: pd.Series) -> None:
        """dicom_ids: the rows of the index."""
        boxes = read_tables(data / "region_boxes", partitions, REGION_BOXES)
        boxes = boxes.merge(packed.images.reset_index(drop=True), on="dicom_id", how="inner", validate="m:1")
        boxes["position"] = pd.Index(dicom_ids).get_indexer(pd.Index(boxes["dicom_id"]))
        self._n_images = len(dicom_ids)
        self.boxes = boxes[boxes["position"] >= 0]
        self._parts = packed.parts(self.boxes)

    def __call__(self, region: str) -> np.ndarray:
        """(n_images, 256) float64 unit vectors; zeros for an image without a box, which is then alike to none."""
        out = np.zeros((self._n_images, THUMBNAIL * THUMBNAIL))
        for positions, pictures in self.cut(region, THUMBNAIL):
            out[positions] = centre_to_unit(pictures.reshape(len(pictures), -1))
        return out

    def cut(self, region: str, side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of the index and their region as (n, side, side) float64 grey, CHUNK at a time."""
        for pixels, boxes in self._parts:
            chosen = boxes[boxes["region"] == region]
            edges, rows = packed_edges(chosen), chosen["row"].to_numpy()
            positions = chosen["position"].to_numpy()
            for start in range(0, len(chosen), CHUNK):
                part = slice(start, start + CHUNK)
                yield positions[part], thumbnails(np.asarray(pixels[rows[part]]), edges[part], side)


def packed_edges(boxes: pd.DataFrame) -> np.ndarray:
    """(n, 4) left, top, right, bottom in packed pixels. boxes: x, y, width, height and the image's geometry."""
    scale = boxes["scale"].to_numpy(np.float64)
    left = boxes["x"].to_numpy(np.float64) * scale + boxes["offset_x_px"].to_numpy(np.float64)
    top = boxes["y"].to_numpy(np.float64) * scale + boxes["offset_y_px"].to_numpy(np.float64)
    width, height = (boxes[name].to_numpy(np.float64) * scale for name in ("width", "height"))
    return np.column_stack([left, top, left + width, top + height])


def thumbnails(images: np.ndarray, edges: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Mean grey of each of side x side equal parts of one box an image, exact by running sums.

    images: (n, height, width) uint8. edges: (n, 4) left, top, right, bottom in their pixels; what lies outside the
    picture is left out, and a box of less than a pixel is taken as one. Returns (n, side, side) float64.
    """
    n, height, width = images.shape
    sums = np.zeros((n, height + 1, width + 1), np.float64)
    np.cumsum(images, axis=1, out=sums[:, 1:, 1:])
    np.cumsum(sums[:, 1:, 1:], axis=2, out=sums[:, 1:, 1:])
    x = _part_edges(edges[:, 0], edges[:, 2], width, side)
    y = _part_edges(edges[:, 1], edges[:, 3], height, side)
    corners = _sums_at(sums, y, x)
    totals = np.diff(np.diff(corners, axis=1), axis=2)
    areas = np.diff(y, axis=1)[:, :, None] * np.diff(x, axis=1)[:, None, :]
    return totals / areas


def centre_to_unit(vectors: np.ndarray) -> np.ndarray:
    """Each row less its mean, of unit length; a flat row becomes zeros."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    flat = length < 1e-6
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, length))


def _part_edges(low: np.ndarray, high: np.ndarray, size: int, side: int) -> np.ndarray:
    low = np.clip(low, 0, size - 1)
    high = np.clip(np.maximum(high, low + 1), 1, size)
    return low[:, None] + (high - low)[:, None] * np.linspace(0, 1, side + 1)


def _sums_at(sums: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Running sums at fractional corners (bilinear: a pixel's grey is spread evenly over its square)."""
    n = np.arange(len(sums))[:, None, None]
    y0, x0 = np.minimum(y.astype(int), sums.shape[1] - 2), np.minimum(x.astype(int), sums.shape[2] - 2)
    fy, fx = (y - y0)[:, :, None], (x - x0)[:, None, :]
    y0, x0 = y0[:, :, None], x0[:, None, :]
    above = sums[n, y0, x0] * (1 - fx) + sums[n, y0, x0 + 1] * fx
    below = sums[n, y0 + 1, x0] * (1 - fx) + sums[n, y0 + 1, x0 + 1] * fx
    return above * (1 - fy) + below * fy
