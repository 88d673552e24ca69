"""Ground every finding of the test images: what is asked, which maps answer, and how each is scored.

In: boxes of findings, images with their geometry, and a model that encodes pictures and phrases. Out: GROUNDINGS rows.
A unit is an image and a finding; its boxes are united. The maps:

  phrase         cosine of the finding's name with each patch
  placed_phrase  the same with the region before the name; of several regions, the mean of their maps
  other_phrase   the name of another finding, which the image does not have: a control that must fall
  prior          where the finding's boxes lie in the train images, on average; it does not look at the image
  placed_prior   the same for the finding in the regions given
  median_box     the finding's median box of the train images, each edge by itself
  uniform        the same everywhere: predicts nothing, and points at random
  centre         the middle of the image
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from hilum.errors import GroundingError
from hilum.evaluation import grounding, heatmaps
from hilum.evaluation.heatmaps import Frame
from hilum.schema import GROUNDINGS
from hilum.tables import arrow_schema, to_pandas
from hilum.vocabulary import finding_name

log = logging.getLogger(__name__)

PHRASE, PLACED_PHRASE, OTHER_PHRASE = "phrase", "placed_phrase", "other_phrase"
PRIOR, PLACED_PRIOR, CENTRE = "prior", "placed_prior", "centre"
MEDIAN_BOX, UNIFORM = "median_box", "uniform"
BATCH = 32  # pictures encoded at once
PRIOR_CELLS = 64  # of the picture of a prior, along each side of the image


class Encoder(Protocol):
    """What grounding needs of a model (hilum.model.inference.LoadedModel)."""

    def encode_images(self, pixels: np.ndarray) -> Any:
        """An object whose `patches` are (n, g * g, size) unit vectors."""

    def encode_phrases(self, phrases: Sequence[str]) -> np.ndarray:
        """(n, size) unit vectors."""


@dataclass(frozen=True)
class Unit:
    """One image and finding: regions it lies in, and its boxes (n, 4) in original pixels."""

    finding: str
    regions: tuple[str, ...]
    boxes: np.ndarray


@dataclass(frozen=True)
class Picture:
    """One image with its units. pixels: (size, size) uint8, the packed square."""

    dicom_id: str
    subject_id: int
    frame: Frame
    pixels: np.ndarray
    units: tuple[Unit, ...]


def collect_units(findings: pd.DataFrame) -> dict[str, tuple[Unit, ...]]:
    """Units by dicom_id, findings in alphabetical order. findings: dicom_id, finding, region, x, y, width, height."""
    units: dict[str, list[Unit]] = {}
    for (dicom_id, finding), rows in findings.groupby(["dicom_id", "finding"], sort=True):
        boxes = rows[["x", "y", "width", "height"]].to_numpy(np.float64)
        units.setdefault(str(dicom_id), []).append(Unit(str(finding), tuple(sorted(set(rows["region"]))), boxes))
    return {dicom_id: tuple(found) for dicom_id, found in units.items()}


def frame_of(image: Any, size_px: int) -> Frame:
    """The frame of a row of the images table (as `itertuples` gives it)."""
    return Frame(
        float(image.columns_px), float(image.rows_px), image.scale, image.offset_x_px, image.offset_y_px, size_px
    )


@dataclass(frozen=True)
class Priors:
    """Where boxes lie, as pictures of the whole image: by finding, and by finding and region.

    boxes: by finding, the median of x, y, width and height as shares of the image, (4,).
    """

    by_finding: dict[str, np.ndarray]
    by_place: dict[tuple[str, str], np.ndarray]
    boxes: dict[str, np.ndarray] = field(default_factory=dict)


def draw_priors(findings: pd.DataFrame, sizes: pd.DataFrame) -> Priors:
    """Mean box masks over the train images' units. findings: as in `collect_units`, of train images only.

    sizes: dicom_id, columns_px, rows_px. A pixel's value is the share of units (of a region's: in that region) whose
    boxes cover it.
    """
    table = findings.merge(sizes[["dicom_id", "columns_px", "rows_px"]], on="dicom_id", how="inner", validate="m:1")
    by_finding, by_place, boxes = {}, {}, {}
    for finding, rows in table.groupby("finding", sort=True):
        by_finding[str(finding)] = _mean_mask(rows)
        boxes[str(finding)] = np.median(_shares(rows), axis=0)
        for region, placed in rows.groupby("region", sort=True):
            by_place[str(finding), str(region)] = _mean_mask(placed)
    return Priors(by_finding, by_place, boxes)


def ground_pictures(
    pictures: Sequence[Picture], model: Encoder, priors: Priors, sigma: float, seed: int
) -> pd.DataFrame:
    """GROUNDINGS rows of every unit under every map. sigma: of the Gaussian, in patches.

    A unit none of whose boxes meets its image is left out and counted.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    names = sorted({unit.finding for picture in pictures for unit in picture.units})
    texts = {name: finding_name(name) for name in names}
    texts |= {
        f"{region} {name}": f"{region} {finding_name(name)}"
        for name in names
        for region in sorted({r for picture in pictures for u in picture.units if u.finding == name for r in u.regions})
    }
    phrases = dict(zip(texts, model.encode_phrases(list(texts.values())), strict=True)) if texts else {}
    rows: list[dict[str, Any]] = []
    n_lost = 0
    for picture, patches in _encode(pictures, model):
        absent = [name for name in names if name not in {unit.finding for unit in picture.units}]
        for unit in picture.units:
            inside = heatmaps.draw_boxes(unit.boxes, picture.frame)
            if not inside.any():
                n_lost += 1
                continue
            other = absent[int(random.integers(len(absent)))] if absent else None
            maps = _phrase_maps(unit, other, phrases, patches, picture.frame, sigma)
            maps |= _prior_maps(unit, priors, picture.frame)
            who = {"dicom_id": picture.dicom_id, "subject_id": picture.subject_id, "finding": unit.finding}
            rows += [who | score_map(name, drawn, inside) for name, drawn in maps.items()]
    if n_lost:
        log.warning("grounding: %d units have no box that meets their image; left out", n_lost)
    return (
        pd.DataFrame(rows)[list(GROUNDINGS.column_names)] if rows else to_pandas(arrow_schema(GROUNDINGS).empty_table())
    )


