"""What is measured, in which order: rankings of held-out patients' questions, and maps of their findings.

In: a gallery, packed images, a model, the truth or the weak labels. Out: QUERIES and GROUNDINGS rows, from which
`compiled` makes every figure. No file is touched here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from hilum.evaluation import summary
from hilum.evaluation.phrases import Encoder, Picture, collect_units, draw_priors, frame_of, ground_pictures
from hilum.evaluation.pixels import PackedImages
from hilum.evaluation.relevance import choose_cells, choose_queries
from hilum.evaluation.retrieval import evaluate_alphas, evaluate_scores
from hilum.evaluation.similarities import Gallery
from hilum.vocabulary import MIRROR

if TYPE_CHECKING:
    from hilum.config import EvaluateParams


@dataclass(frozen=True)
class Asked:
    """alpha: chosen on validate. queries: QUERIES of the validate split at each alpha, and of the test split."""

    alpha: float
    queries: pd.DataFrame


def evaluate_retrieval(gallery: Gallery, params: EvaluateParams) -> Asked:
    """Choose alpha by the validate split's queries, then measure every score on the test split's."""
    cells = choose_cells(gallery.presence, params.min_positives)
    described = summary.describe_cells(gallery.presence, cells)
    asked = {split: choose_queries(gallery.presence, cells, gallery.rows, split) for split in ("validate", "test")}
    tried = evaluate_alphas(gallery, asked["validate"], params.alphas)
    alpha, _ = summary.choose_alpha(tried, described, params.alphas)
    measured = evaluate_scores(gallery, asked["test"], alpha, MIRROR, params.seed)
    return Asked(alpha, pd.concat([frame for frame in (tried, measured) if len(frame)] or [tried], ignore_index=True))


def evaluate_grounding(
    packed: PackedImages, model: Encoder, truth: pd.DataFrame, params: EvaluateParams
) -> pd.DataFrame:
    """Ground the findings of the test images: GROUNDINGS rows. The priors come from the train images.

    truth: TRUTH_FINDINGS with subject_id and split.
    """
    units = collect_units(truth[truth["split"] == "test"])
    pictures = []
    for image in packed.images.loc[sorted(units)].itertuples():
        dicom_id = str(image.dicom_id)
        pixels = packed.read(dicom_id)
        frame = frame_of(image, pixels.shape[-1])
        pictures.append(Picture(dicom_id, int(str(image.subject_id)), frame, pixels, units[dicom_id]))
    priors = draw_priors(truth[truth["split"] == "train"], packed.images.reset_index(drop=True))
    return ground_pictures(pictures, model, priors, params.smoothing_patches, params.seed)
