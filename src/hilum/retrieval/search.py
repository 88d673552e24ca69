"""Ask the index: the nearest cases of other patients, by the whole and by one or several regions.

In: an opened index and a query, made of an image or of a report. Out: ranked answers, images or reports. The score is
exact at any alpha: (1 - alpha) cos(whole) + alpha mean over the regions of cos(region), where a report that does not
speak of a region has cosine 0 there. Of a trained index, candidates are found by codes (codes.py) and only they are
scored, from the exact vectors, the likeliest first, no more than could matter. A study answers once, with its nearest
image. Known to be imperfect: a row whose code is too far off is no answer (tests/benchmarks/search_at_scale.py measures
how often).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from hilum.errors import UsageError
from hilum.retrieval.codes import one_thread
from hilum.retrieval.index import RegionIndex
from hilum.retrieval.parts import IMAGE
from hilum.retrieval.side import Side

CANDIDATES_AN_ANSWER = 20
SCORED_AT_ONCE = 256  # rows, the first of which say how wrong codes are
N_SPARE = 64  # exact scores looked at beyond k in the first round: other images of the same studies


@dataclass(frozen=True)
class Query:
    """What is asked. whole: (dimension,) unit vector. regional: (n_regions, dimension), unit, or zeros: nothing said.

    With one region, regional may be (dimension,) and regions a string. subject_ids: the patients asking, whose own
    images and reports are no answers; None or empty = unknown to the collection.
    """

    whole: np.ndarray
    regional: np.ndarray
    regions: tuple[str, ...]
    subject_ids: frozenset[int] = field(default=frozenset())

    def __init__(
        self,
        whole: np.ndarray,
        regional: np.ndarray,
        regions: str | Sequence[str],
        subject_ids: int | Collection[int] | None = None,
    ) -> None:
        regions = (regions,) if isinstance(regions, str) else tuple(regions)
        ids = [] if subject_ids is None else [subject_ids] if isinstance(subject_ids, int) else subject_ids
        object.__setattr__(self, "whole", np.asarray(whole, np.float32))
        object.__setattr__(self, "regional", np.atleast_2d(np.asarray(regional, np.float32)))
        object.__setattr__(self, "regions", regions)
        object.__setattr__(self, "subject_ids", frozenset(int(one) for one in ids))
        if not regions or len(set(regions)) != len(regions) or len(self.regional) != len(regions):
            raise UsageError(f"{len(self.regional)} vectors for regions {list(regions)}; each region once, one vector.")

    def slots(self) -> list[tuple[np.ndarray, str | None]]:
        """Its vectors and what of an image each is of: the whole (None) first, then the regions."""
        return [(self.whole, None), *zip(self.regional, self.regions, strict=True)]


@dataclass(frozen=True)
class Answer:
    """One case found. Similarities are cosines in [-1, 1]; `score` is their mix, which ranked it.

    dicom_id: of a report, the first image of its study, empty if the index has none. region_similarity: the mean over
    the regions asked for, in which a region that a report does not speak of counts 0; region_similarities: of each,
    None there.
    """

    rank: int
    dicom_id: str
    study_id: int
    subject_id: int
    score: float
    whole_similarity: float
    region_similarity: float
    region_similarities: tuple[float | None, ...]

    def as_row(self) -> dict[str, Any]:
        """The answer as a JSON object."""
        return {**asdict(self), "region_similarities": list(self.region_similarities)}


def query_study(index: RegionIndex, study_id: int, regions: str | Sequence[str], by: str = IMAGE) -> Query:
    """The query of a study in the index: by its image, of its frontals the first by dicom_id, or by its report.

    Raises UsageError if the index has none, or if the report speaks of none of the regions.
    """
    names = (regions,) if isinstance(regions, str) else tuple(regions)
    side = index.side(by)
    side.check_slots(names)
    rows = np.flatnonzero(side.rows["study_id"].to_numpy() == study_id)
    if not len(rows):
        what = "frontal image" if by == IMAGE else "report"
        raise UsageError(
            f"study {study_id} has no {what} among the {len(side)} indexed ones. "
            f"Give the study_id of an indexed study, or an image with --image."
        )
    row = int(rows[0])
    whole, found = side.vector(row, None), [side.vector(row, name) for name in names]
    if all(one is None for one in found):
        raise UsageError(
            f"the report of study {study_id} does not speak of {', '.join(names)}. Ask with its image, or for another "
            f"region."
        )
    silent = np.zeros(index.dimension, np.float32)
    assert whole is not None
    regional = np.stack([silent if one is None else one for one in found])
    return Query(whole, regional, names, int(side.rows["subject_id"].iloc[row]))


def combine(queries: Sequence[Query]) -> Query:
    """One query of several about the same regions, each with the same say: unit vectors of their means.

    The patients of all of them are no answers. Raises UsageError if there is none, or the regions differ.
    """
    if not queries or len({query.regions for query in queries}) != 1:
        raise UsageError(f"{len(queries)} queries cannot be asked as one; give one or more, about the same regions.")
    if len(queries) == 1:
        return queries[0]
    whole = _unit(np.sum([query.whole for query in queries], axis=0))
    regional = _unit(np.sum([query.regional for query in queries], axis=0))
    return Query(whole, regional, queries[0].regions, frozenset().union(*(query.subject_ids for query in queries)))


def subject_of_image(index: RegionIndex, dicom_id: str) -> int | None:
    """Whose image it is, if the index knows its dicom_id; None if not."""
    found = index.rows.loc[index.rows["dicom_id"] == dicom_id, "subject_id"]
    return int(found.iloc[0]) if len(found) else None


def search(
    index: RegionIndex, query: Query, alpha: float, k: int, against: str = IMAGE, exact: bool = False
) -> list[Answer]:
    """The k best cases, best first, never of the query's own patients; fewer if the collection has no more.

    alpha: weight of the regions, in [0, 1]. against: `image` or `report`, what answers. exact: score everything, also
    in a trained index. Equal scores are ranked by dicom_id (of reports: study_id). Raises UsageError if alpha or k is
    out of range or a region unknown.
    """
    if not 0 <= alpha <= 1 or k < 1:
        raise UsageError(f"alpha is {alpha:g} and k {k}; alpha lies in [0, 1] and k is at least 1.")
    side = index.side(against)
    side.check_slots(query.regions)
    n = len(side)
    if index.is_trained and not exact:
        n = max(index.candidates, CANDIDATES_AN_ANSWER * k) + side.n_of(query.subject_ids)
    with one_thread():
        while True:
            positions, similar = _by_codes(side, query, alpha, k, n) if n < len(side) else _by_all(side, query)
            answers = _rank(side, query, alpha, k, positions, similar)
            if len(answers) == k or n >= len(side):
                return answers if against == IMAGE else [_with_image(index, answer) for answer in answers]
            n *= 4  # so many images of so few studies: look further


def _by_all(side: Side, query: Query) -> tuple[np.ndarray, np.ndarray]:
    """(n,) positions of everybody else's rows, and their (1 + n_regions, n) exact similarities."""
    allowed = None if not query.subject_ids else np.flatnonzero(~np.isin(side.subjects, list(query.subject_ids)))
    similar = np.stack([side.similarities(vector, slot, allowed) for vector, slot in query.slots()])
    return np.arange(len(side)) if allowed is None else allowed, similar.astype(np.float64)


