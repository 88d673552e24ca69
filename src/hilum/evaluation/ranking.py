"""How good a ranking is: precision, gain, average precision and place, with what chance would give.

In: boolean arrays in ranked order, one row a query, best answer first; answers that a query may not get (its own
patient's) come last and are counted neither relevant nor of the finding. Out: one number a query.
"""

from __future__ import annotations

import numpy as np

PRECISION_AT, LOCATED_AT, GAIN_AT = (1, 5, 10), (1, 5, 10), 10


def measure_rankings(hits: np.ndarray, same_finding: np.ndarray, n_gallery: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric of a few rankings by its column's name, each (n_queries,). Arguments as below."""
    found = {f"precision_at_{k}": precision_at_k(hits, n_gallery, k) for k in PRECISION_AT}
    found["average_precision"] = average_precision(hits)
    found[f"ndcg_at_{GAIN_AT}"] = ndcg_at_k(hits, GAIN_AT)
    return found | {f"located_at_{k}": located_at_k(hits, same_finding, k) for k in LOCATED_AT}


def chance_of_rankings(
    n_relevant: np.ndarray, n_same_finding: np.ndarray, n_gallery: np.ndarray
) -> dict[str, np.ndarray]:
    """What each metric of `measure_rankings` is on average over all orders, by the metric's name."""
    precision = chance_precision(n_relevant, n_gallery)
    found = dict.fromkeys((f"precision_at_{k}" for k in PRECISION_AT), precision)
    found["average_precision"] = chance_average_precision(n_relevant, n_gallery)
    found[f"ndcg_at_{GAIN_AT}"] = chance_ndcg(n_relevant, n_gallery, GAIN_AT)
    return found | dict.fromkeys((f"located_at_{k}" for k in LOCATED_AT), chance_located(n_relevant, n_same_finding))


def precision_at_k(hits: np.ndarray, n_gallery: np.ndarray, k: int) -> np.ndarray:
    """Share of relevant answers in the first k; of all answers where the gallery has fewer than k.

    hits: (n_queries, n) bool in ranked order. n_gallery: (n_queries,) answers a query may get. Returns (n_queries,).
    """
    return hits[:, :k].sum(axis=1) / np.minimum(k, n_gallery)


def average_precision(hits: np.ndarray) -> np.ndarray:
    """Mean over the relevant answers of the precision at each one's rank, over the whole ranking.

    hits: (n_queries, n) bool in ranked order, each row with a relevant answer. Returns (n_queries,).
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / ranks
    return np.where(hits, precision, 0.0).sum(axis=1) / hits.sum(axis=1)


def ndcg_at_k(hits: np.ndarray, k: int) -> np.ndarray:
    """Discounted gain of the first k answers over that of the best order: a hit at rank i weighs 1 / log2(i + 1).

    Relevance is yes or no, as for every other metric. Arguments and result as in `average_precision`.
    """
    gains = _discounts(hits.shape[1])
    best = np.cumsum(gains)[np.minimum(hits.sum(axis=1), min(k, hits.shape[1])) - 1]
    return (hits[:, :k] * gains[:k]).sum(axis=1) / best


def located_at_k(hits: np.ndarray, same_finding: np.ndarray, k: int) -> np.ndarray:
    """Of the k nearest answers that have the finding at a known place, the share that has it in the region asked for.

    Answers without the finding are passed over, so that the number says what the place adds beyond the disease. With
    fewer than k such answers, the share of those there are. hits, same_finding: (n_queries, n) bool in ranked order;
    every hit has the finding; each row has at least one. Returns (n_queries,).
    """
    near = same_finding & (np.cumsum(same_finding, axis=1) <= k)
    return (hits & near).sum(axis=1) / near.sum(axis=1)


def chance_precision(n_relevant: np.ndarray, n_gallery: np.ndarray) -> np.ndarray:
    """Expected precision of a random ranking, at any k."""
    return n_relevant / n_gallery


def chance_ndcg(n_relevant: np.ndarray, n_gallery: np.ndarray, k: int) -> np.ndarray:
    """Expected `ndcg_at_k` of a random ranking; exact, for every rank is a hit with the same probability."""
    total = np.cumsum(_discounts(k))
    share = np.asarray(n_relevant) / n_gallery
    return share * total[np.minimum(k, n_gallery) - 1] / total[np.minimum(k, n_relevant) - 1]


def chance_average_precision(n_relevant: np.ndarray, n_gallery: np.ndarray) -> np.ndarray:
    """Expected average precision of a random ranking of n answers, R of them relevant; exact.

    A relevant answer lies at each rank i with probability 1/n and then has (i - 1)(R - 1)/(n - 1) relevant ones above
    it, so the mean is H/n + (R - 1)/(n - 1) (1 - H/n), H the n-th harmonic number.
    """
    harmonic = np.cumsum(1 / np.arange(1, int(np.max(n_gallery, initial=1)) + 1))
    first = harmonic[np.asarray(n_gallery) - 1] / n_gallery
    others = np.where(n_gallery > 1, (n_relevant - 1) / np.maximum(n_gallery - 1, 1), 0.0)
    return first + others * (1 - first)


def chance_located(n_relevant: np.ndarray, n_same_finding: np.ndarray) -> np.ndarray:
    """Expected `located_at_k` of a ranking that knows the finding and not its place, at any k."""
    return n_relevant / n_same_finding


def _discounts(n: int) -> np.ndarray:
    return 1 / np.log2(np.arange(2, n + 2))
