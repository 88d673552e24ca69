"""scoring: findings counted as by hand, failures left out of both sides, intervals of patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.evaluation.relevance import Presence
from hilum.explanation.scoring import score_explanations, score_one, score_ratings, usual_findings

COUNTS = ("n_no_citation", "n_unknown_case", "n_no_finding", "n_unsupported")


def row(query: int, retrieval: str, true: str, said: str, failure: str | None = None, **more: float) -> dict:
    counts = dict.fromkeys((*COUNTS, "n_statements"), 0)
    return {"query": f"{query:03}", "retrieval": retrieval, "subject_id": query // 2,
            "region": "spine" if query % 3 else "svc", "true": list(true), "said": list(said), "failure": failure,
            "rating": np.nan, **counts, **more}  # fmt: skip


def score(rows: list[dict], usual: str = "a") -> dict:
    return score_explanations(pd.DataFrame(rows), {"spine": usual, "svc": usual}, 50, 0)


def test_figures_worked_by_hand() -> None:
    rows = [
        row(1, "search", "ab", "ac", n_statements=3, n_unsupported=1), row(1, "random", "ab", "c"),
        row(2, "search", "a", ""), row(2, "random", "a", "a"),
        row(3, "search", "a", "a"), row(3, "random", "a", ""),
        row(4, "search", "", "b"), row(4, "random", "", ""),  # a healthy region
        row(5, "search", "a", "a"), row(5, "random", "a", "", failure="HTTP 500"),
    ]  # fmt: skip
    found = score(rows)
    assert found["search"]["precision"] == pytest.approx(2 / 3) and found["search"]["recall"] == pytest.approx(2 / 4)
    assert found["search"]["f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert found["search"]["macro_f1"] == pytest.approx(((0.5 + 0) / 2 + 1) / 2)  # spine: 1 and 2, svc: 3
    assert found["random"]["f1"] == pytest.approx(2 * 1 / (2 + 4))
    assert found["prior"]["f1"] == pytest.approx(2 * 3 / (3 + 4))
    assert found["search_minus_random"]["f1"] == pytest.approx(4 / 7 - 1 / 3)
    assert found["healthy"] == {"questions": 1, "search_alarms": 1.0, "random_alarms": 0.0}
    assert found["statements"]["search"] == {
        "made": 3, "kept": 2, "no_citation": 0, "unknown_case": 0, "no_finding": 0, "unsupported": 1,
    }  # fmt: skip
    assert found["failures"] == {"search": {"all": 0}, "random": {"all": 1, "HTTP 500": 1}}
    assert found["counts"] == {"questions": 5, "scored": 3, "patients": 2}


WORDS = st.sets(st.sampled_from("abcd")).map(sorted).map("".join)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(WORDS.filter(bool), WORDS, WORDS), min_size=1, max_size=12))
def test_f1_is_that_of_a_slow_count_and_intervals_hold_it(asked: list[tuple[str, str, str]]) -> None:
    rows = [row(n, name, true, text) for n, (true, *texts) in enumerate(asked)
            for name, text in zip(("search", "random"), texts)]  # fmt: skip
    found = score(rows)
    for number, name in ((1, "search"), (2, "random")):
        right = sum(finding in each[number] for each in asked for finding in each[0])
        n_said, n_true = sum(len(each[number]) for each in asked), sum(len(each[0]) for each in asked)
        assert found[name]["f1"] == pytest.approx(2 * right / (n_said + n_true))
        assert found[name]["recall"] == pytest.approx(right / n_true)
        assert (
            np.isnan(found[name]["precision"])
            if not n_said
            else found[name]["precision"] == pytest.approx(right / n_said)
        )
        if len({each["subject_id"] for each in rows}) == 1:  # one patient: every resample is the sample
            assert found[name]["f1_low"] == pytest.approx(found[name]["f1"]) == found[name]["f1_high"]


def test_without_any_question_there_is_no_figure() -> None:
    found = score([row(1, "search", "", ""), row(1, "random", "", "")])
    assert np.isnan(found["search"]["f1"]) and found["counts"]["scored"] == 0


def test_one_question() -> None:
    assert score_one(["a", "b"], ["b", "c", "d"]) == {"n_right": 1, "precision": 1 / 3, "recall": 0.5, "f1": 0.4}
    nothing = score_one([], [])
    assert nothing["n_right"] == 0 and np.isnan([nothing["f1"], nothing["precision"], nothing["recall"]]).all()


def test_ratings_are_compared_where_both_have_one() -> None:
    rows = [
        row(1, "search", "a", "a", rating=5), row(1, "random", "a", "", rating=1),
        row(2, "search", "a", "a", rating=3), row(2, "random", "a", "", rating=2),
        row(3, "search", "a", "a", rating=1), row(3, "random", "a", ""),
    ]  # fmt: skip
    found = score_ratings(pd.DataFrame(rows), 50, 0)
    assert found["search"]["consistency"] == 4 and found["random"]["consistency"] == 1.5
    assert found["search_minus_random"]["consistency"] == 2.5 and (found["rated"], found["not_rated"]) == (2, 1)


def test_the_usual_finding_is_that_of_the_train_images() -> None:
    present = np.zeros((3, 2, 2), bool)
    present[0, 0, 1] = present[1, 0, 1] = present[2, 1, 1] = True
    presence = Presence(present, ("svc", "spine"), ("a", "b"))
    assert usual_findings(presence, np.array([True, True, False])) == {"svc": "b", "spine": "a"}
