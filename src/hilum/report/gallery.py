"""The cases that the page shows: each query with its region, the answers it got, and where the finding lights up.

In: gallery.json and its maps as `evaluate` writes them, the failed queries, the figures of grounding, packed images.
Out: queries with their answers, and single images, ready for the template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.report.failures import REASONS, Failure
from hilum.report.films import Case, Film, read_films, show_case
from hilum.report.page import write_score
from hilum.vocabulary import finding_name

N_ANSWERS = 5  # of a failed query that are shown
SIMILARITIES = ("score", "region_similarity", "whole_similarity")


@dataclass(frozen=True)
class ShownQuery:
    """One question to the archive and its nearest answers."""

    finding: str
    region: str
    summary: str
    query: Case
    answers: tuple[Case, ...]


def read_gallery(gallery: Path, maps: Path) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The examples and their maps, (n, g, g) float32. Raises BadDataError if they cannot be read."""
    try:
        examples = json.loads(gallery.read_text(encoding="utf-8"))["examples"]
        with np.load(maps, allow_pickle=False) as archive:
            return list(examples), np.asarray(archive["maps"])
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise BadDataError(
            f"{gallery.name}, {maps.name}: cannot be read ({type(error).__name__}). Run `dvc repro evaluate`."
        ) from None


def show_queries(
    examples: Sequence[Mapping[str, Any]], maps: np.ndarray, data: Path, partitions: Sequence[str]
) -> tuple[ShownQuery, ...]:
    """The examples as pictures, in their order. Raises BadDataError if one names an image that is not packed."""
    wanted = {row["dicom_id"] for row in examples} | {a["dicom_id"] for row in examples for a in row["answers"]}
    films = read_films(data, partitions, wanted)
    return tuple(_show_query(row, maps, films) for row in examples)


def show_failures(failures: Sequence[Failure], data: Path, partitions: Sequence[str]) -> tuple[ShownQuery, ...]:
    """The worst queries with their nearest answers and what each has instead. No maps: none are kept of them."""
    shown = {row: row.answers[:N_ANSWERS] for row in failures}
    wanted = {row.dicom_id for row in failures} | {a.dicom_id for answers in shown.values() for a in answers}
    films = read_films(data, partitions, wanted)
    none = np.zeros((0, 1, 1), np.float32)
    queries = []
    for row, answers in shown.items():
        finding = finding_name(row.finding)
        summary = (
            f"{row.n_right} of {row.n_answers} answers are right, of {row.n_relevant} that could be; "
            f"average precision {write_score(row.average_precision, 2)}."
        )
        asked = {"dicom_id": row.dicom_id}
        alt = f"Query: chest X-ray of study {row.study_id} with {finding} in the {row.region}"
        query = show_case(asked, row.region, none, films, None, ("The query", f"study {row.study_id}"), alt)
        cases = []
        for rank, answer in enumerate(answers, 1):
            words = (f"{rank}. {REASONS[answer.reason] if answer.reason else 'has it there'}", answer.words)
            alt = f"Answer {rank}: chest X-ray. {words[0]}. {words[1]}"
            cases.append(show_case({"dicom_id": answer.dicom_id}, row.region, none, films, answer.relevant, words, alt))
        queries.append(ShownQuery(finding, row.region, summary, query, tuple(cases)))
    return tuple(queries)


def show_groundings(
    examples: Sequence[Mapping[str, Any]],
    maps: np.ndarray,
    figures: pd.DataFrame,
    data: Path,
    partitions: Sequence[str],
) -> tuple[Case, ...]:
    """The examples' own images with map and boxes, a finding once; those without a box are left out.

    figures: GROUNDINGS.
    """
    chosen = {str(row["finding"]): row for row in reversed(examples) if row["finding_boxes"]}
    films = read_films(data, partitions, {row["dicom_id"] for row in chosen.values()})
    phrase = figures[figures["score"] == "phrase"].set_index(["dicom_id", "finding"])
    cases = []
    for finding, row in sorted(chosen.items()):
        key, detail = (row["dicom_id"], finding), ""
        if key in phrase.index:
            found = phrase.loc[key]
            hit = "the peak is in a box" if found["pointing_game"] == 1 else "the peak is outside"
            contrast = write_score(found["contrast_to_noise_ratio"], 2)
            detail = f"{hit}; CNR {contrast}, mIoU {write_score(found['mean_iou'], 2)}"
        words = (str(row["phrase"]), detail)
        alt = f"Chest X-ray of study {row['study_id']} with the map of {row['phrase']}. {detail}"
        cases.append(show_case(row, "", maps, films, None, words, alt))
    return tuple(cases)


def show_films(asked: Sequence[tuple[str, str, str]], data: Path, partitions: Sequence[str]) -> tuple[Case, ...]:
    """Images with one region marked. asked: image, region, caption."""
    films = read_films(data, partitions, {dicom_id for dicom_id, _, _ in asked})
    none = np.zeros((0, 1, 1), np.float32)
    return tuple(
        show_case({"dicom_id": d}, region, none, films, None, (words, ""), f"Chest X-ray; marked: {region}")
        for d, region, words in asked
    )


def _show_query(row: Mapping[str, Any], maps: np.ndarray, films: Mapping[str, Film]) -> ShownQuery:
    finding, region = str(row["phrase"]), str(row["region"])
    answers = []
    for answer in row["answers"]:
        verdict = (
            "has it there" if answer["relevant"] else "has it elsewhere" if answer["same_finding"] else "has it not"
        )
        score, near, whole = (write_score(answer[part]) for part in SIMILARITIES)
        caption = f"{answer['rank']}. {verdict}"
        detail = f"study {answer['study_id']}; similarity {score} (region {near}, whole {whole})"
        alt = f"Answer {answer['rank']}: chest X-ray of study {answer['study_id']}, which {verdict}"
        answers.append(show_case(answer, region, maps, films, answer["relevant"], (caption, detail), alt))
    alt = f"Query: chest X-ray of study {row['study_id']} with {finding} in the {region}"
    query = show_case(row, region, maps, films, None, ("The query", f"study {row['study_id']}"), alt)
    n_right = sum(bool(answer["relevant"]) for answer in row["answers"])
    summary = (
        f"{n_right} of the {len(answers)} answers shown are right; located@10 {write_score(row['located_at_10'], 2)}."
    )
    return ShownQuery(finding, region, summary, query, tuple(answers))
