"""Findings of the pleura, the chest wall, the mediastinum and the aorta.

Same form as in opacities.py: draw on the layers, return the mask.
"""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import aortic_arch, lung_outer
from hilum.phantom.geometry import bump, smoothstep
from hilum.phantom.layers import Layers, densify, noise_field, stroke
from hilum.phantom.skeleton import rib_height


def _corner_v(layers: Layers) -> float:
    """Height of the bottom of the lungs beside the chest wall."""
    return 1.79 + 0.1 * layers.thorax.hyperaeration


def draw_effusion(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Fluid in the angle with a meniscus: highest along the chest wall, concave towards the lung."""
    height = 0.15 + 0.28 * size + 0.57 * size**3
    level = _corner_v(layers) - height * float(rng.uniform(0.92, 1.08))
    inset = np.clip(layers.outer - layers.a, 0.0, 2.0)
    sag = (0.08 + 0.28 * height) * (1.0 - 1.0 / (1.0 + (inset / 0.16) ** 2))
    surface = level + sag
    whole = layers.field * (layers.side == side) * (1.0 - 0.55 * layers.middle)
    mask = smoothstep(layers.v - surface, 0.035) * whole
    layers.vessels *= 1.0 - mask
    layers.soft += 0.33 * mask * layers.air.clip(0.35, 1.0) + 0.03 * mask
    layers.soft += 0.05 * bump(((layers.v - surface + 0.05) / 0.1) ** 2) * whole
    return mask


def draw_blunting(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """The costophrenic angle filled in by a straight or slightly rounded scar."""
    reach = 0.13 + 0.11 * size
    corner_a = float(lung_outer(layers.thorax, np.array(1.6)))
    cut = (_corner_v(layers) - layers.v) * 0.8 + (corner_a - layers.a)
    mask = smoothstep(reach * 1.5 - cut, 0.03) * layers.lung(side) * (layers.v > 1.2)
    layers.soft += 0.36 * mask * layers.air.clip(0.5, 1.0) + 0.03 * mask
    layers.vessels *= 1.0 - mask
    rim = bump(((cut - reach * 1.5) / 0.035) ** 2) * layers.lung(side) * (layers.v > 1.25)
    layers.soft += 0.07 * rim
    return mask


def draw_pneumothorax(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A thin pleural line, and black without vessels between it and the chest wall; widest at the apex."""
    depth = 0.075 + 0.10 * size + 0.17 * size**3
    length = 0.50 + 0.75 * size
    wall = np.minimum(layers.outer - layers.a, (layers.v - layers.roof) * 0.95)
    inset = depth * np.sqrt(np.clip(1.0 - layers.v / length, 0.0, 1.0)) * float(rng.uniform(0.92, 1.08))
    lung = layers.field * (layers.side == side)
    there = (inset > 0.012) * lung
    mask = smoothstep(inset - wall, 0.010) * there
    line = bump(((wall - inset) / 0.019) ** 2) * there
    layers.vessels *= 1.0 - mask
    collapsed = smoothstep(wall - inset, 0.03) * layers.lung(side)
    layers.soft += 0.13 * line - (0.17 - 0.06 * layers.air) * mask + 0.05 * size * collapsed
    return mask


def draw_rib_fracture(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Two or three neighbouring ribs broken at the side: a step, a gap, and callus or a pleural bruise round it."""
    first = int(rng.integers(3, 6))
    share = float(rng.uniform(0.72, 0.86))
    mask = np.zeros_like(layers.u)
    for number in range(1 + round(2 * size)):
        at = share + float(rng.uniform(-0.03, 0.03))
        v = float(rib_height(layers.thorax, first + number, at))
        a = at * float(lung_outer(layers.thorax, np.array(v)))
        across, down = layers.a - a, layers.v - v - 0.35 * (layers.a - a)
        here = layers.side == side
        callus = bump((across / 0.115) ** 2 + (down / 0.075) ** 2) * here
        gap = bump((across / 0.016) ** 2) * bump((down / 0.055) ** 2) * here
        shifted = bump((across - 0.045) ** 2 / 0.05**2 + ((down - 0.04) / 0.022) ** 2) * here
        layers.soft += (0.22 + 0.08 * size) * callus - 0.24 * gap + 0.12 * shifted
        bruise = bump((across / 0.2) ** 2 + (down / 0.15) ** 2) * here
        layers.soft += 0.07 * bruise * layers.field
        mask = np.maximum(mask, callus)
    return mask


def draw_subcutaneous_air(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """Streaks of air between the muscles of the chest wall and above the clavicle."""
    waves = noise_field(rng, layers.u.shape, 9) + 0.4 * noise_field(rng, layers.u.shape, 24)
    turn = (44.0 * (layers.a - 0.30 * layers.v) + 1.5 * waves).astype(np.float64)
    grain = np.sin(turn).astype(np.float32) * 0.8 + 0.35 * waves
    band = smoothstep(layers.a - layers.outer - 0.015, 0.03) * smoothstep(layers.outer + 0.26 - layers.a, 0.06)
    reach = 0.5 + 0.75 * size
    band *= smoothstep(reach - np.abs(layers.v - 0.75), 0.12)
    above = bump(((layers.a - 0.55) / 0.34) ** 2 + ((layers.v + 0.06) / 0.14) ** 2)
    mask = np.maximum(band, above) * (layers.side == side) * smoothstep(layers.body - 0.45, 0.08)
    layers.soft -= (0.15 + 0.10 * size) * mask * smoothstep(grain, 0.9)
    return mask


def draw_hernia(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A hiatal hernia: a round shadow behind the heart with an air-fluid level."""
    radius = 0.15 + 0.11 * size
    u, v = 0.10 + float(rng.uniform(-0.03, 0.06)), 1.40 - 0.55 * radius
    distance = np.sqrt((layers.u - u) ** 2 + ((layers.v - v) * 1.1) ** 2)
    mask = smoothstep(radius - distance, 0.02)
    wall = bump(((distance - radius + 0.02) / 0.03) ** 2)
    gas = mask * smoothstep(v - 0.1 * radius - layers.v, 0.012) * smoothstep(0.85 * radius - distance, 0.03)
    layers.soft += 0.09 * mask + 0.06 * wall - (0.26 + 0.06 * size) * gas
    return mask


def draw_arch_calcification(
    layers: Layers, side: int, region: str, size: float, rng: np.random.Generator
) -> np.ndarray:
    """A bright crescent in the wall of the aortic knob."""
    u, v, radius = aortic_arch(layers.thorax)
    turn = np.linspace(-1.5, 0.9 + 0.5 * size, 80)
    reach = radius - 0.018
    arc = stroke(layers, u + reach * np.cos(turn), v + reach * np.sin(turn), 0.003 * layers.unit_px, 0.013)
    mask = np.minimum(arc, 1.3)
    layers.soft += (0.26 + 0.12 * size) * mask
    return mask


def draw_chest_tube(layers: Layers, side: int, region: str, size: float, rng: np.random.Generator) -> np.ndarray:
    """A drain that enters between the ribs and runs up towards the apex, with the gap of its side hole."""
    end_a, end_v = 0.40 + float(rng.uniform(-0.05, 0.08)), 0.28 + float(rng.uniform(-0.06, 0.15))
    entry = 1.15 + float(rng.uniform(-0.1, 0.15))
    path_a = np.array([1.35, 1.05, 0.90, 0.78, 0.62, end_a])
    path_v = np.array([entry + 0.12, entry, entry - 0.13, entry - 0.35, 0.5 * (entry + end_v) - 0.12, end_v])
    u, v = densify(side * path_a, path_v, 0.004)
    weight = np.full(u.shape, 0.004 * layers.unit_px)
    weight[int(0.8 * u.size) : int(0.8 * u.size) + 6] = 0.0
    tube = np.minimum(stroke(layers, u, v, weight, 0.017), 1.2)
    layers.soft += 0.26 * tube
    return tube
