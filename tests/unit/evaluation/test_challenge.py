"""Champion and challenger: the difference worked by hand, and a benchmark that says what it asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.evaluation.challenge import Benchmark, build_benchmark, compare_models, rank_benchmark
from hilum.retrieval.vectors import ImageVectors

REGIONS = ("left lung", "right lung")
N = 24


@pytest.fixture
def made() -> tuple[pd.DataFrame, pd.DataFrame]:
    """24 images of 12 patients; study i has `mass` left or right by turns, and every third patient is of the test."""
    subjects = np.arange(N) // 2
    rows = pd.DataFrame(
        {
            "dicom_id": [f"{i:02d}" for i in range(N)], "study_id": np.arange(N), "subject_id": subjects,
            "split": np.where(subjects % 3 == 0, "test", "train"),
        }
    )  # fmt: skip
    labels = pd.DataFrame({"study_id": np.arange(N), "region": [REGIONS[i % 2] for i in range(N)]})
    return rows, labels.assign(finding="mass", label="present")


def seeing(rows: pd.DataFrame, labels: pd.DataFrame) -> ImageVectors:
    """A model whose vector of a region says whether the mass is there, and whose whole says nothing."""
    there = np.array([[label == region for label in labels["region"]] for region in REGIONS])
    by_region = np.stack([there, ~there], axis=2).astype(np.float32)
    whole = np.tile(np.array([1, 0], np.float32), (len(rows), 1))
    return ImageVectors(rows, REGIONS, whole, by_region, "a")


def test_who_sees_the_place_finds_it_and_who_does_not_is_at_chance(made: Any) -> None:
    benchmark = build_benchmark(*made, REGIONS, 5)
    assert (len(benchmark.queries), benchmark.n_patients) == (8, 4) and benchmark.cells.locatable.all()
    model = seeing(*made)
    blind, sighted = (rank_benchmark(benchmark, model, alpha) for alpha in (0.0, 1.0))
    located, precise = compare_models(blind, sighted, benchmark, ["located_at_10", "precision_at_5"], 100, 0)
    assert located.challenger == precise.challenger == 1 and located.champion == pytest.approx(0.5, abs=0.05)
    assert located.low > 0.4 and (located.n_queries, located.n_cells) == (8, 2)


def test_the_order_of_rows_and_images_beyond_the_gallery_change_nothing(made: Any) -> None:
    rows, labels = made
    model, benchmark = seeing(rows, labels), build_benchmark(rows.iloc[:16], labels, REGIONS, 5)
    shuffled = build_benchmark(rows.iloc[:16].sample(frac=1, random_state=0), labels[::-1], REGIONS, 5)
    assert shuffled.digest() == benchmark.digest()
    narrow = replace(model, rows=rows[:16], whole=model.whole[:16], by_region=model.by_region[:, :16])
    pd.testing.assert_frame_equal(rank_benchmark(benchmark, model, 0.7), rank_benchmark(shuffled, narrow, 0.7))


def test_a_model_without_an_image_of_the_gallery_is_refused(made: Any) -> None:
    model, benchmark = seeing(*made), build_benchmark(*made, REGIONS, 5)
    less = replace(model, rows=model.rows[3:], whole=model.whole[3:], by_region=model.by_region[:, 3:])
    with pytest.raises(BadDataError, match="checkpoint a: 3 of the 24 images of the benchmark have no vector"):
        rank_benchmark(benchmark, less, 1)


def change_label(rows: pd.DataFrame, labels: pd.DataFrame) -> None:
    labels.loc[5, "region"] = REGIONS[0]


def change_certainty(rows: pd.DataFrame, labels: pd.DataFrame) -> None:
    labels.loc[5, "label"] = "uncertain"


def change_patient(rows: pd.DataFrame, labels: pd.DataFrame) -> None:
    rows.loc[5, "subject_id"] = 99


def change_split(rows: pd.DataFrame, labels: pd.DataFrame) -> None:
    rows.loc[5, "split"] = "test"


def drop_image(rows: pd.DataFrame, labels: pd.DataFrame) -> None:
    rows.drop(index=5, inplace=True)


@pytest.mark.parametrize("change", [change_label, change_certainty, change_patient, change_split, drop_image])
def test_the_digest_moves_with_whatever_a_figure_depends_on(made: Any, change: Any) -> None:
    before = build_benchmark(*made, REGIONS, 5).digest()
    change(*made)
    assert build_benchmark(*made, REGIONS, 5).digest() != before


def test_the_digest_knows_which_cells_are_asked(made: Any) -> None:
    """Each side has 12 images with the mass; of 13 that are needed, no cell is left."""
    assert len({build_benchmark(*made, REGIONS, n).digest() for n in (5, 13)}) == 2


def frame_of(values: list[float]) -> pd.DataFrame:
    """Three questions: patients 1 and 2 ask in the left lung, patient 1 in the right."""
    frame = pd.DataFrame({"region": ["left lung", "left lung", "right lung"], "subject_id": [1, 2, 1]})
    return frame.assign(finding="mass", query=["a", "b", "c"], located_at_10=values, precision_at_5=values)


def test_the_difference_by_hand(made: Any) -> None:
    """Left: 0.25 to 0.5; right: 1 to 0.5; macro 0.625 to 0.5. Two patients: drawn twice each, it is 0, else -0.125."""
    benchmark = build_benchmark(*made, REGIONS, 5)
    old, new = frame_of([0.5, 0.0, 1.0]), frame_of([1.0, 0.0, 0.5])
    found = compare_models(old, new, benchmark, ["located_at_10"], 400, 0)[0]
    assert (found.champion, found.challenger, found.difference) == (0.625, 0.5, -0.125)
    assert (found.low, found.high, found.n_queries, found.n_cells) == (-0.125, 0, 3, 2)


def test_place_is_not_measured_where_it_cannot_be_told(made: Any) -> None:
    rows, labels = made
    labels["region"] = "left lung"
    benchmark = build_benchmark(rows, labels, REGIONS, 5)
    old = rank_benchmark(benchmark, seeing(rows, labels), 1)
    located, precise = compare_models(old, old, benchmark, ["located_at_10", "precision_at_5"], 20, 0)
    assert np.isnan([located.difference, located.low]).all() and located.n_queries == 0
    assert (precise.champion, precise.difference, precise.n_queries) == (1, 0, 8)


def test_without_a_question_nothing_is_measured(made: Any) -> None:
    benchmark: Benchmark = build_benchmark(*made, REGIONS, 99)
    none = rank_benchmark(benchmark, seeing(*made), 1)
    found = compare_models(none, none, benchmark, ["mean_average_precision"], 20, 0)[0]
    assert np.isnan(found.difference) and (found.n_queries, found.n_cells, benchmark.n_patients) == (0, 0, 0)


def test_different_questions_are_no_pair(made: Any) -> None:
    benchmark = build_benchmark(*made, REGIONS, 5)
    with pytest.raises(ValueError, match="different questions"):
        compare_models(frame_of([1, 1, 1]), frame_of([1, 1, 1])[::-1], benchmark, ["located_at_10"], 20, 0)
