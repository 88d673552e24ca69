"""One seed, one number of threads, one order of addition: the same bytes from the same inputs on a CPU."""

from __future__ import annotations

import numpy as np
import torch

from hilum.model.arithmetic import settle_arithmetic


def make_repeatable(seed: int, threads: int) -> None:
    """Seed torch, fix its threads and refuse operations whose result depends on timing.

    The number of threads is part of the result's bytes: it decides how long sums are cut into pieces.
    """
    torch.manual_seed(seed)
    settle_arithmetic(threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads it; filling costs 8 % of a step


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """The generator of one epoch's order and augmentation, the same whatever came before it."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
