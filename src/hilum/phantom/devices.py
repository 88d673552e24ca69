"""Devices on a frontal picture: lines, tubes, wires, pacemakers. Same form as in opacities.py."""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import CARINA_V
from hilum.phantom.geometry import smoothstep
from hilum.phantom.layers import Layers, densify, stroke


def draw_line(layers: Layers, path: list[tuple[float, float]], width: float, density: float) -> np.ndarray:
    """A smooth line through points of the canonical frame; returns its mask."""
    points = np.array(path)
    for _ in range(3):  # Chaikin's corner cutting
        cut = np.repeat(points, 2, axis=0)
        cut[1:-2:2] = 0.75 * points[:-1] + 0.25 * points[1:]
        cut[2:-1:2] = 0.25 * points[:-1] + 0.75 * points[1:]
        points = cut
    u, v = densify(points[:, 0], points[:, 1], 0.004)
    mask = np.minimum(stroke(layers, u, v, 0.004 * layers.unit_px, width), 1.3)
    layers.metal += density * mask
    return mask


def draw_pacer(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A generator under the left clavicle with leads to the right atrium and the right ventricle."""
    u, v = 0.72 + float(rng.uniform(-0.05, 0.05)), 0.33 + float(rng.uniform(-0.05, 0.06))
    across, down = ((layers.u - u) / 0.145) ** 2, ((layers.v - v) / 0.115) ** 2
    shape = smoothstep(1.0 - (across * across + down * down), 0.12)
    layers.metal += 0.38 * shape
    vein = [(u - 0.05, v - 0.1), (0.42, 0.20), (0.15, 0.30), (-0.10, 0.45), (-0.13, 0.75)]
    tip_u, tip_v = 0.30 + float(rng.uniform(-0.05, 0.08)), 1.36 + float(rng.uniform(-0.04, 0.04))
    ventricle = draw_line(layers, [*vein, (-0.15, 1.1), (0.0, 1.34), (tip_u, tip_v)], 0.010, 0.26)
    atrium = draw_line(layers, [*vein, (-0.15, 1.0), (-0.12, 1.12), (-0.19, 1.02)], 0.010, 0.24)
    return np.maximum(np.maximum(shape, ventricle), atrium)


def draw_picc(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A fine line from the right or left arm; its tip lies in the region, the svc or the cavoatrial junction.

    Returns the mask of the last stretch before the tip.
    """
    tip_v = (0.90 if region == "cavoatrial junction" else 0.66) + float(rng.uniform(-0.05, 0.05))
    if rng.uniform() < 0.6:
        path = [(-1.5, 0.62), (-1.2, 0.36), (-0.85, 0.17), (-0.45, 0.17), (-0.18, 0.30), (-0.13, 0.5), (-0.14, tip_v)]
    else:
        path = [
            (1.5, 0.62),
            (1.2, 0.36),
            (0.85, 0.17),
            (0.4, 0.2),
            (0.1, 0.3),
            (-0.10, 0.42),
            (-0.13, 0.55),
            (-0.14, tip_v),
        ]
    line = draw_line(layers, path, 0.010, 0.28)
    return line * (layers.u < 0.0) * (layers.u > -0.24) * (layers.v > tip_v - 0.35)


def draw_endotracheal_tube(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Two parallel walls and a marker stripe in the trachea; the tip lies some way above the carina."""
    tip = CARINA_V - 0.16 - float(rng.uniform(0.0, 0.16))
    walls = [
        draw_line(layers, [(offset, -0.9), (offset + 0.01, -0.2), (offset, tip)], 0.008, 0.24)
        for offset in (-0.036, 0.036)
    ]
    stripe = draw_line(layers, [(0.012, -0.9), (0.02, -0.2), (0.014, tip + 0.03)], 0.010, 0.30)
    return np.maximum(np.maximum(walls[0], walls[1]), stripe)


def draw_sternotomy_wires(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Six or seven wire loops over the midline."""
    mask = np.zeros_like(layers.u)
    for number in range(6 + int(rng.integers(0, 2))):
        u, v = float(rng.normal(0.0, 0.012)), 0.36 + 0.165 * number + float(rng.normal(0.0, 0.012))
        turn = np.linspace(0.3, 6.1, 90)
        tilt = float(rng.normal(0.0, 0.25))
        x, y = 0.055 * np.cos(turn), 0.030 * np.sin(turn)
        loop = stroke(layers, u + x - tilt * y, v + y + tilt * x, 0.0035 * layers.unit_px, 0.008)
        mask = np.maximum(mask, np.minimum(loop, 1.3))
    layers.metal += 0.34 * mask
    return mask


def draw_enteric_tube(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A feeding tube down the oesophagus into the stomach; returns the mask of its end in the abdomen."""
    end_u = 0.42 + float(rng.uniform(-0.08, 0.12))
    path = [(0.02, -0.9), (0.03, 0.2), (0.05, 0.9), (0.07, 1.45), (0.16, 1.62), (0.30, 1.72), (end_u, 1.82)]
    return draw_line(layers, path, 0.011, 0.19) * (layers.v > 1.3)
