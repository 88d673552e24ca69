"""The cases that the page shows: each query with its region, the answers it got, and where the finding lights up.

In: gallery.json and its maps as `evaluate` writes them, packed pixels, images, region boxes. Out: pictures as data
URIs with boxes in their pixels. The pictures are the packed ones with the padding cut off, so a page shows no more than
the model saw.
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
from hilum.report.page import write_score
from hilum.report.pictures import overlay_uri, picture_uri
from hilum.schema import IMAGES, REGION_BOXES
from hilum.tables import check_partitions, read_table
from hilum.vocabulary import finding_name

Box = tuple[float, float, float, float]
N_ANSWERS = 5  # of a failed query that are shown
SIMILARITIES = ("score", "region_similarity", "whole_similarity")


@dataclass(frozen=True)
class Case:
    """One picture. Boxes are x, y, width, height in its pixels; relevant: right or wrong, null for the query itself."""

    picture: str
    overlay: str | None
    width: int
    height: int
    region_box: Box | None
    finding_boxes: tuple[Box, ...]
    relevant: bool | None
    caption: str
    detail: str
    alt: str


@dataclass(frozen=True)
class ShownQuery:
    """One question to the archive and its nearest answers."""

    finding: str
    region: str
    summary: str
    query: Case
    answers: tuple[Case, ...]


@dataclass(frozen=True)
class _Film:
    """Everything known of one packed image. geometry: its IMAGES row; boxes: region -> original-pixel box."""

    pixels: np.ndarray
    geometry: Mapping[str, Any]
    boxes: Mapping[str, Box]

    def window(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the image within its packed square."""
        g, size = self.geometry, self.pixels.shape[0]
        left, top = round(g["offset_x_px"]), round(g["offset_y_px"])
        right = min(size, round(g["offset_x_px"] + g["columns_px"] * g["scale"]))
        bottom = min(size, round(g["offset_y_px"] + g["rows_px"] * g["scale"]))
        return max(0, left), max(0, top), max(left + 1, right), max(top + 1, bottom)

    def place(self, box: Box) -> Box:
        """A box of original pixels in the pixels of the window."""
        g, (left, top, _, _) = self.geometry, self.window()
        x, y, width, height = (value * g["scale"] for value in box)
        x, y = x + g["offset_x_px"] - left, y + g["offset_y_px"] - top
        return round(x, 1), round(y, 1), round(width, 1), round(height, 1)


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
    films = _read_films(data, partitions, wanted)
    return tuple(_show_query(row, maps, films) for row in examples)


def show_failures(failures: Sequence[Failure], data: Path, partitions: Sequence[str]) -> tuple[ShownQuery, ...]:
    """The worst queries as pictures with their nearest answers, each with what it has instead. No maps: none are kept."""
    shown = {row: row.answers[:N_ANSWERS] for row in failures}
    wanted = {row.dicom_id for row in failures} | {a.dicom_id for answers in shown.values() for a in answers}
    films = _read_films(data, partitions, wanted)
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
        query = _show_case(asked, row.region, none, films, None, ("The query", f"study {row.study_id}"), alt)
        cases = []
        for rank, answer in enumerate(answers, 1):
            words = (f"{rank}. {REASONS[answer.reason] if answer.reason else 'has it there'}", answer.words)
            alt = f"Answer {rank}: chest X-ray. {words[0]}. {words[1]}"
            cases.append(
                _show_case({"dicom_id": answer.dicom_id}, row.region, none, films, answer.relevant, words, alt)
            )
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
    films = _read_films(data, partitions, {row["dicom_id"] for row in chosen.values()})
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
        cases.append(_show_case(row, "", maps, films, None, words, alt))
    return tuple(cases)


def show_films(asked: Sequence[tuple[str, str, str]], data: Path, partitions: Sequence[str]) -> tuple[Case, ...]:
    """Images with one region marked. asked: image, region, caption."""
    films = _read_films(data, partitions, {dicom_id for dicom_id, _, _ in asked})
    none = np.zeros((0, 1, 1), np.float32)
    return tuple(
        _show_case({"dicom_id": d}, region, none, films, None, (words, ""), f"Chest X-ray; marked: {region}")
        for d, region, words in asked
    )


def _show_query(row: Mapping[str, Any], maps: np.ndarray, films: Mapping[str, _Film]) -> ShownQuery:
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
        answers.append(_show_case(answer, region, maps, films, answer["relevant"], (caption, detail), alt))
    alt = f"Query: chest X-ray of study {row['study_id']} with {finding} in the {region}"
    query = _show_case(row, region, maps, films, None, ("The query", f"study {row['study_id']}"), alt)
    n_right = sum(bool(answer["relevant"]) for answer in row["answers"])
    summary = (
        f"{n_right} of the {len(answers)} answers shown are right; located@10 {write_score(row['located_at_10'], 2)}."
    )
    return ShownQuery(finding, region, summary, query, tuple(answers))


def _show_case(
    row: Mapping[str, Any],
    region: str,
    maps: np.ndarray,
    films: Mapping[str, _Film],
    relevant: bool | None,
    words: tuple[str, str],
    alt: str,
) -> Case:
    film = films[row["dicom_id"]]
    left, top, right, bottom = film.window()
    size = film.pixels.shape[0]
    box = film.boxes.get(region)
    return Case(
        picture=picture_uri(film.pixels[top:bottom, left:right]),
        overlay=overlay_uri(maps[row["map"]], size, (left, top, right, bottom)) if "map" in row else None,
        width=right - left,
        height=bottom - top,
        region_box=film.place(box) if box else None,
        finding_boxes=tuple(film.place(_box(found)) for found in row.get("finding_boxes", ())),
        relevant=relevant,
        caption=words[0],
        detail=words[1],
        alt=alt,
    )


def _read_films(data: Path, partitions: Sequence[str], wanted: set[str]) -> dict[str, _Film]:
    """The wanted images alone, out of memory-mapped arrays. Raises BadDataError if one is not packed."""
    films: dict[str, _Film] = {}
    if not wanted:
        return films
    check_partitions(data / "pixels", partitions, ".npy")
    for partition in partitions:
        images = read_table(data / "images" / f"{partition}.parquet", IMAGES)
        images = images[images["dicom_id"].isin(wanted)]
        if not len(images):
            continue
        boxes = read_table(data / "region_boxes" / f"{partition}.parquet", REGION_BOXES)
        by_image = dict(iter(boxes[boxes["dicom_id"].isin(wanted)].groupby("dicom_id")))
        pixels = np.load(data / "pixels" / f"{partition}.npy", mmap_mode="r")
        for record in images.to_dict("records"):
            image: dict[str, Any] = {str(name): value for name, value in record.items()}
            mine = by_image.get(image["dicom_id"], boxes.iloc[:0])
            corners = mine[["x", "y", "width", "height"]].to_numpy(float).tolist()
            placed = {region: _box(box) for region, box in zip(mine["region"], corners)}
            films[image["dicom_id"]] = _Film(np.array(pixels[image["row"]]), image, placed)
    if lost := sorted(wanted - set(films)):
        raise BadDataError(f"gallery: {len(lost)} images are not packed, first {lost[0]}. Run `dvc repro evaluate`.")
    return films


def _box(values: Sequence[float]) -> Box:
    x, y, width, height = values
    return x, y, width, height
