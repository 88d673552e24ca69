"""The atlas: 29 regions of a canonical thorax, and the picture of it that is fitted to a film.

In: atlas.yaml. Out: `Atlas`. Known to be imperfect: one thorax stands for all; its place, size and turn, the extent
of each lung and the width of the heart follow the image, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml

from hilum.image.geometry import Box, Floats
from hilum.image.placement import Placement

GRID_FROM_U, GRID_FROM_V, GRID_STEP, GRID_SHAPE = -1.5, -0.5, 0.025, (89, 121)
EDGE_CELLS, BLUR_CELLS = 1.2, 1.0  # softness of each shape's edge, and of the whole
NEIGHBOURHOOD_CELLS = (10.0, 19.0)  # along v and u: as much of a thorax as film.NEIGHBOURHOOD is of an average film
Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Atlas:
    """regions: name -> (u0, v0, u1, v1) in the canonical frame. template: levelled brightness on GRID_*, rows = v."""

    regions: Mapping[str, Corners]
    template: Floats

    def boxes(self, placement: Placement) -> dict[str, Box]:
        """Every region's box in image px, in the atlas' order; parts may lie outside the image."""
        return {region: placement.box(*corners) for region, corners in self.regions.items()}


@lru_cache(maxsize=1)
def read_atlas() -> Atlas:
    """The atlas of atlas.yaml."""
    raw = yaml.safe_load(files("hilum.image").joinpath("atlas.yaml").read_text(encoding="utf-8"))
    regions = {name: _corners(values) for name, values in raw["regions"].items()}
    return Atlas(MappingProxyType(regions), draw_template(raw["template"]))


def _corners(values: list[float]) -> Corners:
    u0, v0, u1, v1 = (float(value) for value in values)
    return u0, v0, u1, v1


def draw_template(description: Mapping[str, Any]) -> Floats:
    """Paint the polygons in order, each with a soft edge, and level the picture as a film is. Returns GRID_SHAPE."""
    rows, columns = GRID_SHAPE
    u = np.broadcast_to(GRID_FROM_U + GRID_STEP * np.arange(columns), GRID_SHAPE)
    v = np.broadcast_to((GRID_FROM_V + GRID_STEP * np.arange(rows))[:, None], GRID_SHAPE)
    brightness = np.full(GRID_SHAPE, float(description["background"]))
    for shape in description["shapes"]:
        inside = _inside(u, v, np.array(shape["outline"], dtype=np.float64)).astype(np.float64)
        brightness += _blur(inside, EDGE_CELLS, EDGE_CELLS) * (float(shape["brightness"]) - brightness)
    brightness = _blur(brightness, BLUR_CELLS, BLUR_CELLS)
    return brightness - _blur(brightness, *NEIGHBOURHOOD_CELLS)


def _inside(u: Floats, v: Floats, outline: Floats) -> np.ndarray:
    """Whether each point lies in the polygon (even-odd rule)."""
    inside = np.zeros(u.shape, dtype=bool)
    for (ua, va), (ub, vb) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if va != vb:
            inside ^= ((va > v) != (vb > v)) & (u < ua + (v - va) * (ub - ua) / (vb - va))
    return inside


def _blur(values: Floats, *sigmas: float) -> Floats:
    """Gaussian blur, sigma along v and along u; the outermost cells repeated."""
    for sigma in sigmas:
        radius = int(3 * sigma + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
        blurred = np.zeros_like(values)
        for shift, share in enumerate(kernel / kernel.sum()):
            blurred += share * padded[shift : shift + len(values)]
        values = blurred.T
    return values
