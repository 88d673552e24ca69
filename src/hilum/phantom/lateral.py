"""A lateral picture: simple, and plausible. The patient faces the picture's left.

In: a thorax, the findings. Out: grey levels. Only what a lateral shows well is drawn: effusion, heart size,
hyperaeration; the rest of the findings is left to the frontal pictures, which alone carry boxes.
"""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import SIZE_OF_SEVERITY, Thorax, deform_thorax
from hilum.phantom.case import DrawnFinding
from hilum.phantom.exposure import draw_exposure, expose
from hilum.phantom.geometry import bump, smoothstep


def draw_lateral(
    person: Thorax, findings: tuple[DrawnFinding, ...], image_px: int, rng: np.random.Generator
) -> np.ndarray:
    """One lateral film: (height, width) float64, 0 to 255."""
    thorax = deform_thorax(person, findings)
    height = round(image_px * float(rng.uniform(0.94, 1.06)))
    width = round(height * float(rng.uniform(0.78, 0.88)))
    scale = height * float(rng.uniform(0.40, 0.43))
    x = (np.arange(width)[None, :] + 0.5 - width * (0.5 + float(rng.normal(0, 0.015)))) / scale
    v = (np.arange(height)[:, None] + 0.5 - height * 0.5) / scale + 0.95
    tilt = float(rng.normal(0.0, 0.03))
    u, v = x + tilt * (v - 0.95), v - tilt * x
    density = _body(thorax, u, v) + _bones(u, v) + _heart(thorax, u, v) + _fluid(findings, u, v)
    film = draw_exposure(rng, "PA", (width, height))
    return expose(np.maximum(density, 0.0), film, rng)


def _front(v: np.ndarray) -> np.ndarray:
    return -0.42 - 0.34 * np.clip((v - 0.1) / 1.0, 0.0, 1.0) ** 0.8


def _back(v: np.ndarray) -> np.ndarray:
    return 0.50 + 0.20 * np.sin(np.clip((v - 0.05) / 1.7, 0.0, 1.0) * 2.6)


def _domes(thorax: Thorax, u: np.ndarray, lift: float) -> np.ndarray:
    dome = 1.36 + 0.5 * (thorax.dome_right - 1.40) + 0.14 * thorax.hyperaeration + lift
    return (
        dome + (0.95 - 0.5 * thorax.hyperaeration) * np.clip(u + 0.18, 0, 2) ** 2 + 0.25 * np.clip(-0.18 - u, 0, 2) ** 2
    )


def _body(thorax: Thorax, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    fat = 0.08 + 0.10 * thorax.habitus
    shape = smoothstep(u - _front(v) + fat, 0.03) * smoothstep(_back(v) + 0.20 + fat - u, 0.03)
    arm = smoothstep(0.42 - np.abs(u + 0.05 - 0.3 * (v + 0.2)), 0.06) * smoothstep(0.18 - v, 0.2)
    floor = np.minimum(_domes(thorax, u, 0.0), _domes(thorax, u, 0.07) + 0.02)
    top = 0.12 + 0.9 * (u - 0.08) ** 2
    lung = smoothstep(u - _front(v) - 0.02, 0.03) * smoothstep(_back(v) + 0.02 - u, 0.04)
    lung *= smoothstep(floor - v, 0.02) * smoothstep(v - top, 0.09)
    air = lung * (0.42 + 0.06 * thorax.hyperaeration)
    below = smoothstep(v - floor, 0.02) * 0.10
    return shape * (0.80 + 0.06 * thorax.habitus - 0.08 * smoothstep(v - 0.7, 0.7) + below) + 0.12 * arm - air


def _bones(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    middle = _back(v) - 0.10
    spacing = 0.135 + 0.02 * np.clip(v, 0, 2)
    part = (v + 0.3 - 0.25 * (u - middle)) / spacing
    part = part - np.floor(part)
    column = smoothstep(0.085 - np.abs(u - middle), 0.015)
    vertebrae = column * (
        0.16 - 0.09 * bump(((part - 0.5) / 0.2) ** 2) + 0.05 * bump(((np.abs(part - 0.5) - 0.24) / 0.1) ** 2)
    )
    sternum = (
        bump(((u - _front(v) + 0.03) / 0.035) ** 2) * smoothstep(v - 0.15, 0.05) * smoothstep(1.15 - v, 0.1) * 0.16
    )
    course = (v - 0.55 * (0.6 - u) ** 1.0 * 0.45 - 0.03) / 0.19
    rib = np.abs(course - np.round(course)) * 0.19
    ribs = bump((rib / 0.03) ** 2) * 0.05 * smoothstep(u - _front(v), 0.04) * smoothstep(_back(v) + 0.1 - u, 0.04)
    ribs *= smoothstep(v - 0.15, 0.1) * smoothstep(1.75 - v, 0.1)
    return vertebrae + sternum + ribs


def _heart(thorax: Thorax, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    size = thorax.heart
    across, down = (u + 0.33) * 0.88 + (v - 1.12) * 0.47, (v - 1.12) * 0.88 - (u + 0.33) * 0.47
    heart = smoothstep(1.0 - (across / (0.30 * size)) ** 2 - (down / (0.38 * size)) ** 2, 0.18) * 0.22
    aorta = bump(((np.hypot(u - 0.05, v - 0.62) - 0.20) / 0.11) ** 2) * smoothstep(0.66 - v, 0.06) * 0.09
    hilum = (
        bump((u - 0.02) ** 2 / 0.02 + (v - 0.80) ** 2 / 0.03) * 0.16 * np.sqrt(thorax.hilum_left * thorax.hilum_right)
    )
    trachea = bump(((u - 0.10 - 0.14 * (v - 0.2)) / 0.06) ** 2) * smoothstep(0.74 - v, 0.05) * smoothstep(v + 0.3, 0.1)
    vessels = (
        bump(((u - 0.12 - 0.35 * (v - 0.8)) / 0.10) ** 2) * smoothstep(v - 0.8, 0.05) * smoothstep(1.35 - v, 0.1) * 0.05
    )
    return np.asarray(heart + aorta + hilum - 0.12 * trachea + vessels)


def _fluid(findings: tuple[DrawnFinding, ...], u: np.ndarray, v: np.ndarray) -> np.ndarray:
    sizes = [SIZE_OF_SEVERITY[f.severity] for f in findings if f.finding == "pleural_effusion"]
    if not sizes:
        return np.zeros_like(u)
    level = 1.80 - 0.62 * max(sizes) + 0.25 * np.clip(0.5 - u, 0.0, 1.0)
    return smoothstep(v - level, 0.04) * smoothstep(u + 0.05, 0.2) * smoothstep(_back(v) - u, 0.03) * 0.24
