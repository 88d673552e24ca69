"""The bootstrap draws whole patients, and its means are those of the slow version."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.evaluation.bootstrap import bootstrap_means, draw_patients


def slow_means(values: np.ndarray, patients: np.ndarray, cells: np.ndarray, drawn: dict) -> tuple[float, float]:
    """Macro and micro means of one resample, by writing every drawn row out."""
    rows = [(c, v) for v, p, c in zip(values, patients, cells) for _ in range(int(drawn[p])) if not np.isnan(v)]
    if not rows:
        return np.nan, np.nan
    by_cell = [np.mean([v for c, v in rows if c == cell]) for cell in sorted({c for c, _ in rows})]
    return float(np.mean(by_cell)), float(np.mean([v for _, v in rows]))


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**16))
def test_every_resample_equals_the_slow_version(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.random(n)
    values[random.random(n) < 0.2] = np.nan
    patients, cells = random.integers(0, 5, n) * 10, random.choice(["a", "b", "c"], n)
    macro, micro = bootstrap_means(values[:, None], patients, cells, 8, 3)
    names = np.unique(patients)
    draws = draw_patients(len(names), 8, 3)
    for i, weights in enumerate([np.ones(len(names)), *draws]):
        expected = slow_means(values, patients, cells, dict(zip(names, weights)))
        found = [m.value[0] if i == 0 else m.resamples[i - 1, 0] for m in (macro, micro)]
        np.testing.assert_allclose(found, expected)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(0, 2**16))
def test_a_query_of_weight_two_counts_as_two(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values, weights = random.random((n, 2)), random.integers(1, 4, n)
    patients, cells = random.integers(0, 5, n), random.choice(["a", "b", "c"], n)
    weighted = bootstrap_means(values, patients, cells, 6, 3, weights.astype(float))
    written = (np.repeat(column, weights, axis=0) for column in (values, patients, cells))
    for one, other in zip(weighted, bootstrap_means(*written, 6, 3), strict=True):
        np.testing.assert_allclose(one.value, other.value)
        np.testing.assert_allclose(one.resamples, other.resamples)


def test_each_resample_draws_as_many_patients() -> None:
    draws = draw_patients(17, 50, 0)
    assert (draws.sum(axis=1) == 17).all() and draws.std() > 0
    np.testing.assert_array_equal(draws, draw_patients(17, 50, 0))
    assert (draws != draw_patients(17, 50, 1)).any()


def test_queries_of_one_patient_move_together() -> None:
    """Two patients with 50 equal queries each are two observations, not a hundred."""
    values = np.repeat([0.0, 1.0], 50)[:, None]
    cells = np.zeros(100)
    clustered, _ = bootstrap_means(values, np.repeat([1, 2], 50), cells, 400, 0)
    apart, _ = bootstrap_means(values, np.arange(100), cells, 400, 0)
    low, high = clustered.interval()
    assert (low[0], high[0]) == (0, 1)
    low, high = apart.interval()
    assert 0.38 < low[0] < 0.45 and 0.55 < high[0] < 0.62


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    random = np.random.default_rng(0)
    hard = random.random(200)
    patients, cells = np.arange(200), np.zeros(200)
    better, _ = bootstrap_means((hard + 0.05)[:, None], patients, cells, 300, 0)
    worse, _ = bootstrap_means(hard[:, None], patients, cells, 300, 0)
    low, high = better.minus(worse).interval()
    assert low[0] == pytest.approx(0.05) and high[0] == pytest.approx(0.05)
    low, high = better.interval()
    assert high[0] - low[0] > 0.05


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        values = random.normal(size=40)
        mean, _ = bootstrap_means(values[:, None], np.arange(40), np.zeros(40), 200, 0)
        low, high = mean.interval()
        covered += low[0] <= 0 <= high[0]
    assert 0.88 < covered / 200 <= 1


def test_nothing_gives_nothing() -> None:
    macro, micro = bootstrap_means(np.empty((0, 2)), np.empty(0), np.empty(0), 5, 0)
    assert np.isnan(macro.value).all() and np.isnan(micro.interval()[0]).all()
    all_null, _ = bootstrap_means(np.full((3, 1), np.nan), np.arange(3), np.zeros(3), 5, 0)
    assert np.isnan(all_null.value[0]) and np.isnan(all_null.interval()[1][0])
