"""Figures over seeds, patients and cells: against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hilum.evaluation.comparison import hide_unlocatable, tabulate

METRICS = ["located_at_10", "precision_at_5", "average_precision"]


def queries(values: dict[tuple[int, str], float], score: str = "mix") -> pd.DataFrame:
    """A question a patient and finding, all metrics the same value."""
    rows = [
        {"query": f"{who}|zone|{finding}", "score": score, "subject_id": who, "region": "zone", "finding": finding,
         **dict.fromkeys(METRICS, value)}
        for (who, finding), value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def row_of(rows: list[dict], variant: str, metric: str = "precision_at_5") -> dict:
    return next(row for row in rows if (row["variant"], row["metric"], row["score"]) == (variant, metric, "mix"))


def test_a_figure_is_the_mean_over_seeds_then_cells_and_differences_are_paired() -> None:
    one = queries({(1, "a"): 1.0, (2, "a"): 0.0, (1, "b"): 0.2})
    two = queries({(1, "a"): 0.5, (2, "a"): 0.5, (1, "b"): 0.4})
    worse = [frame.assign(**{name: frame[name] - 0.1 for name in METRICS}) for frame in (one, two)]
    rows = tabulate({"first": [one, two], "second": worse}, {}, None, 200)
    found = row_of(rows, "first")
    assert found["value"] == pytest.approx((0.5 + 0.3) / 2)  # cell a: (0.75 + 0.25) / 2, cell b: 0.3
    assert found["sd_of_seeds"] == pytest.approx(np.std([0.35, 0.45], ddof=1)) and found["n_seeds"] == 2
    assert found["low"] < found["value"] < found["high"] and "difference" not in found
    apart = row_of(rows, "second")
    assert apart["difference"] == pytest.approx(-0.1)
    assert apart["difference_low"] == pytest.approx(-0.1) and apart["difference_high"] == pytest.approx(-0.1)


def test_one_seed_has_no_spread() -> None:
    rows = tabulate({"first": [queries({(1, "a"): 0.3, (2, "a"): 0.7})]}, {}, None, 50)
    assert np.isnan(row_of(rows, "first")["sd_of_seeds"])


def test_places_are_counted_where_they_can_be_told() -> None:
    frame = queries({(1, "a"): 1.0, (1, "b"): 0.0})
    locatable = pd.DataFrame({"region": ["zone"], "finding": ["a"]})
    assert hide_unlocatable(frame, locatable)["located_at_10"].isna().tolist() == [False, True]
    rows = tabulate({"first": [frame]}, {}, locatable, 50)
    assert row_of(rows, "first", "located_at_10")["value"] == 1.0 and row_of(rows, "first")["value"] == 0.5
