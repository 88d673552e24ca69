"""The atlas' picture as it would look on a film, for any place, size, turn and shape of the thorax.

In: a parameter vector and the film's pixels. Out: brightness, what counts of it, and its slopes for Gauss-Newton.
"""

from __future__ import annotations

import numpy as np

from hilum.image.atlas import GRID_FROM_U, GRID_FROM_V, GRID_STEP
from hilum.image.geometry import Floats
from hilum.image.placement import Placement, heart_push, left_share

# Lengths are in shares of the picture's longest side, the hearts in canonical units, the angle in radians.
PARAMETERS = ("mid_x", "log_right_width", "log_left_width", "right_top", "log_right_height", "left_top",
              "log_left_height", "right_heart", "left_heart", "angle")  # fmt: skip
WINDOW_U, WINDOW_V = 1.07, (-0.07, 1.08)  # of the template, what counts: beyond it films differ
WINDOW_EDGE = 0.08


def to_placement(vector: Floats, pivot: tuple[float, float]) -> Placement:
    """The placement that a vector stands for, in shares of the longest side."""
    mid, wr, wl, right_top, hr, left_top, hl, right_heart, left_heart, angle = (float(p) for p in vector)
    right_width, left_width, right_height, left_height = (float(np.exp(p)) for p in (wr, wl, hr, hl))
    return Placement(mid, right_width, left_width, right_top, right_height, left_top, left_height, right_heart,
                     left_heart, angle, *pivot)  # fmt: skip


def render(
    template: Floats, vector: Floats, x: Floats, y: Floats, pivot: tuple[float, float]
) -> tuple[Floats, Floats, Floats]:
    """The thorax seen at points x, y, all in shares of the longest side.

    Returns brightness and weight in [0, 1], of the shape of x, and the slopes of brightness by each parameter,
    (10, *shape); those leave out that a move also changes how the two sides blend.
    """
    place = to_placement(vector, pivot)
    cos, sin = np.cos(place.angle), np.sin(place.angle)
    dx, dy = x - pivot[0], y - pivot[1]
    across, down = pivot[0] + cos * dx + sin * dy, pivot[1] - sin * dx + cos * dy
    on_right = across < place.mid_x
    by_across = np.where(on_right, 1 / place.right_width, 1 / place.left_width)
    u = (across - place.mid_x) * by_across
    left = left_share(u)
    v_right = (down - place.right_top) / place.right_height
    v_left = (down - place.left_top) / place.left_height
    v = v_right + left * (v_left - v_right)
    push_right, push_left = heart_push(u, v)
    brightness, by_u, by_v = _sample(template, u + place.right_heart * push_right - place.left_heart * push_left, v)
    right_by_v, left_by_v = (1 - left) * by_v, left * by_v
    by_down = right_by_v / place.right_height + left_by_v / place.left_height
    widening = -by_u * u
    slopes = (
        -by_u * by_across,
        np.where(on_right, widening, 0.0),
        np.where(on_right, 0.0, widening),
        -right_by_v / place.right_height,
        -right_by_v * v_right,
        -left_by_v / place.left_height,
        -left_by_v * v_left,
        by_u * push_right,
        -by_u * push_left,
        by_u * by_across * (down - pivot[1]) - by_down * (across - pivot[0]),
    )
    return brightness, _window(u, v), np.stack(slopes)


def _window(u: Floats, v: Floats) -> Floats:
    inside = np.minimum(WINDOW_U - np.abs(u), np.minimum(v - WINDOW_V[0], WINDOW_V[1] - v))
    return np.clip(inside / WINDOW_EDGE, 0.0, 1.0)


def _sample(template: Floats, u: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Brightness and its slopes along u and v, linear between the grid's points; the edge's beyond it."""
    rows, columns = template.shape
    column = np.clip((u - GRID_FROM_U) / GRID_STEP, 0, columns - 1.001)
    row = np.clip((v - GRID_FROM_V) / GRID_STEP, 0, rows - 1.001)
    j, i = column.astype(np.intp), row.astype(np.intp)
    a, b = column - j, row - i
    at = i * columns + j
    cells = template.ravel()
    corner, right, below, across = cells[at], cells[at + 1], cells[at + columns], cells[at + columns + 1]
    upper, lower = corner + a * (right - corner), below + a * (across - below)
    by_u = ((1 - b) * (right - corner) + b * (across - below)) / GRID_STEP
    return upper + b * (lower - upper), by_u, (lower - upper) / GRID_STEP
