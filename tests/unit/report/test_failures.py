from __future__ import annotations

import pandas as pd
import pytest

from hilum.report.failures import REASONS, collect_findings, count_reasons, explain_answer, list_failures

LABELS = [
    (1, "left lower lung zone", "consolidation", "present"),
    (2, "right lung", "consolidation", "present"),
    (3, "cardiac silhouette", "consolidation", "present"),
    (4, None, "consolidation", "present"),
    (5, "left lung", "atelectasis", "present"),
    (6, "left lung", "consolidation", "absent"),
]
KNOWN = collect_findings(pd.DataFrame(LABELS, columns=["study_id", "region", "finding", "label"]))


def query(name: str, finding: str, answers: list[str], relevant: list[bool], **more: object) -> dict:
    right = sum(relevant) / len(relevant)
    return {"query": name, "score": "mix", "split": "test", "dicom_id": f"image {name}", "study_id": 9,
            "region": "left lung", "finding": finding, "answers": answers, "relevant": relevant, "n_relevant": 5,
            "precision_at_10": right, "average_precision": right, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("study", "reason", "words"),
    [
        (1, "said", ""),  # said of a zone is said of the lung that holds it
        (2, "mirrored", "right lung"),
        (3, "elsewhere", "cardiac silhouette"),
        (4, "unplaced", ""),
        (5, "other", "atelectasis"),
        (6, "silent", ""),
    ],
)
def test_a_wrong_answer_has_the_first_reason_that_holds(study: int, reason: str, words: str) -> None:
    assert explain_answer(study, "left lung", "consolidation", KNOWN) == (reason, words)


def test_the_worst_come_first_and_a_finding_once_before_any_twice() -> None:
    studies = {"a": 2, "b": 5}
    queries = pd.DataFrame(
        [
            query("1", "consolidation", ["a", "b"], [False, False]),
            query("2", "consolidation", ["a", "b"], [False, False], average_precision=0.1),
            query("3", "atelectasis", ["a", "b"], [True, False]),
            query("4", "pneumothorax", ["a", "b"], [True, True]),  # nothing went wrong
            query("5", "edema", ["a", "b"], [False, False], split="train"),
            query("6", "edema", ["a", "b"], [False, False], score="global"),
        ]
    )
    failures = list_failures(queries, studies, KNOWN, 3)
    assert [row.dicom_id for row in failures] == ["image 1", "image 3", "image 2"]
    assert [answer.reason for answer in failures[0].answers] == ["mirrored", "other"]
    assert failures[1].n_right == 1 and failures[1].answers[0].reason == ""
    counted = {row["words"]: row["n"] for row in count_reasons(queries, studies, KNOWN)}
    assert counted[REASONS["mirrored"]] == 2 and sum(counted.values()) == 5


def test_nothing_wrong_has_no_reasons() -> None:
    queries = pd.DataFrame([query("4", "pneumothorax", ["a"], [True])])
    assert list_failures(queries, {"a": 2}, KNOWN, 3) == [] and count_reasons(queries, {"a": 2}, KNOWN) == []
