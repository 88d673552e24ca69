"""Champion and challenger in, evidence and verdict out: the same frozen questions, and the drift of what is new."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.evaluation.challenge import Benchmark, build_benchmark, compare_models, rank_benchmark
from hilum.evaluation.decision import judge_challenge, render_decision
from hilum.evaluation.drift import measure_drift
from hilum.evaluation.drift_parts import Landed
from hilum.evaluation.figures import render_json
from hilum.evaluation.gold import WEAK
from hilum.retrieval.vectors import ImageVectors, read_image_vectors
from hilum.schema import IMAGES, REGION_LABELS, REPORTS, UNKNOWN_TERMS, Table
from hilum.tables import check_partitions, read_table, read_tables, write_text
from hilum.vocabulary import REGIONS

if TYPE_CHECKING:
    from hilum.config import ChallengeParams

log = logging.getLogger(__name__)


def run(
    data: Path,
    landing_of: Mapping[str, str],
    champion: Path,
    champion_embeddings: Path,
    metrics: Path,
    out: Path,
    page: Path,
    params: ChallengeParams,
    collection: str,
) -> None:
    """Write the evidence as JSON (`out`) and Markdown (`page`). landing_of: partition -> its landing.

    A refusal is a result and no error. Raises UsageError if there is no champion, or if a landing of the benchmark is
    not here; BadDataError if the champion is of another collection or its embeddings are another model's.
    """
    settings, figures = read_champion(champion, collection), read_json(metrics)
    labels = read_tables(data / "region_labels", list(landing_of), REGION_LABELS)
    images = read_marked(data / "images", landing_of, IMAGES, ["dicom_id", "study_id", "subject_id", "split"])
    benchmark = freeze_benchmark(images, labels, params)

    old = read_vectors(data, champion_embeddings, landing_of)
    if old.model_id != settings["model_id"]:
        raise BadDataError(
            f"{champion_embeddings} was made by checkpoint {old.model_id}; {champion} holds {settings['model_id']}. "
            f"Run `dvc repro` on the served embeddings."
        )
    ranked = rank_benchmark(benchmark, old, settings["alpha"])
    drift = find_drift(data, landing_of, labels, images, old, settings, params)
    del old  # one model's vectors in memory at a time

    new = read_vectors(data, data / "embeddings", landing_of)
    alpha = float(figures["retrieval"]["alpha"])
    names = list(dict.fromkeys([params.metric, *params.guards]))
    compared = compare_models(
        ranked, rank_benchmark(benchmark, new, alpha), benchmark, names, params.n_bootstrap, params.seed
    )
    gate = read_json(data / "validation" / "validation.json")
    failed = [f"{check['table']}.{check['check']}" for check in gate["checks"] if not check["passed"]]
    verdict, reasons = judge_challenge(compared, gate["verdict"], failed, params)
    evidence = {
        "verdict": verdict,
        "reasons": reasons,
        "policy": params.model_dump(mode="json"),
        "gate": {"verdict": gate["verdict"], "failed": failed},
        "benchmark": describe_benchmark(benchmark, params),
        "metrics": {c.metric: {k: v for k, v in asdict(c).items() if k != "metric"} for c in compared},
        "drift": drift,
        "champion": {key: settings[key] for key in ("model_id", "objective", "alpha", "landings")},
        "challenger": {
            "model_id": new.model_id,
            "objective": figures["objective"],
            "alpha": alpha,
            "landings": sorted(set(landing_of.values())),
        },
    }
    write_text(out, render_json(evidence))
    write_text(page, render_decision(read_json(out)))
    log.info("challenge: %s: %s", verdict, "; ".join(reasons))


def read_champion(champion: Path, collection: str) -> dict[str, Any]:
    """settings.json of the promoted model: alpha, model_id, objective, collection, partitions, landings."""
    if not champion.is_dir():
        raise UsageError(
            f"{champion} is not here: no model has been promoted yet, so there is nothing to compare with. "
            f"`hilum retrain` promotes the first one without a challenge."
        )
    settings = read_json(champion / "settings.json")
    lacking = sorted({"alpha", "model_id", "objective", "collection", "partitions", "landings"} - set(settings))
    if lacking:
        raise BadDataError(f"{champion / 'settings.json'} lacks {lacking}. Promote a model again.")
    if settings["collection"] != collection:
        raise BadDataError(
            f"{champion} was trained on collection {settings['collection']}; this checkout holds {collection}. Their "
            f"models cannot be compared: take the champion away and promote a first one of this collection."
        )
    return settings


def freeze_benchmark(images: pd.DataFrame, labels: pd.DataFrame, params: ChallengeParams) -> Benchmark:
    """The questions of the landings that params.challenge.benchmark names. images: with a column landing."""
    held = sorted(set(images["landing"]))
    missing = sorted(set(params.benchmark) - set(held))
    if missing:
        raise UsageError(
            f"challenge.benchmark in params.yaml names {missing}; the landings with images here are {held}. "
            f"Name landings that are here, and that stay."
        )
    frozen = images[images["landing"].isin(params.benchmark)]
    return build_benchmark(frozen, labels, REGIONS, params.min_positives)


def describe_benchmark(benchmark: Benchmark, params: ChallengeParams) -> dict[str, Any]:
    """How much was asked, and the digest by which two decisions are seen to have asked the same."""
    return {
        "landings": list(params.benchmark),
        "relevance": WEAK,
        "n_images": len(benchmark.rows),
        "n_queries": len(benchmark.queries),
        "n_patients": benchmark.n_patients,
        "n_cells": len(np.unique(benchmark.queries.cell)),
        "sha256": benchmark.digest(),
    }


def find_drift(
    data: Path,
    landing_of: Mapping[str, str],
    labels: pd.DataFrame,
    images: pd.DataFrame,
    vectors: ImageVectors,
    settings: Mapping[str, Any],
    params: ChallengeParams,
) -> dict[str, Any]:
    """Drift of the partitions that the champion was not trained on, by its own vectors and alpha."""
    trained = settings["partitions"]

    def mark(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(is_new=~frame["partition"].isin(trained))

    studies = mark(read_marked(data / "texts", landing_of, REPORTS, list(REPORTS.column_names)))
    terms = mark(read_marked(data / "unknown_terms", landing_of, UNKNOWN_TERMS, ["term", "n_mentions"]))
    new = sorted({landing for partition, landing in landing_of.items() if partition not in trained})
    images = mark(images.set_index("dicom_id").loc[vectors.rows["dicom_id"]].reset_index())
    landed = Landed(studies, labels, terms, images, vectors, settings["alpha"])
    return {"landings": new, **measure_drift(landed, params.drift)}


def read_vectors(data: Path, embeddings: Path, landing_of: Mapping[str, str]) -> ImageVectors:
    """The vectors of every image that the model of these embeddings made."""
    return read_image_vectors(data / "images", embeddings, list(landing_of), REGIONS)


def read_marked(folder: Path, landing_of: Mapping[str, str], table: Table, columns: list[str]) -> pd.DataFrame:
    """One table of all partitions, with the columns partition and landing."""
    check_partitions(folder, list(landing_of), ".parquet")
    frames = [
        read_table(folder / f"{partition}.parquet", table, columns).assign(partition=partition, landing=landing)
        for partition, landing in landing_of.items()
    ]
    return pd.concat(frames, ignore_index=True)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises BadDataError if there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadDataError(f"{path} is not a JSON object ({type(error).__name__}). Run `dvc repro`.") from None
