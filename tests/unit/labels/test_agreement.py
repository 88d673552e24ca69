"""Agreement with published labels: the four values counted, and figures worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.labels.agreement import VALUES, cohens_kappa, compare_labels, count_values, score_table
from hilum.schema import CHEXPERT

NAN = np.nan


def table(studies: list[int], **columns: list[float]) -> pd.DataFrame:
    """Labels of some studies; columns not named are blank. `_` in a name stands for a space."""
    blank = {name: [NAN] * len(studies) for name in CHEXPERT}
    said = {name.replace("_", " "): values for name, values in columns.items()}
    return pd.DataFrame({"study_id": studies} | blank | said)


def test_rows_are_what_was_published_and_columns_what_hilum_says() -> None:
    theirs, ours = pd.Series([NAN, 0, -1, 1, 1, 1]), pd.Series([1, 0, -1, 1, 0, NAN])
    assert VALUES == (None, 0, -1, 1)
    assert count_values(theirs, ours).tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 1]]


def test_figures_worked_by_hand() -> None:
    counts = np.array([[4, 0, 0, 1], [0, 2, 1, 0], [0, 1, 1, 0], [1, 0, 0, 3]])
    found = score_table(counts)
    assert (found["n_published"], found["n_ours"]) == (9, 9)
    assert found["agreement"] == pytest.approx(10 / 14)
    expected = (5 * 5 + 3 * 3 + 2 * 2 + 4 * 4) / 14**2
    assert found["kappa"] == pytest.approx((10 / 14 - expected) / (1 - expected))
    assert found["mention_f1"] == pytest.approx(2 * 8 / (9 + 9))
    assert found["negation_f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert found["uncertainty_f1"] == pytest.approx(2 * 1 / (2 + 2))


def test_figures_that_do_not_exist_are_none() -> None:
    nothing = score_table(np.zeros((4, 4), int))
    assert all(nothing[name] is None for name in ("agreement", "kappa", "mention_f1", "negation_f1", "uncertainty_f1"))
    blank = score_table(np.diag([7, 0, 0, 0]))
    assert blank["agreement"] == 1 and blank["kappa"] is None and blank["mention_f1"] is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=16, max_size=16))
def test_kappa_is_at_most_one_and_needs_no_order(cells: list[int]) -> None:
    counts = np.array(cells).reshape(4, 4)
    kappa = cohens_kappa(counts)
    turned = cohens_kappa(counts.T)
    assert (kappa is None) == (turned is None)
    if kappa is not None:
        assert kappa <= 1 and kappa == pytest.approx(turned)


def test_studies_are_paired_by_id_and_the_others_counted() -> None:
    ours = table([1, 2, 3], Pneumonia=[1, 0, NAN], Lung_Opacity=[NAN, NAN, 1])
    theirs = table([4, 3, 2], Pneumonia=[1, NAN, 0], Lung_Opacity=[NAN, -1, NAN]).assign(labeller="negbio")
    (one,) = compare_labels(ours, theirs)
    assert (one["labeller"], one["n_studies"], one["n_unread"], one["n_unpublished"]) == ("negbio", 2, 1, 1)
    rows = {row["label"]: row for row in one["labels"]}
    assert list(rows) == list(CHEXPERT)
    assert rows["Pneumonia"]["table"] == [[1, 0, 0, 0], [0, 1, 0, 0], [0] * 4, [0] * 4]
    assert rows["Lung Opacity"]["table"][2] == [0, 0, 0, 1] and rows["Lung Opacity"]["mention_f1"] == 1


def test_labellers_come_in_one_order_and_only_if_they_are_there() -> None:
    ours = table([1])
    both = pd.concat([table([1]).assign(labeller=name) for name in ("test_set", "chexpert")])
    assert [one["labeller"] for one in compare_labels(ours, both)] == ["chexpert", "test_set"]
    assert compare_labels(ours, both.iloc[:0]) == []
