"""Which images come together: every one once, none alone, and those of a finding in a region side by side."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.training.examples import ANYWHERE, Ragged
from hilum.training.sampler import GROUP, choose_cells, draw_batches, group_by_cell, n_batches
from hilum.training.seed import epoch_generator

N_FINDINGS = 3


def collection(n: int, *rows: tuple[int, int, int, int]) -> Any:
    """Examples of n studies, an image each; rows are (study, region, finding, label code)."""
    values = np.array(rows, np.int64).reshape(-1, 4)

    class Fake(SimpleNamespace):
        def __len__(self) -> int:
            return n

    return Fake(labels=Ragged.build(values[:, 0], values[:, 1:], n), study=np.arange(n), findings=("a", "b", "c"))


@pytest.mark.parametrize("sampler", ["shuffled", "grouped"])
@pytest.mark.parametrize(("n", "size"), [(10, 4), (9, 4), (49, 48), (5, 8), (2, 2), (3, 2)])
def test_batches_hold_every_image_once_and_none_is_alone(n: int, size: int, sampler: Any) -> None:
    batches = draw_batches(collection(n, (0, 1, 1, 0), (1, 1, 1, 0)), size, sampler, epoch_generator(0, 1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert all(2 <= len(batch) <= max(size, 3) for batch in batches)
    assert len(batches) == n_batches(n, size)


@pytest.mark.parametrize("n", [0, 1])
def test_one_image_is_no_batch(n: int) -> None:
    assert draw_batches(collection(n), 4, "grouped", epoch_generator(0, 1)) == []
    assert n_batches(n, 4) == 0


def test_a_cell_is_asserted_in_a_region() -> None:
    examples = collection(4, (0, 5, 2, 0), (1, 5, 2, 1), (2, 5, 2, 2), (3, ANYWHERE, 2, 0))
    assert choose_cells(examples, epoch_generator(0, 0)).tolist() == [5 * N_FINDINGS + 2, -1, -1, -1]


def test_rare_cells_are_drawn_more_often_than_common_ones_beside_them() -> None:
    rows = [(study, 0, 0, 0) for study in range(9)] + [(0, 1, 1, 0)]
    drawn = [int(choose_cells(collection(9, *rows), epoch_generator(0, epoch))[0]) for epoch in range(2000)]
    share = drawn.count(1 * N_FINDINGS + 1) / len(drawn)
    assert share == pytest.approx(0.9, abs=0.02)  # 1 of 1 against 1 of 9
    assert set(drawn) == {0, 4}


@given(st.lists(st.integers(-1, 5 * N_FINDINGS - 1), min_size=1, max_size=80), st.integers(0, 5))
def test_groups_of_a_cell_stay_together_and_two_of_a_finding_side_by_side(cells: list[int], seed: int) -> None:
    values = np.array(cells)
    order = group_by_cell(values, N_FINDINGS, epoch_generator(seed, 0))
    assert sorted(order.tolist()) == list(range(len(cells)))
    for cell in set(cells):
        n_runs = int((np.diff((values[order] == cell).astype(int), prepend=0) == 1).sum())
        assert n_runs <= -(-cells.count(cell) // GROUP)


def test_the_group_beside_is_of_the_same_finding_elsewhere() -> None:
    cells = np.repeat([0 * N_FINDINGS + 1, 4 * N_FINDINGS + 1], 8)  # a finding in two regions, two groups each
    for epoch in range(5):
        order = group_by_cell(cells, N_FINDINGS, epoch_generator(0, epoch))
        halves = [set(cells[part].tolist()) for part in np.split(order, 2)]
        assert halves == [{1, 13}, {1, 13}]


def test_grouped_batches_have_more_to_contrast_than_shuffled_ones() -> None:
    generator = np.random.default_rng(0)
    rows = [(study, int(generator.integers(29)), int(generator.integers(N_FINDINGS)), 0) for study in range(400)]
    examples = collection(400, *rows)
    cell = np.array([region * N_FINDINGS + finding for _, region, finding, _ in rows])

    def pairs(sampler: Any) -> float:
        batches = draw_batches(examples, 48, sampler, epoch_generator(3, 1))
        return float(np.mean([(cell[batch][:, None] == cell[batch]).sum() - len(batch) for batch in batches]))

    assert pairs("grouped") > 3 * pairs("shuffled")


def test_the_same_generator_gives_the_same_batches() -> None:
    examples = collection(30, *((study, study % 3, 0, 0) for study in range(30)))
    first, second = (draw_batches(examples, 8, "grouped", epoch_generator(1, 2)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    other = draw_batches(examples, 8, "grouped", epoch_generator(1, 3))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
