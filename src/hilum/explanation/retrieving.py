"""The cases of a question, with what their reports say: those that search finds, or rows drawn by lot.

In: an opened index, a query or rows, the evidence. Out: numbered cases, one a study.
"""

from __future__ import annotations

from collections.abc import Sequence

from hilum.explanation.cases import Case, Evidence
from hilum.explanation.questions import Question
from hilum.retrieval.index import RegionIndex
from hilum.retrieval.search import Query, search


def find_cases(index: RegionIndex, question: Question, evidence: Evidence, alpha: float, n: int) -> tuple[Case, ...]:
    """The n nearest cases of other patients, one a study."""
    whole, regional = index.vectors()[question.row], index.vectors(question.region)[question.row]
    query = Query(whole, regional, question.region, question.subject_id)
    return search_cases(index, query, evidence, alpha, n)


def search_cases(index: RegionIndex, query: Query, evidence: Evidence, alpha: float, n: int) -> tuple[Case, ...]:
    """The n nearest cases to any query about one region, one a study."""
    (region,) = query.regions
    return tuple(
        evidence.case(answer.rank, (answer.dicom_id, answer.study_id, answer.subject_id), region, answer.score)
        for answer in search(index, query, alpha, n)
    )


def number_cases(index: RegionIndex, rows: Sequence[int], region: str, evidence: Evidence) -> tuple[Case, ...]:
    """Cases from rows of the index."""
    found = index.rows.iloc[list(rows)]
    ids = zip(found["dicom_id"], found["study_id"], found["subject_id"], strict=True)
    return tuple(evidence.case(n, (str(d), int(s), int(p)), region) for n, (d, s, p) in enumerate(ids, 1))
