"""Random orders: each metric's mean over many is its chance, and a ranking that knows nothing lies in the band."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.evaluation.random_orders import band, draw_metrics
from hilum.evaluation.ranking import chance_of_rankings
from hilum.evaluation.summary import METRICS

QUERIES = pd.DataFrame({"n_gallery": [30, 30, 28], "n_same_finding": [12, 9, 20], "n_relevant": [3, 9, 1]})


def test_the_mean_over_orders_is_the_exact_chance() -> None:
    drawn = draw_metrics(QUERIES, METRICS, 0, n_orders=4000)
    chance = chance_of_rankings(*(QUERIES[n].to_numpy() for n in ("n_relevant", "n_same_finding", "n_gallery")))
    error = drawn.std(axis=0) / np.sqrt(len(drawn)) + 1e-6
    expected = np.column_stack([chance[name] for name in METRICS])
    assert (np.abs(drawn.mean(axis=0) - expected) < 4.5 * error).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**16))
def test_orders_keep_what_a_query_has(seed: int) -> None:
    """However drawn, the answers of all orders hold each query's own count of relevant ones."""
    one = QUERIES.iloc[[0]].assign(n_relevant=12)  # all that have the finding have it there
    drawn = draw_metrics(one, METRICS, seed, n_orders=3)
    assert (drawn[:, 0, METRICS.index("located_at_10")] == 1).all() and (drawn <= 1).all()


def test_nineteen_of_twenty_orders_lie_in_the_band() -> None:
    drawn = draw_metrics(QUERIES.loc[np.repeat([0, 1, 2], 40)], METRICS, 1, n_orders=400).mean(axis=1)
    low, high = band(drawn[:200])
    inside = ((drawn[200:] >= low) & (drawn[200:] <= high)).mean(axis=0)
    assert (inside > 0.9).all() and (inside < 0.995).all()


def test_the_same_seed_draws_the_same_orders() -> None:
    np.testing.assert_array_equal(draw_metrics(QUERIES, METRICS, 5), draw_metrics(QUERIES, METRICS, 5))
    assert (draw_metrics(QUERIES, METRICS, 5) != draw_metrics(QUERIES, METRICS, 6)).any()
