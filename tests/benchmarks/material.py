"""What the benchmarks of weak labels share: reports to measure, children with their peak memory, and the printed line.

Reports are those of a tree in MIMIC-CXR's layout, or the phantom writer's where no tree is given.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hilum.phantom.course import draw_course
from hilum.phantom.writer import write_report

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024  # of ru_maxrss, which Linux counts in KiB


def reports_of(tree: Path | None, n_phantom: int = 2000) -> list[str]:
    """The texts of a tree's reports in order of path, or of `n_phantom` reports that the phantom writes."""
    if tree is None:
        return phantom_reports(n_phantom)
    texts = [path.read_text(encoding="utf-8") for path in sorted(tree.glob("files/p*/p*/s*.txt"))]
    return texts or sys.exit(f"{tree} holds no report files/pNN/pNNNNNNNN/sNNNNNNNN.txt")


def phantom_reports(n_reports: int, seed: int = 0) -> list[str]:
    """Reports of the phantom's own writer: the same number and seed give the same texts."""
    texts: list[str] = []
    for person in range(n_reports):
        rng = np.random.default_rng((seed, person))
        studies = tuple(range(50_000_000 + 4 * person, 50_000_004 + 4 * person))
        texts += [write_report(case, rng).text for case in draw_course(rng, 10_000_000 + person, studies)]
        if len(texts) >= n_reports:
            break
    return texts[:n_reports]


@dataclass(frozen=True)
class Finished:
    """A child that ended well: wall and processor seconds, peak resident MiB, what it printed."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str


def run_children(commands: Sequence[Sequence[str]], at_once: int = 1, core: int | None = None) -> list[Finished]:
    """Run commands, some at once, each child's memory measured by itself; ends the benchmark if one fails.

    core: the one processor that they are held to. Threads of numerical libraries are held to one.
    """
    waiting, running, done = list(enumerate(commands)), {}, {}
    while waiting or running:
        while waiting and len(running) < at_once:
            number, command = waiting.pop(0)
            child = _start(command, core)
            running[child.pid] = (number, child, time.monotonic())
        pid, status, usage = os.wait4(-1, 0)
        number, child, start = running.pop(pid)
        wall = time.monotonic() - start
        output = child.stdout.read() if child.stdout else ""
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{' '.join(commands[number][:3])} ... exited {child.returncode}\n{output[-2000:]}")
        done[number] = Finished(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MIB, output)
    return [done[number] for number in range(len(commands))]


def _start(command: Sequence[str], core: int | None) -> subprocess.Popen[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    words = list(command) if core is None else ["taskset", "-c", str(core), *command]
    return subprocess.Popen(words, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def hilum() -> str:
    """The command of this environment."""
    return str(Path(sys.executable).parent / "hilum")


def figure(name: str, seen: str, good: bool, mark: str) -> bool:
    """Print one figure beside its mark."""
    print(f"{'ok   ' if good else 'SHORT'} {name}: {seen}  (mark {mark})", flush=True)
    return good
