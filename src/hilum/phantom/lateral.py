"""A lateral picture: simple, and plausible. The patient faces the picture's left.

In: a thorax, the findings. Out: grey levels. Only what a lateral shows well is drawn: effusion, heart size, hila,
hyperaeration; the rest of the findings is left to the frontal pictures, which alone carry boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hilum.phantom.anatomy import SIZE_OF_SEVERITY, Thorax, deform_thorax
from hilum.phantom.case import DrawnFinding
from hilum.phantom.exposure import draw_exposure, expose
from hilum.phantom.geometry import bump, smoothstep
from hilum.phantom.layers import noise_field


@dataclass(frozen=True)
class _Frame:
    """The grid of a lateral picture (u to the back, v down) and the borders of the chest on it."""

    thorax: Thorax
    u: np.ndarray
    v: np.ndarray
    front: np.ndarray
    back: np.ndarray
    floor: np.ndarray
    lung: np.ndarray


def draw_lateral(
    person: Thorax, findings: tuple[DrawnFinding, ...], image_px: int, rng: np.random.Generator
) -> np.ndarray:
    """One lateral film: (height, width) float64, 0 to 255."""
    thorax = deform_thorax(person, findings)
    height = round(image_px * float(rng.uniform(0.94, 1.06)))
    width = round(height * float(rng.uniform(0.78, 0.88)))
    scale = height * float(rng.uniform(0.40, 0.43))
    x = (np.arange(width)[None, :] + 0.5 - width * (0.5 + float(rng.normal(0, 0.015)))) / scale
    y = (np.arange(height)[:, None] + 0.5 - height * 0.5) / scale
    tilt = float(rng.normal(0.0, 0.03))
    frame = _frame(thorax, x + tilt * y, y - tilt * x + 0.95)
    density = _body(frame) + _bones(frame) + _heart(frame) + _vessels(frame, rng) + _fluid(frame, findings)
    return expose(np.maximum(density, 0.0), draw_exposure(rng, "PA", (width, height)), rng)


def _frame(thorax: Thorax, u: np.ndarray, v: np.ndarray) -> _Frame:
    down = np.clip((v - 0.05) / 1.1, 0.0, 1.0)
    front = -0.30 - 0.48 * down * (1.6 - 0.6 * down) * 0.95
    back = 0.50 + 0.21 * np.sin(np.clip((v + 0.05) / 1.9, 0.0, 1.0) * 2.7)
    dome = 1.34 + 0.5 * (thorax.dome_right - 1.465) + 0.12 * thorax.hyperaeration
    rise = (0.80 - 0.4 * thorax.hyperaeration) * np.clip(u + 0.2, 0, 2) ** 2
    floor = dome + rise + 0.22 * np.clip(-0.2 - u, 0, 2) ** 2
    top = 0.08 + 1.1 * (u - 0.08) ** 2
    lung = smoothstep(u - front - 0.02, 0.03) * smoothstep(back - u, 0.05)
    lung *= smoothstep(floor - v, 0.018) * smoothstep(v - top, 0.10)
    return _Frame(thorax, u, v, front, back, floor, lung)


def _body(f: _Frame) -> np.ndarray:
    fat = 0.08 + 0.10 * f.thorax.habitus
    chest = np.minimum(f.u - f.front + fat, f.back + 0.16 + fat - f.u)
    top = -0.16 + 0.55 * np.clip(np.abs(f.u - 0.10) - 0.22, 0.0, 1.0)
    neck_axis = 0.10 - 0.16 * (f.v - 0.1)
    neck = 0.34 + 0.06 * f.thorax.habitus - np.abs(f.u - neck_axis)
    shape = np.maximum(smoothstep(chest, 0.03) * smoothstep(f.v - top, 0.05), smoothstep(neck, 0.03) * (f.v < 0.5))
    depth = np.clip(np.minimum(f.u - f.front + 0.04, f.back + 0.02 - f.u) / 0.42, 0.0, 1.0)
    thick = np.sqrt(1.0 - (1.0 - depth) ** 2)
    low = 0.80 + 0.2 * smoothstep(f.v - 0.85, 0.5)  # the base is thinner, so blacker, than the shoulder girdle
    air = f.lung * thick * (0.36 + 0.06 * f.thorax.hyperaeration) * low
    arms = 0.16 * smoothstep(0.30 - f.v, 0.28) * smoothstep(0.5 - np.abs(f.u - 0.05), 0.15)
    below = smoothstep(f.v - f.floor, 0.018) * 0.12 + smoothstep(f.v - f.floor - 0.05, 0.02) * 0.03
    edge = np.clip(chest / 0.22, 0.0, 1.0) * 0.35 + 0.65
    return (
        shape * (0.70 + 0.06 * f.thorax.habitus + below + arms) * (edge + (1.0 - edge) * smoothstep(0.2 - f.v, 0.25))
        - air
    )


def _bones(f: _Frame) -> np.ndarray:
    middle = f.back - 0.09
    spacing = 0.135 + 0.02 * np.clip(f.v, 0, 2)
    part = (f.v + 0.3 - 0.25 * (f.u - middle)) / spacing
    part = part - np.floor(part)
    column = smoothstep(0.085 - np.abs(f.u - middle), 0.02)
    disc, plate = bump(((part - 0.5) / 0.2) ** 2), bump(((np.abs(part - 0.5) - 0.24) / 0.1) ** 2)
    fade = 1.0 - 0.45 * smoothstep(0.5 - f.v, 0.3)
    spine = column * (0.13 - 0.08 * disc + 0.05 * plate) * fade
    sternum = bump(((f.u - f.front + 0.02) / 0.045) ** 2) * smoothstep(f.v - 0.2, 0.06)
    sternum *= smoothstep(1.10 - f.v, 0.1) * 0.13
    ribs = np.zeros_like(f.u)
    for slope, start in ((0.42, 0.02), (0.55, 0.09)):  # the ribs of both sides do not fall together
        course = (f.v - start + slope * (f.u - 0.5) + 0.35 * (f.u - 0.1) ** 2) / 0.185
        ribs += bump(((course - np.round(course)) * 0.185 / 0.028) ** 2) * 0.04
    ribs *= 1.0 - 0.7 * smoothstep(f.v - f.floor, 0.05)
    ribs *= smoothstep(f.u - f.front - 0.03, 0.05) * smoothstep(f.back + 0.12 - f.u, 0.05)
    blade = bump(((f.u - 0.52 - 0.12 * (f.v - 0.3)) / 0.035) ** 2) * smoothstep(0.62 - f.v, 0.1) * (f.v > -0.1)
    return spine + sternum + ribs * smoothstep(f.v - 0.12, 0.1) * smoothstep(1.8 - f.v, 0.1) + 0.06 * blade


def _heart(f: _Frame) -> np.ndarray:
    size = f.thorax.heart
    u, v = f.u + 0.36, f.v - 1.10 - 0.05 * (size - 1.0)
    across, down = (u * 0.87 + v * 0.50) / (0.30 * size), (v * 0.87 - u * 0.50) / (0.43 * size)
    squared = across * across + down * down
    heart = smoothstep(1.0 - squared, 0.22) * (0.11 + 0.13 * np.sqrt(np.clip(1.0 - squared, 0.0, 1.0)))
    heart *= 1.0 - 0.8 * smoothstep(f.v - f.floor, 0.03)
    great = smoothstep(0.16 - np.abs(f.u + 0.12 + 0.35 * (f.v - 0.7)), 0.10) * smoothstep(f.v - 0.42, 0.1)
    great *= smoothstep(0.95 - f.v, 0.15) * 0.08
    arch = bump(((np.hypot(f.u - 0.10, f.v - 0.62) - 0.19) / 0.10) ** 2) * smoothstep(0.66 - f.v, 0.08)
    arch *= 0.06 + 0.04 * max(0.0, f.thorax.aorta - 0.8)
    descending = bump(((f.u - 0.30 - 0.10 * (f.v - 0.7)) / 0.09) ** 2) * smoothstep(f.v - 0.6, 0.1) * 0.03
    trachea = bump(((f.u - 0.08 - 0.20 * (f.v - 0.2)) / 0.055) ** 2) * smoothstep(0.76 - f.v, 0.05)
    return np.asarray(heart + great + arch + descending * f.lung - 0.10 * trachea)


def _vessels(f: _Frame, rng: np.random.Generator) -> np.ndarray:
    size = 0.5 * (f.thorax.hilum_left + f.thorax.hilum_right)
    u, v = f.u - 0.03, f.v - 0.82
    hilum = bump((u / (0.15 * size)) ** 2 + (v / (0.20 * size)) ** 2) * 0.13
    lines = np.zeros_like(f.u)
    for turn in np.linspace(0.3, 6.2, 11) + rng.normal(0.0, 0.2, 11):
        along = u * np.cos(turn) + v * np.sin(turn)
        off = v * np.cos(turn) - u * np.sin(turn) - float(rng.normal(0.0, 0.8)) * along * along
        width = 0.034 * np.clip(1.0 - along / 0.6, 0.3, 1.0)
        lines = np.maximum(
            lines, bump((off / width) ** 2) * np.clip(1.0 - along / 0.6, 0.0, 1.0) * smoothstep(along - 0.08, 0.07)
        )
    grain = noise_field(rng, f.u.shape, 40) * 0.010
    return np.asarray((hilum + 0.06 * lines + grain) * f.lung)


def _fluid(f: _Frame, findings: tuple[DrawnFinding, ...]) -> np.ndarray:
    sizes = [SIZE_OF_SEVERITY[row.severity] for row in findings if row.finding == "pleural_effusion"]
    if not sizes:
        return np.zeros_like(f.u)
    inset = np.clip(f.back - f.u, 0.0, 2.0)
    surface = 1.72 - 0.75 * max(sizes) + 0.3 * (1.0 - 1.0 / (1.0 + (inset / 0.2) ** 2))
    return smoothstep(f.v - surface, 0.04) * f.lung * 0.28
