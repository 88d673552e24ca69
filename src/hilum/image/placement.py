"""Where a thorax lies in an image: the map between the atlas' canonical frame (u, v) and the image's pixels.

The frame is described in atlas.yaml. The map is a turn about the image's centre, after a stretch along each axis that
each lung has for itself; beside the heart it is pushed outwards as far as the heart is wide.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike

from hilum.image.geometry import Box, Floats

BLEND_U = 0.25  # each lung has its own top and bottom; between -BLEND_U and BLEND_U one passes into the other
HEART_V = (0.36, 0.60, 0.80, 0.95)  # where the heart's push begins, is whole, begins to fade and ends
RIGHT_HEART_U = (-0.90, -0.38, 0.00)  # where its push to the right begins, is whole and ends
LEFT_HEART_U = (0.06, 0.62, 1.06)  # and its push to the left
_NOT_LENGTHS = ("right_heart", "left_heart", "angle")


@dataclass(frozen=True)
class Placement:
    """The canonical frame's edges in the image turned upright, in px.

    right_heart, left_heart: how much wider than the atlas' the heart is on either side, in canonical units.
    angle: the clockwise turn of the thorax about (pivot_x, pivot_y), in radians.
    """

    mid_x: float
    right_width: float
    left_width: float
    right_top: float
    right_height: float
    left_top: float
    left_height: float
    right_heart: float
    left_heart: float
    angle: float
    pivot_x: float
    pivot_y: float

    def scaled(self, factor: float) -> Placement:
        """The same placement in the same image enlarged by `factor`."""
        lengths = [f.name for f in fields(self) if f.name not in _NOT_LENGTHS]
        return replace(self, **{name: getattr(self, name) * factor for name in lengths})

    def to_image(self, u: ArrayLike, v: ArrayLike) -> tuple[Floats, Floats]:
        """Canonical points in image px."""
        u, v = np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
        pushed = u
        for _ in range(8):  # the push is given where it ends; each round comes closer by half
            right, left = heart_push(pushed, v)
            pushed = u + self.left_heart * left - self.right_heart * right
        across = self.mid_x + pushed * np.where(pushed < 0, self.right_width, self.left_width)
        left = left_share(pushed)
        rise = (1 - left) * self.right_top / self.right_height + left * self.left_top / self.left_height
        down = (v + rise) / ((1 - left) / self.right_height + left / self.left_height)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        x, y = across - self.pivot_x, down - self.pivot_y
        return self.pivot_x + cos * x - sin * y, self.pivot_y + sin * x + cos * y

    def box(self, u0: float, v0: float, u1: float, v1: float) -> Box:
        """The upright box, in image px, round a canonical one taken as an ellipse: a turn does not inflate it."""
        u, v = (u0 + u1) / 2, (v0 + v1) / 2
        x, y = self.to_image([u0, u1, u, u], [v, v, v0, v1])
        half_x, half_y = np.hypot(x[1] - x[0], x[3] - x[2]) / 2, np.hypot(y[1] - y[0], y[3] - y[2]) / 2
        centre_x, centre_y = (x[0] + x[1]) / 2, (y[2] + y[3]) / 2
        return Box(float(centre_x - half_x), float(centre_y - half_y), float(2 * half_x), float(2 * half_y))


def left_share(u: Floats) -> Floats:
    """How much the left lung's extent counts at u: 0 in the right half, 1 in the left one, a slope between."""
    return np.clip((u + BLEND_U) / (2 * BLEND_U), 0.0, 1.0)


def heart_push(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """How far a unit of heart width pushes points outwards, on the right and on the left: 0 to 1."""
    begin, whole, fade, end = HEART_V
    along = np.clip((v - begin) / (whole - begin), 0, 1) * np.clip((end - v) / (end - fade), 0, 1)
    return along * _hump(u, *RIGHT_HEART_U), along * _hump(u, *LEFT_HEART_U)


def _hump(u: Floats, start: float, peak: float, end: float) -> Floats:
    """0, straight up to 1, straight down to 0."""
    return np.maximum(0.0, np.minimum((u - start) / (peak - start), (end - u) / (end - peak)))
