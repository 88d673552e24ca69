"""Boxes and grids: letterboxing an image, moving boxes between frames, and what share of each patch a box covers.

In: (H, W) uint8 pictures and boxes in their pixels. Out: square pictures, the same boxes in another frame, soft
patch weights. Pure numpy, and exact: sums are of integers, so the bytes do not depend on the machine's BLAS.

A pixel is a unit square: pixel (0, 0) covers x in [0, 1), y in [0, 1). x grows to the right, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Box:
    """An axis-parallel rectangle: left and top edge, width and height, in pixels of some image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width times height."""
        return self.width * self.height

    def clip(self, width_px: float, height_px: float) -> Box:
        """The part inside an image of that size; of no width or height, on the nearest edge, if there is none."""
        x0, x1 = (min(max(x, 0.0), width_px) for x in (self.x, self.x + self.width))
        y0, y1 = (min(max(y, 0.0), height_px) for y in (self.y, self.y + self.height))
        return Box(x0, y0, max(0.0, x1 - x0), max(0.0, y1 - y0))

    def rounded(self, decimals: int) -> Box:
        """Every number rounded."""
        return Box(*(round(n, decimals) for n in (self.x, self.y, self.width, self.height)))

    def iou(self, other: Box) -> float:
        """Intersection over union; 0 if both are empty."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        inside = max(0.0, across) * max(0.0, down)
        union = self.area + other.area - inside
        return inside / union if union > 0 else 0.0


@dataclass(frozen=True)
class Letterbox:
    """Where an image lies in its packed square: packed px = original px * scale + offset."""

    scale: float
    offset_x_px: float
    offset_y_px: float

    def pack(self, box: Box) -> Box:
        """A box of the original image, in packed pixels."""
        return Box(
            box.x * self.scale + self.offset_x_px,
            box.y * self.scale + self.offset_y_px,
            box.width * self.scale,
            box.height * self.scale,
        )

    def unpack(self, box: Box) -> Box:
        """A box in packed pixels, in those of the original image."""
        return Box(
            (box.x - self.offset_x_px) / self.scale,
            (box.y - self.offset_y_px) / self.scale,
            box.width / self.scale,
            box.height / self.scale,
        )


def fit_letterbox(height_px: int, width_px: int, size_px: int) -> Letterbox:
    """The placement that fits an image into a size x size square: longest side = size, centred on whole pixels."""
    scale = size_px / max(height_px, width_px)
    return Letterbox(scale, float((size_px - width_px * scale) // 2), float((size_px - height_px * scale) // 2))


def letterbox(gray: Gray, size_px: int) -> tuple[Gray, Letterbox]:
    """An image in a size x size square, aspect kept, the rest 0; and where it lies there.

    A packed pixel is the mean of the original area it covers (antialiased); an image smaller than the square is
    interpolated linearly.
    """
    height, width = gray.shape
    place = fit_letterbox(height, width, size_px)
    cells = np.arange(size_px + 1, dtype=np.float64)
    resampled = resample(gray, (cells - place.offset_y_px) / place.scale, (cells - place.offset_x_px) / place.scale)
    return np.floor(np.clip(resampled, 0, 255) + 0.5).astype(np.uint8), place


def resample(gray: Gray, edges_y: Floats, edges_x: Floats) -> Floats:
    """Means of an image over a grid of cells, given by the cells' edges in its pixels; nothing lies outside it.

    Returns (len(edges_y) - 1, len(edges_x) - 1); a cell that is partly outside is darkened by that share.
    Cells smaller than a pixel take the linear interpolation at their centre.
    """
    rows = _resample_rows(gray, edges_y)
    return _resample_rows(np.ascontiguousarray(rows.T), edges_x).T


def _resample_rows(values: Gray | Floats, edges: Floats) -> Floats:
    n_rows = values.shape[0]
    size = float(edges[1] - edges[0])
    if size < 1.0:
        return _interpolate_rows(values, edges)
    whole = np.uint32 if values.dtype == np.uint8 else np.float64  # 255 * 16 million rows fit
    sums = np.zeros((n_rows + 1, *values.shape[1:]), dtype=whole)
    np.cumsum(values, axis=0, dtype=whole, out=sums[1:])
    at = np.clip(edges, 0, n_rows)
    below = np.minimum(at.astype(np.int64), n_rows - 1)
    share = (at - below)[:, None]
    integral = sums[below] + share * values[below]
    return np.diff(integral.astype(np.float64), axis=0) / size


def _interpolate_rows(values: Gray | Floats, edges: Floats) -> Floats:
    n_rows = values.shape[0]
    inside = np.clip(np.minimum(edges[1:], n_rows) - np.maximum(edges[:-1], 0), 0, None) / (edges[1:] - edges[:-1])
    centre = np.clip((edges[:-1] + edges[1:]) / 2 - 0.5, 0, n_rows - 1)
    below = np.minimum(centre.astype(np.int64), max(n_rows - 2, 0))
    above = np.minimum(below + 1, n_rows - 1)
    share = (centre - below)[:, None]
    return ((1 - share) * values[below] + share * values[above]) * inside[:, None]


def patch_weights(box: Box, size_px: float, grid: int) -> Floats:
    """The share of each patch that a box covers, of a size x size picture cut into grid x grid patches.

    box: in the picture's pixels. Returns (grid, grid) in [0, 1], rows downwards; all 0 if the box is empty or outside.
    """
    edges = np.linspace(0.0, size_px, grid + 1)
    down = _covered(edges, box.y, box.y + box.height)
    across = _covered(edges, box.x, box.x + box.width)
    return np.outer(down, across)


def _covered(edges: Floats, start: float, end: float) -> Floats:
    inside = np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)
    return np.clip(inside, 0.0, None) / (edges[1:] - edges[:-1])
