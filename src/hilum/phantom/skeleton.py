"""Bones, airways and vessels of a frontal picture.

In: `Layers`. Out: the same, with ribs, clavicles, scapulae, spine, trachea, hila, branching vessels and stomach drawn.
"""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import CARINA_V, LEFT, RIGHT, Thorax, hilum_point, spine_line
from hilum.phantom.geometry import bump, smoothstep
from hilum.phantom.layers import Layers, noise_field, stroke
from hilum.phantom.regions import clavicle_line

_VESSEL_CLASSES = ((0.0065, 0.105), (0.012, 0.135), (0.020, 0.14))  # half-width and density, fine to coarse
_TREE_STEP = 0.0075
# Where a hilum's vessels set out: direction (radians below the horizontal, outwards) and relative radius.
_MAIN_VESSELS = (
    (-1.35, 0.62),
    (-0.95, 0.75),
    (-0.45, 0.7),
    (0.05, 0.75),
    (0.5, 0.9),
    (0.9, 1.0),
    (1.25, 1.05),
    (1.55, 0.95),
)


def draw_skeleton(layers: Layers) -> None:
    """Draw ribs, clavicles, scapulae and spine."""
    layers.bone += _ribs(layers)
    low = float(min(layers.v.min(), -0.5))
    for side in (RIGHT, LEFT):
        inner, outer = sorted((0.7 * side, 1.7 * side))
        part = layers.crop(inner, outer, low, 1.2)
        part.bone += _shoulder(part)
        inner, outer = sorted((0.05 * side, 1.2 * side))
        part = layers.crop(inner, outer, -0.15, 0.4)
        part.bone += _clavicle(part)
    part = layers.crop(-0.4, 0.4, low - 0.6, 2.6)
    part.bone += _spine(part) * (1.0 - 0.25 * part.middle)


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
    return (np.maximum(behind, front) * 0.75 + np.minimum(behind, front) * 0.6 + wall) * cage * fade * 0.72


def _clavicle(layers: Layers) -> np.ndarray:
    line = clavicle_line(layers.thorax, layers.a)
    r = (layers.v - line) / (0.040 + 0.016 * bump(((layers.a - 0.14) / 0.16) ** 2))
    inside = np.clip(1.0 - r * r, 0.0, 1.0)
    shape = np.sqrt(inside) * 0.55 + 0.4 * bump((np.abs(r) - 0.75) ** 2 / 0.12)
    return shape * smoothstep(layers.a - 0.09, 0.02) * smoothstep(1.1 - layers.a, 0.06)


def _shoulder(layers: Layers) -> np.ndarray:
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
    part = layers.crop(-0.35, 0.35, min(-0.6, float(layers.v.min())), 0.95)
    u, v = part.u, part.v
    trachea = smoothstep(0.062 - np.abs(u - 0.012 * np.sin(3.0 * v.astype(np.float64))), 0.018) * smoothstep(
        CARINA_V - v, 0.03
    )
    right = smoothstep(0.045 - np.abs(u + 0.62 * (v - CARINA_V) + 0.02), 0.015)
    right *= smoothstep(v - CARINA_V + 0.03, 0.03) * smoothstep(0.80 - v, 0.05)
    left = smoothstep(0.04 - np.abs(v - CARINA_V - 0.02 - 0.62 * np.clip(u, 0, 1)), 0.015)
    left *= smoothstep(u, 0.02) * smoothstep(0.26 - u, 0.05)
    part.soft -= 0.14 * np.maximum(trachea, np.maximum(right, left) * 0.8)


def draw_stomach(layers: Layers, rng: np.random.Generator) -> None:
    """Draw the gas of stomach and colon under the diaphragm, of uneven outline."""
    gas_u, gas_v, size = layers.thorax.stomach
    gas_v = max(gas_v, layers.thorax.dome_left + 0.09 + size)
    part = layers.crop(-0.9, 1.0, 1.3, 2.4)
    u, v = part.u, part.v
    ragged = 0.30 * noise_field(rng, u.shape, 16)
    squared = ((u - gas_u) / (1.35 * size)) ** 2 + ((v - gas_v) / (0.85 * size)) ** 2
    gas = smoothstep(1.0 - squared + ragged, 0.45)
    for _ in range(int(rng.integers(0, 5))):
        at_u, at_v = float(rng.uniform(-0.7, 0.75)), float(rng.uniform(1.85, 2.15))
        wide = float(rng.uniform(0.07, 0.15))
        spot = 1.0 - ((u - at_u) / wide) ** 2 - ((v - at_v) / (0.6 * wide)) ** 2
        gas = np.maximum(gas, float(rng.uniform(0.25, 0.6)) * smoothstep(spot + 1.5 * ragged, 0.7))
    part.soft -= 0.19 * gas * smoothstep(v - part.floor - 0.05, 0.03) * (part.body > 0.4)


def draw_vessels(layers: Layers, rng: np.random.Generator) -> None:
    """Draw the hila and the vessels that branch from them and fade to the periphery."""
    trees = [_grow_tree(rng, side) for side in (RIGHT, LEFT)]
    u, v, radius, weight = (np.concatenate(rows) for rows in zip(*trees, strict=True))
    edge = (radius < 0.0085, radius < 0.016)
    for (width, density), kind in zip(_VESSEL_CLASSES, (edge[0], edge[1] & ~edge[0], ~edge[1]), strict=True):
        step = _TREE_STEP * layers.unit_px
        line = stroke(layers, u[kind], v[kind], weight[kind] * step, width)
        layers.vessels += density * line / (1.0 + 0.45 * line)  # where vessels cross they do not add up to bone
    for side in (RIGHT, LEFT):
        inner, outer = sorted((0.0, 0.75 * side))
        part = layers.crop(inner, outer, 0.3, 1.3)
        part.vessels += 0.12 * hilum_mask(part, side, rng)


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


def _grow_tree(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points of one lung's vessels: u, v, radius, weight. Downward ones are larger; each branch splits in two."""
    start_u, start_v = hilum_point(side)
    mains = np.array(_MAIN_VESSELS)
    turn = mains[:, 0] + rng.normal(0.0, 0.12, len(mains))
    radius = 0.024 * mains[:, 1]
    u, v = start_u + side * 0.04 * np.cos(turn), start_v + 0.05 * np.sin(turn)
    found: list[np.ndarray] = []
    for depth in range(5):
        n_steps = 26 - 2 * depth
        length = rng.uniform(0.75, 1.25, turn.size)[:, None] * _TREE_STEP
        bend = rng.normal(0.0, 0.016, turn.size)
        heading = turn[:, None] + bend[:, None] * np.arange(n_steps)
        path_u = u[:, None] + side * np.cumsum(np.cos(heading), axis=1) * length
        path_v = v[:, None] + np.cumsum(np.sin(heading), axis=1) * length
        reach = np.hypot(path_u - start_u, (path_v - start_v) * 0.85)
        weight = np.clip(1.25 - 0.95 * reach, 0.10, 1.0) * length / _TREE_STEP
        thick = np.broadcast_to(radius[:, None], path_u.shape)
        found.append(np.stack([path_u.ravel(), path_v.ravel(), thick.ravel(), weight.ravel()]))
        fork = rng.uniform(0.16, 0.48, (2, turn.size)) * np.array([[-1.0], [1.0]])
        turn = (heading[:, -1] + fork).ravel()
        radius = (radius * np.where(fork * bend > 0, 0.66, 0.80)).ravel()
        u, v = np.tile(path_u[:, -1], 2), np.tile(path_v[:, -1], 2)
    points = np.concatenate(found, axis=1)
    return points[0], points[1], points[2], points[3]
