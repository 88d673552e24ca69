"""Which images are explained in which region, and from which cases.

In: the rows of an index, who has what where, a seed. Out: questions with their true findings, and for each the rows of
the cases: those that search finds, or as many drawn at random. Cases are of other patients, one a study.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hilum.evaluation.relevance import Presence


@dataclass(frozen=True)
class Question:
    """An image and a region. row: of the index. true: the findings there; none: healthy, as far as known."""

    row: int
    dicom_id: str
    study_id: int
    subject_id: int
    region: str
    true: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its key in tables."""
        return f"{self.dicom_id}|{self.region}"


def choose_questions(
    rows: pd.DataFrame, presence: Presence, split: str, n_questions: int, n_healthy: int, seed: int
) -> list[Question]:
    """At most n_questions pairs of an image of the split and a region with a finding, and n_healthy without one.

    Drawn by lot where there are more, in order of image and region.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    asking = np.flatnonzero(rows["split"].to_numpy() == split)
    has = presence.present[asking].any(axis=2)
    some = has.any(axis=0)[None, :]  # regions where anything is ever found
    pairs = [_draw(np.argwhere(has), n_questions, random), _draw(np.argwhere(~has & some), n_healthy, random)]
    chosen = sorted((int(asking[image]), int(region)) for image, region in np.concatenate(pairs))
    return [_question(rows, presence, row, region) for row, region in chosen]


def one_a_study(rows: pd.DataFrame, ranked: Iterable[int], n: int) -> list[int]:
    """The first n rows of a ranking that are of different studies."""
    studies = rows["study_id"].to_numpy()
    found: dict[int, int] = {}
    for row in ranked:
        found.setdefault(int(studies[row]), int(row))
        if len(found) == n:
            break
    return list(found.values())


def draw_cases(rows: pd.DataFrame, subject_id: int, n: int, random: np.random.Generator) -> list[int]:
    """n rows of other patients' studies, by lot."""
    others = np.flatnonzero(rows["subject_id"].to_numpy() != subject_id)
    return one_a_study(rows, random.permutation(others), n)


def _draw(pairs: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    return pairs if len(pairs) <= n else pairs[np.sort(random.choice(len(pairs), n, replace=False))]


def _question(rows: pd.DataFrame, presence: Presence, row: int, region: int) -> Question:
    image = rows.iloc[row]
    return Question(
        row, str(image["dicom_id"]), int(image["study_id"]), int(image["subject_id"]), presence.regions[region],
        presence.findings_of(row, region),
    )  # fmt: skip
