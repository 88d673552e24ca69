"""Processes and micro-batches change how a batch is encoded, and not what is learned from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hilum.training.spread import World

PROGRAM = str(Path(__file__).with_name("spread_run.py"))
ROOT = Path(__file__).resolve().parents[3]


def losses(n_processes: int, micro_batch: int) -> list[dict[str, float]]:
    """What the program prints: losses of eight steps."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n_processes)]
    words = [sys.executable, *(torchrun if n_processes > 1 else []), PROGRAM, str(micro_batch)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[dict[str, float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return rows


@pytest.fixture(scope="module")
def alone() -> list[dict[str, float]]:
    return losses(1, 0)


@pytest.mark.parametrize(("n_processes", "micro_batch"), [(2, 0), (1, 4)])
def test_the_losses_are_those_of_one_process_with_the_whole_batch(
    alone: list[dict[str, float]], n_processes: int, micro_batch: int
) -> None:
    spread = losses(n_processes, micro_batch)
    assert len(alone) == 8 and alone[0]["total"] != pytest.approx(alone[3]["total"], abs=1e-3)  # something is learned
    for step, (row, expected) in enumerate(zip(spread, alone, strict=True)):
        assert row == pytest.approx(expected, rel=2e-4, abs=2e-5), step


def test_parts_cover_every_row_once() -> None:
    for n, size in ((9, 2), (7, 3), (2, 4)):
        rows = [row for rank in range(size) for row in range(n)[World(rank, size).part(n)]]
        assert rows == list(range(n))
