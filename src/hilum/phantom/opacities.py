"""Findings that lie in a lung: consolidation, atelectasis, nodules, oedema, scarring, bullae.

Each takes the layers, the side, the region's name, a size from 0 (smallest) to 1 and a generator that is the same in
all studies of the patient; it draws itself and returns its mask (height, width), 0 to 1, from which its box is taken.
"""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import diaphragm, heart_border, hilum_point, lung_outer, lung_top
from hilum.phantom.geometry import bump, smoothstep
from hilum.phantom.layers import Layers, densify, noise_field, stroke

_ZONE_V = {"apical zone": (0.16, 0.28), "upper lung zone": (0.30, 0.48), "mid lung zone": (0.72, 0.92),
           "lower lung zone": (1.14, 1.32), "lung": (0.3, 1.2)}  # fmt: skip


def place_in_zone(
    layers: Layers, side: int, region: str, rng: np.random.Generator, margin: float
) -> tuple[float, float]:
    """A point (u, v) of a lung zone that keeps `margin` from the chest wall where there is room."""
    zone = region.removeprefix("left ").removeprefix("right ")
    low, high = _ZONE_V[zone]
    share_v, share_a = float(rng.uniform()), float(rng.uniform())
    v = low + (high - low) * share_v
    inner = float(heart_border(layers.thorax, side, np.array(v))) + 0.6 * margin
    outer = float(lung_outer(layers.thorax, np.array(v))) - 0.9 * margin
    inner, outer = max(0.26, min(inner, outer)), max(outer, 0.3)
    a = inner + (outer - inner) * (0.15 + 0.7 * share_a)
    floor = float(diaphragm(layers.thorax, side, np.array(a))) - 0.6 * margin
    roof = float(lung_top(np.array(a))) + 0.8 * margin
    return side * a, float(np.clip(v, roof, max(roof, floor)))


