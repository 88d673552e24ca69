"""The evaluation, whole: what is measured in which order. Tables in, tables and figures out; no file is touched here.

In: a gallery, packed images, a model, the truth or the weak labels. Out: QUERIES, CELLS, SCORES and GROUNDINGS rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.evaluation import gold, label_quality, summary
from hilum.evaluation.figures import count_figures
from hilum.evaluation.grounding_summary import score_grounding
from hilum.evaluation.phrases import Encoder, Picture, collect_units, draw_priors, frame_of, ground_pictures
from hilum.evaluation.pixels import PackedImages
from hilum.evaluation.relevance import choose_cells, choose_queries
from hilum.evaluation.retrieval import evaluate_alphas, evaluate_scores
from hilum.evaluation.similarities import Gallery
from hilum.vocabulary import MIRROR, REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import EvaluateParams


@dataclass(frozen=True)
class RetrievalResult:
    """What retrieval gave. alpha: chosen on validate, by `curve`. queries, cells, scores: rows of those tables.

    counts: how many images, cells, queries and patients are behind them.
    """

    alpha: float
    curve: pd.DataFrame
    queries: pd.DataFrame
    cells: pd.DataFrame
    scores: pd.DataFrame
    counts: dict[str, Any]


def evaluate_retrieval(gallery: Gallery, params: EvaluateParams) -> RetrievalResult:
    """Choose alpha by the validate split's queries, then measure every score on the test split's."""
    cells = choose_cells(gallery.presence, params.min_positives)
    described = summary.describe_cells(gallery.presence, cells)
    asked = {split: choose_queries(gallery.presence, cells, gallery.rows, split) for split in ("validate", "test")}
    tried = evaluate_alphas(gallery, asked["validate"], params.alphas)
    alpha, curve = summary.choose_alpha(tried, described, params.alphas)
    measured = evaluate_scores(gallery, asked["test"], alpha, MIRROR, params.seed)
    queries = pd.concat([frame for frame in (tried, measured) if len(frame)] or [tried], ignore_index=True)
    return RetrievalResult(
        alpha,
        curve,
        queries,
        summary.tabulate_cells(measured, described),
        summary.score_retrieval(measured, described, params.n_bootstrap, params.seed),
        count_figures(queries, described, len(gallery.rows)),
    )


def evaluate_grounding(
    packed: PackedImages, model: Encoder, truth: pd.DataFrame, params: EvaluateParams
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ground the findings of the test images: GROUNDINGS and SCORES rows. The priors come from the train images.

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
    groundings = ground_pictures(pictures, model, priors, params.smoothing_patches, params.seed)
    return groundings, score_grounding(groundings, params.min_units, params.n_bootstrap, params.seed)


def evaluate_labels(labels: pd.DataFrame, statements: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Any]:
    """How well the weak labels say what the phantom's reports say; of the indexed studies, labelled or not.

    labels: REGION_LABELS. statements: TRUTH_STATEMENTS. rows: INDEX_ROWS.
    """
    plain, said = (
        gold.drop_implied(frame.loc[frame["study_id"].isin(rows["study_id"]), label_quality.KEY], REGION_PARENTS)
        for frame in (labels, statements)
    )
    return label_quality.score_triples(label_quality.count_triples(plain, said))
