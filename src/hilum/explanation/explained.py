"""Questions answered, checked and rated: from both retrievals, with all that a table and a page need of each.

In: questions, an opened index, the evidence, parameters. Out: `Explained`s, as rows and as JSON. They hold report text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.explanation.answers import Answer, Journal
from hilum.explanation.cases import Case, Evidence
from hilum.explanation.questions import Question, draw_cases
from hilum.explanation.reading import ClaimReader, cut_sentences
from hilum.explanation.retrieving import find_cases, number_cases
from hilum.explanation.scoring import RANDOM, RETRIEVALS, SEARCH, score_one
from hilum.explanation.statements import Statement, check_answer, count_drops, render, said
from hilum.explanation.writing import Rated, Task, rate_all, write_all
from hilum.retrieval.index import RegionIndex

if TYPE_CHECKING:
    from hilum.config import ExplainParams


class Explained:
    """One answer with all that is known of it. rating: the judge's, if any."""

    def __init__(
        self, question: Question, retrieval: str, cases: tuple[Case, ...], answer: Answer, statements: list[Statement]
    ) -> None:
        self.question, self.retrieval, self.cases = question, retrieval, cases
        self.answer, self.statements = answer, statements
        self.said = said(statements)
        self.rating: int | None = None

    def as_row(self) -> dict[str, Any]:
        """As an EXPLANATIONS row."""
        asked, failed = self.question, self.answer.text is None
        scores = score_one(list(asked.true), list(self.said))
        return {
            "query": asked.name,
            "retrieval": self.retrieval,
            "dicom_id": asked.dicom_id,
            "study_id": asked.study_id,
            "subject_id": asked.subject_id,
            "region": asked.region,
            "true": list(asked.true),
            "said": list(self.said),
            "cases": [case.dicom_id for case in self.cases],
            "text": None if failed else render(self.statements),
            "failure": self.answer.failure,
            "n_statements": len(self.statements),
            **{f"n_{reason}": n for reason, n in count_drops(self.statements).items()},
            "n_right": scores["n_right"],
            "f1": np.nan if failed else scores["f1"],
            "rating": np.nan if self.rating is None else float(self.rating),
        }

    def as_json(self) -> dict[str, Any]:
        """All of it, for a page."""
        scores = score_one(list(self.question.true), list(self.said))
        return {
            "text": None if self.answer.text is None else render(self.statements),
            "failure": self.answer.failure,
            "said": list(self.said),
            **{name: scores[name] for name in ("precision", "recall", "f1")},
            "rating": self.rating,
            "statements": [
                {"section": row.section, "text": row.text, "cites": list(row.cites), "findings": dict(row.findings),
                 "dropped": row.dropped}
                for row in self.statements
            ],
            "cases": [
                {"number": case.number, "dicom_id": case.dicom_id, "study_id": case.study_id,
                 "subject_id": case.subject_id, "similarity": case.similarity, "sentences": list(case.sentences),
                 "labels": dict(case.labels)}
                for case in self.cases
            ],
        }  # fmt: skip


def explain(
    index: RegionIndex,
    questions: Sequence[Question],
    evidence: Evidence,
    alpha: float,
    params: ExplainParams,
    journal: Journal,
) -> list[Explained]:
    """Both retrievals of each question, answered, checked and, where there is a judge, rated."""
    random = np.random.Generator(np.random.PCG64(params.seed))
    asked = []
    for question in questions:
        found = find_cases(index, question, evidence, alpha, params.n_cases)
        rows = draw_cases(index.rows, question.subject_id, params.n_cases, random)
        drawn = number_cases(index, rows, question.region, evidence)
        asked += [(question, SEARCH, found), (question, RANDOM, drawn)]
    tasks = [Task(f"{question.name} from {name}", question.region, cases) for question, name, cases in asked]
    answers = write_all(tasks, params, journal)
    reader = ClaimReader()
    explained = [
        Explained(question, name, cases, answer, check(answer, question.region, cases, reader))
        for (question, name, cases), answer in zip(asked, answers, strict=True)
    ]
    if params.judge.client != "none":
        judge(explained, evidence, params, journal)
    return explained


def check(answer: Answer, region: str, cases: Sequence[Case], reader: ClaimReader) -> list[Statement]:
    """The statements of an answer; none of a failed one."""
    return check_answer(answer.text or "", region, cases, reader.read, cut_sentences)


def judge(explained: Sequence[Explained], evidence: Evidence, params: ExplainParams, journal: Journal) -> None:
    """Give each answered one its rating, where the judge gives one."""
    answered = [row for row in explained if row.answer.text is not None]
    rated = [
        Rated(
            f"rating of {row.question.name} from {row.retrieval}", row.question.region,
            evidence.sentences(row.question.study_id, row.question.region), render(row.statements),
        )
        for row in answered
    ]  # fmt: skip
    for row, (rating, _) in zip(answered, rate_all(rated, params.judge, journal), strict=True):
        row.rating = rating


def show(explained: Sequence[Explained], n: int) -> list[dict[str, Any]]:
    """At most n questions with a finding, evenly from the worst to the best F1, each with both retrievals."""
    by: dict[str, dict[str, Explained]] = {}
    for row in explained:
        by.setdefault(row.question.name, {})[row.retrieval] = row
    asked = [pair for pair in by.values() if pair[SEARCH].question.true and pair[SEARCH].answer.text is not None]
    asked.sort(key=lambda pair: (pair[SEARCH].as_row()["f1"], pair[SEARCH].question.name))
    places = sorted({round(place) for place in np.linspace(0, len(asked) - 1, n)}) if asked and n else []
    return [
        {
            "query": pair[SEARCH].question.name,
            "dicom_id": pair[SEARCH].question.dicom_id,
            "study_id": pair[SEARCH].question.study_id,
            "subject_id": pair[SEARCH].question.subject_id,
            "region": pair[SEARCH].question.region,
            "true": list(pair[SEARCH].question.true),
            **{name: pair[name].as_json() for name in RETRIEVALS},
        }
        for pair in (asked[place] for place in places)
    ]
