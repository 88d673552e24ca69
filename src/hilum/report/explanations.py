"""Explanations as the page shows them: how often they name the true findings, and a few to read.

In: the explain stage's figures and examples. Out: plain values for the template. The examples hold sentences of
reports: they are shown only on a page that shows cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilum.report.charts import Dot, draw_dots
from hilum.report.results import Figure

METRICS = (("f1", "F1"), ("macro_f1", "F1, macro over regions"), ("precision", "Precision"), ("recall", "Recall"),
           ("consistency", "Judge's rating, 1 to 5"))  # fmt: skip
ROWS = {
    "search": "written from the cases that the search found",
    "random": "control: written in the same way from cases drawn at random",
    "prior": "control: the findings that the region usually has, without a look at this image",
    "search_minus_random": "paired difference over the same questions",
}
DROPS = {
    "no_citation": "cites no case",
    "unknown_case": "cites a case that was not shown",
    "no_finding": "says no finding",
    "unsupported": "no case that it cites says so",
}


def describe_explanations(figures: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The section's values. figures: explanations.json; examples: of examples.json, those that are shown."""
    judge = figures.get("judge", {})
    measured = {name: {**figures[name], **judge.get(name, {})} for name in ROWS if name in figures}
    shown = [(key, words) for key, words in METRICS if any(key in values for values in measured.values())]
    rows: list[dict[str, Any]] = [
        {
            "name": name.replace("_minus_", " - "),
            "words": ROWS[name],
            "figures": [_figure(values, key) for key, _ in shown],
        }
        for name, values in measured.items()
    ]
    dots = [
        Dot(row["name"], row["figures"][0].value, row["figures"][0].low, row["figures"][0].high, None)
        for row in rows
        if " - " not in row["name"] and row["figures"] and row["figures"][0].value is not None
    ]
    return {
        "relevance": figures.get("relevance"),
        "judge": judge.get("judge"),
        "writer": figures.get("writer"),
        "n_cases": figures.get("n_cases"),
        "counts": figures.get("counts", {}),
        "healthy": figures.get("healthy", {}),
        "statements": figures.get("statements", {}),
        "failures": {name: found.get("all", 0) for name, found in figures.get("failures", {}).items()},
        "drops": DROPS,
        "metrics": shown,
        "rows": rows,
        "chart": draw_dots(
            "F1 of explanations",
            "Dots with 95 % intervals. The numbers are in the table that follows.",
            "F1 of the region's findings, micro",
            dots,
        ),
        "examples": examples,
    }


def _figure(values: Mapping[str, Any], key: str) -> Figure:
    return Figure(values.get(key), values.get(f"{key}_low"), values.get(f"{key}_high"))
