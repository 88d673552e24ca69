"""Charts as inline SVG: lines over epochs, together or each in a panel of its own, and dots with intervals.

In: plain numbers. Out: markup whose colours are the page's own, so that it reads in light and dark. Every chart has a
title and a description for those who do not see it; the same numbers stand in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hilum.report.page import render

WIDTH, HEIGHT = 520, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40
ROW_HEIGHT, LABEL_WIDTH = 30, 170
N_COLOURS = 4  # lines in one picture that can be told apart in light and dark
PANELS_A_ROW, PANEL_HEIGHT, PANEL_TOP, PANEL_BOTTOM, PANEL_LEFT = 3, 128, 26, 22, 40


@dataclass(frozen=True)
class Series:
    """One line: its name and its points, from left to right. Points that are not numbers are left out."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Dot:
    """One value with its 95 % interval and what chance would get; all but the value may be missing."""

    name: str
    value: float
    low: float | None
    high: float | None
    chance: float | None


def draw_lines(title: str, description: str, x_label: str, series: Sequence[Series], from_zero: bool = False) -> Markup:
    """A line chart, or a panel a series where one picture has no colours for them; empty when no series has a point.

    from_zero: the upright axis begins at 0 at the latest.
    """
    kept = _known_points(series)
    if not kept:
        return Markup("")
    if len(kept) > N_COLOURS:
        return _draw_panels(title, description, x_label, kept)
    xs, ys = zip(*(point for s in kept for point in s.points))
    x_ticks, y_ticks = _x_ticks(xs), nice_ticks(min(0.0, *ys) if from_zero else min(ys), max(ys))
    x_ends, y_ends = (min(xs), max(xs)), (y_ticks[0], y_ticks[-1])

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round(_along(x, x_ends, LEFT + 8, WIDTH - RIGHT - 8), 1),
            round(_along(y, y_ends, HEIGHT - BOTTOM, TOP), 1),
        )

    values = {
        "title": title,
        "description": description,
        "x_label": x_label,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "bottom": HEIGHT - BOTTOM,
        "x_ticks": [(place(x, y_ends[0])[0], f"{x:g}") for x in x_ticks],
        "y_ticks": [(place(x_ends[0], y)[1], _tick_words(y, y_ticks)) for y in y_ticks],
        "lines": [(s.name, [place(*point) for point in s.points]) for s in kept],
    }
    return Markup(render("lines.svg", values))


def _draw_panels(title: str, description: str, x_label: str, series: Sequence[Series]) -> Markup:
    """Small multiples: a panel a series, its name above it, with an upright axis of its own from 0; one x axis."""
    xs = [x for s in series for x, _ in s.points]
    x_ends = (min(xs), max(xs))
    width = WIDTH / PANELS_A_ROW
    panels = []
    for n, one in enumerate(series):
        left, top = n % PANELS_A_ROW * width, n // PANELS_A_ROW * PANEL_HEIGHT
        x_span = (left + PANEL_LEFT + 4, left + width - 10)
        y_span = (top + PANEL_HEIGHT - PANEL_BOTTOM, top + PANEL_TOP)
        values = [y for _, y in one.points]
        ticks = nice_ticks(min(0.0, *values), max(0.0, *values), 2)
        y_ends = (ticks[0], ticks[-1])
        panels.append(
            {
                "name": one.name,
                "left": round(left + PANEL_LEFT, 1),
                "right": round(left + width - 6, 1),
                "top": top + 14,
                "bottom": y_span[0],
                "x_ticks": [(round(_along(x, x_ends, *x_span), 1), f"{x:g}") for x in sorted(set(x_ends))],
                "y_ticks": [(round(_along(y, y_ends, *y_span), 1), _tick_words(y, ticks)) for y in ticks],
                "points": [
                    (round(_along(x, x_ends, *x_span), 1), round(_along(y, y_ends, *y_span), 1)) for x, y in one.points
                ],
            }
        )
    height = -(-len(series) // PANELS_A_ROW) * PANEL_HEIGHT + 14
    values_of_page = {
        "title": title,
        "description": description,
        "x_label": x_label,
        "width": WIDTH,
        "height": height,
        "panels": panels,
    }
    return Markup(render("panels.svg", values_of_page))


def _known_points(series: Sequence[Series]) -> list[Series]:
    """The series without points that are not numbers, and without those that have no other."""
    kept = [Series(s.name, tuple(p for p in s.points if all(map(math.isfinite, p)))) for s in series]
    return [s for s in kept if s.points]


def draw_dots(title: str, description: str, x_label: str, dots: Sequence[Dot]) -> Markup:
    """Rows of a dot, its interval and a tick for chance, on one axis from 0 to 1; empty without dots."""
    if not dots:
        return Markup("")
    height = TOP + ROW_HEIGHT * len(dots) + BOTTOM

    def across(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return round(_along(min(max(value, 0.0), 1.0), (0.0, 1.0), LABEL_WIDTH, WIDTH - RIGHT - 8), 1)

    rows = [
        {
            "name": dot.name,
            "y": TOP + ROW_HEIGHT * n + ROW_HEIGHT // 2,
            "value": across(dot.value),
            "low": across(dot.low),
            "high": across(dot.high),
            "chance": across(dot.chance),
        }
        for n, dot in enumerate(dots)
    ]
    values = {
        "title": title,
        "description": description,
        "x_label": x_label,
        "width": WIDTH,
        "height": height,
        "left": LABEL_WIDTH,
        "bottom": height - BOTTOM,
        "top": TOP,
        "middle": (LABEL_WIDTH + WIDTH - RIGHT) // 2,
        "ticks": [(across(tick / 4), f"{tick / 4:g}") for tick in range(5)],
        "rows": rows,
    }
    return Markup(render("dots.svg", values))


def nice_ticks(low: float, high: float, n_wanted: int = 5) -> list[float]:
    """Round numbers, evenly spaced, whose ends hold low and high.

    At least two, even when low and high are one.
    """
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / n_wanted
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def _x_ticks(xs: Sequence[float]) -> list[float]:
    """Every epoch, or every few of them when there are many; round numbers where the points are not whole."""
    low, high = min(xs), max(xs)
    if any(x != round(x) for x in xs):
        return [x for x in nice_ticks(low, high, 4) if low <= x <= high]
    step = max(1, math.ceil((high - low) / 10))
    return [float(n) for n in range(math.ceil(low), math.floor(high) + 1, step)]


def _tick_words(value: float, ticks: Sequence[float]) -> str:
    """A tick with as many decimals as the step between ticks needs."""
    step = f"{ticks[1] - ticks[0]:.10f}".rstrip("0")
    return f"{value:.{len(step.partition('.')[2])}f}".replace("-", "\N{MINUS SIGN}")


def _along(value: float, ends: tuple[float, float], start: float, stop: float) -> float:
    span = ends[1] - ends[0]
    return start + (value - ends[0]) / span * (stop - start) if span else (start + stop) / 2
