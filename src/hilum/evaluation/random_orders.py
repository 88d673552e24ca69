"""What random orders of the gallery score, drawn again and again: how far from its mean chance alone takes a figure.

In: for each query how many answers it may get, how many have the finding, and how many are relevant. Out: every metric
of every query under each order. No vector is looked at: an audit draws the same orders from the queries table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hilum.evaluation.ranking import measure_rankings

N_ORDERS = 40
SPREAD = 1.96  # standard deviations on either side of the mean that hold 95 % of a normal distribution
BLOCK = 256  # queries ordered at once


def draw_metrics(queries: pd.DataFrame, metrics: tuple[str, ...], seed: int, n_orders: int = N_ORDERS) -> np.ndarray:
    """(n_orders, n_queries, n_metrics) float32. queries: n_gallery, n_relevant and n_same_finding of each."""
    random = np.random.Generator(np.random.PCG64([seed, len(queries)]))
    counts = queries[["n_gallery", "n_relevant", "n_same_finding"]].to_numpy(np.int64)
    out = np.zeros((n_orders, len(queries), len(metrics)), np.float32)
    for n_gallery in np.unique(counts[:, 0]):
        asking = np.flatnonzero(counts[:, 0] == n_gallery)
        for start in range(0, len(asking), BLOCK):
            part = asking[start : start + BLOCK]
            place = np.arange(n_gallery)
            kinds = (place < counts[part, 1:2]).astype(np.int8) + (place < counts[part, 2:3])  # 2 relevant, 1 same
            for order in range(n_orders):
                shuffled = random.permuted(kinds, axis=1)
                found = measure_rankings(shuffled == 2, shuffled > 0, counts[part, 0])
                out[order, part] = np.column_stack([found[name] for name in metrics])
    return out


def band(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends between which 95 % of random orders lie. means: (n_orders, n_values), one mean an order."""
    centre, spread = means.mean(axis=0), means.std(axis=0, ddof=1)
    return centre - SPREAD * spread, centre + SPREAD * spread
