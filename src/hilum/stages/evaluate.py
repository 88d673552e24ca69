"""Indexes in, figures out: retrieval with its controls, the weak labels' quality, and what the page shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import figures, gold, label_quality, summary
from hilum.evaluation.pixels import RegionThumbnails
from hilum.evaluation.relevance import Presence, build_presence, choose_cells, choose_queries
from hilum.evaluation.retrieval import evaluate_alphas, evaluate_scores
from hilum.evaluation.similarities import Gallery
from hilum.retrieval.index import RegionIndex, open_index, verify_index
from hilum.schema import CELLS, QUERIES, REGION_LABELS, SCORES
from hilum.tables import read_tables, write_table, write_text
from hilum.vocabulary import MIRROR, REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import EvaluateParams

log = logging.getLogger(__name__)


def run(
    data: Path,
    partitions: Sequence[str],
    index: Path,
    model: Path,
    tokenizer: Path,
    out: Path,
    metrics: Path,
    plots: Path,
    params: EvaluateParams,
    collection: str,
) -> None:
    """Measure the line on held-out patients and write tables, metrics.json and plot data."""
    opened = open_index(index)
    verify_index(opened)
    objective = read_objective(model)
    labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    presence, relevance = read_presence(data, labels, opened, collection)
    thumbnails = RegionThumbnails(data, partitions, opened.rows["dicom_id"])
    gallery = Gallery(opened.rows, presence, opened.vectors, thumbnails)
    retrieval = evaluate_retrieval(gallery, params, out, plots, relevance)
    results: dict[str, Any] = {
        "collection": collection,
        "objective": objective,
        "relevance": relevance,
        "retrieval": {"alpha": retrieval["alpha"], **figures.retrieval_figures(retrieval["scores"], objective)},
    }
    if gold.has_truth(collection):
        results["labels"] = {"collection": collection, **score_labels(data, labels, opened.rows)}
    results["counts"] = retrieval["counts"]
    write_table(out / "scores.parquet", retrieval["scores"], SCORES)
    write_text(metrics, figures.render_json(results))
    counts = retrieval["counts"]
    log.info("evaluate: %d queries, %d cells, alpha %g", counts["test_queries"], counts["cells"], retrieval["alpha"])


def read_objective(model: Path) -> str:
    """The objective that the checkpoint was trained for. Raises BadDataError if its config.json does not say."""
    try:
        return str(json.loads((model / "config.json").read_text(encoding="utf-8"))["objective"])
    except (OSError, ValueError, KeyError) as error:
        raise BadDataError(f"{model / 'config.json'} names no objective ({type(error).__name__}).") from None


def read_presence(data: Path, labels: pd.DataFrame, index: RegionIndex, collection: str) -> tuple[Presence, str]:
    """Who has what where, and the source that says so: the phantom's truth, else the weak labels."""
    if gold.has_truth(collection):
        findings = gold.read_truth_findings(data / "truth")
        return build_presence(index.rows["dicom_id"], findings, index.regions, REGION_PARENTS), gold.TRUTH
    present = labels[labels["label"] == "present"]
    return build_presence(index.rows["study_id"], present, index.regions, REGION_PARENTS), gold.WEAK


def evaluate_retrieval(
    gallery: Gallery, params: EvaluateParams, out: Path, plots: Path, relevance: str
) -> dict[str, Any]:
    """Choose alpha on validate, measure every score on test, write the tables and the plots' data."""
    cells = choose_cells(gallery.presence, params.min_positives)
    described = summary.describe_cells(gallery.presence, cells)
    asked = {split: choose_queries(gallery.presence, cells, gallery.rows, split) for split in ("validate", "test")}
    tried = evaluate_alphas(gallery, asked["validate"], params.alphas)
    alpha, curve = summary.choose_alpha(tried, described, params.alphas)
    measured = evaluate_scores(gallery, asked["test"], alpha, MIRROR, params.seed)
    queries = pd.concat([frame for frame in (tried, measured) if len(frame)] or [tried], ignore_index=True)
    by_cell = summary.tabulate_cells(measured, described)
    scores = summary.score_retrieval(measured, described, params.n_bootstrap, params.seed)
    write_table(out / "queries.parquet", queries, QUERIES)
    write_table(out / "cells.parquet", by_cell, CELLS)
    write_text(plots / "cells.csv", figures.plot_cells(by_cell, relevance).to_csv(index=False))
    write_text(plots / "alpha.csv", curve.assign(labels=relevance).round(figures.DIGITS).to_csv(index=False))
    write_text(plots / "scores.csv", figures.plot_scores(scores, relevance).to_csv(index=False))
    counts = figures.count_figures(queries, described, len(gallery.rows))
    return {"alpha": alpha, "scores": scores, "counts": counts}


def score_labels(data: Path, labels: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    """How well the weak labels say what the phantom's reports say; of the indexed studies, labelled or not."""
    statements = gold.read_truth_statements(data / "truth")
    plain, said = (
        gold.drop_implied(frame.loc[frame["study_id"].isin(rows["study_id"]), label_quality.KEY], REGION_PARENTS)
        for frame in (labels, statements)
    )
    return label_quality.score_triples(label_quality.count_triples(plain, said))