def _by_codes(side: Side, query: Query, alpha: float, k: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_by_all`, of the best rows by their codes: at most n.

    They are scored in the order of their codes, until none that is left could be among the k best if its code were as
    much too low as any of those before.
    """
    slots, share = query.slots(), alpha / len(query.regions)
    weights = (1 - alpha, *(share for _ in query.regions))
    weighted = [weight * vector for weight, (vector, _) in zip(weights, slots, strict=True)]
    positions, coded = side.candidates(weighted, (None, *query.regions), n)
    allowed = ~np.isin(side.subjects[positions], list(query.subject_ids))
    positions, coded = positions[allowed], coded[allowed]
    similar = np.empty((len(slots), 0))
    while (n_scored := similar.shape[1]) < len(positions):
        more = positions[n_scored : n_scored + SCORED_AT_ONCE]
        similar = np.concatenate([similar, [side.similarities_of_few(v, slot, more) for v, slot in slots]], axis=1)
        scores, seen = _mix(similar, alpha), positions[: similar.shape[1]]
        best = _best_of_each_study(scores, side.row_of[seen], side.studies[seen], k)
        too_low, rest = (scores - coded[: len(seen)]).max(), coded[len(seen) :]
        if len(best) == k and len(rest) and rest[0] + too_low < scores[best[-1]]:
            break
    return positions[: similar.shape[1]], similar


def _mix(similar: np.ndarray, alpha: float) -> np.ndarray:
    """(n,) scores of (1 + n_regions, n) similarities."""
    scores: np.ndarray = (1 - alpha) * similar[0] + alpha * similar[1:].mean(axis=0)
    return scores


def _rank(side: Side, query: Query, alpha: float, k: int, positions: np.ndarray, similar: np.ndarray) -> list[Answer]:
    """The best of the rows at positions by their exact similarities."""
    scores, means = _mix(similar, alpha), similar[1:].mean(axis=0)
    best = _best_of_each_study(scores, side.row_of[positions], side.studies[positions], k)
    return [_answer(side, rank, int(positions[i]), scores[i], similar[0, i], means[i], similar[1:, i], query.regions)
            for rank, i in enumerate(best, start=1)]  # fmt: skip


def _best_of_each_study(scores: np.ndarray, rows: np.ndarray, studies: np.ndarray, k: int) -> list[int]:
    """Where the k best scores of different studies are, best first; equal ones in order of rows."""
    n_looked = min(k + N_SPARE, len(scores))
    while True:
        if n_looked < len(scores):
            limit = np.partition(scores, len(scores) - n_looked)[len(scores) - n_looked]
            looked = np.flatnonzero(scores >= limit)
        else:
            looked = np.arange(len(scores))
        ranked = looked[np.lexsort((rows[looked], -scores[looked]))]
        _, first = np.unique(studies[ranked], return_index=True)
        if len(first) >= k or n_looked == len(scores):
            return [int(i) for i in ranked[np.sort(first)[:k]]]
        n_looked = min(4 * n_looked, len(scores))


def _answer(
    side: Side, rank: int, position: int, score: float, whole: float, mean: float, each: np.ndarray,
    regions: tuple[str, ...],
) -> Answer:  # fmt: skip
    similarities = tuple(round(float(v), 6) if side.tells(position, r) else None for r, v in zip(regions, each))
    dicom_id = "" if side.dicom_ids is None else str(side.dicom_ids[position])
    study_id, subject_id = int(side.studies[position]), int(side.subjects[position])
    values = [round(float(v), 6) for v in (score, whole, mean)]
    return Answer(rank, dicom_id, study_id, subject_id, values[0], values[1], values[2], similarities)


def _with_image(index: RegionIndex, answer: Answer) -> Answer:
    of_study = np.flatnonzero(index.rows["study_id"].to_numpy() == answer.study_id)
    return replace(answer, dicom_id=str(index.rows["dicom_id"].iloc[of_study[0]])) if len(of_study) else answer


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(lengths > 0, vectors / np.maximum(lengths, 1e-12), 0).astype(np.float32)
