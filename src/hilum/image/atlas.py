"""The atlas: 29 regions of a canonical thorax, how the thorax lies in an image, and the picture drawn from it.

In: atlas.yaml. Out: `Atlas` (boxes, template) and `Placement`, the map between the canonical frame (u, v) and pixels.
The frame is described in atlas.yaml. Known to be imperfect: one thorax stands for all; only its place, its size, its
rotation and the extent of each lung follow the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike

from hilum.image.geometry import Box, Floats

BLEND_U = 0.25  # each lung has its own top and bottom; between -BLEND_U and BLEND_U one passes into the other


@dataclass(frozen=True)
class Placement:
    """Where a thorax lies in an image: the canonical frame's edges in the image turned upright.

    All in px but `angle`, the clockwise turn of the thorax about (`pivot_x`, `pivot_y`) in radians.
    """

    mid_x: float
    right_width: float
    left_width: float
    right_top: float
    right_height: float
    left_top: float
    left_height: float
    angle: float
    pivot_x: float
    pivot_y: float

    def scaled(self, factor: float) -> Placement:
        """The same placement in an image whose pixels are `factor` times as many along each side."""
        lengths = {f.name: getattr(self, f.name) * factor for f in fields(self) if f.name != "angle"}
        return replace(self, **lengths)

    def to_image(self, u: ArrayLike, v: ArrayLike) -> tuple[Floats, Floats]:
        """Canonical points in image px."""
        u, v = np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
        left = left_share(u)
        across = self.mid_x + u * np.where(u < 0, self.right_width, self.left_width)
        rise = (1 - left) * self.right_top / self.right_height + left * self.left_top / self.left_height
        down = (v + rise) / ((1 - left) / self.right_height + left / self.left_height)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        x, y = across - self.pivot_x, down - self.pivot_y
        return self.pivot_x + cos * x - sin * y, self.pivot_y + sin * x + cos * y

    def box(self, u0: float, v0: float, u1: float, v1: float) -> Box:
        """The upright box, in image px, around a canonical one taken as an ellipse: a turn does not inflate it."""
        u, v = (u0 + u1) / 2, (v0 + v1) / 2
        x, y = self.to_image([u0, u1, u, u, u], [v, v, v0, v1, v])
        half_x = np.hypot(x[1] - x[0], x[3] - x[2]) / 2
        half_y = np.hypot(y[1] - y[0], y[3] - y[2]) / 2
        centre_x, centre_y = (x[0] + x[1]) / 2, (y[2] + y[3]) / 2
        return Box(float(centre_x - half_x), float(centre_y - half_y), float(2 * half_x), float(2 * half_y))


def left_share(u: Floats) -> Floats:
    """How much of the left lung's extent counts at u: 0 in the right half, 1 in the left one, a slope between."""
    return np.clip((u + BLEND_U) / (2 * BLEND_U), 0.0, 1.0)


@dataclass(frozen=True)
class Template:
    """The canonical picture on a grid. brightness: (rows, columns) from v0 and u0 on, `step` apart."""

    brightness: Floats
    u0: float
    v0: float
    step: float


@dataclass(frozen=True)
class Atlas:
    """Region boxes (u0, v0, u1, v1) in the canonical frame, and the picture to fit."""

    regions: Mapping[str, tuple[float, float, float, float]]
    template: Template

    def boxes(self, placement: Placement) -> dict[str, Box]:
        """Every region's box in image px, in the atlas' order; parts may lie outside the image."""
        return {region: placement.box(*corners) for region, corners in self.regions.items()}


@lru_cache(maxsize=1)
def read_atlas() -> Atlas:
    """The atlas of atlas.yaml."""
    raw = yaml.safe_load(files("hilum.image").joinpath("atlas.yaml").read_text(encoding="utf-8"))
    regions = {name: (float(a), float(b), float(c), float(d)) for name, (a, b, c, d) in raw["regions"].items()}
    return Atlas(MappingProxyType(regions), draw_template(raw["template"]))


def draw_template(description: Mapping[str, Any]) -> Template:
    """Paint the polygons in their order, each with a soft edge."""
    u0, v0, step, n_columns, n_rows = -1.5, -0.5, 0.025, 121, 89
    u, v = np.meshgrid(u0 + step * np.arange(n_columns), v0 + step * np.arange(n_rows))
    brightness = np.full(u.shape, float(description["background"]))
    for shape in description["shapes"]:
        inside = smooth(_inside(u, v, np.array(shape["outline"], dtype=np.float64)).astype(np.float64), 1.2)
        brightness += inside * (float(shape["brightness"]) - brightness)
    return Template(smooth(brightness, 1.0), u0, v0, step)


def _inside(u: Floats, v: Floats, outline: Floats) -> np.ndarray:
    """Even-odd rule."""
    inside = np.zeros(u.shape, dtype=bool)
    for (ua, va), (ub, vb) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if va != vb:
            crosses = (va > v) != (vb > v)
            inside ^= crosses & (u < ua + (v - va) * (ub - ua) / (vb - va))
    return inside


def smooth(values: Floats, sigma: float) -> Floats:
    """Gaussian blur of a (rows, columns) grid, edges repeated. sigma: in cells."""
    radius = max(1, int(3 * sigma + 0.5))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(values, pad, mode="edge")
        n = values.shape[axis]
        values = sum(
            (k * np.take(padded, range(i, i + n), axis=axis) for i, k in enumerate(kernel)),
            start=np.zeros_like(values),
        )
    return values
