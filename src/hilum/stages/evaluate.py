"""Indexes in, figures out: retrieval with its controls, grounding, the labels' quality, and what the page shows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import figures
from hilum.evaluation.compiled import Compiled, Measured, compile_results
from hilum.evaluation.gallery import Shown, choose_examples, describe_examples
from hilum.evaluation.grounding_summary import tabulate_groundings
from hilum.evaluation.known import read_known
from hilum.evaluation.pixels import PackedImages, RegionThumbnails
from hilum.evaluation.reports import Words, collect_cases, evaluate_reports, rank_pairs
from hilum.evaluation.results import Asked, evaluate_grounding, evaluate_retrieval
from hilum.evaluation.rivals import collect_rivals, predict_findings
from hilum.evaluation.similarities import Gallery
from hilum.model.arithmetic import settle_arithmetic
from hilum.model.inference import LoadedModel, load_model
from hilum.retrieval.index import RegionIndex, open_index, verify_index
from hilum.schema import (
    CELLS,
    GROUNDINGS,
    MENTIONS,
    PAIRS,
    QUERIES,
    REPORT_QUERIES,
    REPORTS,
    SCORES,
    SECTIONS,
    TRUTH_FINDINGS,
    Table,
)
from hilum.tables import arrow_schema, read_tables, to_pandas, whole_file, write_table, write_text
from hilum.training.texts import raw_texts, report_bodies, route_sentences
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
    """Measure the line on held-out patients and write tables, metrics.json and plot data.

    On a real collection relevance comes from the weak labels, every figure says so, and what needs a truth (grounding,
    the labels' quality) is left out and named.
    """
    settle_arithmetic(params.threads)
    opened, loaded = open_together(index, model, tokenizer)
    known = read_known(data, opened.rows, opened.regions, partitions, model, collection)
    packed = PackedImages(data, partitions)
    thumbnails = RegionThumbnails(packed, data, partitions, opened.rows["dicom_id"])
    predicted = predict_findings(opened.vectors(), opened.rows, known.labels)
    rivals = collect_rivals(thumbnails, packed, opened.rows, loaded, loaded.config.regions, predicted, params)
    gallery = Gallery(opened.rows, known.presence(), opened.vectors, thumbnails, rivals)
    asked = evaluate_retrieval(gallery, params)
    groundings = None if known.truth is None else evaluate_grounding(packed, loaded, known.truth, params)
    words = read_words(data, partitions)
    cases = collect_cases(gallery, data / "embeddings", partitions, known.labels, words, REGION_PARENTS)
    told = evaluate_reports(cases, MIRROR, params.alphas, params.min_positives, params.seed)
    measured = Measured(asked.queries, told, rank_pairs(cases), groundings)
    found = compile_results(known, measured, params)
    write_tables(out, measured, found)
    write_plots(plots, groundings, found, known.relevance)
    boxes = known.truth if known.truth is not None else to_pandas(arrow_schema(TRUTH_FINDINGS).empty_table())
    shown = Shown(opened, gallery, packed, boxes, params.smoothing_patches)
    write_gallery(out, asked, shown, loaded, params.n_examples)
    write_text(metrics, figures.render_json(found.metrics))
    counts = found.metrics["counts"]
    log.info("evaluate: %d queries, %d cells", counts["test_queries"], counts["cells"])


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


def read_words(data: Path, partitions: Sequence[str]) -> Words:
    """What the reports say, as the model read them, and where each sentence of them speaks of."""
    reports = read_tables(data / "texts", partitions, REPORTS)
    bodies = report_bodies(reports, read_tables(data / "sections", partitions, SECTIONS))
    return Words(bodies, route_sentences(read_tables(data / "mentions", partitions, MENTIONS), raw_texts(reports)))


def write_tables(out: Path, measured: Measured, found: Compiled) -> None:
    """Write the tables that figures rest on, and those that they stand in."""
    tables: list[tuple[Table, pd.DataFrame]] = [
        (QUERIES, measured.queries), (REPORT_QUERIES, measured.reports), (PAIRS, measured.pairs), (CELLS, found.cells),
        (SCORES, found.scores),
    ]  # fmt: skip
    if measured.groundings is not None:
        tables.append((GROUNDINGS, measured.groundings))
    for table, rows in tables:
        write_table(out / f"{table.name}.parquet", rows, table)


def write_plots(plots: Path, groundings: pd.DataFrame | None, found: Compiled, relevance: str) -> None:
    """Write the plots' data."""
    frames = {
        "cells": figures.plot_cells(found.cells),
        "alpha": found.curve,
        "scores": figures.plot_scores(found.scores),
        "controls": figures.plot_controls(found.scores),
        "report_alpha": found.report_curves,
    }
    if groundings is not None:
        frames["grounding"] = tabulate_groundings(groundings)
    for name, frame in frames.items():
        write_text(plots / f"{name}.csv", figures.plot_csv(frame, relevance))


def write_gallery(out: Path, asked: Asked, shown: Shown, model: LoadedModel, n_examples: int) -> None:
    """Write gallery.json and the maps it points into, similarity_maps.npz (`maps`: (n, g, g) float32)."""
    chosen = choose_examples(asked.queries, n_examples, REGION_PARENTS)
    examples, maps = describe_examples(chosen, asked.alpha, shown, model)
    with whole_file(out / "similarity_maps.npz") as temporary, temporary.open("wb") as handle:
        np.savez(handle, maps=maps)
    write_text(out / "gallery.json", figures.render_json({"alpha": asked.alpha, "examples": examples}))
