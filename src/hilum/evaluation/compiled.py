"""From the rows that were measured to every figure of metrics.json, and to the tables and curves beside it.

In: the index's rows, the labels and the truth, the queries and the groundings. Out: figures. No model, no vector and no
pixel is looked at, so that an audit can come to each figure again from tables alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.evaluation import figures, gold, label_quality, summary
from hilum.evaluation.grounding_summary import score_grounding
from hilum.evaluation.known import Known
from hilum.evaluation.phrases import PHRASE
from hilum.evaluation.relevance import choose_cells
from hilum.schema import GROUNDINGS, PAIRS, QUERIES, REPORT_QUERIES, SCORES
from hilum.tables import arrow_schema, to_pandas
from hilum.vocabulary import REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import EvaluateParams


@dataclass(frozen=True)
class Compiled:
    """metrics: as in metrics.json, before rounding. cells, scores: rows of those tables. curve: the alphas tried.

    report_curves: the same of each task with reports.
    """

    metrics: Mapping[str, Any]
    cells: pd.DataFrame
    scores: pd.DataFrame
    curve: pd.DataFrame
    report_curves: pd.DataFrame


@dataclass(frozen=True)
class Measured:
    """What was measured, a row a unit. queries: QUERIES of the validate and the test split, reports: REPORT_QUERIES.

    pairs: PAIRS. groundings: GROUNDINGS, None without truth.
    """

    queries: pd.DataFrame
    reports: pd.DataFrame
    pairs: pd.DataFrame
    groundings: pd.DataFrame | None


def compile_results(known: Known, measured: Measured, params: EvaluateParams) -> Compiled:
    """Every figure.

    The rows are taken in the order of their keys, as a file has them: a sum of floats depends on its order.
    """
    queries = measured.queries.sort_values(list(QUERIES.key), ignore_index=True)
    groundings = measured.groundings
    presence = known.presence()
    described = summary.describe_cells(presence, choose_cells(presence, params.min_positives))
    tried, asked = (queries[queries["split"] == split] for split in ("validate", "test"))
    alpha, curve = summary.choose_alpha(tried, described, params.alphas)
    scores = summary.score_retrieval(asked, described, params.n_bootstrap, params.seed)
    results: dict[str, Any] = {
        "collection": known.collection,
        "objective": known.objective,
        "relevance": known.relevance,
        "retrieval": {"alpha": alpha, **figures.retrieval_figures(scores, known.objective)},
    }
    if groundings is not None and known.statements is not None:
        groundings = groundings.sort_values(list(GROUNDINGS.key), ignore_index=True)
        grounded = score_grounding(groundings, params.min_units, params.n_bootstrap, params.seed)
        results["grounding"] = figures.grounding_figures(grounded, PHRASE, known.objective)
        results["labels"] = {
            "collection": known.collection,
            **_score_labels(known.labels, known.statements, known.rows),
        }
        scores = pd.concat([frame for frame in (scores, grounded) if len(frame)] or [scores], ignore_index=True)
    else:
        results["left_out"] = "grounding and labels: this collection has no truth to measure them against"
    results["controls"] = figures.control_figures(scores)
    told, alphas, curves = score_reports(measured.reports, params)
    pairs = measured.pairs.sort_values(list(PAIRS.key), ignore_index=True)
    results["reports"] = figures.report_figures(told, alphas, pairs, known.objective)
    scores = pd.concat([frame for frame in (scores, told) if len(frame)] or [scores], ignore_index=True)
    results["counts"] = figures.count_figures(queries, described, len(known.rows))
    return Compiled(results, summary.tabulate_cells(asked, described), scores, curve, curves)


def score_reports(queries: pd.DataFrame, params: EvaluateParams) -> tuple[pd.DataFrame, dict[str, float], pd.DataFrame]:
    """SCORES rows of each task with reports, its alpha, and the alphas tried. queries: REPORT_QUERIES."""
    queries = queries.sort_values(list(REPORT_QUERIES.key), ignore_index=True)
    scores, alphas, curves = [], {}, []
    for task, rows in queries.groupby("task", sort=True):
        cells = rows[["region", "finding", "locatable"]].drop_duplicates(ignore_index=True)
        tried, asked = (rows[rows["split"] == split].reset_index(drop=True) for split in ("validate", "test"))
        alphas[str(task)], curve = summary.choose_alpha(tried, cells, params.alphas)
        curves.append(curve.assign(task=task))
        scores.append(summary.score_retrieval(asked, cells, params.n_bootstrap, params.seed, str(task)))
    empty = to_pandas(arrow_schema(SCORES).empty_table())
    curve = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame({"task": []})
    return pd.concat([s for s in scores if len(s)] or [empty], ignore_index=True), alphas, curve


def _score_labels(labels: pd.DataFrame, statements: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    """How well the weak labels say what the phantom's reports say; of the indexed studies, labelled or not."""
    plain, said = (
        gold.drop_implied(frame.loc[frame["study_id"].isin(rows["study_id"]), label_quality.KEY], REGION_PARENTS)
        for frame in (labels, statements)
    )
    return label_quality.score_triples(label_quality.count_triples(plain, said))
