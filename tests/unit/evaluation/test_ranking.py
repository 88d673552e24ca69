"""Ranking metrics against slow obvious versions; chance against every permutation."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hilum.evaluation import ranking


def slow_precision(hits: list[bool], k: int) -> float:
    return sum(hits[:k]) / min(k, len(hits))


def slow_average_precision(hits: list[bool]) -> float:
    at_hits = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
    return sum(at_hits) / len(at_hits)


def slow_ndcg(hits: list[bool], k: int) -> float:
    def gain(order: list[bool]) -> float:
        return sum(1 / math.log2(rank + 1) for rank, hit in enumerate(order[:k], 1) if hit)

    return gain(hits) / gain(sorted(hits, reverse=True))


def slow_located(hits: list[bool], same: list[bool], k: int) -> float:
    nearest = [hit for hit, has in zip(hits, same) if has][:k]
    return sum(nearest) / len(nearest)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """hits, same_finding and n_gallery of a few queries; what is not in the gallery comes last and is neither."""
    n_queries, n = draw(st.integers(1, 4)), draw(st.integers(1, 25))
    n_gallery = draw(arrays(int, n_queries, elements=st.integers(1, n)))
    allowed = np.arange(n) < n_gallery[:, None]
    same = draw(arrays(bool, (n_queries, n))) & allowed
    hits = draw(arrays(bool, (n_queries, n))) & same
    hits[:, 0] = same[:, 0] = True
    return hits, same, n_gallery


@given(rankings(), st.sampled_from([1, 5, 10]))
def test_metrics_equal_the_slow_versions(case: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    hits, same, n_gallery = case
    rows = [(h[:n].tolist(), s[:n].tolist()) for h, s, n in zip(hits, same, n_gallery)]
    np.testing.assert_allclose(ranking.precision_at_k(hits, n_gallery, k), [slow_precision(h, k) for h, _ in rows])
    np.testing.assert_allclose(ranking.average_precision(hits), [slow_average_precision(h) for h, _ in rows])
    np.testing.assert_allclose(ranking.located_at_k(hits, same, k), [slow_located(h, s, k) for h, s in rows])
    np.testing.assert_allclose(ranking.ndcg_at_k(hits, k), [slow_ndcg(h, k) for h, _ in rows])


@given(rankings())
def test_every_column_is_its_metric_and_has_a_chance(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    hits, same, n_gallery = case
    found = ranking.measure_rankings(hits, same, n_gallery)
    rows = [(h[:n].tolist(), s[:n].tolist()) for h, s, n in zip(hits, same, n_gallery)]
    slow = {f"precision_at_{k}": [slow_precision(h, k) for h, _ in rows] for k in (1, 5, 10)}
    slow |= {f"located_at_{k}": [slow_located(h, s, k) for h, s in rows] for k in (1, 5, 10)}
    slow["average_precision"] = [slow_average_precision(h) for h, _ in rows]
    slow["ndcg_at_10"] = [slow_ndcg(h, 10) for h, _ in rows]
    assert set(found) == set(slow) == set(ranking.chance_of_rankings(hits.sum(1), same.sum(1), n_gallery))
    for name, values in slow.items():
        np.testing.assert_allclose(found[name], values, err_msg=name)


@pytest.mark.parametrize("n_relevant", [1, 2, 4])
def test_chance_is_the_mean_over_every_ranking(n_relevant: int) -> None:
    n, n_same = 7, 5
    first = [True] * n_relevant + [False] * (n - n_relevant)
    same = [True] * n_same + [False] * (n - n_same)
    orders = list(permutations(range(n)))
    hits = np.array([[first[i] for i in order] for order in orders])
    has = np.array([[same[i] for i in order] for order in orders])
    gallery = np.full(len(orders), n)
    one, size = np.array([n_relevant]), np.array([n])
    for k in (1, 3, 10):
        expected = ranking.precision_at_k(hits, gallery, k).mean()
        assert ranking.chance_precision(one, size)[0] == pytest.approx(expected)
        expected = ranking.ndcg_at_k(hits, k).mean()
        assert ranking.chance_ndcg(one, size, k)[0] == pytest.approx(expected)
        expected = ranking.located_at_k(hits, has, k).mean()
        assert ranking.chance_located(one, np.array([n_same]))[0] == pytest.approx(expected)
    expected = ranking.average_precision(hits).mean()
    assert ranking.chance_average_precision(one, size)[0] == pytest.approx(expected)


def test_a_gallery_of_one() -> None:
    one = np.array([1])
    assert ranking.chance_average_precision(one, one)[0] == 1
    assert ranking.precision_at_k(np.array([[True]]), one, 10)[0] == 1


def test_a_ranking_by_hand() -> None:
    hits = np.array([[True, False, False, True, False]])
    same = np.array([[True, False, True, True, True]])
    gallery = np.array([5])
    assert ranking.precision_at_k(hits, gallery, 5)[0] == pytest.approx(2 / 5)
    assert ranking.average_precision(hits)[0] == pytest.approx((1 + 2 / 4) / 2)
    assert ranking.ndcg_at_k(hits, 10)[0] == pytest.approx((1 + 1 / math.log2(5)) / (1 + 1 / math.log2(3)))
    assert ranking.located_at_k(hits, same, 2)[0] == pytest.approx(1 / 2)
    assert ranking.located_at_k(hits, same, 10)[0] == pytest.approx(2 / 4)
