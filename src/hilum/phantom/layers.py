"""What a frontal picture is made of before it is exposed: air, soft tissue, bone, vessels, metal.

In: a `Thorax` and a `Pose`. Out: `Layers`, which the findings change in place, and their sum, the density: how much
each ray was weakened, 0 free air to about 1 spine over abdomen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from hilum.phantom.anatomy import (
    LEFT,
    RIGHT,
    Thorax,
    aortic_arch,
    diaphragm,
    heart_border,
    lung_outer,
    lung_top,
)
from hilum.phantom.geometry import Pose, canonical_grid, smoothstep, to_pixels


@dataclass
class Layers:
    """The parts of one frontal picture, each (height, width) float32 on the pixel grid.

    corner_px: column and row of the first pixel in the whole picture (not 0, 0 in a crop). side: +1 where the
    patient's left is. field: the lung fields, 0 to 1. air: their relative thickness. middle: the mediastinum and
    heart. soft: everything the findings add (opacity, positive) or take away (lucency, negative).
    """

    thorax: Thorax
    pose: Pose
    corner_px: tuple[int, int]
    u: np.ndarray
    v: np.ndarray
    a: np.ndarray
    side: np.ndarray
    outer: np.ndarray
    roof: np.ndarray
    floor: np.ndarray
    field: np.ndarray
    air: np.ndarray
    middle: np.ndarray
    body: np.ndarray
    bone: np.ndarray
    vessels: np.ndarray
    soft: np.ndarray
    metal: np.ndarray

    @property
    def unit_px(self) -> float:
        """Pixels of a canonical unit."""
        return 0.5 * (self.pose.scale_x_px + self.pose.scale_y_px)

    def lung(self, side: int) -> np.ndarray:
        """The lung field of one side, 0 to 1, heart and mediastinum left out."""
        return self.field * (self.side == side) * (1.0 - self.middle)

    def crop(self, from_u: float, to_u: float, from_v: float, to_v: float) -> Layers:
        """The part that covers a canonical rectangle; what is drawn on it is drawn on the whole."""
        x, y = to_pixels(self.pose, np.array([from_u, to_u, from_u, to_u]), np.array([from_v, from_v, to_v, to_v]))
        height, width = self.u.shape
        left, right = max(0, int(x.min()) - 3), min(width, int(x.max()) + 4)
        top, bottom = max(0, int(y.min()) - 3), min(height, int(y.max()) + 4)
        left, top = min(left, width - 1), min(top, height - 1)
        part = (slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1)))
        arrays = {f.name: getattr(self, f.name)[part] for f in fields(self) if f.name not in _NOT_ARRAYS}
        pose = replace(self.pose, centre_x_px=self.pose.centre_x_px - left, centre_y_px=self.pose.centre_y_px - top)
        corner = (self.corner_px[0] + left, self.corner_px[1] + top)
        return replace(self, pose=pose, corner_px=corner, **arrays)

    def density(self) -> np.ndarray:
        """The sum: how much each ray was weakened."""
        lucent = 0.40 + 0.05 * self.thorax.hyperaeration
        total = self.body - lucent * self.air * (1.0 - 0.80 * self.middle)
        total += 0.17 * self.middle * (1.0 - smoothstep(self.v - self.floor - 0.06, 0.12))
        total += 0.22 * self.bone * (self.body > 0.2)
        total += self.vessels * self.field * (1.0 - 0.55 * self.middle) + self.soft
        return np.maximum(total, 0.0) + self.metal


_NOT_ARRAYS = ("thorax", "pose", "corner_px")


def lay_out(thorax: Thorax, pose: Pose) -> Layers:
    """The lungs, mediastinum and body of a thorax; bones, vessels and findings are still empty."""
    u, v = canonical_grid(pose)
    a, left = np.abs(u), u >= 0
    outer, roof = lung_outer(thorax, v), lung_top(a)
    over = smoothstep(u, 0.14)
    floor = over * diaphragm(thorax, LEFT, a) + (1.0 - over) * diaphragm(thorax, RIGHT, a)
    field = smoothstep(outer - a, 0.012) * smoothstep(v - roof, 0.02) * smoothstep(floor - v, 0.014)
    field *= smoothstep(a - 0.07, 0.03)
    depth = _rounded((outer - a) / 0.40) * _rounded((v - roof) / 0.5)
    depth *= (0.80 + 0.2 * _rounded((floor - v) / 0.3)) * (0.76 + 0.24 * np.clip((a - 0.05) / 0.5, 0.0, 1.0))
    zero = np.zeros_like(u)
    return Layers(
        thorax,
        pose,
        (0, 0),
        u,
        v,
        a,
        np.where(left, LEFT, RIGHT).astype(np.int8),
        outer,
        roof,
        floor,
        field,
        field * depth,
        _middle(thorax, u, v, a, left),
        _body(thorax, u, v, a, outer, floor),
        zero,
        zero.copy(),
        zero.copy(),
        zero.copy(),
    )


def _rounded(x: np.ndarray) -> np.ndarray:
    rest = 1.0 - np.clip(x, 0.0, 1.0)
    return np.sqrt(1.0 - rest * rest)


def _middle(thorax: Thorax, u: np.ndarray, v: np.ndarray, a: np.ndarray, left: np.ndarray) -> np.ndarray:
    inside = np.where(left, heart_border(thorax, LEFT, v), heart_border(thorax, RIGHT, v)) - a
    sharp = 0.016 + 0.10 * np.clip(0.25 - v, 0.0, 0.5) + 0.02 * np.clip(0.8 - v, 0.0, 0.3)
    middle = smoothstep(inside, sharp) * (0.60 + 0.40 * _rounded(inside / 0.34))
    arch_u, arch_v, radius = aortic_arch(thorax)
    squared = ((u - arch_u) ** 2 + (v - arch_v) ** 2) / radius**2
    middle = np.maximum(middle, smoothstep(1.0 - squared, 0.16) * 0.85)
    # the descending aorta: a band beside the spine that runs on from the arch and comes back to the middle
    run = np.clip((v - arch_v) / 0.9, 0.0, 1.0)
    edge = (arch_u + radius) * (1.0 - 0.35 * run * run) - a
    middle = np.maximum(middle, smoothstep(edge, 0.02) * (v > arch_v) * left * 0.72)
    ascending = (0.17 + 0.09 * max(0.0, thorax.aorta - 1.0)) * (1 - ((v - 0.68) / 0.36) ** 2) + 0.02
    middle = np.maximum(middle, smoothstep(ascending - a, 0.03) * (~left) * 0.7)
    return middle * np.clip(1.0 + (v + 0.2) / 0.3, 0.3, 1.0)


def _body(
    thorax: Thorax, u: np.ndarray, v: np.ndarray, a: np.ndarray, outer: np.ndarray, floor: np.ndarray
) -> np.ndarray:
    fat = thorax.habitus
    neck = np.clip(0.66 + 0.06 * fat - a, 0.0, 1.0)
    roof = -0.05 - 0.05 * fat - 0.11 * (1.2 - a) - 2.6 * neck * np.sqrt(neck)
    roof += 1.1 * np.clip(a - 1.2, 0.0, 2.0) ** 2
    flank = outer + 0.09 + 0.15 * fat + 0.05 * np.clip(v - 1.3, 0.0, 1.0)
    arm_from = 1.10 + 0.15 * fat + thorax.arm_angle * np.clip(v - 0.5, 0.0, 2.0)
    gap = np.maximum(flank - a, np.minimum(a - arm_from, arm_from + 0.42 - a))
    gap = np.maximum(gap, np.minimum(0.66 - v, 1.62 - a) * 0.5)  # the shoulder and axilla are whole
    shape = smoothstep(v - roof, 0.03) * smoothstep(gap, 0.03)
    below = smoothstep(v - floor, 0.014) * smoothstep(flank - a, 0.1)
    wall = 0.12 * _rounded((a - outer + 0.16) / 0.2) * smoothstep(flank - a, 0.08)
    wall *= smoothstep(v - 0.12, 0.2) * (1.0 - below)
    level = 0.60 + 0.08 * fat + 0.05 * smoothstep(v - 1.0, 0.6) + wall
    level -= 0.12 * smoothstep(a - 1.0, 0.35) + 0.14 * np.clip(-v, 0.0, 1.0)
    level += below * (0.15 + 0.05 * np.clip((v - floor) / 0.4, 0.0, 1.0))
    if thorax.breast > 0:
        level += _breasts(thorax, v, a)
    level *= np.clip((v - roof) / 0.16, 0.0, 1.0) * 0.45 + 0.55  # skin and fat are thin at the edge
    return np.asarray(shape * level)


def _breasts(thorax: Thorax, v: np.ndarray, a: np.ndarray) -> np.ndarray:
    size = 0.30 + 0.12 * thorax.breast
    squared = ((a - 0.62) / (size + 0.12)) ** 2 + ((v - thorax.breast_v + size) / size) ** 2
    fade = np.clip((v - thorax.breast_v + 1.4 * size) / size, 0.0, 1.0)
    return smoothstep(1.0 - squared, 0.07) * fade * (0.05 + 0.07 * thorax.breast)


def noise_field(rng: np.random.Generator, shape: tuple[int, ...], cells: int) -> np.ndarray:
    """Smooth noise, about unit variance, `cells` knots along each side; (height, width) float32."""
    knots = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
    field = knots.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(field) * np.float32(1.3)


def stroke(layers: Layers, u: np.ndarray, v: np.ndarray, weight: np.ndarray | float, width: float) -> np.ndarray:
    """Canonical points splatted on the picture and blurred to a line of half-width `width`; (height, width).

    Points along a line lie closer than a pixel; the line peaks at about 1 if they weigh as much as they are apart
    (pixels).
    """
    x, y = to_pixels(layers.pose, u, v)
    height, wide = layers.u.shape
    weight = np.broadcast_to(weight, x.shape)
    column, row = np.floor(x - 0.5).astype(np.intp), np.floor(y - 0.5).astype(np.intp)
    near = (column >= 0) & (column < wide - 1) & (row >= 0) & (row < height - 1)
    column, row, weight = column[near], row[near], weight[near]
    part_x, part_y = x[near] - 0.5 - column, y[near] - 0.5 - row
    flat = row * wide + column
    at = np.concatenate([flat, flat + 1, flat + wide, flat + wide + 1])
    left, right = weight * (1.0 - part_x), weight * part_x
    shares = np.concatenate([left * (1 - part_y), right * (1 - part_y), left * part_y, right * part_y])
    canvas = np.bincount(at, shares, minlength=height * wide).reshape(height, wide).astype(np.float32)
    sigma = max(width * layers.unit_px, 0.45)
    return gaussian_filter(canvas, sigma, truncate=2.5) * (2.5 * sigma)


def densify(u: np.ndarray, v: np.ndarray, step: float = 0.006) -> tuple[np.ndarray, np.ndarray]:
    """A polyline resampled so that neighbours are about `step` apart."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(u), np.diff(v)))])
    at = np.linspace(0.0, length[-1], max(2, int(length[-1] / step)))
    return np.interp(at, length, u), np.interp(at, length, v)
