"""What a frontal picture is made of before it is exposed: air, soft tissue, bone, vessels, metal.

In: a `Thorax` and a `Pose`. Out: `Layers`, which the findings change in place, and their sum, the density: how much
each ray was weakened, 0 free air to about 1 spine over abdomen.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """The parts of one frontal picture, each (height, width) float64 on the pixel grid.

    side: +1 where the patient's left is. field: the lung fields, 0 to 1. air: their relative thickness. middle: the
    mediastinum and heart. soft: everything the findings add (opacity, positive) or take away (lucency, negative).
    """

    thorax: Thorax
    pose: Pose
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

    def density(self) -> np.ndarray:
        """The sum: how much each ray was weakened."""
        lucent = 0.40 + 0.05 * self.thorax.hyperaeration
        total = self.body - lucent * self.air * (1.0 - 0.80 * self.middle) + 0.17 * self.middle
        total += 0.20 * self.bone * (self.body > 0.2)
        total += self.vessels * self.field * (1.0 - 0.55 * self.middle) + self.soft
        return np.maximum(total, 0.0) + self.metal


def lay_out(thorax: Thorax, pose: Pose) -> Layers:
    """The lungs, mediastinum and body of a thorax; bones, vessels and findings are still empty."""
    u, v = canonical_grid(pose)
    a, side = np.abs(u), np.where(u >= 0, LEFT, RIGHT)
    outer, roof = lung_outer(thorax, v), lung_top(a)
    left = u >= 0
    floor = np.where(left, diaphragm(thorax, LEFT, a), diaphragm(thorax, RIGHT, a))
    field = smoothstep(outer - a, 0.012) * smoothstep(v - roof, 0.02) * smoothstep(floor - v, 0.014)
    field *= smoothstep(a - 0.07, 0.03)
    depth = _rounded((outer - a) / 0.42) * _rounded((v - roof) / 0.55) * (0.80 + 0.2 * _rounded((floor - v) / 0.3))
    depth *= 0.72 + 0.28 * smoothstep(a - 0.3, 0.25)
    zero = np.zeros_like(u)
    return Layers(
        thorax, pose, u, v, a, side, outer, roof, floor, field, field * depth,
        _middle(thorax, u, v, a, left), _body(thorax, u, v, a, outer, floor), zero, zero.copy(), zero.copy(),
        zero.copy(),
    )  # fmt: skip


def _rounded(x: np.ndarray) -> np.ndarray:
    rest = 1.0 - np.clip(x, 0.0, 1.0)
    return np.sqrt(1.0 - rest * rest)


def _middle(thorax: Thorax, u: np.ndarray, v: np.ndarray, a: np.ndarray, left: np.ndarray) -> np.ndarray:
    border = np.where(left, heart_border(thorax, LEFT, v), heart_border(thorax, RIGHT, v))
    inside = border - a
    sharp = 0.013 + 0.10 * np.clip(0.25 - v, 0.0, 0.5) + 0.02 * np.clip(0.8 - v, 0.0, 0.3)
    heart = smoothstep(inside, sharp) * (0.62 + 0.38 * _rounded(inside / 0.3))
    arch_u, arch_v, radius = aortic_arch(thorax)
    squared = ((u - arch_u) ** 2 + (v - arch_v) ** 2) / radius**2
    knob = smoothstep(1.0 - squared, 0.16) * 0.85
    # the descending aorta: a band beside the spine that runs on from the arch and comes back to the middle
    run = np.clip((v - arch_v) / 0.9, 0.0, 1.0)
    edge = (arch_u + radius) * (1.0 - 0.35 * run * run) - a
    aorta = smoothstep(edge, 0.02) * (v > arch_v) * left * 0.72
    ascending = (0.17 + 0.07 * max(0.0, thorax.aorta - 1.0)) * (1 - ((v - 0.68) / 0.36) ** 2) + 0.02
    ascending_mask = smoothstep(ascending - a, 0.03) * (~left) * 0.7
    middle = np.maximum(np.maximum(heart, knob), np.maximum(aorta, ascending_mask))
    return np.where(v < -0.2, middle * np.clip(1.0 + (v + 0.2) / 0.3, 0.3, 1.0), middle)


def _body(
    thorax: Thorax, u: np.ndarray, v: np.ndarray, a: np.ndarray, outer: np.ndarray, floor: np.ndarray
) -> np.ndarray:
    fat = thorax.habitus
    neck = 0.33 + 0.07 * fat + 0.25 * np.clip(v + 0.33, 0.0, 1.0) ** 2
    shoulder_top = -0.14 - 0.04 * fat + 0.10 * np.clip(a - 0.4, 0, 2) + 0.42 * np.clip(a - 0.95, 0.0, 2.0) ** 2
    shoulders = smoothstep(v - shoulder_top, 0.03) * smoothstep(1.62 + 0.1 * fat - a, 0.05)
    flank = outer + 0.10 + 0.17 * fat + 0.05 * np.clip(v - 1.3, 0.0, 1.0)
    trunk = smoothstep(flank - a, 0.03)
    arm_gap = 1.20 + 0.22 * fat + 0.22 * np.clip(v - 0.4, 0.0, 2.0)
    arm = smoothstep(a - arm_gap, 0.025) + smoothstep(0.62 - v, 0.12)
    upper = shoulders * np.maximum(trunk, np.clip(arm, 0.0, 1.0))
    lower = trunk * smoothstep(v - shoulder_top, 0.03)
    shape = np.maximum(np.maximum(upper, lower), smoothstep(neck - a, 0.025) * (v < 0.4))
    wall = 0.13 * _rounded((a - outer + 0.16) / 0.2) * smoothstep(flank - a, 0.06)
    level = 0.60 + 0.08 * fat + 0.05 * smoothstep(v - 1.0, 0.6) + wall - 0.10 * smoothstep(a - 1.15, 0.3)
    below = smoothstep(v - floor, 0.014) * smoothstep(flank - a, 0.1)
    level += below * (0.15 + 0.05 * np.clip((v - floor) / 0.4, 0.0, 1.0))
    level -= 0.12 * np.clip(-v, 0.0, 1.0) * (a < 0.7)
    return np.asarray(shape * (level + _breasts(thorax, u, v, a)))


def _breasts(thorax: Thorax, u: np.ndarray, v: np.ndarray, a: np.ndarray) -> np.ndarray:
    if thorax.breast <= 0:
        return np.zeros_like(u)
    size = 0.30 + 0.12 * thorax.breast
    squared = ((a - 0.62) / (size + 0.12)) ** 2 + ((v - thorax.breast_v + size) / size) ** 2
    lower_edge = smoothstep(1.0 - squared, 0.07)
    return lower_edge * np.clip((v - thorax.breast_v + 1.4 * size) / size, 0.0, 1.0) * (0.05 + 0.07 * thorax.breast)


def noise_field(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """Smooth noise, about unit variance, `cells` knots along each side; (height, width) float64."""
    knots = rng.standard_normal((cells, cells)).astype(np.float32)
    field = Image.fromarray(knots, mode=None).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(field, dtype=np.float64) * 1.3


def stroke(layers: Layers, u: np.ndarray, v: np.ndarray, weight: np.ndarray | float, width: float) -> np.ndarray:
    """Canonical points splatted on the picture and blurred to a line of half-width `width`; (height, width).

    Points along a line must lie closer than a pixel. A point of weight 1 a pixel peaks at about 1.
    """
    x, y = to_pixels(layers.pose, u, v)
    return splat(x, y, np.broadcast_to(weight, np.shape(x)), layers.u.shape, width * layers.unit_px)


def splat(x: np.ndarray, y: np.ndarray, weight: np.ndarray, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Points spread over their four nearest pixels, then blurred; lines keep a peak of about their weight."""
    column, row = np.floor(x - 0.5).astype(np.intp), np.floor(y - 0.5).astype(np.intp)
    part_x, part_y = x - 0.5 - column, y - 0.5 - row
    canvas = np.zeros(shape[0] * shape[1])
    for down, share_y in ((0, 1.0 - part_y), (1, part_y)):
        for across, share_x in ((0, 1.0 - part_x), (1, part_x)):
            c, r = column + across, row + down
            good = (c >= 0) & (c < shape[1]) & (r >= 0) & (r < shape[0])
            flat = r[good] * shape[1] + c[good]
            canvas += np.bincount(flat, (weight * share_x * share_y)[good], minlength=canvas.size)
    sigma = max(sigma, 0.45)
    return gaussian_filter(canvas.reshape(shape), sigma, truncate=2.5) * (2.5 * sigma)


def densify(u: np.ndarray, v: np.ndarray, step: float = 0.006) -> tuple[np.ndarray, np.ndarray]:
    """A polyline resampled so that neighbours are about `step` apart."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(u), np.diff(v)))])
    at = np.linspace(0.0, length[-1], max(2, int(length[-1] / step)))
    return np.interp(at, length, u), np.interp(at, length, v)
