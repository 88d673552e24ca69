"""Bones, airways and vessels of a frontal picture.

In: `Layers`. Out: the same, with ribs, clavicles, scapulae, spine, trachea, hila, branching vessels and stomach drawn.
"""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import CARINA_V, LEFT, RIGHT, Thorax, hilum_point, spine_line
from hilum.phantom.geometry import bump, smoothstep
from hilum.phantom.layers import Layers, stroke
from hilum.phantom.regions import clavicle_line

_VESSEL_CLASSES = ((0.024, 0.105), (0.013, 0.105), (0.007, 0.095))  # half-width, density of a vessel of that class


def draw_skeleton(layers: Layers, rng: np.random.Generator) -> None:
    """Draw ribs, clavicles, scapulae and spine."""
    layers.bone += _ribs(layers)
    layers.bone += _clavicles(layers) + _shoulders(layers)
    layers.bone += _spine(layers) * (1.0 - 0.25 * layers.middle)
    del rng


def rib_height(thorax: Thorax, index: float, a_share: np.ndarray | float) -> np.ndarray:
    """Height of a posterior rib's middle; a_share: distance from the midline over that of the chest wall."""
    start = -0.06 + thorax.rib_phase + thorax.rib_spacing * index
    return start + rib_drop(thorax, np.asarray(a_share, dtype=np.float64))


def rib_drop(thorax: Thorax, share: np.ndarray) -> np.ndarray:
    """How far a posterior rib has come down at a share of its way to the chest wall."""
    return thorax.rib_slope * (0.33 * share * share - 0.11 * share)


def _tube(layers: Layers, height: np.ndarray, half_width: float, first: int, last: int) -> np.ndarray:
    """Ribs of equal spacing: `height` is v minus the rib family's course; brighter cortex at the lower edge."""
    index = np.clip(np.round(height / layers.thorax.rib_spacing), first, last)
    r = (height - index * layers.thorax.rib_spacing) / half_width
    inside = np.clip(1.0 - r * r, 0.0, 1.0)
    cortex = bump((r - 0.62) ** 2 / 0.2) * 0.75 + bump((r + 0.72) ** 2 / 0.15) * 0.45
    return np.sqrt(inside) * 0.62 + cortex


def _ribs(layers: Layers) -> np.ndarray:
    thorax = layers.thorax
    share = layers.a / layers.outer
    cage = smoothstep(1.035 - share, 0.02) * (layers.v > layers.roof - 0.07)
    start = -0.06 + thorax.rib_phase
    behind = _tube(layers, layers.v - start - rib_drop(thorax, share), 0.037, 1, 10)
    behind *= smoothstep(layers.a - 0.11, 0.03) * (0.75 + 0.25 * share)
    meets = start + rib_drop(thorax, np.array(1.0))
    front_course = meets + thorax.rib_slope * (0.62 * (1.0 - share) - 0.20 * (1.0 - share) ** 2)
    front = _tube(layers, layers.v - front_course, 0.041, 1, 6)
    front *= smoothstep(share - 0.42 - 0.04 * np.clip(layers.v - 0.3, 0, 1), 0.10) * 0.55
    fade = 1.0 - 0.5 * smoothstep(layers.v - layers.floor, 0.1)
    wall = bump(((share - 1.0) / 0.05) ** 2) * 0.35 * (layers.v > 0.1)
    return (np.maximum(behind, front) * 0.75 + np.minimum(behind, front) * 0.6 + wall) * cage * fade * 0.62


def _clavicles(layers: Layers) -> np.ndarray:
    line = clavicle_line(layers.thorax, layers.a)
    r = (layers.v - line) / (0.036 + 0.012 * bump(((layers.a - 0.14) / 0.16) ** 2))
    inside = np.clip(1.0 - r * r, 0.0, 1.0)
    shape = np.sqrt(inside) * 0.45 + 0.4 * bump((np.abs(r) - 0.75) ** 2 / 0.12)
    return shape * smoothstep(layers.a - 0.09, 0.02) * smoothstep(1.1 - layers.a, 0.06)


