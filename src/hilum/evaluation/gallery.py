"""The example queries that the page of results shows: which ones, what was found, and where each phrase lights up.

In: the queries table, the opened index, packed images, and a model. Out: a JSON object and an array of maps. Examples
are typical, not best: for each finding the query in the middle of the ranking by located_at_10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.heatmaps import smooth_patches
from hilum.evaluation.phrases import BATCH, Encoder, frame_of, patch_map
from hilum.evaluation.pixels import PackedImages
from hilum.evaluation.similarities import MIX, Gallery
from hilum.retrieval.index import RegionIndex
from hilum.retrieval.search import Answer, Query, search
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
    asked: list[tuple[Any, list[Answer]]] = [(row, _answers(row, alpha, shown)) for row in examples.itertuples()]
    pairs = [
        (dicom_id, str(row.finding))
        for row, found in asked
        for dicom_id in (row.dicom_id, *(a.dicom_id for a in found))
    ]
    maps = _draw_maps(pairs, shown, model)
    numbers = iter(range(len(pairs)))
    rows = []
    for row, answers in asked:
        query = {"query": row.query, "study_id": int(row.study_id), "subject_id": int(row.subject_id)}
        query |= {"region": row.region, "finding": row.finding, "phrase": finding_name(row.finding)}
        query |= {name: float(getattr(row, name)) for name in ("located_at_10", "precision_at_5")}
        query |= _show(row.dicom_id, row.finding, next(numbers), shown)
        found = [
            {
                **answer.as_row(),
                **_judge(answer, row, shown),
                **_show(answer.dicom_id, row.finding, next(numbers), shown),
            }
            for answer in answers
        ]
        rows.append({**query, "answers": found})
    return rows, maps


def _answers(row: Any, alpha: float, shown: Shown) -> list[Answer]:
    position = int(np.flatnonzero(shown.index.rows["dicom_id"] == row.dicom_id)[0])
    whole, regional = shown.index.vectors()[position], shown.index.vectors(row.region)[position]
    return search(shown.index, Query(whole, regional, row.region, int(row.subject_id)), alpha, N_ANSWERS)


def _judge(answer: Answer, row: Any, shown: Shown) -> dict[str, bool]:
    presence = shown.gallery.presence
    finding, region = presence.findings.index(row.finding), presence.regions.index(row.region)
    at = int(np.flatnonzero(shown.index.rows["dicom_id"] == answer.dicom_id)[0])
    return {
        "relevant": bool(presence.present[at, region, finding]),
        "same_finding": bool(presence.anywhere[at, finding]),
    }


def _show(dicom_id: str, finding: str, number: int, shown: Shown) -> dict[str, Any]:
    at = shown.boxes[(shown.boxes["dicom_id"] == dicom_id) & (shown.boxes["finding"] == finding)]
    boxes = at[["x", "y", "width", "height"]].to_numpy(np.float64).tolist()
    return {"dicom_id": dicom_id, "map": number, "finding_boxes": boxes}


def _draw_maps(pairs: Sequence[tuple[str, str]], shown: Shown, model: Encoder) -> np.ndarray:
    """(n, g, g) float32: the smoothed map of each pair of image and finding; (0, 1, 1) of none."""
    if not pairs:
        return np.zeros((0, 1, 1), np.float32)
    images, findings = sorted({image for image, _ in pairs}), sorted({finding for _, finding in pairs})
    patches: dict[str, np.ndarray] = {}
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        encoded = model.encode_images(np.stack([shown.packed.read(image) for image in part]))
        patches |= dict(zip(part, encoded.patches, strict=True))
    phrases = dict(zip(findings, model.encode_phrases([finding_name(name) for name in findings]), strict=True))
    size_px = shown.packed.read(images[0]).shape[-1]
    frames = {str(row.dicom_id): frame_of(row, size_px) for row in shown.packed.images.loc[images].itertuples()}
    maps = [
        smooth_patches(patch_map(phrases[finding], patches[image]), frames[image], shown.sigma)
        for image, finding in pairs
    ]
    return np.stack(maps).astype(np.float32)
