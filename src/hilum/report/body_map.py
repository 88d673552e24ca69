"""How well each region of each finding is found, drawn on the chest: one body a finding, and one of their means.

In: the cells table, the atlas' regions in its frame (u across from -1 to 1, v down from 0 to 1). Out: a body a finding
as SVG, Located@10 and P@10 side by side. Known to be imperfect: regions hold one another, so that a larger one is seen
where no smaller one covers it; a figure with no room inside its region stands at the side, with a line to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from hilum.report.page import render, write_score, write_words

Corners = tuple[float, float, float, float]
ACROSS, DOWN = 100.0, 180.0  # a unit of u and of v: a thorax is about as high as it is wide
LABEL_WIDTH, LABEL_HEIGHT = 23.5, 12.0
CALLOUT_X = 121.0  # where figures without room stand, left and right of the chest
FIGURES = (
    ("located_at_10", "chance_located", "Located@10"),
    ("precision_at_10", "chance_precision", "P@10"),
)
MEAN = "mean of all findings"


@dataclass(frozen=True)
class Body:
    """One finding, or the mean: its two bodies as SVG."""

    key: str
    name: str
    n_regions: int
    pictures: tuple[Markup, ...]


def draw_bodies(cells: pd.DataFrame, regions: Mapping[str, Corners], score: str = "mix") -> list[Body]:
    """The mean first, then the findings by name. cells: CELLS; a region that the atlas lacks is left out."""
    mine = cells[(cells["score"] == score) & cells["region"].isin(list(regions))]
    if not len(mine):
        return []
    groups = [(MEAN, mine), *((str(name), group) for name, group in mine.groupby("finding", sort=True))]
    return [
        Body(
            f"body{n}",
            write_words(name),
            group["region"].nunique(),
            tuple(_draw(write_words(name), group, regions, *figure) for figure in FIGURES),
        )
        for n, (name, group) in enumerate(groups)
    ]


def _draw(
    name: str, group: pd.DataFrame, regions: Mapping[str, Corners], metric: str, chance: str, title: str
) -> Markup:
    """One body. Located@10 is drawn of the cells that it means something in; the others are empty outlines."""
    rows: list[dict[str, Any]] = []
    for region, cell in group.groupby("region", sort=True):
        counted = cell[cell["locatable"]] if metric.startswith("located") else cell
        value = float(counted[metric].mean()) if len(counted) else None
        words = f"{region}: {write_score(value, 2)}" if value is not None else f"{region}: too few to tell"
        if value is not None:
            words += f", chance {write_score(float(counted[chance].mean()), 2)}, {counted['n_queries'].sum()} queries"
        rows.append({"region": str(region), "value": value, "words": words, "box": _place(regions[str(region)])})
    rows.sort(key=lambda row: -row["box"][2] * row["box"][3])
    _write_labels(rows)
    known = [row["words"] for row in rows]
    return Markup(
        render("body.svg", {"title": f"{title}, {name}", "description": ". ".join(known) + ".", "rows": rows})
    )


def _place(corners: Corners) -> tuple[float, float, float, float]:
    """x, y, width, height in the picture of a region's u0, v0, u1, v1."""
    u0, v0, u1, v1 = corners
    return (
        round(u0 * ACROSS, 1),
        round(v0 * DOWN, 1),
        round((u1 - u0) * ACROSS, 1),
        round((v1 - v0) * DOWN, 1),
    )


def _write_labels(rows: Sequence[dict[str, Any]]) -> None:
    """Find a place for each figure: `label` inside its region, or `callout` at the side. rows: largest region first.

    The smallest take their middle first; a larger one takes what its smaller ones leave.
    """
    taken: list[tuple[float, float, float, float]] = []
    beside = []
    for n in reversed(range(len(rows))):
        row = rows[n]
        row["label"] = row["callout"] = None
        if row["value"] is None:
            continue
        row["figure"] = write_score(row["value"], 2)
        spot = _find_room(row["box"], [*(smaller["box"] for smaller in rows[n + 1 :]), *taken])
        if spot is not None:
            row["label"] = spot
            taken.append((spot[0] - LABEL_WIDTH / 2, spot[1] - LABEL_HEIGHT / 2, LABEL_WIDTH, LABEL_HEIGHT))
            continue
        beside.append(row)
    _write_callouts(beside)


def _write_callouts(rows: Sequence[dict[str, Any]]) -> None:
    """At the side of each region, at its own height or as near below as the ones above leave."""
    last = {-1: -math.inf, 1: -math.inf}
    for row in sorted(rows, key=lambda row: row["box"][1] + row["box"][3] / 2):
        x, y, width, height = row["box"]
        side = -1 if x + width / 2 < 0 else 1
        last[side] = max(y + height / 2, last[side] + 20)
        edge = round(x if side < 0 else x + width, 1)
        row["callout"] = {"x": side * CALLOUT_X, "y": round(last[side], 1), "edge": edge, "side": side}


def _find_room(
    box: tuple[float, float, float, float], others: Sequence[tuple[float, float, float, float]]
) -> tuple[float, float] | None:
    """The middle of a label in a box, off the others and nearest to the box's middle; None where there is no room."""
    x, y, width, height = box
    spots = [
        (x + LABEL_WIDTH / 2 + (width - LABEL_WIDTH) * i / 8, y + LABEL_HEIGHT / 2 + (height - LABEL_HEIGHT) * j / 8)
        for i in range(9)
        for j in range(9)
        if width >= LABEL_WIDTH and height >= LABEL_HEIGHT
    ]
    free = [spot for spot in spots if not any(_meets(spot, other) for other in others)]
    if not free:
        return None
    best = min(free, key=lambda spot: abs(spot[0] - x - width / 2) + abs(spot[1] - y - height / 2))
    return round(best[0], 1), round(best[1], 1)


def _meets(spot: tuple[float, float], other: tuple[float, float, float, float]) -> bool:
    x, y, width, height = other
    return (
        abs(spot[0] - x - width / 2) < (LABEL_WIDTH + width) / 2
        and abs(spot[1] - y - height / 2) < (LABEL_HEIGHT + height) / 2
    )
