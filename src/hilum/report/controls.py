"""Every score beside what it must be read against: chance, the band of random orders, the paired difference to the mix.

In: the scores table, the csv of alphas tried on the tasks with reports. Out: plain rows for the template, and charts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from hilum.report.charts import Series, draw_dots, draw_lines
from hilum.report.results import Figure, find_figure, list_dots, list_scores
from hilum.schema.search import TASKS

CONTROL_METRICS = (("located_at_10", "Located@10"), ("precision_at_5", "P@5"), ("mean_average_precision", "mAP"))
OVERVIEW = ("mix", "global", "mirrored", "keyword", "labels", "random", "oracle")
PARTNERS = {"mirrored": "mix_mirrorable - mirrored"}
"""score -> its paired difference, where it is not `mix - score`: only queries with a mirror image are compared."""


@dataclass(frozen=True)
class Control:
    """One score. figures: of each metric; bands: of random orders, None where none were drawn; differences: the mix
    minus it over the same queries."""

    name: str
    words: str
    figures: tuple[Figure, ...]
    bands: tuple[tuple[float, float] | None, ...]
    differences: tuple[Figure, ...]
    n_queries: int
    n_cells: int


def list_controls(scores: pd.DataFrame, task: str) -> list[Control]:
    """Every score of a task, macro. scores: SCORES."""
    rows = list_scores(scores, task, "macro", CONTROL_METRICS)
    mine = scores[(scores["task"] == task) & (scores["average"] == "macro")]
    named = range(len(CONTROL_METRICS))
    return [
        Control(
            row.name,
            row.words,
            row.figures,
            tuple(_band(mine, row.name, metric) for metric, _ in CONTROL_METRICS),
            tuple(find_figure(rows, PARTNERS.get(row.name, f"mix - {row.name}"), n) for n in named),
            row.n_units,
            row.n_groups,
        )
        for row in rows
        if " - " not in row.name
    ]


def describe_report_tasks(scores: pd.DataFrame, curve: pd.DataFrame) -> dict[str, Any]:
    """The section's values; no task where none was measured. curve: the csv of alphas tried, a task a block."""
    tasks: list[dict[str, Any]] = []
    for task in TASKS:
        controls = list_controls(scores, task)
        if not controls:
            continue
        rows = list_scores(scores, task, "macro", CONTROL_METRICS)
        chart = draw_dots(
            f"Located@10, {name_task(task)}",
            "Dots with 95 % intervals; the tick is chance. The numbers are in the table that follows.",
            "Located@10, macro over cells",
            list_dots(rows, 0),
        )
        best = [[find_figure(rows, score, n) for n in range(2)] for score in OVERVIEW]
        tasks.append({"name": name_task(task), "controls": controls, "chart": chart, "overview": best})
    shown = [n for n in range(len(OVERVIEW)) if any(f.value is not None for t in tasks for f in t["overview"][n])]
    return {
        "tasks": tasks,
        "columns": [(n, OVERVIEW[n]) for n in shown],
        "curve": curve.to_dict("records") if tasks else [],
        "curve_chart": _draw_curve(curve) if tasks else Markup(""),
    }


def name_task(task: str) -> str:
    """image_to_report as words."""
    return task.replace("_", " ")


def _draw_curve(curve: pd.DataFrame) -> Markup:
    series: Sequence[Series] = [
        Series(name_task(str(task)), tuple(zip(rows["alpha"], rows["located_at_10"])))
        for task, rows in curve.groupby("task", sort=True)
    ]
    return draw_lines(
        "Validate split: Located@10 by alpha, each task",
        "Located@10 for each alpha tried; 0 is the whole alone, 1 the region alone.",
        "alpha (weight of the region)",
        series,
        from_zero=True,
    )


def _band(mine: pd.DataFrame, score: str, metric: str) -> tuple[float, float] | None:
    row = mine[(mine["score"] == score) & (mine["metric"] == metric)]
    if not len(row):
        return None
    low, high = row[["chance_low", "chance_high"]].to_numpy(float)[0].tolist()
    return None if math.isnan(low) or math.isnan(high) else (low, high)
