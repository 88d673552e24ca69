"""The page of results: what ran on which data, how good it is and against what, and a few cases to look at.

In: validation.json, metrics.json, comparison.json, the evaluation's tables, learning curves, and the cases of the
gallery. Out: one HTML page. What has not been measured is said to be missing, never shown as a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from hilum.report.body_map import FIGURES, Corners, draw_bodies
from hilum.report.charts import Series, draw_dots, draw_lines
from hilum.report.comparison import describe_comparison
from hilum.report.controls import CONTROL_METRICS, describe_report_tasks, list_controls
from hilum.report.explanations import describe_explanations
from hilum.report.films import Case
from hilum.report.gallery import ShownQuery
from hilum.report.page import is_phantom, render
from hilum.report.results import (
    GROUNDING_METRICS,
    GROUNDING_SHOWN,
    RETRIEVAL_METRICS,
    find_figure,
    list_cells,
    list_curves,
    list_dots,
    list_grounding,
    list_scores,
)


@dataclass(frozen=True)
class Results:
    """Everything that the page is made from. curves: phase -> its csv; alpha_curve: the csv of alphas tried, and
    report_alpha_curve that of the tasks with reports; regions: the atlas; grounding: the csv of each finding;
    explained: examples of explanations, each with its film.
    """

    collection: str
    validation: Mapping[str, Any]
    metrics: Mapping[str, Any]
    scores: pd.DataFrame
    cells: pd.DataFrame
    alpha_curve: pd.DataFrame
    report_alpha_curve: pd.DataFrame
    curves: Mapping[str, pd.DataFrame]
    comparison: Mapping[str, Any]
    regions: Mapping[str, Corners] = field(default_factory=dict)
    cases: Sequence[ShownQuery] = field(default_factory=tuple)
    grounding: pd.DataFrame = field(default_factory=pd.DataFrame)
    grounded: Sequence[Case] = field(default_factory=tuple)
    failures: Sequence[ShownQuery] = field(default_factory=tuple)
    reasons: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    explanations: Mapping[str, Any] = field(default_factory=dict)
    explained: Sequence[tuple[Mapping[str, Any], Case]] = field(default_factory=tuple)


def render_index_page(results: Results, data_page: str) -> str:
    """The page. data_page: the data report's address, relative to this page."""
    validation = results.validation
    return render(
        "index.html",
        {
            "collection": results.collection,
            "phantom": is_phantom(results.collection),
            "data_page": data_page,
            "objective": results.metrics.get("objective", "unknown"),
            "relevance": results.metrics.get("relevance", "unknown"),
            "verdict": validation["verdict"],
            "n_checks": len(validation["checks"]),
            "n_passed": sum(row["passed"] for row in validation["checks"]),
            "failed": [row for row in validation["checks"] if not row["passed"]],
            "counts": validation["counts"],
            "funnel": _funnel(results),
            "partitions": _partitions(validation["counts"]["partitions"]),
            "n_quarantined": sum(row["n"] for row in validation["counts"]["quarantine"]),
            "phases": [_phase(name, curves) for name, curves in results.curves.items()],
            "labels": results.metrics.get("labels"),
            "cases": results.cases,
            "failures": results.failures,
            "reasons": results.reasons,
            "explanations": describe_explanations(results.explanations, [row for row, _ in results.explained]),
            "explained_films": [film for _, film in results.explained],
            "comparison": _comparison(results),
            **_retrieval(results),
            **_grounding(results),
        },
    )


def _retrieval(results: Results) -> dict[str, Any]:
    macro = list_scores(results.scores, "retrieval", "macro", RETRIEVAL_METRICS)
    cells = list_cells(results.cells)
    return {
        "alpha": results.metrics.get("retrieval", {}).get("alpha"),
        "retrieval": [row for row in macro if " - " not in row.name],  # the differences stand with the controls
        "controls": list_controls(results.scores, "retrieval"),
        "control_metrics": CONTROL_METRICS,
        "reports": describe_report_tasks(results.scores, results.report_alpha_curve),
        "retrieval_micro": list_scores(results.scores, "retrieval", "micro", RETRIEVAL_METRICS),
        "retrieval_metrics": RETRIEVAL_METRICS,
        "located": {name: find_figure(macro, name, 0) for name in ("mix", "global", "mirrored", "mix_mirrorable")},
        "located_chart": draw_dots(
            "Located@10 of each score",
            "Dots with 95 % intervals; the tick is chance. The numbers are in the table that follows.",
            "Located@10, macro over cells",
            list_dots(macro, 0),
        ),
        "alpha_chart": _alpha_chart(results.alpha_curve),
        "cells": cells,
        "bodies": draw_bodies(results.cells, results.regions),
        "body_figures": [words for _, _, words in FIGURES],
        "n_locatable": sum(cell["locatable"] for cell in cells),
    }


def _grounding(results: Results) -> dict[str, Any]:
    macro = list_scores(results.scores, "grounding", "macro", GROUNDING_METRICS)
    return {
        "grounding": macro,
        "grounded": results.grounded,
        "grounding_findings": list_grounding(results.grounding),
        "grounding_columns": GROUNDING_SHOWN,
        "grounding_metrics": GROUNDING_METRICS,
        "pointing": find_figure(macro, "phrase", 0),
        "pointing_prior": find_figure(macro, "prior", 0),
        "pointing_chart": draw_dots(
            "Pointing game of each map",
            "Dots with 95 % intervals; the tick is chance. The numbers are in the table that follows.",
            "Pointing game, macro over findings",
            list_dots(macro, 0),
        ),
    }


def _comparison(results: Results) -> dict[str, Any]:
    objective = str(results.metrics.get("objective"))
    located = results.metrics.get("retrieval", {}).get(objective, {}).get("located_at_10")
    return describe_comparison(results.comparison, objective, located)


def _funnel(results: Results) -> list[dict[str, Any]]:
    """The steps up to the gate, then what was indexed and asked."""
    counts = results.metrics.get("counts", {})
    further = (
        ("images in the index", counts.get("images")),
        ("cells of finding and region with enough images", counts.get("cells")),
        ("queries of held-out patients (test)", counts.get("test_queries")),
        ("held-out patients who ask them", counts.get("test_patients")),
    )
    return [*results.validation["counts"]["funnel"], *({"step": s, "n": n} for s, n in further if n is not None)]


def _partitions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each partition brought; a partition's name begins with its landing's."""
    return [{**row, "landing": str(row["partition"]).split("-")[0]} for row in rows]


def _phase(name: str, curves: pd.DataFrame) -> dict[str, Any]:
    losses, figures = list_curves(curves)
    last = f"{len(curves)} epochs" if len(curves) != 1 else "1 epoch"
    return {
        "name": name,
        "loss_chart": draw_lines(f"{name}: loss", f"Mean training loss by epoch, {last}.", "epoch", losses),
        "figure_chart": draw_lines(
            f"{name}: validation", f"Mean average precision on the validate split, {last}.", "epoch", figures, True
        ),
    }


def _alpha_chart(curve: pd.DataFrame) -> Markup:
    named = (
        ("located at 10", "located_at_10"),
        ("chance", "chance_located"),
        ("average precision", "average_precision"),
    )
    series = [Series(name, tuple(zip(curve["alpha"], curve[column]))) for name, column in named if column in curve]
    return draw_lines(
        "Validate split: figures by alpha",
        "Located@10 and average precision for each alpha tried; 0 is the whole image alone, 1 the region alone.",
        "alpha (weight of the region)",
        series,
        from_zero=True,
    )