def draw_consolidation(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A fluffy opacity that hides the vessels, with the bronchi dark in it."""
    radius = 0.15 + 0.17 * size
    u, v = place_in_zone(layers, side, region, rng, 0.6 * radius)
    stretch, turn = float(rng.uniform(0.75, 1.1)), float(rng.uniform(-0.6, 0.6))
    across = ((layers.u - u) * np.cos(turn) + (layers.v - v) * np.sin(turn)) / (radius * 1.1)
    down = ((layers.v - v) * np.cos(turn) - (layers.u - u) * np.sin(turn)) / (radius * stretch)
    cells = max(6, int(3.0 * layers.pose.height_px / (radius * layers.unit_px)))
    fluff = 0.22 * noise_field(rng, layers.u.shape, cells // 2 + 2) + 0.14 * noise_field(rng, layers.u.shape, cells + 4)
    mask = smoothstep(0.82 - (across**2 + down**2) + fluff, 0.55) * layers.lung(side)
    strength = 0.25 + 0.13 * size
    bronchi = np.zeros_like(mask)
    start_u, start_v = hilum_point(side)
    for spread in (-0.3, 0.05, 0.35):
        end_u, end_v = u + radius * (np.sign(u - start_u) * 0.5 - spread * 0.4), v + radius * spread * 1.6
        path_u, path_v = densify(
            np.array([0.35 * start_u + 0.65 * u, end_u]), np.array([0.35 * start_v + 0.65 * v, end_v])
        )
        bronchi = np.maximum(bronchi, np.minimum(stroke(layers, path_u, path_v, 0.006 * layers.unit_px, 0.011), 1.2))
    layers.vessels *= 1.0 - 0.7 * mask
    layers.soft += strength * mask * (0.90 + 0.07 * noise_field(rng, layers.u.shape, cells)) - 0.11 * bronchi * mask
    return mask


def draw_atelectasis(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Plates of collapsed lung: bands that run nearly level, and a little crowding round them."""
    mask = np.zeros_like(layers.u)
    u, v = place_in_zone(layers, side, region, rng, 0.22)
    for plate in range(1 + round(size * 1.6)):
        half_length = (0.17 + 0.15 * size) * float(rng.uniform(0.85, 1.15))
        turn = side * float(rng.uniform(-0.15, 0.45))
        at_u, at_v = u + side * 0.05 * plate * float(rng.uniform(-1, 1)), v - 0.085 * plate
        along = (layers.u - at_u) * np.cos(turn) + (layers.v - at_v) * np.sin(turn)
        bow = 0.18 * float(rng.uniform(-1.0, 1.0)) * along * along / half_length
        off = (layers.v - at_v) * np.cos(turn) - (layers.u - at_u) * np.sin(turn) - bow
        width = (0.020 + 0.020 * size) * float(rng.uniform(0.85, 1.2))
        ends = np.clip(1.0 - (along / half_length) ** 2, 0.0, 1.0)
        mask = np.maximum(mask, bump((off / (1.6 * width)) ** 2) * np.sqrt(ends) * float(rng.uniform(0.85, 1.0)))
    mask *= layers.lung(side)
    haze = bump(((layers.u - u) / 0.3) ** 2 + ((layers.v - v) / 0.2) ** 2) * layers.lung(side)
    layers.soft += (0.23 + 0.08 * size) * mask + 0.04 * haze
    return mask


def draw_nodule(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A rounded, slightly lobed nodule or mass."""
    radius = 0.062 + 0.115 * size
    u, v = place_in_zone(layers, side, region, rng, radius)
    across, down = layers.u - u, layers.v - v
    distance = np.sqrt(across**2 + down**2)
    turn = np.arctan2(down.astype(np.float64), across.astype(np.float64))
    lobes = (
        1.0
        + 0.07 * np.sin(3.0 * turn + float(rng.uniform(0, 6)))
        + 0.05 * np.sin(5.0 * turn + float(rng.uniform(0, 6)))
    )
    inside = (radius * lobes).astype(np.float32) - distance
    mask = smoothstep(inside, 0.016) * (0.66 + 0.34 * np.sqrt(np.clip(inside / radius, 0.0, 1.0)))
    mask = mask * smoothstep(layers.field - 0.2, 0.2)
    layers.soft += (0.24 + 0.07 * size) * mask * layers.field
    return mask


def draw_calcified_nodule(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A small, very dense, sharp nodule, now and then with a satellite."""
    radius = 0.032 + 0.028 * size
    u, v = place_in_zone(layers, side, region, rng, 0.1)
    mask = smoothstep(radius**2 - (layers.u - u) ** 2 - (layers.v - v) ** 2, 0.4 * radius**2)
    if size > 0.6:
        far_u, far_v = u - side * 0.10, v + 0.07
        mask = np.maximum(
            mask, smoothstep((0.6 * radius) ** 2 - (layers.u - far_u) ** 2 - (layers.v - far_v) ** 2, 3e-4)
        )
    layers.soft += (0.34 + 0.08 * size) * mask
    return mask


def draw_edema(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Haze that spreads from the hilum, indistinct swollen vessels, and Kerley's lines at the edge of the base."""
    start_u, start_v = hilum_point(side)
    lung = layers.lung(side)
    reach = 0.42 + 0.28 * size
    squared = ((layers.u - start_u - side * 0.08) / reach) ** 2 + ((layers.v - start_v - 0.16) / (1.35 * reach)) ** 2
    cloud = bump(squared * 0.55) * (1.0 + 0.16 * noise_field(rng, layers.u.shape, 26))
    low = smoothstep(layers.v - 0.6, 0.8)
    layers.vessels *= 1.0 + lung * (0.12 + 0.22 * size) * bump(squared * 0.35)
    lines = np.zeros_like(layers.u)
    for _ in range(6 + int(8 * size)):
        v = float(rng.uniform(1.02, 1.5))
        outer = float(lung_outer(layers.thorax, np.array(v)))
        length = float(rng.uniform(0.08, 0.14))
        path_u, path_v = densify(side * np.array([outer - 0.015, outer - length]), np.array([v, v - 0.012]))
        lines += stroke_light(layers, path_u, path_v)
    layers.soft += lung * ((0.13 + 0.19 * size) * np.clip(cloud, 0, 1.3) + (0.03 + 0.05 * size) * low)
    layers.soft += (0.07 + 0.05 * size) * np.minimum(lines, 1.0) * lung
    return lung


def stroke_light(layers: Layers, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A short thin line as a mask, cheaper than a blurred one: points, spread by a bell of 1.5 pixels."""
    left, right = float(u.min()), float(u.max())
    slope = (v[-1] - v[0]) / (u[-1] - u[0])
    off = layers.v - v[0] - slope * (layers.u - u[0])
    return bump((off / 0.013) ** 2) * smoothstep(layers.u - left, 0.02) * smoothstep(right - layers.u, 0.02)


def draw_scarring(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """An apical cap of uneven thickness with strands that pull towards the hilum."""
    thickness = 0.055 + 0.07 * size
    ragged = thickness * (1.0 + 0.35 * noise_field(rng, layers.u.shape, 30))
    depth = np.minimum(layers.v - layers.roof, (layers.outer - layers.a) * 1.1)
    cap = smoothstep(ragged - depth, 0.055) * layers.lung(side) * smoothstep(0.36 - layers.v, 0.06)
    strands = np.zeros_like(layers.u)
    for _ in range(3 + round(3 * size)):
        a = float(rng.uniform(0.26, 0.56))
        top = float(lung_top(np.array(a))) + 0.04
        end_a, end_v = a - 0.35 * (a - 0.25), top + float(rng.uniform(0.18, 0.3))
        path_u, path_v = densify(
            side * np.array([a, 0.5 * (a + end_a) + 0.02, end_a]), np.array([top, 0.5 * (top + end_v), end_v])
        )
        strands = np.maximum(strands, np.minimum(stroke(layers, path_u, path_v, 0.006 * layers.unit_px, 0.013), 1.3))
    strands *= layers.lung(side)
    layers.soft += (0.17 + 0.07 * size) * cap + (0.11 + 0.05 * size) * strands
    return np.maximum(cap, 0.8 * strands)


def draw_bullae(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Thin-walled air spaces without vessels."""
    whole = np.zeros_like(layers.u)
    wall = np.zeros_like(layers.u)
    for number in range(1 + round(1.6 * size)):
        radius = (0.125 + 0.10 * size) * (1.0 if number == 0 else 0.66)
        u, v = place_in_zone(layers, side, region, rng, 0.8 * radius)
        v += 0.20 * number * (1 if number % 2 else -1)
        distance = np.sqrt(((layers.u - u) / 1.0) ** 2 + ((layers.v - v) / 1.12) ** 2)
        whole = np.maximum(whole, smoothstep(radius - distance, 0.014))
        wall = np.maximum(wall, bump(((distance - radius) / 0.020) ** 2))
    lung = layers.lung(side)
    whole, wall = whole * lung, wall * lung
    layers.vessels *= 1.0 - 0.97 * whole
    layers.soft += 0.11 * wall - (0.09 + 0.04 * size) * whole * layers.air.clip(0.5, 1.0)
    return whole


def draw_hilar_enlargement(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Lobed nodes over a hilum that the thorax has already made larger."""
    u, v = hilum_point(side)
    mask = np.zeros_like(layers.u)
    for node in range(3):
        turn = 2.1 * node + float(rng.uniform(-0.4, 0.4))
        reach = 0.06 + 0.05 * size
        radius = (0.085 + 0.06 * size) * float(rng.uniform(0.85, 1.1))
        squared = (layers.u - u - side * 0.07 - reach * np.cos(turn)) ** 2 + (
            layers.v - v - 1.3 * reach * np.sin(turn)
        ) ** 2
        mask = np.maximum(mask, smoothstep(1.0 - squared / radius**2, 0.5))
    mask *= layers.side == side
    layers.soft += (0.14 + 0.07 * size) * mask * layers.field * (1.0 - 0.6 * layers.middle)
    return mask
