"""Figures over seeds, patients and cells: against cases worked by hand, and against those of one training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.evaluation.bootstrap import Resampled
from hilum.evaluation.comparison import measure, over_seeds, tabulate
from hilum.evaluation.grounding_summary import score_grounding
from hilum.evaluation.summary import METRICS, score_retrieval
from hilum.schema import GROUNDINGS

CELLS = pd.DataFrame({"region": ["zone", "zone"], "finding": ["a", "b"], "locatable": [True, False]})
NO_MAPS = pd.DataFrame(columns=list(GROUNDINGS.column_names))


def ask(values: dict[tuple[int, str], float], score: str = "mix") -> pd.DataFrame:
    """A question a patient and finding, all metrics the same value."""
    rows = [
        {"query": f"{who}|zone|{finding}", "dicom_id": f"{who}", "score": score, "subject_id": who,
         "region": "zone", "finding": finding, "n_gallery": 10, "n_relevant": 2, "n_same_finding": 4,
         **dict.fromkeys(METRICS, value)}
        for (who, finding), value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def figures(queries: pd.DataFrame, n: int = 200) -> dict:
    return measure(queries, CELLS, NO_MAPS, 1, n, 0)


def row_of(rows: list[dict], variant: str, metric: str = "precision_at_5", score: str = "mix") -> dict:
    return next(row for row in rows if (row["variant"], row["metric"], row["score"]) == (variant, metric, score))


def test_a_figure_is_the_mean_over_seeds_of_means_over_cells_and_differences_are_paired() -> None:
    one = ask({(1, "a"): 1.0, (2, "a"): 0.0, (1, "b"): 0.2})
    two = ask({(1, "a"): 0.5, (2, "a"): 0.5, (1, "b"): 0.4})
    worse = [frame.assign(precision_at_5=frame["precision_at_5"] - 0.1) for frame in (one, two)]
    found = {"first": [figures(one), figures(two)], "second": [figures(frame) for frame in worse]}
    rows = tabulate({name: dict(enumerate(trainings)) for name, trainings in found.items()}, "first", 0)
    first, second = row_of(rows, "first"), row_of(rows, "second")
    assert first["by_seed"] == pytest.approx([0.35, 0.45]) and first["value"] == pytest.approx(0.4)
    assert first["sd_of_seeds"] == pytest.approx(np.std([0.35, 0.45], ddof=1)) and "difference" not in first
    assert first["low"] < first["value"] < first["high"] and first["chance"] == pytest.approx(2 / 10)
    assert [second[name] for name in ("difference", "difference_low", "difference_high")] == pytest.approx([-0.1] * 3)


def test_one_training_has_the_figures_and_intervals_of_its_own_evaluation() -> None:
    random = np.random.default_rng(0)
    values = {(who, finding): float(random.random()) for who in range(12) for finding in "ab"}
    queries = pd.concat([ask(values), ask(values, "global")], ignore_index=True)
    maps = pd.DataFrame(
        [
            {"dicom_id": f"{who}", "subject_id": who, "finding": finding, "score": "phrase", "chance_pointing": 0.1,
             "pointing_game": float(random.random() > 0.5), "mean_iou": float(random.random()),
             "contrast_to_noise_ratio": float(random.normal())}
            for who in range(9) for finding in ("a", "b")[: 1 + (who < 3)]
        ]
    )  # fmt: skip
    rows = tabulate({"first": {1: measure(queries, CELLS, maps, 5, 50, 3)}}, "first", 3)
    scores = pd.concat([score_retrieval(queries, CELLS, 50, 3), score_grounding(maps, 5, 50, 3)])
    names = {"average_precision": "mean_average_precision"}
    checked = [(*key, "mix") for key in (("located_at_10",), ("precision_at_5",), ("average_precision",))]
    checked += [(name, "phrase") for name in ("pointing_game", "contrast_to_noise_ratio", "mean_iou")]
    for metric, score in checked:
        chosen = (scores["score"] == score) & (scores["metric"] == names.get(metric, metric))
        expected = scores[chosen & (scores["average"] == "macro")].iloc[0]
        found = row_of(rows, "first", metric, score)
        for name in ("value", "low", "high", "chance"):
            assert found[name] == pytest.approx(expected[name]), (metric, name)
        assert found["sd_of_seeds"] is None


def test_the_interval_holds_what_seeds_and_patients_add() -> None:
    """Seeds that differ widen it by their own variance over n, and patients do not hide it."""
    random = np.random.default_rng(1)
    patients = random.normal(0.5, 0.01, (20_000, 1))
    seeds = np.array([0.2, 0.5, 0.8])
    means = [Resampled(np.array([value]), patients + value - 0.5) for value in seeds]
    together = over_seeds(means, 0)
    assert together.value == pytest.approx(0.5)
    assert together.resamples.var() == pytest.approx(0.01**2 + seeds.var(ddof=1) / 3, rel=0.05)
    alike = over_seeds([Resampled(np.array([0.5]), patients)] * 3, 0)
    assert alike.resamples.std() == pytest.approx(0.01, rel=0.05)


def test_a_difference_is_over_the_seeds_that_both_have() -> None:
    one, other = ask({(1, "a"): 0.3, (2, "a"): 0.7}), ask({(1, "a"): 0.9, (2, "a"): 0.9})
    rows = tabulate({"first": {1: figures(one), 2: figures(other)}, "second": {1: figures(one)}}, "first", 0)
    assert row_of(rows, "first")["value"] == pytest.approx(0.7)
    assert row_of(rows, "second")["difference"] == 0.0 and row_of(rows, "second")["seeds"] == [1]


def test_places_are_counted_where_they_can_be_told_and_the_oracle_stands_once() -> None:
    values = {(1, "a"): 1.0, (1, "b"): 0.0}
    queries = pd.concat([ask(values), ask(values, "oracle")], ignore_index=True)
    rows = tabulate({"first": {1: figures(queries)}, "second": {1: figures(queries)}}, "first", 0)
    assert row_of(rows, "first", "located_at_10")["value"] == 1.0 and row_of(rows, "first")["value"] == 0.5
    assert [row["variant"] for row in rows if row["score"] == "oracle"] == ["first"] * 3


def test_other_questions_are_refused() -> None:
    one, other = ask({(1, "a"): 1.0, (2, "a"): 0.5}), ask({(1, "a"): 1.0, (3, "a"): 0.5})
    with pytest.raises(BadDataError, match="second was asked other questions"):
        tabulate({"first": {1: figures(one)}, "second": {1: figures(other)}}, "first", 0)
