"""Who has what where, which cells are scored, and who asks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hilum.evaluation.relevance import build_presence, choose_cells, choose_queries

REGIONS = ("left lung", "left lower lung zone", "right lung", "spine")
PARENTS = {"left lower lung zone": "left lung"}


def presence_of(ids: list, rows: list[tuple]) -> object:
    labels = pd.DataFrame(rows, columns=["dicom_id", "region", "finding"])
    return build_presence(pd.Series(ids, name="dicom_id"), labels, REGIONS, PARENTS)


def test_a_finding_is_in_its_region_and_in_the_parent() -> None:
    found = presence_of(["a", "b"], [("a", "left lower lung zone", "x"), ("b", "left lung", "x"), ("b", "spine", "y")])
    assert found.findings == ("x", "y")
    assert found.present[:, :, 0].tolist() == [[True, True, False, False], [True, False, False, False]]
    assert found.present[:, :, 1].tolist() == [[False] * 4, [False, False, False, True]]
    assert found.anywhere.tolist() == [[True, False], [True, True]]


def test_unplaced_and_unknown_are_left_out() -> None:
    found = presence_of(["a"], [("a", None, "x"), ("z", "spine", "x"), ("a", "spine", "y")])
    assert found.findings == ("y",) and found.anywhere.tolist() == [[True]]


def test_no_label_at_all() -> None:
    found = presence_of(["a", "b"], [])
    assert found.present.shape == (2, 4, 0)
    cells = choose_cells(found, 1)
    assert len(cells.region) == 0


def test_images_of_a_study_share_its_labels() -> None:
    labels = pd.DataFrame({"study_id": [7], "region": ["spine"], "finding": ["x"]})
    found = build_presence(pd.Series([7, 8, 7], name="study_id"), labels, REGIONS, PARENTS)
    assert found.present[:, 3, 0].tolist() == [True, False, True]


def test_cells_need_positives_and_place_needs_negatives() -> None:
    rows = [(str(i), "left lower lung zone" if i < 6 else "right lung", "x") for i in range(9)]
    rows += [(str(i), "spine", "y") for i in range(5)]
    found = presence_of([str(i) for i in range(12)], rows)
    cells = choose_cells(found, 3)
    table = {
        (REGIONS[r], found.findings[f]): (int(n), int(same), bool(locatable))
        for r, f, n, same, locatable in zip(
            cells.region, cells.finding, cells.n_positives, cells.n_same_finding, cells.locatable
        )
    }
    assert table == {
        ("left lung", "x"): (6, 9, True),
        ("left lower lung zone", "x"): (6, 9, True),
        ("right lung", "x"): (3, 9, True),
        ("spine", "y"): (5, 5, False),
    }
    assert len(choose_cells(found, 4).region) == 3
    assert not choose_cells(found, 4).locatable.any()


def test_queries_are_of_the_split_and_have_an_answer() -> None:
    rows = [("a", "spine", "x"), ("b", "spine", "x"), ("c", "spine", "y"), ("d", "spine", "y")]
    found = presence_of(["a", "b", "c", "d"], rows)
    index_rows = pd.DataFrame({"subject_id": [1, 2, 3, 3], "split": ["test", "train", "test", "test"]})
    cells = choose_cells(found, 1)
    queries = choose_queries(found, cells, index_rows, "test")
    assert len(queries) == 1  # c and d are one patient: neither is an answer to the other
    assert (queries.image[0], REGIONS[queries.region[0]], found.findings[queries.finding[0]]) == (0, "spine", "x")
    assert len(choose_queries(found, cells, index_rows, "validate")) == 0


@pytest.mark.parametrize("split", ["train", "test"])
def test_queries_come_by_region(split: str) -> None:
    random = np.random.default_rng(0)
    rows = {(str(i), REGIONS[random.integers(4)], "xyz"[random.integers(3)]) for i in range(60) for _ in range(2)}
    found = presence_of([str(i) for i in range(60)], sorted(rows))
    index_rows = pd.DataFrame({"subject_id": np.arange(60), "split": ["train", "test"] * 30})
    queries = choose_queries(found, choose_cells(found, 2), index_rows, split)
    assert (np.diff(queries.region) >= 0).all() and len(queries) > 20
    assert found.present[queries.image, queries.region, queries.finding].all()
