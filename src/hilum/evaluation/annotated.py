"""Boxes that radiologists drew round what a phrase says, as MS-CXR publishes them.

In: `MS_CXR_Local_Alignment_v1.x.x.csv` or `.json` (COCO's form), or any file of that form. Out: units of an image and a
phrase, their boxes united. Facts of the format: boxes are x, y, width, height in pixels of the original image, whose
size the row names; no column holds a patient, the path does (`files/p10/p10000032/...`); v1.0.0 has no `split`, v1.1.0
has one in every row of the csv (in the json it is read from an annotation or its image).
Known to be imperfect: a file whose paths name no patient counts every image as one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import heatmaps
from hilum.evaluation.heatmaps import Frame
from hilum.evaluation.phrases import PRIOR_CELLS

COLUMNS = ("dicom_id", "category_name", "label_text", "path", "x", "y", "w", "h", "image_width", "image_height")
TRAIN = "train"
_SUBJECT = re.compile(r"(?:^|/)p(\d{8})/")


@dataclass(frozen=True)
class Annotation:
    """A phrase's place in an image. boxes: (n, 4) x, y, width, height in pixels of an image of that size.

    split: as the file names it; empty where it names none.
    """

    dicom_id: str
    subject: str
    category: str
    phrase: str
    path: str
    boxes: np.ndarray
    width_px: float
    height_px: float
    split: str = ""


def read_annotations(path: Path) -> tuple[list[Annotation], int]:
    """The units of a file in its order, and how many of its rows have no usable box.

    Raises BadDataError if the file cannot be read, lacks a column or holds no usable row.
    """
    try:
        rows = _read_coco(path) if path.suffix == ".json" else pd.read_csv(path, dtype={"dicom_id": str})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataError(
            f"{path} cannot be read as boxes in MS-CXR's form ({type(error).__name__}); a csv or COCO's json is read."
        ) from None
    if missing := [name for name in COLUMNS if name not in rows.columns]:
        raise BadDataError(f"{path} lacks the columns {missing}; MS-CXR's are {list(COLUMNS)}.")
    sizes = rows[["x", "y", "w", "h", "image_width", "image_height"]].apply(pd.to_numeric, errors="coerce")
    rows[list(sizes)] = sizes
    usable = np.isfinite(sizes).all(axis=1) & (sizes[["w", "h", "image_width", "image_height"]] > 0).all(axis=1)
    usable &= rows[["dicom_id", "category_name", "label_text", "path"]].notna().all(axis=1)
    groups = rows[usable].groupby(["dicom_id", "label_text", "category_name"], sort=False)
    units = [_unit(group) for _, group in groups]
    if not units:
        raise BadDataError(f"{path} holds no usable box among {len(rows)} rows.")
    return units, int((~usable).sum())


def _unit(rows: pd.DataFrame) -> Annotation:
    first = rows.iloc[0]
    subject = _SUBJECT.search(first["path"])
    return Annotation(
        dicom_id=first["dicom_id"],
        subject=subject.group(1) if subject else first["dicom_id"],
        category=first["category_name"],
        phrase=first["label_text"],
        path=first["path"],
        boxes=rows[["x", "y", "w", "h"]].to_numpy(np.float64),
        width_px=float(first["image_width"]),
        height_px=float(first["image_height"]),
        split=str(first["split"]) if "split" in rows and pd.notna(first["split"]) else "",
    )


def _read_coco(path: Path) -> pd.DataFrame:
    """COCO's three lists as the rows of the csv."""
    found = json.loads(path.read_text(encoding="utf-8"))
    images = {image["id"]: image for image in found["images"]}
    names = {category["id"]: category["name"] for category in found["categories"]}
    rows = []
    for annotation in found["annotations"]:
        image: dict[str, Any] = images[annotation["image_id"]]
        where = image.get("path", image["file_name"])
        rows.append([Path(image["file_name"]).stem, names[annotation["category_id"]], annotation["label_text"], where,
                     *annotation["bbox"], image["width"], image["height"],
                     annotation.get("split", image.get("split"))])  # fmt: skip
    return pd.DataFrame(rows, columns=[*COLUMNS, "split"])


@dataclass(frozen=True)
class BoxPrior:
    """Where boxes of a category lie. picture: (PRIOR_CELLS, PRIOR_CELLS), the share of units that cover a cell.

    box: (4,) the median of x, y, width and height as shares of the image; None of no unit, whose picture is zero.
    """

    picture: np.ndarray
    box: np.ndarray | None


def draw_priors(units: list[Annotation]) -> dict[str, BoxPrior]:
    """By category, of all these units: those of a training split."""
    categories = sorted({unit.category for unit in units})
    drawn = [(unit, *_shares_and_mask(unit)) for unit in units]
    return {name: _combine([row for row in drawn if row[0].category == name]) for name in categories}


def draw_priors_of_others(units: list[Annotation]) -> dict[str, BoxPrior]:
    """By `subject/category`, of all other patients' units of the category.

    It knows the file's own boxes, which no model here does: a hard rival, for files that name no training split.
    """
    drawn = [(unit, *_shares_and_mask(unit)) for unit in units]
    return {
        f"{subject}/{category}": _combine([d for d in drawn if d[0].category == category and d[0].subject != subject])
        for subject, category in {(unit.subject, unit.category): None for unit in units}
    }


def _shares_and_mask(unit: Annotation) -> tuple[np.ndarray, np.ndarray]:
    shares = unit.boxes / np.array([unit.width_px, unit.height_px] * 2)
    square = Frame(PRIOR_CELLS, PRIOR_CELLS, 1.0, 0.0, 0.0, PRIOR_CELLS)
    return shares, heatmaps.draw_boxes(shares * PRIOR_CELLS, square).astype(np.float64)


def _combine(drawn: list[tuple[Annotation, np.ndarray, np.ndarray]]) -> BoxPrior:
    if not drawn:
        return BoxPrior(np.zeros((PRIOR_CELLS, PRIOR_CELLS)), None)
    return BoxPrior(
        np.mean([mask for *_, mask in drawn], axis=0), np.median(np.vstack([boxes for _, boxes, _ in drawn]), axis=0)
    )
