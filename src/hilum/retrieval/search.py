"""Ask the index: the nearest cases of other patients, by the whole image and one region.

In: an opened index and a query (two vectors and a region). Out: ranked answers. The score is exact at any alpha:
(1 - alpha) cos(whole) + alpha cos(region). Known to be imperfect: a study with two frontals may answer twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hilum.errors import UsageError
from hilum.retrieval.index import RegionIndex


@dataclass(frozen=True)
class Query:
    """What is asked. whole, regional: (dimension,) unit vectors.

    subject_id: the patient, whose own images are no answers; None = unknown to the collection.
    """

    whole: np.ndarray
    regional: np.ndarray
    region: str
    subject_id: int | None = None


@dataclass(frozen=True)
class Answer:
    """One case found. Similarities are cosines in [-1, 1]; `score` is their mix, which ranked it."""

    rank: int
    dicom_id: str
    study_id: int
    subject_id: int
    score: float
    whole_similarity: float
    region_similarity: float

    def as_row(self) -> dict[str, Any]:
        """The answer as a JSON object."""
        return asdict(self)


def query_study(index: RegionIndex, study_id: int, region: str) -> Query:
    """The query of a study in the index; of its frontals, the first by dicom_id.

    Raises UsageError if the index has no image of the study.
    """
    rows = np.flatnonzero(index.rows["study_id"].to_numpy() == study_id)
    if not len(rows):
        raise UsageError(
            f"study {study_id} has no frontal image among the {len(index.rows)} indexed ones. "
            f"Give the study_id of an indexed study, or an image with --image."
        )
    row = int(rows[0])
    subject_id = int(index.rows["subject_id"].iloc[row])
    return Query(index.vectors()[row], index.vectors(region)[row], region, subject_id)


def subject_of_image(index: RegionIndex, dicom_id: str) -> int | None:
    """Whose image it is, if the index knows its dicom_id; None if not."""
    found = index.rows.loc[index.rows["dicom_id"] == dicom_id, "subject_id"]
    return int(found.iloc[0]) if len(found) else None


def search(index: RegionIndex, query: Query, alpha: float, k: int) -> list[Answer]:
    """The k best cases, best first, never of the query's own patient; fewer if the collection has no more.

    alpha: weight of the region, in [0, 1]. Equal scores are ranked by dicom_id. Raises UsageError if alpha or k is out
    of range or the region unknown.
    """
    if not 0 <= alpha <= 1 or k < 1:
        raise UsageError(f"alpha is {alpha:g} and k {k}; alpha lies in [0, 1] and k is at least 1.")
    whole = index.similarities(query.whole)
    regional = index.similarities(query.regional, query.region)
    scores = (1 - alpha) * whole.astype(np.float64) + alpha * regional.astype(np.float64)
    subjects = index.rows["subject_id"].to_numpy()
    candidates = np.arange(len(scores)) if query.subject_id is None else np.flatnonzero(subjects != query.subject_id)
    best = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    found = index.rows.iloc[best]
    return [
        Answer(rank, str(dicom_id), int(study_id), int(subject_id), *(round(float(v), 6) for v in values))
        for rank, dicom_id, study_id, subject_id, *values in zip(
            range(1, len(best) + 1),
            found["dicom_id"], found["study_id"], found["subject_id"], scores[best], whole[best], regional[best],
        )
    ]  # fmt: skip
