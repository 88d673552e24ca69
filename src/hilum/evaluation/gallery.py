"""The example queries that the page of results shows: which ones, what was found, and where each phrase lights up.

In: the queries table, the opened index, packed images, and a model. Out: a JSON object and an array of maps. Examples
are typical, not best: for each finding the query in the middle of the ranking by located_at_10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.heatmaps import smooth_patches
from hilum.evaluation.phrases import Encoder, frame_of, patch_map
from hilum.evaluation.pixels import PackedImages
from hilum.evaluation.similarities import MIX, Gallery
from hilum.retrieval.index import RegionIndex
from hilum.retrieval.search import Query, search
from hilum.vocabulary import finding_name

N_ANSWERS = 5


def choose_examples(queries: pd.DataFrame, n: int, parents: Mapping[str, str]) -> pd.DataFrame:
    """At most n rows of the mix, by turns from each finding, and of a finding from each of its regions.

    queries: QUERIES rows of the test split. Regions that hold others come last: the finer question says more.
    """
    mixed = queries[queries["score"] == MIX].sort_values(["located_at_10", "average_precision", "query"], kind="stable")
    holders = set(parents.values())
    picked = []
    for (finding, region), rows in mixed.groupby(["finding", "region"], sort=True):
        picked.append((region in holders, -len(rows), str(finding), str(region), rows.index[len(rows) // 2]))
    turns: dict[str, int] = {}
    ordered = []
    for _, _, finding, region, row in sorted(picked):
        ordered.append((turns.get(finding, 0), finding, region, row))
        turns[finding] = turns.get(finding, 0) + 1
    return queries.loc[[row for *_, row in sorted(ordered)[:n]]]


@dataclass(frozen=True)
class Shown:
    """What an example is drawn from. boxes: dicom_id, finding, x, y, width, height of the truth; empty without one."""

    index: RegionIndex
    gallery: Gallery
    packed: PackedImages
    boxes: pd.DataFrame
    sigma: float


def describe_examples(
    examples: pd.DataFrame, alpha: float, shown: Shown, model: Encoder
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The examples as JSON rows, and the smoothed maps (n, g, g) float32 that their `map` numbers point into.

    A map is on the grid of the packed square, as the images table's scale and offset place it.
    """
    names = sorted(set(examples["finding"]))
    phrases = (
        dict(zip(names, model.encode_phrases([finding_name(name) for name in names]), strict=True)) if names else {}
    )
    maps: list[np.ndarray] = []

    def show(dicom_id: str, finding: str) -> dict[str, Any]:
        pixels = shown.packed.read(dicom_id)
        image = next(shown.packed.images.loc[[dicom_id]].itertuples())
        grid = patch_map(phrases[finding], model.encode_images(pixels[None]).patches[0])
        maps.append(smooth_patches(grid, frame_of(image, pixels.shape[-1]), shown.sigma).astype(np.float32))
        at = shown.boxes[(shown.boxes["dicom_id"] == dicom_id) & (shown.boxes["finding"] == finding)]
        boxes = at[["x", "y", "width", "height"]].to_numpy(np.float64).tolist()
        return {"dicom_id": dicom_id, "map": len(maps) - 1, "finding_boxes": boxes}

    rows = [_example(row, alpha, shown, show) for row in examples.itertuples()]
    return rows, np.stack(maps) if maps else np.zeros((0, 1, 1), np.float32)


def _example(row: Any, alpha: float, shown: Shown, show: Any) -> dict[str, Any]:
    position = int(np.flatnonzero(shown.index.rows["dicom_id"] == row.dicom_id)[0])
    whole, regional = shown.index.vectors()[position], shown.index.vectors(row.region)[position]
    answers = search(shown.index, Query(whole, regional, row.region, int(row.subject_id)), alpha, N_ANSWERS)
    presence = shown.gallery.presence
    finding, region = presence.findings.index(row.finding), presence.regions.index(row.region)
    found = []
    for answer in answers:
        at = int(np.flatnonzero(shown.index.rows["dicom_id"] == answer.dicom_id)[0])
        found.append(
            {
                **answer.as_row(),
                "relevant": bool(presence.present[at, region, finding]),
                "same_finding": bool(presence.anywhere[at, finding]),
                **show(answer.dicom_id, row.finding),
            }
        )
    return {
        "query": row.query,
        "study_id": int(row.study_id),
        "subject_id": int(row.subject_id),
        "region": row.region,
        "finding": row.finding,
        "phrase": finding_name(row.finding),
        "located_at_10": float(row.located_at_10),
        "precision_at_5": float(row.precision_at_5),
        **show(row.dicom_id, row.finding),
        "answers": found,
    }
