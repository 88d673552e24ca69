"""The 29 regions of Chest ImaGenome on a phantom's thorax.

In: a `Thorax` and a `Pose`. Out: one true box for each region, from the same curves that the picture is drawn with.
"""

from __future__ import annotations

import numpy as np

from hilum.phantom.anatomy import (
    CARINA_V,
    LEFT,
    LOWER_ZONE_V,
    MID_ZONE_V,
    RIGHT,
    Thorax,
    aortic_arch,
    diaphragm,
    heart_border,
    hilum_point,
    lung_outer,
    lung_top,
    spine_line,
)
from hilum.phantom.geometry import Box, Pose, outline_box

PAIRED = (
    "lung",
    "upper lung zone",
    "mid lung zone",
    "lower lung zone",
    "hilar structures",
    "apical zone",
    "costophrenic angle",
    "hemidiaphragm",
)
UNPAIRED = (
    "trachea",
    "spine",
    "right clavicle",
    "left clavicle",
    "aortic arch",
    "mediastinum",
    "upper mediastinum",
    "svc",
    "cardiac silhouette",
    "cavoatrial junction",
    "right atrium",
    "carina",
    "abdomen",
)
REGIONS = tuple(f"{side} {name}" for side in ("right", "left") for name in PAIRED) + UNPAIRED
Outline = tuple[np.ndarray, np.ndarray]


def region_side(region: str) -> int:
    """+1 for a left region, -1 for a right one, 0 for one without a side."""
    return LEFT if region.startswith("left ") else RIGHT if region.startswith("right ") else 0


def region_boxes(thorax: Thorax, pose: Pose) -> dict[str, Box]:
    """The true box of every region (x, y, width, height; original pixels, clipped to the picture)."""
    return {name: outline_box(pose, u, v) for name, (u, v) in region_outlines(thorax).items()}


def region_outlines(thorax: Thorax) -> dict[str, Outline]:
    """Points on the border of every region, in the canonical frame."""
    outlines: dict[str, Outline] = {}
    for side, word in ((RIGHT, "right"), (LEFT, "left")):
        for name, (a, v) in _side_outlines(thorax, side).items():
            outlines[f"{word} {name}"] = (side * a, v)
        outlines[f"{word} clavicle"] = _clavicle(thorax, side)
    outlines.update(_middle_outlines(thorax))
    return {name: outlines[name] for name in REGIONS}


def clavicle_line(thorax: Thorax, a: np.ndarray) -> np.ndarray:
    """Height of the clavicle at distance a from the midline."""
    return 0.245 - thorax.clavicle_slope * (a - 0.15) - 0.04 * np.sin((np.asarray(a, dtype=np.float64) - 0.15) * 6.0)


def _side_outlines(thorax: Thorax, side: int) -> dict[str, Outline]:
    v = np.linspace(0.0, 2.0, 201)
    inner = np.minimum(np.maximum(heart_border(thorax, side, v), 0.1), 0.7)
    outer = lung_outer(thorax, v)
    a = inner + (outer - inner) * np.linspace(0.0, 1.0, 41)[:, None]
    inside = (lung_top(a) <= v) & (v <= diaphragm(thorax, side, a))
    a, v = a[inside], np.broadcast_to(v, a.shape)[inside]
    corner = float(v.max())

    def between(low: float, high: float, from_a: float = 0.0) -> Outline:
        keep = (v >= low) & (v <= high) & (a >= from_a)
        return a[keep], v[keep]

    along = np.linspace(0.2, float(lung_outer(thorax, np.array(corner))), 40)
    dome = diaphragm(thorax, side, along)
    centre_u, centre_v = hilum_point(side)
    size = 0.13 * (thorax.hilum_left if side == LEFT else thorax.hilum_right) ** 0.5
    return {
        "lung": (a, v),
        "upper lung zone": between(0.0, MID_ZONE_V),
        "mid lung zone": between(MID_ZONE_V, LOWER_ZONE_V),
        "lower lung zone": between(LOWER_ZONE_V, 2.0),
        "hilar structures": _frame(abs(centre_u) - size, abs(centre_u) + size, centre_v - 0.19, centre_v + 0.19),
        "apical zone": between(0.0, 0.3),
        "costophrenic angle": between(corner - 0.26, 2.0, 0.7),
        "hemidiaphragm": (np.append(along, along), np.append(dome, np.clip(dome + 0.05, 0.0, corner))),
    }


def _clavicle(thorax: Thorax, side: int) -> Outline:
    a = np.linspace(0.12, 0.98, 30)
    line = clavicle_line(thorax, a)
    return side * np.append(a, a), np.append(line - 0.04, line + 0.04)


def _middle_outlines(thorax: Thorax) -> dict[str, Outline]:
    v = np.linspace(0.78, min(thorax.dome_right, thorax.dome_left) + 0.12, 60)
    right, left = -heart_border(thorax, RIGHT, v), heart_border(thorax, LEFT, v)
    whole = np.linspace(0.02, float(v[-1]), 80)
    edge_right, edge_left = -heart_border(thorax, RIGHT, whole), heart_border(thorax, LEFT, whole)
    arch_u, arch_v, radius = aortic_arch(thorax)
    down = np.linspace(-0.25, 1.95, 40)
    column = spine_line(thorax, down)
    top = CARINA_V
    atrium = float(-right.min())
    return {
        "trachea": _frame(-0.075, 0.075, -0.25, top),
        "spine": (np.append(column - 0.13, column + 0.13), np.append(down, down)),
        "aortic arch": _frame(arch_u - radius, arch_u + radius, arch_v - radius, arch_v + radius),
        "mediastinum": (
            np.concatenate([edge_right, edge_left, [arch_u + radius]]),
            np.append(np.append(whole, whole), arch_v),
        ),
        "upper mediastinum": _frame(-0.2, max(0.2, arch_u + radius), 0.02, CARINA_V + 0.06),
        "svc": _frame(-0.2, -0.04, 0.36, 0.86),
        "cardiac silhouette": (np.append(right, left), np.append(v, v)),
        "cavoatrial junction": _frame(-0.25, -0.05, 0.82, 0.98),
        "right atrium": _frame(-atrium, -0.02, 0.9, 1.38),
        "carina": _frame(-0.1, 0.1, CARINA_V - 0.07, CARINA_V + 0.09),
        "abdomen": _frame(-0.95, 0.95, min(thorax.dome_right, thorax.dome_left), 2.05),
    }


def _frame(left: float, right: float, top: float, bottom: float) -> Outline:
    return np.array([left, right, right, left]), np.array([top, top, bottom, bottom])