def _shoulders(layers: Layers) -> np.ndarray:
    a, v, over = layers.a, layers.v, layers.thorax.scapula
    head = smoothstep(1.0 - (((a - 1.27) / 0.15) ** 2 + ((v - 0.20) / 0.16) ** 2), 0.12) * 0.55
    shaft = smoothstep(0.085 - np.abs(a - 1.34 - 0.12 * (v - 0.2)), 0.015) * (v > 0.2) * 0.45
    medial = 0.98 - 0.14 * over + 0.06 * (v - 0.2)
    lateral = 1.16 - 0.30 * np.clip((v - 0.3) / 0.75, 0.0, 1.2) + 0.04
    blade = smoothstep(a - medial, 0.02) * smoothstep(lateral - a, 0.02) * smoothstep(v - 0.08, 0.05)
    blade *= smoothstep(0.98 - v, 0.05)
    border = bump(((a - lateral + 0.02) / 0.03) ** 2) * smoothstep(v - 0.25, 0.05) * smoothstep(0.98 - v, 0.06)
    spine_of_scapula = bump(((v - 0.17 + 0.18 * (a - 1.0)) / 0.035) ** 2) * smoothstep(a - 0.8, 0.05)
    spine_of_scapula *= smoothstep(1.25 - a, 0.05)
    return head + shaft + blade * 0.22 + border * 0.3 + spine_of_scapula * 0.3


def _spine(layers: Layers) -> np.ndarray:
    u = layers.u - spine_line(layers.thorax, layers.v)
    height = layers.v + 0.3
    spacing = 0.122 + 0.022 * np.clip(height, 0.0, 2.4)
    phase = height / spacing
    part = phase - np.floor(phase)
    half_width = 0.088 + 0.016 * height + 0.010 * bump(((part - 0.5) / 0.55) ** 2) * -1.0
    column = smoothstep(half_width - np.abs(u), 0.014)
    disc = bump(((part - 0.5) / 0.17) ** 2)
    plates = bump(((np.abs(part - 0.5) - 0.2) / 0.09) ** 2)
    pedicle = bump(((np.abs(u) - 0.052 - 0.006 * height) / 0.025) ** 2 + ((part - 0.88) / 0.16) ** 2)
    process = bump((u / 0.018) ** 2 + ((part - 0.15) / 0.25) ** 2)
    edge = bump(((np.abs(u) - half_width + 0.01) / 0.016) ** 2)
    return column * (0.55 - 0.28 * disc + 0.16 * plates + 0.24 * pedicle + 0.22 * process + 0.12 * edge)


def draw_airways(layers: Layers) -> None:
    """Draw the trachea and the two main bronchi as lucencies, and gas in the stomach and colon."""
    u, v = layers.u, layers.v
    trachea = smoothstep(0.062 - np.abs(u - 0.012 * np.sin(3.0 * v)), 0.018) * smoothstep(CARINA_V - v, 0.03)
    right = smoothstep(0.045 - np.abs(u + 0.62 * (v - CARINA_V) + 0.02), 0.015)
    right *= smoothstep(v - CARINA_V + 0.03, 0.03) * smoothstep(0.80 - v, 0.05)
    left = smoothstep(0.04 - np.abs(v - CARINA_V - 0.02 - 0.62 * np.clip(u, 0, 1)), 0.015)
    left *= smoothstep(u, 0.02) * smoothstep(0.26 - u, 0.05)
    layers.soft -= 0.10 * np.maximum(trachea, np.maximum(right, left) * 0.8) * (v > -0.6)
    gas_u, gas_v, size = layers.thorax.stomach
    gas_v = max(gas_v, layers.thorax.dome_left + 0.10 + size)
    squared = ((u - gas_u) / (1.35 * size)) ** 2 + ((v - gas_v) / (0.8 * size)) ** 2
    bowel = bump(((u - gas_u - 0.28) / 0.11) ** 2 + ((v - gas_v - 0.16) / 0.08) ** 2)
    bowel += bump(((u + 0.55) / 0.14) ** 2 + ((v - 2.05) / 0.07) ** 2) * 0.6
    layers.soft -= (0.20 * smoothstep(1.0 - squared, 0.35) + 0.14 * bowel) * (v > layers.floor + 0.03)


