"""Two groups of patients compared: a difference, beside how often patients dealt out at random differ as much.

In: rows of counts or vectors, each with its patient and its group. Out: shares with probabilities, and a distance
with its own. Dealing out patients keeps a patient's studies together, which tests of independent studies do not. Known
to be imperfect: a patient with rows in both groups counts as two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIE = 1e-12  # two deals that are equal but for rounding count as equal


@dataclass(frozen=True)
class Groups:
    """Patients in two groups. unit: (n_rows,) the patient of each row, as a position in is_new: (n_units,) bool."""

    unit: np.ndarray
    is_new: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """(n_rows,) bool: the row is of the new group."""
        return np.asarray(self.is_new[self.unit])

    def both(self) -> bool:
        """Whether there is a patient in each group."""
        return bool(self.is_new.any() and not self.is_new.all())

    def shuffle(self, n: int, seed: int) -> np.ndarray:
        """(1 + n, n_units) bool: the groups as they are, then n ways to deal the patients out again."""
        random = np.random.Generator(np.random.PCG64(seed))
        return np.array([self.is_new, *(random.permutation(self.is_new) for _ in range(n))])


def group_patients(subjects: np.ndarray, is_new: np.ndarray) -> Groups:
    """subjects: (n_rows,) int ids; is_new: (n_rows,) bool."""
    keys, unit = np.unique(2 * subjects.astype(np.int64) + is_new, return_inverse=True)
    return Groups(unit, keys % 2 == 1)


@dataclass(frozen=True)
class Shares:
    """A share in either group, a value a column. p: chance that any column differs so much (for many columns)."""

    trained: np.ndarray
    new: np.ndarray
    p: np.ndarray


def compare_shares(counts: np.ndarray, totals: np.ndarray, groups: Groups, n_shuffles: int, seed: int) -> Shares:
    """counts: (n_rows, n_columns) of totals: (n_rows,). Each group needs a total above 0.

    Source of p: Westfall and Young's step of the largest statistic, which holds the chance of one false alarm over all
    columns; the statistic is the difference in units of its spread over the shuffles.
    """
    n_units = len(groups.is_new)
    by_unit = np.zeros((n_units, counts.shape[1] + 1))
    np.add.at(by_unit, groups.unit, np.column_stack([counts, totals]))
    dealt = groups.shuffle(n_shuffles, seed).astype(np.float64)
    new, old = dealt @ by_unit, (1 - dealt) @ by_unit
    new, old = new[:, :-1] / new[:, -1:], old[:, :-1] / old[:, -1:]
    difference = np.abs(new - old)
    spread = (new - old)[1:].std(axis=0)
    statistic = np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0)
    reached = statistic[1:].max(axis=1, initial=0)[:, None] >= statistic[0] - TIE
    return Shares(old[0], new[0], (1 + reached.sum(axis=0)) / (1 + n_shuffles))


@dataclass(frozen=True)
class Distance:
    """How far apart two clouds of vectors are: 0 none, 1 complete. by_chance: what 19 of 20 shuffles stay below."""

    value: float
    by_chance: float
    p: float


def compare_vectors(vectors: np.ndarray, groups: Groups, n_shuffles: int, seed: int) -> Distance:
    """vectors: (n_rows, dimension) of unit length, two or more rows in each group.

    Energy distance over twice the mean distance between the groups; unbiased, so a little below 0 is no difference.
    Source: Szekely and Rizzo, Journal of Statistical Planning and Inference 2013.
    """
    exact = vectors.astype(np.float64)
    distances = np.sqrt(np.clip(2 - 2 * exact @ exact.T, 0, None))
    np.fill_diagonal(distances, 0)
    dealt = groups.shuffle(n_shuffles, seed)[:, groups.unit].astype(np.float64)
    to_new = dealt @ distances
    within_new, between = (to_new * dealt).sum(axis=1), (to_new * (1 - dealt)).sum(axis=1)
    within_old = distances.sum() - within_new - 2 * between
    n_new = dealt.sum(axis=1)
    n_old = dealt.shape[1] - n_new
    pairs = np.maximum(n_new * (n_new - 1), 1), np.maximum(n_old * (n_old - 1), 1)
    between = between / np.maximum(n_new * n_old, 1)
    energy = 2 * between - within_new / pairs[0] - within_old / pairs[1]
    share = np.divide(energy, 2 * between, out=np.zeros_like(energy), where=between > 0)
    reached = int((share[1:] >= share[0] - TIE).sum())
    return Distance(float(share[0]), float(np.percentile(share[1:], 95)), (1 + reached) / (1 + n_shuffles))
