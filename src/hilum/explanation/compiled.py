"""All figures of explanations.json, from the table of explanations and what it is judged by.

In: explanations, index rows, region labels or the phantom's truth. Out: the figures, by the stage that writes them and
by an audit that comes to them again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import gold
from hilum.evaluation.figures import render_json
from hilum.evaluation.relevance import Presence, build_presence
from hilum.explanation.scoring import score_explanations, score_ratings, usual_findings
from hilum.explanation.writing import writer_name
from hilum.schema import EXPLANATIONS, INDEX_ROWS, REGION_LABELS
from hilum.tables import read_table, read_tables
from hilum.vocabulary import REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import ExplainParams


def compile_scores(
    table: pd.DataFrame,
    rows: pd.DataFrame,
    regions: tuple[str, ...],
    labels: pd.DataFrame,
    collection: str,
    alpha: float,
    params: ExplainParams,
) -> dict[str, Any]:
    """What explanations.json holds. table: EXPLANATIONS; rows: INDEX_ROWS; labels: REGION_LABELS."""
    usual = usual_findings(read_weak(rows, regions, labels), (rows["split"] == "train").to_numpy())
    scores = {
        **describe(collection, alpha, params),
        **score_explanations(table, usual, params.n_bootstrap, params.seed),
    }
    if params.judge.client != "none":
        judged = score_ratings(table, params.n_bootstrap, params.seed)
        scores["judge"] = {"judge": writer_name(params.judge), **judged}
    return scores


def describe(collection: str, alpha: float, params: ExplainParams) -> dict[str, Any]:
    """What was explained, by whom, and judged by which source."""
    source = gold.TRUTH if gold.has_truth(collection) else gold.WEAK
    return {"collection": collection, "relevance": source, "writer": writer_name(params.writer), "alpha": alpha,
            "n_cases": params.n_cases}  # fmt: skip


def read_presence(
    data: Path, rows: pd.DataFrame, regions: tuple[str, ...], labels: pd.DataFrame, collection: str
) -> Presence:
    """Who has what where: by the phantom's truth, else by the weak labels."""
    if not gold.has_truth(collection):
        return read_weak(rows, regions, labels)
    return build_presence(rows["dicom_id"], gold.read_truth_findings(data / "truth"), regions, REGION_PARENTS)


def read_weak(rows: pd.DataFrame, regions: tuple[str, ...], labels: pd.DataFrame) -> Presence:
    """Who has what where by the weak labels."""
    return build_presence(rows["study_id"], labels[labels["label"] == "present"], regions, REGION_PARENTS)


def recompute_scores(
    data: Path,
    index: Path,
    explanations: Path,
    metrics: Path,
    partitions: Sequence[str],
    collection: str,
    params: ExplainParams,
) -> dict[str, Any]:
    """What explanations.json must hold, as it is read back. data: with region_labels, and truth, from which each
    question's findings are taken anew; index: rows.parquet and index.json suffice.

    Raises BadDataError if a table or file cannot be read, or a question is of no image of the index.
    """
    try:
        regions = tuple(json.loads((index / "index.json").read_bytes())["regions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{index / 'index.json'} cannot be read ({type(error).__name__}).") from None
    rows = read_table(index / "rows.parquet", INDEX_ROWS)
    labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    table = read_table(explanations / "explanations.parquet", EXPLANATIONS)
    presence = read_presence(data, rows, regions, labels, collection)
    image = pd.Index(rows["dicom_id"]).get_indexer(pd.Index(table["dicom_id"]))
    if (image < 0).any():
        raise BadDataError(f"{int((image < 0).sum())} explanations are of images that are not in {index}.")
    region = pd.Index(regions).get_indexer(pd.Index(table["region"]))
    table["true"] = [list(presence.findings_of(*place)) for place in zip(image, region)]
    scores = compile_scores(table, rows, regions, labels, collection, read_alpha(metrics), params)
    held: dict[str, Any] = json.loads(render_json(scores))
    return held


def read_alpha(metrics: Path) -> float:
    """The mix that `evaluate` chose on the validate split. Raises BadDataError if there is none."""
    try:
        return float(json.loads(metrics.read_text(encoding="utf-8"))["retrieval"]["alpha"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{metrics} names no alpha ({type(error).__name__}). Run `dvc repro evaluate`.") from None
