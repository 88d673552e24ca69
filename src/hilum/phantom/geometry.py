"""Where a point of the thorax falls on the picture, and back.

In: a `Pose`. Out: arrays of coordinates. The canonical frame has its origin in the midline at the height of the
lung apices; u grows to the patient's left (the picture's right), v downwards; half the widest lung field is 1.
The mapping is a rotation, a scale for each axis and a smooth bend of a few hundredths, so boxes follow it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Box = tuple[float, float, float, float]
FOCUS_V = 0.92  # the point (0, FOCUS_V) lies at the pose's centre


@dataclass(frozen=True)
class Pose:
    """One exposure: size of the picture, and how the thorax lies on it.

    scale_x_px, scale_y_px: pixels of a canonical unit. angle: radians, clockwise. centre_x_px, centre_y_px: where
    (0, FOCUS_V) falls. bend: amplitude and phase of the bend along u, the same along v, and its wave number.
    """

    width_px: int
    height_px: int
    scale_x_px: float
    scale_y_px: float
    angle: float
    centre_x_px: float
    centre_y_px: float
    bend: tuple[float, float, float, float, float]


def canonical_grid(pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Canonical u and v of every pixel's centre, (height, width) float32 each.

    What is drawn from them is float32 too: sums, products and roots, which are exact on any machine; a sine or a
    power goes through float64, so that its last bit, which may differ between machines, is not seen.
    """
    x = np.arange(pose.width_px)[None, :] + 0.5 - pose.centre_x_px
    y = np.arange(pose.height_px)[:, None] + 0.5 - pose.centre_y_px
    cosine, sine = np.cos(pose.angle), np.sin(pose.angle)
    u = (cosine * x + sine * y) / pose.scale_x_px
    v = (cosine * y - sine * x) / pose.scale_y_px + FOCUS_V
    bend_u, bend_v = _bend(pose, u, v)
    return (u + bend_u).astype(np.float32), (v + bend_v).astype(np.float32)


def to_pixels(pose: Pose, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel x and y of canonical points; the inverse of `canonical_grid` to far below a pixel."""
    straight_u, straight_v = np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
    for _ in range(3):
        bend_u, bend_v = _bend(pose, straight_u, straight_v)
        straight_u, straight_v = u - bend_u, v - bend_v
    across, down = straight_u * pose.scale_x_px, (straight_v - FOCUS_V) * pose.scale_y_px
    cosine, sine = np.cos(pose.angle), np.sin(pose.angle)
    return pose.centre_x_px + cosine * across - sine * down, pose.centre_y_px + sine * across + cosine * down


def _bend(pose: Pose, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    along_u, phase_u, along_v, phase_v, wave = pose.bend
    return along_u * np.sin(wave * v + phase_u), along_v * np.sin(wave * u + phase_v)


def outline_box(pose: Pose, u: np.ndarray, v: np.ndarray) -> Box:
    """The box (x, y, width, height; original pixels) round canonical points, clipped to the picture.

    To a hundredth of a pixel: the last bits of a sine are not the same on every machine.
    """
    x, y = to_pixels(pose, u, v)
    left, right = np.clip([x.min(), x.max()], 0.0, pose.width_px)
    top, bottom = np.clip([y.min(), y.max()], 0.0, pose.height_px)
    left, right, top, bottom = (round(float(edge), 2) for edge in (left, right, top, bottom))
    return left, top, round(right - left, 2), round(bottom - top, 2)


def mask_box(mask: np.ndarray, corner_px: tuple[int, int] = (0, 0), share: float = 0.3) -> Box:
    """The box round the pixels that hold at least `share` of the mask's peak; zero-sized for an empty mask.

    corner_px: column and row of the mask's first pixel in the picture.
    """
    peak = float(mask.max())
    if peak <= 0:
        return 0.0, 0.0, 0.0, 0.0
    inside = mask >= share * peak
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    return (
        float(columns[0] + corner_px[0]),
        float(rows[0] + corner_px[1]),
        float(columns[-1] - columns[0] + 1),
        float(rows[-1] - rows[0] + 1),
    )


def smoothstep(values: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    """0 below -width, 1 above +width, a smooth step between; polynomials only, so the same on any machine."""
    step = values * (0.5 / width)
    step += 0.5
    step = np.minimum(np.maximum(step, 0.0), 1.0)
    curve = 3.0 - 2.0 * step
    curve *= step
    curve *= step
    return curve


def bump(squared: np.ndarray) -> np.ndarray:
    """A bell of compact support: 1 at squared distance 0, 0 from 1 on."""
    inside = np.maximum(1.0 - squared, 0.0)
    return inside * inside
