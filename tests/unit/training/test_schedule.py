"""The learning rate's rise and fall."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hilum.training.schedule import learning_rate_factor


def test_it_rises_then_falls_to_nearly_nothing() -> None:
    factors = [learning_rate_factor(step, 100) for step in range(100)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(later <= earlier for earlier, later in pairwise(factors[4:]))
    assert 0 < factors[-1] < 0.01


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_short_runs_learn_something(n_steps: int) -> None:
    assert learning_rate_factor(0, n_steps) > 0
