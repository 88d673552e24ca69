"""Outlined lungs and heart in, the thorax that they belong to out: a placement of the atlas, without the picture.

In: masks as run lengths. Out: runs, their boxes, a `Placement`. Known to be imperfect: a mask says nothing of hila,
clavicles or trachea, which follow from the lungs as they do in the atlas; the turn is that of the two lungs' common
long axis, within 3 degrees on 19 of 20 phantoms, and further off where one lung is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.image.atlas import read_atlas
from hilum.image.geometry import Box, Floats
from hilum.image.placement import HEART_V, Placement, heart_push

Whole = NDArray[np.int64]
REST_TILT = -0.08  # radians: the common axis of upright lungs, of which the heart cuts the left; mean of 300 phantoms
MAX_TILT = 0.35  # radians; a patient is not turned further
MAX_RIGHT_HEART, MAX_LEFT_HEART = 0.25, 0.30  # of the heart's push: more of it would fold the image over
MIN_PUSH = 0.1  # of a unit of heart width, at a heart's end; less is near the chest wall, where the limit above decides


@dataclass(frozen=True)
class Organ:
    """An organ's pixels as runs along the rows of a picture: columns starts to ends - 1 of each row. All (n,)."""

    rows: Whole
    starts: Whole
    ends: Whole

    def box(self) -> Box:
        """The box round it, in px."""
        x, y = float(self.starts.min()), float(self.rows.min())
        return Box(x, y, float(self.ends.max()) - x, float(self.rows.max()) + 1 - y)

    def spread(self) -> Floats:
        """Variance of its pixels along x, covariance, variance along y: (3,) px^2."""
        n = (self.ends - self.starts).astype(np.float64)
        x, y = (self.starts + self.ends) / 2, self.rows + 0.5
        share = n / n.sum()
        x_mean, y_mean = share @ x, share @ y
        along = share @ ((x - x_mean) ** 2 + (n**2 - 1) / 12)
        return np.array([along, share @ ((x - x_mean) * (y - y_mean)), share @ (y - y_mean) ** 2])

    def extent(self, tilt: float, pivot: tuple[float, float]) -> tuple[float, float, float, float]:
        """Least and greatest x and y, in px, once the picture is turned back by `tilt` about the pivot."""
        x = np.concatenate([self.starts, self.ends, self.starts, self.ends]) - pivot[0]
        y = np.concatenate([self.rows, self.rows, self.rows + 1, self.rows + 1]) - pivot[1]
        across = pivot[0] + np.cos(tilt) * x + np.sin(tilt) * y
        down = pivot[1] - np.sin(tilt) * x + np.cos(tilt) * y
        return float(across.min()), float(across.max()), float(down.min()), float(down.max())


def decode_runs(text: str, height_px: int, width_px: int) -> Organ:
    """Read a mask written as `start length start length ...`, pixels counted from 1 along the rows.

    Raises ValueError if it is not of that form, empty, out of order or longer than the picture.
    """
    numbers = np.array(text.split(), dtype=np.int64)
    firsts, lengths = numbers[::2] - 1, numbers[1::2]
    if len(numbers) == 0 or len(numbers) % 2:
        raise ValueError("not pairs of start and length")
    pasts = firsts + lengths
    if firsts[0] < 0 or (lengths < 1).any() or (firsts[1:] < pasts[:-1]).any() or pasts[-1] > height_px * width_px:
        raise ValueError("runs overlap or leave the picture")
    top, bottom = firsts // width_px, (pasts - 1) // width_px
    n_rows = bottom - top + 1  # a run may go on at the start of the next row
    run = np.repeat(np.arange(len(firsts)), n_rows)
    rows = np.arange(len(run)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows) + top[run]
    starts = np.maximum(firsts[run] - rows * width_px, 0)
    return Organ(rows, starts, np.minimum(pasts[run] - rows * width_px, width_px))


def fit_outlines(right: Organ, left: Organ, heart: Organ, height_px: int, width_px: int) -> Placement:
    """The placement whose lungs and heart reach as far as the masks do. right, left: the patient's.

    Raises ValueError if the masks cannot be those of a thorax seen from the front.
    """
    pivot = width_px / 2, height_px / 2
    tilt = float(np.clip(common_tilt(right, left), -MAX_TILT, MAX_TILT))
    rx0, rx1, ry0, ry1 = right.extent(tilt, pivot)
    lx0, lx1, ly0, ly1 = left.extent(tilt, pivot)
    hx0, hx1, _, _ = heart.extent(tilt, pivot)
    if rx0 + rx1 >= lx0 + lx1:
        raise ValueError("the left lung lies on the right")
    regions = read_atlas().regions
    (ru0, rv0, ru1, rv1), (lu0, lv0, lu1, lv1) = regions["right lung"], regions["left lung"]
    # the mean of where either lung, by its own two sides, would have the midline
    middle = (rx0 - ru0 * (rx1 - rx0) / (ru1 - ru0) + lx1 - lu1 * (lx1 - lx0) / (lu1 - lu0)) / 2
    right_width, left_width = (rx0 - middle) / ru0, (lx1 - middle) / lu1
    if min(right_width, left_width) <= 0:
        raise ValueError("the lungs leave no room for a midline")
    right_height, left_height = (ry1 - ry0) / (rv1 - rv0), (ly1 - ly0) / (lv1 - lv0)
    right_heart, left_heart = _heart((hx0 - middle) / right_width, (hx1 - middle) / left_width)
    return Placement(middle, right_width, left_width, ry0 - rv0 * right_height, right_height,
                     ly0 - lv0 * left_height, left_height, right_heart, left_heart, tilt, *pivot)  # fmt: skip


def common_tilt(right: Organ, left: Organ) -> float:
    """The clockwise turn, in radians, of the lungs' common long axis; the slants of the two cancel."""
    along, both, down = right.spread() + left.spread()
    return float(0.5 * np.arctan2(-2 * both, down - along)) - REST_TILT


def _heart(right_u: float, left_u: float) -> tuple[float, float]:
    """How much wider than the atlas' a heart is that ends at these u: what pushes the atlas' edges there."""
    u0, _, u1, _ = read_atlas().regions["cardiac silhouette"]
    right, left = heart_push(np.array([right_u, left_u]), np.full(2, (HEART_V[1] + HEART_V[2]) / 2))
    wider_right, wider_left = (u0 - right_u) / max(right[0], MIN_PUSH), (left_u - u1) / max(left[1], MIN_PUSH)
    right_heart = np.clip(wider_right, -MAX_RIGHT_HEART, MAX_RIGHT_HEART)
    return float(right_heart), float(np.clip(wider_left, -MAX_LEFT_HEART, MAX_LEFT_HEART))
