"""Intervals by resampling patients: whole patients are drawn, with all their queries.

In: one row of values a query, with its patient and its cell. Out: resampled means. Macro means average over cells
first (a cell that a resample leaves empty is left out of that resample), micro means over queries. The gallery is
not resampled: the intervals say how the figures would vary over other patients asking, not over other archives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

INTERVAL = (2.5, 97.5)  # per cent


@dataclass(frozen=True)
class Resampled:
    """A mean, with the same mean over resampled patients. value: (n_values,); resamples: (n_bootstrap, n_values)."""

    value: np.ndarray
    resamples: np.ndarray

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends of the 95 % interval, each (n_values,); NaN where no resample has a value."""
        low, high = (_percentile(self.resamples, p) for p in INTERVAL)
        return low, high

    def minus(self, other: Resampled) -> Resampled:
        """The paired difference: both must come from the same patients and seed."""
        return Resampled(self.value - other.value, self.resamples - other.resamples)


def bootstrap_means(
    values: np.ndarray,
    patients: np.ndarray,
    cells: np.ndarray,
    n_bootstrap: int,
    seed: int,
    weights: np.ndarray | None = None,
) -> tuple[Resampled, Resampled]:
    """Macro and micro means of each column, with resamples of patients.

    values: (n_queries, n_values) float, NaN = this query has no such value, left out. patients, cells: (n_queries,)
    codes of any type. weights: (n_queries,) what each query counts; 1 if None. The resamples depend on the patients,
    n_bootstrap and seed alone, so two calls with the same patients are paired.
    """
    _, patient = np.unique(patients, return_inverse=True)
    _, cell = np.unique(cells, return_inverse=True)
    n_patients, n_cells = int(patient.max(initial=-1)) + 1, int(cell.max(initial=-1)) + 1
    sums = np.zeros((n_patients, n_cells, values.shape[1]))
    counts = np.zeros_like(sums)
    known = ~np.isnan(values)
    each = np.ones((len(values), 1)) if weights is None else weights[:, None]
    np.add.at(sums, (patient, cell), np.where(known, values, 0.0) * each)
    np.add.at(counts, (patient, cell), known * each)
    drawn = np.vstack([np.ones((1, n_patients)), draw_patients(n_patients, n_bootstrap, seed)])
    weighted_sums = np.tensordot(drawn, sums, axes=1)
    weighted_counts = np.tensordot(drawn, counts, axes=1)
    macro = _mean_over_cells(weighted_sums, weighted_counts)
    micro = _divide(weighted_sums.sum(axis=1), weighted_counts.sum(axis=1))
    return Resampled(macro[0], macro[1:]), Resampled(micro[0], micro[1:])


def draw_patients(n_patients: int, n_bootstrap: int, seed: int) -> np.ndarray:
    """(n_bootstrap, n_patients): how often each patient is drawn, n_patients draws with replacement a row."""
    random = np.random.Generator(np.random.PCG64(seed))
    if not n_patients:
        return np.zeros((n_bootstrap, 0))
    return random.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=n_bootstrap).astype(np.float64)


def _mean_over_cells(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    means = _divide(sums, counts)
    filled = ~np.isnan(means)
    return _divide(np.where(filled, means, 0.0).sum(axis=1), filled.sum(axis=1))


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _percentile(resamples: np.ndarray, percent: float) -> np.ndarray:
    out = np.full(resamples.shape[1], np.nan)
    for column in range(resamples.shape[1]):
        known = resamples[:, column][~np.isnan(resamples[:, column])]
        if len(known):
            out[column] = np.percentile(known, percent)
    return out
