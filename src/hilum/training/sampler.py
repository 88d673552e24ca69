"""Which images come together in a batch.

In: examples, the epoch's generator. Out: an epoch's batches of example numbers, every image once. Contrasts need
something to contrast: at random, most batches of 48 hold one image of a rare finding or none, and nothing near it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from hilum.training.examples import ANYWHERE, LABEL_CODES, Examples

Sampler = Literal["shuffled", "grouped"]
GROUP = 4  # images of the same finding in the same region that stay together


def draw_batches(
    examples: Examples, batch_size: int, sampler: Sampler, generator: np.random.Generator
) -> list[np.ndarray]:
    """An epoch's batches. Sizes differ by one at most and do not exceed batch_size (3 stay together where it is 2).

    No batch if there are fewer than two examples: an image alone has nothing to be compared with.
    """
    n = len(examples)
    if n < 2:
        return []
    order = generator.permutation(n)
    if sampler == "grouped":
        order = order[group_by_cell(choose_cells(examples, generator)[order], len(examples.findings), generator)]
    return np.array_split(order, n_batches(n, batch_size))


def n_batches(n: int, batch_size: int) -> int:
    """How many batches n examples make."""
    return min(-(-n // batch_size), n // 2)


def choose_cells(examples: Examples, generator: np.random.Generator) -> np.ndarray:
    """One (region, finding) cell for each example, of those that its report asserts, rare ones more often.

    A cell is drawn with a weight of one over its number of examples, so that common findings do not hide the rare ones
    beside them. Returns (n,) int64, region * findings + finding; -1 where a report asserts nothing in any region.
    """
    owner, labels = examples.labels.take(examples.study)
    asserted = (labels[:, 2] == LABEL_CODES["present"]) & (labels[:, 0] < ANYWHERE)
    owner, cell = owner[asserted], labels[asserted, 0].astype(np.int64) * len(examples.findings) + labels[asserted, 1]
    times = np.bincount(cell, minlength=1)[cell]
    keys = np.log(generator.random(len(cell))) * times  # the largest of each owner is a draw by weight
    best = np.lexsort((keys, owner))
    chosen = np.full(len(examples), -1, np.int64)
    chosen[owner[best]] = cell[best]  # the last assignment stays
    return chosen


def group_by_cell(cells: np.ndarray, n_findings: int, generator: np.random.Generator) -> np.ndarray:
    """An order in which images of a cell stand in groups of at most GROUP, two groups of a finding side by side.

    The two are of different regions where there are such: each is the other's hardest negative. Pairs of groups come
    in random order. cells: (n,), -1 for none. Returns (n,) positions.
    """
    by_cell = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[by_cell], prepend=-2))
    within = np.arange(len(cells)) - np.repeat(starts, np.diff(np.append(starts, len(cells))))
    first = np.flatnonzero(within % GROUP == 0)
    groups = np.split(by_cell, first[1:])
    shuffled = generator.permutation(len(groups))
    finding = np.where(cells[by_cell[first]] < 0, -1, cells[by_cell[first]] % n_findings)
    region = cells[by_cell[first]] // n_findings
    turn = _turn_of(finding[shuffled], region[shuffled])
    beside = shuffled[np.lexsort((turn, finding[shuffled]))]
    places = np.arange(len(beside)) // 2
    rank = generator.permutation(places.max(initial=0) + 1)[places]
    return np.concatenate([groups[group] for group in beside[np.argsort(rank, kind="stable")]])


def _turn_of(finding: np.ndarray, region: np.ndarray) -> np.ndarray:
    """For each group, how many groups of its finding and region came before it: sorting by it alternates regions."""
    kind = finding * (region.max(initial=0) + 2) + region
    order = np.argsort(kind, kind="stable")
    starts = np.flatnonzero(np.diff(kind[order], prepend=kind.min(initial=0) - 1))
    turn = np.empty(len(kind), np.int64)
    turn[order] = np.arange(len(kind)) - np.repeat(starts, np.diff(np.append(starts, len(kind))))
    return turn
