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
from hilum.schema import GROUNDINGS, QUERIES
from hilum.vocabulary import REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import EvaluateParams


@dataclass(frozen=True)
class Compiled:
    """metrics: as in metrics.json, before rounding. cells, scores: rows of those tables. curve: the alphas tried."""

    metrics: Mapping[str, Any]
    cells: pd.DataFrame
    scores: pd.DataFrame
    curve: pd.DataFrame


def compile_results(
    known: Known, queries: pd.DataFrame, groundings: pd.DataFrame | None, params: EvaluateParams
) -> Compiled:
    """Every figure. queries: QUERIES of the validate and the test split; groundings: GROUNDINGS, None without truth.

    The rows are taken in the order of their keys, as a file has them: a sum of floats depends on its order.
    """
    queries = queries.sort_values(list(QUERIES.key), ignore_index=True)
    presence = known.presence()
    described = summary.describe_cells(presence, choose_cells(presence, params.min_positives))
    tried, measured = (queries[queries["split"] == split] for split in ("validate", "test"))
    alpha, curve = summary.choose_alpha(tried, described, params.alphas)
    scores = summary.score_retrieval(measured, described, params.n_bootstrap, params.seed)
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
    results["counts"] = figures.count_figures(queries, described, len(known.rows))
    return Compiled(results, summary.tabulate_cells(measured, described), scores, curve)


def _score_labels(labels: pd.DataFrame, statements: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    """How well the weak labels say what the phantom's reports say; of the indexed studies, labelled or not."""
    plain, said = (
        gold.drop_implied(frame.loc[frame["study_id"].isin(rows["study_id"]), label_quality.KEY], REGION_PARENTS)
        for frame in (labels, statements)
    )
    return label_quality.score_triples(label_quality.count_triples(plain, said))
