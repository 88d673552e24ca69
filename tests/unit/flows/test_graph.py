"""The DAG as the flow reads it, against what `dvc repro` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.graph import Line

DVC_YAML = """
stages:
  third:
    cmd: cat second.txt > third.txt
    deps: [second.txt]
    outs: [third.txt]
  first:
    cmd: cat raw.txt > first.txt
    deps: [raw.txt]
    outs: [first.txt]
  second:
    cmd: cat first.txt > second.txt
    deps: [first.txt]
    outs: [second.txt]
"""


def dvc(folder: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "dvc", *words], cwd=folder, text=True, capture_output=True, check=True)
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    dvc(tmp_path, "init", "-q", "--no-scm")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "raw.txt").write_text("one")
    return tmp_path


def test_stages_come_after_what_they_need_and_stale_ones_are_known(checkout: Path) -> None:
    line = Line(checkout)
    try:
        assert line.stages() == ["first", "second", "third"]
        assert [line.is_stale(name) for name in line.stages()] == [True, True, True]
        dvc(checkout, "repro")
        assert [line.is_stale(name) for name in line.stages()] == [False, False, False]
        (checkout / "raw.txt").write_text("two")
        assert [line.is_stale(name) for name in line.stages()] == [True, False, False]
    finally:
        line.close()
