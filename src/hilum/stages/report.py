"""Verdict, figures, tables, curves and cases in, the page of results out."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.errors import BadDataError
from hilum.image.atlas import read_atlas
from hilum.report.failures import collect_findings, count_reasons, list_failures, name_images
from hilum.report.gallery import read_gallery, show_failures, show_films, show_groundings, show_queries
from hilum.report.index_page import Results, render_index_page
from hilum.schema import CELLS, GROUNDINGS, IMAGES, QUERIES, REGION_LABELS, SCORES
from hilum.tables import read_table, write_text

if TYPE_CHECKING:
    from hilum.config import ReportParams

PHASES = ("align", "locate")
DATA_PAGE = "data.html"  # beside the page
log = logging.getLogger(__name__)


def run(
    data: Path,
    partitions: Sequence[str],
    metrics: Path,
    curves: Path,
    comparison: Path,
    explanations: Path,
    page: Path,
    params: ReportParams,
    collection: str,
) -> None:
    """Write the page. Raises BadDataError if a file it is made from is missing or of another shape."""
    evaluation = data / "evaluation"
    examples, maps = read_gallery(evaluation / "gallery.json", evaluation / "similarity_maps.npz")
    queries = read_table(evaluation / "queries.parquet", QUERIES)
    studies = name_images([read_table(data / "images" / f"{name}.parquet", IMAGES) for name in partitions])
    labels = [read_table(data / "region_labels" / f"{name}.parquet", REGION_LABELS) for name in partitions]
    known = collect_findings(pd.concat(labels))
    scores = read_table(evaluation / "scores.parquet", SCORES)
    pointed, grounding = pd.DataFrame(columns=list(GROUNDINGS.column_names)), pd.DataFrame()
    if (scores["task"] == "grounding").any():  # it needs boxes, which a real collection has not
        pointed = read_table(evaluation / "groundings.parquet", GROUNDINGS)
        grounding = read_csv(curves / "evaluation" / "grounding.csv")
    told = read_json(data / "explanations" / "examples.json").get("examples", [])[: params.n_queries]
    asked = [(row["dicom_id"], row["region"], row["region"]) for row in told]
    results = Results(
        collection=collection,
        validation=read_json(data / "validation" / "validation.json"),
        metrics=read_json(metrics),
        scores=scores,
        cells=read_table(evaluation / "cells.parquet", CELLS),
        alpha_curve=read_csv(curves / "evaluation" / "alpha.csv"),
        report_alpha_curve=read_csv(curves / "evaluation" / "report_alpha.csv"),
        curves={phase: read_csv(curves / f"{phase}.csv") for phase in PHASES},
        comparison=read_json(comparison),
        regions=read_atlas().regions,
        explanations=read_json(explanations),
        explained=tuple(zip(told, show_films(asked, data, partitions), strict=True)),
        grounding=grounding,
        grounded=show_groundings(examples if params.n_queries else [], maps, pointed, data, partitions),
        failures=show_failures(list_failures(queries, studies, known, params.n_queries), data, partitions),
        reasons=count_reasons(queries, studies, known),
        cases=show_queries(examples[: params.n_queries], maps, data, partitions),
    )
    text = render_index_page(results, DATA_PAGE)
    write_text(page, text)
    log.info("report: %d cases, %.1f MB, %s", len(results.cases), len(text) / 1e6, page)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises BadDataError if there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadDataError(f"{path} is not a JSON object ({type(error).__name__}). Run `dvc repro`.") from None


def read_csv(path: Path) -> pd.DataFrame:
    """A csv of numbers; without rows if it holds its header alone. Raises BadDataError if it cannot be read."""
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise BadDataError(f"{path} is not a csv ({type(error).__name__}). Run `dvc repro`.") from None
