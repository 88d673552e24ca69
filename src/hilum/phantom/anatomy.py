"""The thorax of one person in one exposure: its measures, and the curves that bound lungs, heart and diaphragm.

In: a generator. Out: a `Thorax` and the curves (canonical units, see geometry.py) that both the picture and the
true region boxes are made from. Side +1 is the patient's left, -1 the right; `a` is the distance from the midline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.interpolate import PchipInterpolator

from hilum.phantom.case import DrawnFinding

LEFT, RIGHT = 1, -1
SIZE_OF_SEVERITY = {"minimal": 0.25, "mild": 0.5, "moderate": 0.75, "severe": 1.0}
CARINA_V, CLAVICLE_V, MID_ZONE_V, LOWER_ZONE_V = 0.60, 0.17, 0.60, 1.04
_TABLE_FROM, _TABLE_TO, _TABLE_ROWS = -1.0, 3.0, 8192

_OUTER = ((-1.0, 0.55), (0.0, 0.60), (0.15, 0.695), (0.3, 0.785), (0.5, 0.87), (0.8, 0.945), (1.1, 0.985), (1.4, 1.0),
          (1.75, 0.985), (2.1, 0.95), (3.0, 0.9))  # fmt: skip
_RIGHT_BORDER = ((-1.0, 0.10), (0.0, 0.12), (0.2, 0.17), (0.45, 0.185), (0.7, 0.19), (0.85, 0.21), (1.0, 0.27),
                 (1.2, 0.325), (1.35, 0.31), (1.5, 0.26), (1.7, 0.2), (3.0, 0.2))  # fmt: skip
_LEFT_BORDER = ((-1.0, 0.10), (0.0, 0.11), (0.25, 0.13), (0.6, 0.18), (0.75, 0.23), (0.85, 0.32), (0.95, 0.425),
                (1.1, 0.54), (1.22, 0.605), (1.34, 0.635), (1.45, 0.635), (1.55, 0.61), (1.65, 0.56), (1.8, 0.45),
                (3.0, 0.2))  # fmt: skip


@dataclass(frozen=True)
class Thorax:
    """Measures of one thorax, canonical units unless said. habitus: 0 lean to 1 obese. hyperaeration: 0 to 1."""

    sex: str
    habitus: float
    aspect: float
    width_at_top: float
    heart: float
    heart_shift: float
    aorta: float
    dome_right: float
    dome_left: float
    dome_height: float
    rib_spacing: float
    rib_phase: float
    rib_slope: float
    clavicle_slope: float
    spine_bow: float
    spine_phase: float
    breast: float
    breast_v: float
    stomach: tuple[float, float, float]
    scapula: float
    arm_angle: float
    hilum_right: float
    hilum_left: float
    hyperaeration: float = 0.0


def draw_thorax(rng: np.random.Generator, sex: str, age: int) -> Thorax:
    """A person's thorax, from which all of their studies start."""
    habitus = float(np.clip(rng.normal(0.42, 0.24), 0.0, 1.0))
    return Thorax(
        sex=sex,
        habitus=habitus,
        aspect=float(rng.normal(1.06 if sex == "M" else 1.01, 0.055) - 0.08 * (habitus - 0.4)),
        width_at_top=float(rng.normal(0.0, 0.045)),
        heart=float(np.clip(rng.normal(0.93 + 0.05 * habitus + 0.0006 * (age - 50), 0.055), 0.8, 1.06)),
        heart_shift=float(rng.normal(0.0, 0.03)),
        aorta=float(np.clip(rng.normal(0.75 + 0.005 * (age - 40), 0.12), 0.5, 1.1)),
        dome_right=float(rng.normal(1.465, 0.035)),
        dome_left=float(rng.normal(1.53, 0.035)),
        dome_height=float(rng.normal(0.30, 0.03)),
        rib_spacing=float(rng.normal(0.168, 0.007)),
        rib_phase=float(rng.uniform(-0.04, 0.04)),
        rib_slope=float(rng.normal(1.0, 0.12)),
        clavicle_slope=float(rng.normal(0.17, 0.05)),
        spine_bow=float(rng.normal(0.0, 0.012)),
        spine_phase=float(rng.uniform(0.0, 6.28)),
        breast=float(rng.uniform(0.35, 1.0)) if sex == "F" else 0.0,
        breast_v=float(rng.normal(1.58, 0.12)),
        stomach=(float(rng.normal(0.5, 0.08)), float(rng.normal(1.75, 0.05)), float(rng.uniform(0.05, 0.15))),
        scapula=float(rng.uniform(0.0, 1.0)),
        arm_angle=0.4,
        hilum_right=float(rng.normal(0.95, 0.1)),
        hilum_left=float(rng.normal(0.95, 0.1)),
    )


def expose_thorax(thorax: Thorax, rng: np.random.Generator, view: str) -> Thorax:
    """The same thorax at one exposure: another breath; an AP film breathes less, magnifies the heart."""
    breath = float(rng.normal(0.0, 0.022)) - (0.05 if view == "AP" else 0.0)
    return replace(
        thorax,
        dome_right=thorax.dome_right + breath,
        dome_left=thorax.dome_left + breath,
        heart=thorax.heart * (1.06 if view == "AP" else 1.0),
        clavicle_slope=thorax.clavicle_slope + float(rng.normal(0.06 if view == "AP" else 0.0, 0.02)),
        arm_angle=float(rng.uniform(0.06, 0.5)),
        scapula=min(1.0, thorax.scapula * 0.5 + (0.5 if view == "AP" else 0.0)),
    )


