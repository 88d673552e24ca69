"""From a patch grid to a map on the original image, and from boxes to masks on the same grid.

In: (g, g) cosines of a packed square, and how the image lies in it. Out: (H, W) maps with NaN where the square did not
look. The grid of the original image is bounded to GRID_PX on its longest side: scores change in the third digit, time
by the square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID_PX = 192
DIGITS = 9  # of a drawn map: what is equal stays equal, whatever the machine's order of sums


@dataclass(frozen=True)
class Frame:
    """An image and its packed square: packed px = original px * scale + offset.

    width_px, height_px: of the original. size_px: side of the square.
    """

    width_px: float
    height_px: float
    scale: float
    offset_x_px: float
    offset_y_px: float
    size_px: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the grid that maps and masks of this image are drawn on."""
        factor = min(1.0, GRID_PX / max(self.width_px, self.height_px))
        return max(1, round(self.height_px * factor)), max(1, round(self.width_px * factor))


def smooth_patches(patches: np.ndarray, frame: Frame, sigma: float) -> np.ndarray:
    """A Gaussian over the patch grid, which leaves out patches whose centre lies in the square's padding.

    patches: (..., g, g). sigma: in patches; 0 leaves the patches as they are. Patches of the padding become what their
    neighbours in the image say.
    """
    if sigma == 0:
        return patches
    grid = patches.shape[-1]
    steps = np.arange(grid)
    kernel = np.exp(-((steps[:, None] - steps[None, :]) ** 2) / (2 * sigma**2))
    centres = (steps + 0.5) * frame.size_px / grid
    across = _in_image(centres, frame.offset_x_px, frame.width_px * frame.scale)
    down = _in_image(centres, frame.offset_y_px, frame.height_px * frame.scale)
    return _normalise(kernel, down) @ patches @ _normalise(kernel, across).T


def draw_map(patches: np.ndarray, frame: Frame) -> np.ndarray:
    """The patches, bilinear, on the image's grid (pixel centres aligned as in align_corners=False).

    patches: (..., g, g). Returns (..., H, W); NaN where the packed square does not reach.
    """
    height, width = frame.shape
    grid = patches.shape[-1]
    y = ((np.arange(height) + 0.5) / height * frame.height_px) * frame.scale + frame.offset_y_px
    x = ((np.arange(width) + 0.5) / width * frame.width_px) * frame.scale + frame.offset_x_px
    drawn = np.round(_interpolate(y, frame.size_px, grid) @ patches @ _interpolate(x, frame.size_px, grid).T, DIGITS)
    unseen = ~_within(y, frame.size_px)[:, None] | ~_within(x, frame.size_px)[None, :]
    drawn[..., unseen] = np.nan
    return drawn


def draw_boxes(boxes: np.ndarray, frame: Frame) -> np.ndarray:
    """The union of boxes on the image's grid: pixels whose centre lies in one; a box of less than a pixel gets one.

    boxes: (n, 4) x, y, width, height in original pixels. Returns (H, W) bool; a box outside the image is nowhere.
    """
    height, width = frame.shape
    inside = np.zeros((height, width), bool)
    for x, y, box_width, box_height in boxes:
        rows = _covered(y, box_height, frame.height_px, height)
        columns = _covered(x, box_width, frame.width_px, width)
        inside[rows[0] : rows[1], columns[0] : columns[1]] = True
    return inside


def draw_fractions(picture: np.ndarray, frame: Frame) -> np.ndarray:
    """A picture of the whole image (a mean heat map of boxes) on the image's grid, bilinear.

    picture: (h, w), which spans the image's width and height. Returns (H, W), no NaN.
    """
    height, width = frame.shape
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    return np.round(_interpolate(y, 1, picture.shape[0]) @ picture @ _interpolate(x, 1, picture.shape[1]).T, DIGITS)


def draw_box(box: np.ndarray | None, frame: Frame) -> np.ndarray:
    """1 inside a box, 0 outside; 0 everywhere without one. box: (4,) x, y, width, height as shares of the image."""
    if box is None:
        return np.zeros(frame.shape)
    side = np.array([frame.width_px, frame.height_px] * 2)
    return draw_boxes((box * side)[None], frame).astype(np.float64)


def draw_centre(frame: Frame) -> np.ndarray:
    """A map that points to the middle of the image: minus the distance to it in half image sizes."""
    height, width = frame.shape
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    return -np.hypot(y[:, None], x[None, :])


def _in_image(centres: np.ndarray, offset: float, length: float) -> np.ndarray:
    inside = (centres >= offset) & (centres <= offset + length)
    if inside.any():
        return inside
    away = np.abs(centres - (offset + length / 2))  # an image narrower than a patch: the one it lies in
    return away == away.min()


def _normalise(kernel: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Rows of weights over the patches inside; where the kernel does not reach them, the nearest one."""
    weights = kernel * inside
    total = weights.sum(axis=1, keepdims=True)
    steps, of_image = np.arange(len(inside)), np.flatnonzero(inside)
    nearest = of_image[np.abs(steps[:, None] - of_image[None, :]).argmin(axis=1)]
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), np.eye(len(inside))[nearest])


def _interpolate(positions: np.ndarray, size: float, grid: int) -> np.ndarray:
    """(n, grid) weights of the two nearest cells' centres; beyond the outermost centres, that cell alone."""
    at = np.clip(positions / size * grid - 0.5, 0, grid - 1)
    low = np.minimum(at.astype(int), max(grid - 2, 0))
    weights = np.zeros((len(positions), grid))
    n = np.arange(len(positions))
    weights[n, low] = 1 - (at - low)
    weights[n, np.minimum(low + 1, grid - 1)] += at - low
    return weights


def _within(positions: np.ndarray, size: float) -> np.ndarray:
    return (positions >= 0) & (positions <= size)


def _covered(start: float, length: float, original: float, n: int) -> tuple[int, int]:
    """First and one past the last grid cell whose centre lies in [start, start + length) of an original side."""
    if start + length <= 0 or start >= original or length < 0:
        return 0, 0
    low, high = start / original * n, (start + length) / original * n
    first, last = max(0, int(np.ceil(low - 0.5))), min(n, int(np.ceil(high - 0.5)))
    if first >= last:
        first = min(n - 1, max(0, int((low + high) / 2)))
        last = first + 1
    return first, last
