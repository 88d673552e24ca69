"""What appeared, vanished and changed between two versions: cases worked by hand, and against the slow obvious way."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.labels.churn import NEEDED, compare_labels, count_changes, labels_of

RULE = "impression_then_present"
Row = tuple[int | str, str, str | None, str, str, int | None]


def columns(*rows: Row) -> dict[str, list[Any]]:
    """study, finding, region, assertion, section, explains."""
    return {name: [row[number] for row in rows] for number, name in enumerate(NEEDED)}


def labelled(*rows: Row) -> pd.DataFrame:
    return labels_of(columns(*rows), RULE)


def changes_of(before: list[Row], after: list[Row]) -> list[tuple[Any, ...]]:
    churn = compare_labels(labelled(*before), labelled(*after))
    return [tuple(row) for row in churn.changes.itertuples(index=False)]


def present(study: int | str, finding: str, region: str | None, assertion: str = "present") -> Row:
    return (study, finding, region, assertion, "findings", None)


def test_appeared_vanished_and_changed_one_of_each() -> None:
    before = [present(1, "pneumonia", None), present(1, "hernia", "mediastinum"), present(2, "scoliosis", "spine")]
    after = [
        present(1, "pneumonia", "left lung"),
        present(1, "hernia", "mediastinum", "absent"),
        present(2, "scoliosis", "spine"),
    ]
    assert changes_of(before, after) == [
        ("1", None, "pneumonia", "present", None),
        ("1", "left lung", "pneumonia", None, "present"),
        ("1", "mediastinum", "hernia", "present", "absent"),
    ]
    churn = compare_labels(labelled(*before), labelled(*after))
    assert [churn.count(kind) for kind in ("appeared", "vanished", "changed")] == [1, 1, 1]
    assert (churn.n_before, churn.n_after, churn.n_unchanged, churn.n_pairs) == (3, 3, 1, 4)
    assert churn.share_unchanged == 0.25


def test_labels_are_compared_and_not_mentions() -> None:
    findings, impression = present(1, "pneumonia", None), (1, "pneumonia", None, "absent", "impression", None)
    assert changes_of([impression], [findings, impression]) == []
    assert changes_of([findings], [findings, (1, "pneumonia", None, "historical", "history", None)]) == []


def test_ids_of_both_kinds_stand_side_by_side() -> None:
    assert changes_of([], [present("a", "hernia", None), present(2, "hernia", None)]) == [
        ("2", None, "hernia", None, "present"),
        ("a", None, "hernia", None, "present"),
    ]


def test_nothing_on_both_sides_is_unchanged() -> None:
    churn = compare_labels(labelled(), labelled())
    assert churn.share_unchanged == 1.0 and churn.n_pairs == 0
    assert count_changes(churn.changes) == []


def test_counts_begin_with_the_most_frequent_and_name_the_first_studies() -> None:
    after = [present(n, "hernia", None) for n in (5, 3, 4, 1)] + [present(1, "pneumonia", "left lung", "uncertain")]
    churn = compare_labels(labelled(), labelled(*after))
    assert count_changes(churn.changes, n_examples=2) == [
        {"finding": "hernia", "region": None, "before": None, "after": "present", "n": 4, "examples": ["1", "3"]},
        {
            "finding": "pneumonia",
            "region": "left lung",
            "before": None,
            "after": "uncertain",
            "n": 1,
            "examples": ["1"],
        },
    ]


SIDE = st.dictionaries(
    st.tuples(
        st.integers(1, 3), st.sampled_from([None, "left lung", "spine"]), st.sampled_from(["hernia", "pneumonia"])
    ),
    st.sampled_from(["present", "absent", "uncertain"]),
    max_size=10,
)


@settings(max_examples=50, deadline=None)
@given(SIDE, SIDE)
def test_against_the_slow_obvious_way(before: dict[Any, str], after: dict[Any, str]) -> None:
    rows = [
        [present(study, f, region, label) for (study, region, f), label in side.items()] for side in (before, after)
    ]
    expected = {
        (str(key[0]), *key[1:], before.get(key), after.get(key))
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    churn = compare_labels(labelled(*rows[0]), labelled(*rows[1]))
    assert {tuple(row) for row in churn.changes.itertuples(index=False)} == expected
    assert churn.n_unchanged == len(before.keys() | after.keys()) - len(expected)
    assert sum(row["n"] for row in count_changes(churn.changes)) == len(expected)