def deform_thorax(thorax: Thorax, findings: tuple[DrawnFinding, ...]) -> Thorax:
    """The thorax as its findings have made it: those that move borders rather than lie in a lung."""
    for finding in findings:
        size = SIZE_OF_SEVERITY[finding.severity]
        right = finding.region.startswith("right ")
        if finding.finding == "enlarged_cardiac_silhouette":
            thorax = replace(thorax, heart=thorax.heart * (1.10 + 0.33 * size))
        elif finding.finding == "tortuous_aorta":
            thorax = replace(thorax, aorta=1.25 + 0.75 * size)
        elif finding.finding == "scoliosis":
            sign = 1.0 if thorax.spine_phase > 3.14 else -1.0
            thorax = replace(thorax, spine_bow=sign * (0.05 + 0.13 * size))
        elif finding.finding == "elevated_hemidiaphragm":
            raised = 0.16 + 0.30 * size
            if right:
                thorax = replace(thorax, dome_right=thorax.dome_right - raised)
            else:
                thorax = replace(thorax, dome_left=thorax.dome_left - raised)
        elif finding.finding == "enlarged_hilum":
            grown = 1.35 + 0.65 * size
            thorax = replace(thorax, hilum_right=grown) if right else replace(thorax, hilum_left=grown)
        elif finding.finding == "hyperaeration" and not thorax.hyperaeration:
            thorax = _inflate(thorax, size)
    return thorax


def _inflate(thorax: Thorax, size: float) -> Thorax:
    return replace(
        thorax,
        hyperaeration=0.4 + 0.6 * size,
        dome_right=thorax.dome_right + 0.08 + 0.10 * size,
        dome_left=thorax.dome_left + 0.08 + 0.10 * size,
        dome_height=thorax.dome_height * (0.62 - 0.30 * size),
        heart=thorax.heart * (0.92 - 0.10 * size),
        rib_slope=thorax.rib_slope * 0.6,
        aspect=thorax.aspect * (1.02 + 0.05 * size),
    )


@cache
def _table(points: tuple[tuple[float, float], ...]) -> np.ndarray:
    at, values = zip(*points, strict=True)
    curve = PchipInterpolator(at, values)(np.linspace(_TABLE_FROM, _TABLE_TO, _TABLE_ROWS))
    return np.asarray(curve, dtype=np.float32)


def _look_up(points: tuple[tuple[float, float], ...], v: np.ndarray) -> np.ndarray:
    step = (_TABLE_ROWS - 1) / (_TABLE_TO - _TABLE_FROM)
    rows = ((np.asarray(v) - _TABLE_FROM) * step + 0.5).astype(np.intp)
    return _table(points).take(rows, mode="clip")


def lung_outer(thorax: Thorax, v: np.ndarray) -> np.ndarray:
    """Distance from the midline of the inner chest wall at height v."""
    return _look_up(_OUTER, v) + thorax.width_at_top * np.clip(1.0 - v, 0.0, 1.0)


def lung_top(a: np.ndarray) -> np.ndarray:
    """Height of the pleural dome at distance a from the midline."""
    return 2.5 * (a - 0.37) ** 2


def diaphragm(thorax: Thorax, side: int, a: np.ndarray) -> np.ndarray:
    """Height of the hemidiaphragm of a side at distance a from the midline."""
    dome = thorax.dome_left if side == LEFT else thorax.dome_right
    out, inward = np.clip((a - 0.45) / 0.53, 0.0, 1.3), np.clip((0.45 - a) / 0.45, 0.0, 1.0)
    height = max(thorax.dome_height, 0.05)
    flatten = max(0.0, 1.79 + 0.1 * thorax.hyperaeration - dome - height)  # the angle stays where the ribs hold it
    sink = 0.10 + 0.8 * max(0.0, 1.42 - dome)
    return dome + (height + flatten) * out * out * (0.55 + 0.45 * out) + sink * inward * inward


def heart_border(thorax: Thorax, side: int, v: np.ndarray) -> np.ndarray:
    """Distance from the midline of the mediastinum and heart at height v, without the aortic arch."""
    points = _LEFT_BORDER if side == LEFT else _RIGHT_BORDER
    lift = np.clip((np.asarray(v) - 0.75) / 0.3, 0.0, 1.0)
    drop = 0.14 * max(0.0, thorax.heart - 1.0)  # a big heart lies lower and reaches higher
    border = _look_up(points, np.asarray(v) - drop * np.clip(np.asarray(v) - 1.0, -0.5, 0.6))
    return border * (1.0 + (thorax.heart - 1.0) * lift) + side * thorax.heart_shift * lift


def aortic_arch(thorax: Thorax) -> tuple[float, float, float]:
    """Centre u, centre v and radius of the aortic knob."""
    radius = 0.10 + 0.055 * thorax.aorta
    return 0.07 + 0.075 * thorax.aorta, 0.53 - 0.05 * (thorax.aorta - 0.8), radius


def spine_line(thorax: Thorax, v: np.ndarray) -> np.ndarray:
    """u of the middle of the spine at height v."""
    turn = 2.6 * (np.asarray(v, dtype=np.float64) - 0.9) + (1.2 if thorax.spine_phase < 3.14 else 1.9)
    return thorax.spine_bow * np.sin(turn)


def hilum_point(side: int) -> tuple[float, float]:
    """u and v of the middle of a hilum; the left one lies higher."""
    return (0.30, 0.745) if side == LEFT else (-0.29, 0.80)
