"""Training on a machine that has other work to do gives the bytes that it gives on a calm one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BUSY_S = 300  # an end of its own for each busy process, should the test be killed
BUSY = f"import time\nend = time.monotonic() + {BUSY_S}\nwhile time.monotonic() < end:\n    sum(range(100_000))\n"
REPEATS = 5


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Two processes that do nothing but count."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    yield
    for other in others:
        other.kill()
        other.wait()


@pytest.mark.long
@pytest.mark.usefixtures("busy_machine")
def test_phase_two_repeats_byte_for_byte_under_load(line: Any, tmp_path: Path) -> None:
    calm = line.folder / "data/locate"
    for repeat in range(REPEATS):
        out = tmp_path / f"locate{repeat}"
        line.run(
            "hilum", "locate", "--data", "data", "--tokenizer", "data/tokenizer", "--start", "data/align",
            "--out", str(out), "--curves", str(tmp_path / "locate.csv"),
        )  # fmt: skip
        assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in calm.iterdir())
        differing = [path.name for path in calm.iterdir() if path.read_bytes() != (out / path.name).read_bytes()]
        assert not differing, f"repeat {repeat}: {differing} differ from the calm run's"
