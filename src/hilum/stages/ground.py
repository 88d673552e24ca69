"""Boxes in MS-CXR's form and their images in, how well a model finds the phrases out: `hilum ground`. No DVC stage.

In: a file of boxes, a folder of images, a checkpoint. Out: one JSON file: the figures by the frozen protocol
(evaluation/grounding.py), macro over categories and micro over units with intervals by patient bootstrap, a row a
category and a row a unit. No phrase is in it: MS-CXR's are sentences of reports.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hilum.errors import BadDataError, ImageError
from hilum.evaluation import figures, heatmaps
from hilum.evaluation.annotated import (
    TRAIN,
    Annotation,
    BoxPrior,
    draw_priors,
    draw_priors_of_others,
    read_annotations,
)
from hilum.evaluation.grounding import THRESHOLDS
from hilum.evaluation.grounding_summary import score_grounding, tabulate_groundings
from hilum.evaluation.heatmaps import Frame
from hilum.evaluation.phrases import (
    CENTRE,
    MEDIAN_BOX,
    OTHER_PHRASE,
    PHRASE,
    PRIOR,
    PRIOR_CELLS,
    UNIFORM,
    patch_map,
    score_map,
)
from hilum.image.decode import read_gray
from hilum.image.geometry import letterbox
from hilum.image.pack import stretch_contrast
from hilum.image.registration import is_negative, negative_of
from hilum.model.arithmetic import settle_arithmetic
from hilum.model.inference import LoadedModel, load_model
from hilum.tables import write_text

if TYPE_CHECKING:
    from hilum.config import Params

log = logging.getLogger(__name__)

HELD_OUT = "phrase_held_out"


def run(boxes: Path, images: Path, model: Path, out: Path, params: Params) -> None:
    """Ground every phrase of a file. Raises BadDataError if no image of it can be used.

    images: the folder that the file's paths start from. An image that is missing or broken is left out and counted.
    """
    settle_arithmetic(params.evaluate.threads)
    units, n_broken = read_annotations(boxes)
    loaded = load_model(model)
    left_out = Counter({"no usable box": n_broken})
    frames: dict[str, tuple[np.ndarray, Frame]] = {}
    for unit in {unit.dicom_id: unit for unit in units}.values():
        if Path(unit.path).is_absolute() or ".." in Path(unit.path).parts:
            left_out["path outside the folder"] += 1
            continue
        try:
            frames[unit.dicom_id] = pack_picture(images / unit.path, unit, params)
        except ImageError as error:
            left_out[error.reason] += 1
        except OSError:
            left_out["no such file"] += 1
    known = [unit for unit in units if unit.dicom_id in frames]
    if not known:
        raise BadDataError(
            f"{boxes}: none of its {len(units)} units has a usable image in {images} ({dict(left_out)})."
        )
    rows = ground_units(known, frames, loaded, params.evaluate.smoothing_patches, params.evaluate.seed)
    left_out["no box within its image"] += len(known) - rows[["dicom_id", "unit"]].drop_duplicates().shape[0]
    write_text(out, figures.render_json(describe(rows, loaded, left_out, params)))
    log.info("ground: %d units of %d images; left out: %s", rows["unit"].nunique(), rows["dicom_id"].nunique(),
             dict(+left_out) or "none")  # fmt: skip


def pack_picture(path: Path, unit: Annotation, params: Params) -> tuple[np.ndarray, Frame]:
    """An image as `pack` packs it, and its frame in pixels of the size that its boxes are given in."""
    gray = read_gray(path.read_bytes(), params.ingest.max_pixels)
    gray = negative_of(gray) if is_negative(gray) else gray
    pixels, place = letterbox(stretch_contrast(gray), params.pack.size_px)
    height, width = gray.shape
    scale = place.scale * width / unit.width_px
    if abs(height / width - unit.height_px / unit.width_px) > 0.02:
        raise ImageError("other_shape", "the image is of another shape than its boxes say")
    return pixels, Frame(unit.width_px, unit.height_px, scale, place.offset_x_px, place.offset_y_px, len(pixels))


def ground_units(
    units: list[Annotation], frames: dict[str, tuple[np.ndarray, Frame]], model: LoadedModel, sigma: float, seed: int
) -> pd.DataFrame:
    """A row a unit and map: the phrase's, another category's phrase (a control), and priors that see no image.

    prior, median_box: of all other patients' boxes. train_prior, train_median_box: of the file's training split, on the
    units of its other splits; phrase_held_out is the phrase on those units. uniform, centre: of no box.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    phrases = sorted({unit.phrase for unit in units})
    vectors = dict(zip(phrases, model.encode_phrases(phrases), strict=True))
    others_boxes = draw_priors_of_others(units)
    trained = draw_priors([unit for unit in units if unit.split == TRAIN])
    none = BoxPrior(np.zeros((PRIOR_CELLS, PRIOR_CELLS)), None)
    ids = list(frames)
    patches = dict(zip(ids, model.encode_images(np.stack([frames[i][0] for i in ids])).patches, strict=True))
    said: dict[str, set[str]] = {}
    for unit in units:
        said.setdefault(unit.dicom_id, set()).add(unit.category)
    rows: list[dict[str, Any]] = []
    for number, unit in enumerate(units):
        frame, grid = frames[unit.dicom_id][1], patches[unit.dicom_id]
        inside = heatmaps.draw_boxes(unit.boxes, frame)
        if not inside.any():
            continue
        others = [other.phrase for other in units if other.category not in said[unit.dicom_id]]
        asked = {PHRASE: unit.phrase}
        if others:
            asked[OTHER_PHRASE] = others[int(random.integers(len(others)))]
        grids = np.stack([patch_map(vectors[phrase], grid) for phrase in asked.values()])
        drawn = heatmaps.draw_map(heatmaps.smooth_patches(grids, frame, sigma), frame)
        maps = dict(zip(asked, drawn, strict=True))
        priors = {"": others_boxes[f"{unit.subject}/{unit.category}"]}
        if trained and unit.split != TRAIN:
            maps[HELD_OUT] = maps[PHRASE]
            priors["train_"] = trained.get(unit.category, none)
        for prefix, prior in priors.items():
            maps[prefix + PRIOR] = heatmaps.draw_fractions(prior.picture, frame)
            maps[prefix + MEDIAN_BOX] = heatmaps.draw_box(prior.box, frame)
        maps[CENTRE], maps[UNIFORM] = heatmaps.draw_centre(frame), np.zeros(frame.shape)
        who = {"unit": number, "dicom_id": unit.dicom_id, "subject_id": unit.subject, "finding": unit.category}
        rows += [who | score_map(name, drawn, inside) for name, drawn in maps.items()]
    return pd.DataFrame(rows)


def describe(rows: pd.DataFrame, model: LoadedModel, left_out: Counter[str], params: Params) -> dict[str, Any]:
    """What the file holds."""
    evaluate = params.evaluate
    scores = score_grounding(rows, evaluate.min_units, evaluate.n_bootstrap, evaluate.seed)
    return {
        "model_id": model.model_id,
        "protocol": {
            "size_px": params.pack.size_px,
            "smoothing_patches": evaluate.smoothing_patches,
            "thresholds": list(THRESHOLDS),
            "min_units": evaluate.min_units,
            "prior": "boxes of the category of all other patients in the file",
            "train_prior": (
                "boxes of the category in the file's training split, on its other splits"
                if any(row == f"train_{PRIOR}" for row in rows["score"].unique())
                else "none: the file names no training split"
            ),
        },
        "counts": {
            "units": int(rows["unit"].nunique()),
            "images": int(rows["dicom_id"].nunique()),
            "left_out": dict(+left_out),
        },
        "scores": scores.drop(columns="task").to_dict("records"),
        "categories": tabulate_groundings(rows).to_dict("records"),
        "units": rows.to_dict("records"),
    }
