"""Processes and micro-batches change how a batch is encoded, and not what is learned from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from hilum.training.spread import World

PROGRAM = str(Path(__file__).with_name("spread_run.py"))
ROOT = Path(__file__).resolve().parents[3]


def losses(objective: str, n_processes: int, micro_batch: int) -> list[dict[str, float]]:
    """What the program prints: losses of eight steps."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n_processes)]
    words = [sys.executable, *(torchrun if n_processes > 1 else []), PROGRAM, objective, str(micro_batch)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[dict[str, float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return rows


@lru_cache
def alone(objective: str) -> list[dict[str, float]]:
    return losses(objective, 1, 0)


@pytest.mark.parametrize("objective", ["rra_vl", "maple"])
@pytest.mark.parametrize(("n_processes", "micro_batch"), [(2, 0), (1, 4)])
def test_the_losses_are_those_of_one_process_with_the_whole_batch(
    objective: str, n_processes: int, micro_batch: int
) -> None:
    spread, whole = losses(objective, n_processes, micro_batch), alone(objective)
    assert len(whole) == 8 and whole[0]["total"] != pytest.approx(whole[3]["total"], abs=1e-3)  # something is learned
    assert objective == "rra_vl" or all(whole[-1][name] > 0 for name in ("triplet", "collapse", "presence", "patches"))
    for step, (row, expected) in enumerate(zip(spread, whole, strict=True)):
        assert row == pytest.approx(expected, rel=2e-4, abs=2e-5), step


def test_parts_cover_every_row_once() -> None:
    for n, size in ((9, 2), (7, 3), (2, 4)):
        rows = [row for rank in range(size) for row in range(n)[World(rank, size).part(n)]]
        assert rows == list(range(n))