def draw_vessels(layers: Layers, rng: np.random.Generator) -> None:
    """Draw the hila and the vessels that branch from them and fade to the periphery."""
    points: list[list[np.ndarray]] = [[], [], []]
    for side in (RIGHT, LEFT):
        for u, v, radius, weight in _grow_tree(rng, side):
            kind = 0 if radius > 0.019 else 1 if radius > 0.0095 else 2
            points[kind].append(np.stack([u, v, np.broadcast_to(weight, u.shape)]))
    for (width, density), rows in zip(_VESSEL_CLASSES, points, strict=True):
        u, v, weight = np.concatenate(rows, axis=1)
        step = 0.006 * layers.unit_px
        layers.vessels += np.minimum(stroke(layers, u, v, weight * step, width), 1.8) * density
    for side in (RIGHT, LEFT):
        layers.vessels += 0.13 * hilum_mask(layers, side, rng)


def hilum_mask(layers: Layers, side: int, rng: np.random.Generator) -> np.ndarray:
    """The soft, lobed shape of a hilum, 0 to about 1."""
    size = layers.thorax.hilum_left if side == LEFT else layers.thorax.hilum_right
    centre_u, centre_v = hilum_point(side)
    mask = np.zeros_like(layers.u)
    for lobe in range(4):
        turn = 1.57 * lobe + float(rng.uniform(-0.5, 0.5))
        reach = 0.055 * size * float(rng.uniform(0.6, 1.2))
        u, v = centre_u + reach * np.cos(turn) + side * 0.03 * (size - 1.0), centre_v + 1.5 * reach * np.sin(turn)
        radius = 0.088 * size * float(rng.uniform(0.8, 1.1))
        mask = np.maximum(mask, bump(((layers.u - u) ** 2 + (layers.v - v) ** 2 * 0.8) / radius**2))
    return mask * (0.75 + 0.55 * size)


def _grow_tree(rng: np.random.Generator, side: int) -> list[tuple[np.ndarray, np.ndarray, float, float]]:
    """Branches as points in the canonical frame with a radius and a weight; downward ones are larger."""
    start_u, start_v = hilum_point(side)
    branches: list[tuple[np.ndarray, np.ndarray, float, float]] = []
    mains = (
        (-1.35, 0.62),
        (-0.95, 0.75),
        (-0.45, 0.7),
        (0.05, 0.75),
        (0.45, 0.9),
        (0.85, 1.0),
        (1.2, 1.05),
        (1.5, 0.95),
    )
    stack = []
    for angle, size in mains:
        turn = angle + float(rng.normal(0.0, 0.12))
        offset = 0.04
        stack.append((start_u + side * offset * np.cos(turn), start_v + offset * np.sin(turn), turn, 0.026 * size, 0))
    while stack:
        u, v, turn, radius, depth = stack.pop()
        length = float(rng.uniform(0.13, 0.24)) * (1.0 - 0.08 * depth)
        bend = float(rng.normal(0.0, 0.35))
        along = np.linspace(0.0, length, int(length / 0.006))
        heading = turn + bend * along / length
        path_u = u + side * np.cumsum(np.cos(heading)) * (along[1] - along[0])
        path_v = v + np.cumsum(np.sin(heading)) * (along[1] - along[0])
        branches.append((path_u, path_v, radius, 1.0 if depth < 3 else 0.8))
        if depth >= 4:
            continue
        end_turn = float(heading[-1])
        for sign in (-1.0, 1.0):
            keep = radius * (0.80 if sign * bend > 0 else 0.66)
            stack.append((float(path_u[-1]), float(path_v[-1]), end_turn + sign * float(rng.uniform(0.18, 0.5)), keep,
                          depth + 1))  # fmt: skip
    return branches
