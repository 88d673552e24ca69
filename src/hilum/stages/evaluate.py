"""Indexes in, figures out: retrieval with its controls, grounding, the labels' quality, and what the page shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import figures, gold
from hilum.evaluation.gallery import Shown, choose_examples, describe_examples
from hilum.evaluation.grounding_summary import tabulate_groundings
from hilum.evaluation.phrases import PHRASE
from hilum.evaluation.pixels import PackedImages, RegionThumbnails
from hilum.evaluation.relevance import Presence, build_presence
from hilum.evaluation.results import RetrievalResult, evaluate_grounding, evaluate_labels, evaluate_retrieval
from hilum.evaluation.similarities import Gallery
from hilum.model.arithmetic import settle_arithmetic
from hilum.model.inference import LoadedModel, load_model
from hilum.retrieval.index import RegionIndex, open_index, verify_index
from hilum.schema import CELLS, GROUNDINGS, QUERIES, REGION_LABELS, SCORES, TRUTH_FINDINGS, Table
from hilum.tables import arrow_schema, read_tables, to_pandas, whole_file, write_table, write_text
from hilum.vocabulary import REGION_PARENTS

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
    """Measure the line on held-out patients and write tables, metrics.json and plot data.

    On a real collection relevance comes from the weak labels, every figure says so, and what needs a truth (grounding,
    the labels' quality) is left out and named.
    """
    settle_arithmetic(params.threads)
    opened, loaded = open_together(index, model, tokenizer)
    labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    truth = read_truth(data, opened, collection)
    presence, relevance = find_presence(truth, labels, opened)
    packed = PackedImages(data, partitions)
    thumbnails = RegionThumbnails(packed, data, partitions, opened.rows["dicom_id"])
    gallery = Gallery(opened.rows, presence, opened.vectors, thumbnails)
    objective = read_objective(model)
    found = evaluate_retrieval(gallery, params)
    write_retrieval(found, out, plots, relevance)
    results: dict[str, Any] = {"collection": collection, "objective": objective, "relevance": relevance}
    results["retrieval"] = {"alpha": found.alpha, **figures.retrieval_figures(found.scores, objective)}
    scores = found.scores
    if truth is not None:
        groundings, grounded = evaluate_grounding(packed, loaded, truth, params)
        write_table(out / "groundings.parquet", groundings, GROUNDINGS)
        write_text(plots / "grounding.csv", figures.plot_csv(tabulate_groundings(groundings), relevance))
        statements = gold.read_truth_statements(data / "truth")
        results["grounding"] = figures.grounding_figures(grounded, PHRASE, objective)
        results["labels"] = {"collection": collection, **evaluate_labels(labels, statements, opened.rows)}
        scores = pd.concat([frame for frame in (scores, grounded) if len(frame)] or [scores], ignore_index=True)
    else:
        results["left_out"] = "grounding and labels: this collection has no truth to measure them against"
    boxes = truth if truth is not None else to_pandas(arrow_schema(TRUTH_FINDINGS).empty_table())
    shown = Shown(opened, gallery, packed, boxes, params.smoothing_patches)
    write_gallery(out, found, shown, loaded, params.n_examples)
    write_table(out / "scores.parquet", scores, SCORES)
    write_text(plots / "scores.csv", figures.plot_csv(figures.plot_scores(scores), relevance))
    write_text(metrics, figures.render_json({**results, "counts": found.counts}))
    log.info("evaluate: %d queries, %d cells", found.counts["test_queries"], found.counts["cells"])


def open_together(index: Path, model: Path, tokenizer: Path) -> tuple[RegionIndex, LoadedModel]:
    """The index, every file hashed, and its checkpoint. Raises BadDataError if another one made the vectors."""
    opened = open_index(index)
    verify_index(opened)
    loaded = load_model(model, tokenizer)
    if loaded.model_id != opened.model_id:
        raise BadDataError(
            f"{index} was made by checkpoint {opened.model_id}; {model} is {loaded.model_id}. Run `dvc repro`."
        )
    return opened, loaded


def read_objective(model: Path) -> str:
    """The objective that the checkpoint was trained for. Raises BadDataError if its config.json does not say."""
    try:
        return str(json.loads((model / "config.json").read_text(encoding="utf-8"))["objective"])
    except (OSError, ValueError, KeyError) as error:
        raise BadDataError(f"{model / 'config.json'} names no objective ({type(error).__name__}).") from None


def read_truth(data: Path, index: RegionIndex, collection: str) -> pd.DataFrame | None:
    """TRUTH_FINDINGS of the indexed images, with their subject_id and split; None on a real collection."""
    if not gold.has_truth(collection):
        return None
    findings = gold.read_truth_findings(data / "truth")
    return findings.merge(index.rows[["dicom_id", "subject_id", "split"]], on="dicom_id", validate="m:1")


def find_presence(truth: pd.DataFrame | None, labels: pd.DataFrame, index: RegionIndex) -> tuple[Presence, str]:
    """Who has what where, and the source that says so: the phantom's truth, else the weak labels."""
    if truth is not None:
        return build_presence(index.rows["dicom_id"], truth, index.regions, REGION_PARENTS), gold.TRUTH
    present = labels[labels["label"] == "present"]
    return build_presence(index.rows["study_id"], present, index.regions, REGION_PARENTS), gold.WEAK


def write_retrieval(found: RetrievalResult, out: Path, plots: Path, relevance: str) -> None:
    """Write the queries and cells tables, and the plots' data."""
    tables: tuple[tuple[Table, pd.DataFrame], ...] = ((QUERIES, found.queries), (CELLS, found.cells))
    for table, rows in tables:
        write_table(out / f"{table.name}.parquet", rows, table)
    write_text(plots / "cells.csv", figures.plot_csv(figures.plot_cells(found.cells), relevance))
    write_text(plots / "alpha.csv", figures.plot_csv(found.curve, relevance))


def write_gallery(out: Path, found: RetrievalResult, shown: Shown, model: LoadedModel, n_examples: int) -> None:
    """Write gallery.json and the maps it points into, similarity_maps.npz (`maps`: (n, g, g) float32)."""
    chosen = choose_examples(found.queries, n_examples, REGION_PARENTS)
    examples, maps = describe_examples(chosen, found.alpha, shown, model)
    with whole_file(out / "similarity_maps.npz") as temporary, temporary.open("wb") as handle:
        np.savez(handle, maps=maps)
    write_text(out / "gallery.json", figures.render_json({"alpha": found.alpha, "examples": examples}))