def patch_map(phrase: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """(g, g) cosines of a phrase with every patch, rounded so that their order is no accident of the machine."""
    grid = round(len(patches) ** 0.5)
    return np.round(patches.astype(np.float64) @ phrase.astype(np.float64), 7).reshape(grid, grid)


def _encode(pictures: Sequence[Picture], model: Encoder) -> Iterator[tuple[Picture, np.ndarray]]:
    for start in range(0, len(pictures), BATCH):
        part = pictures[start : start + BATCH]
        yield from zip(part, model.encode_images(np.stack([p.pixels for p in part])).patches, strict=True)


def _phrase_maps(
    unit: Unit, other: str | None, phrases: dict[str, np.ndarray], patches: np.ndarray, frame: Frame, sigma: float
) -> dict[str, np.ndarray]:
    grids = {
        PHRASE: patch_map(phrases[unit.finding], patches),
        PLACED_PHRASE: np.mean(
            [patch_map(phrases[f"{region} {unit.finding}"], patches) for region in unit.regions], axis=0
        ),
    }
    if other is not None:
        grids[OTHER_PHRASE] = patch_map(phrases[other], patches)
    stacked = heatmaps.draw_map(heatmaps.smooth_patches(np.stack(list(grids.values())), frame, sigma), frame)
    return dict(zip(grids, stacked, strict=True))


def _prior_maps(unit: Unit, priors: Priors, frame: Frame) -> dict[str, np.ndarray]:
    nowhere = np.zeros((PRIOR_CELLS, PRIOR_CELLS))
    whole = priors.by_finding.get(unit.finding, nowhere)
    placed = np.mean([priors.by_place.get((unit.finding, region), nowhere) for region in unit.regions], axis=0)
    return {
        PRIOR: heatmaps.draw_fractions(whole, frame),
        PLACED_PRIOR: heatmaps.draw_fractions(placed, frame),
        CENTRE: heatmaps.draw_centre(frame),
        MEDIAN_BOX: heatmaps.draw_box(priors.boxes.get(unit.finding), frame),
        UNIFORM: np.zeros(frame.shape),
    }


def score_map(name: str, drawn: np.ndarray, inside: np.ndarray) -> dict[str, Any]:
    """One map against the boxes it should find: `score` (its name) and every metric. Arguments as in `grounding`."""
    try:
        contrast = grounding.contrast_to_noise_ratio(drawn, inside)
    except GroundingError:
        contrast = None  # undefined: a constant map, or boxes that cover the image; the other metrics are not
    return {
        "score": name,
        "pointing_game": grounding.pointing_game(drawn, inside),
        "contrast_to_noise_ratio": contrast,
        "mean_iou": grounding.mean_iou(drawn, inside),
        "chance_pointing": grounding.box_share(drawn, inside),
    }


def _shares(rows: pd.DataFrame) -> np.ndarray:
    """(n, 4) x, y, width, height of boxes as shares of their image."""
    sides = rows[["columns_px", "rows_px", "columns_px", "rows_px"]].to_numpy(np.float64)
    return rows[["x", "y", "width", "height"]].to_numpy(np.float64) / sides


def _mean_mask(rows: pd.DataFrame) -> np.ndarray:
    total = np.zeros((PRIOR_CELLS, PRIOR_CELLS))
    groups = rows.groupby("dicom_id", sort=True)
    square = Frame(PRIOR_CELLS, PRIOR_CELLS, 1.0, 0.0, 0.0, PRIOR_CELLS)
    for _, boxes in groups:
        total += heatmaps.draw_boxes(_shares(boxes) * PRIOR_CELLS, square)
    return total / groups.ngroups
