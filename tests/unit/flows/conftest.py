"""A small line with partitions, a fan-in over a folder, parameters and code, run by the real DVC."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DVC_YAML = """
vars:
  - partitions.yaml
stages:
  raw:
    cmd: mkdir -p data/raw && cat source.txt > data/raw/all.txt
    deps: [source.txt]
    outs: [data/raw/all.txt]
  count:
    foreach: ${partitions}
    do:
      cmd: python src/count.py data/raw/all.txt data/counts/${key}.txt ${key}
      deps: [data/raw/all.txt, src/count.py, "parts/${key}.txt"]
      params: [count]
      outs: ["data/counts/${key}.txt"]
  words:
    cmd: python src/join.py data/counts data/words.txt
    deps: [data/counts, src/join.py, partitions.yaml]
    outs: [data/words.txt]
  upper:
    cmd: tr a-z A-Z < data/words.txt > data/upper.txt
    deps: [data/words.txt]
    outs:
      - data/upper.txt:
          cache: false
"""
COUNT = """
import pathlib, sys, yaml
source, out, key = sys.argv[1:]
text = pathlib.Path(source).read_text() + pathlib.Path(f"parts/{key}.txt").read_text()
times = yaml.safe_load(open("params.yaml"))["count"]["times"]
pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
pathlib.Path(out).write_text(text * times)
"""
JOIN = """
import pathlib, sys
parts = sorted(pathlib.Path(sys.argv[1]).iterdir())
pathlib.Path(sys.argv[2]).write_text("".join(p.read_text() for p in parts))
"""


class Checkout:
    """A folder with a line in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dvc("init", "-q", "--no-scm")
        self.write("dvc.yaml", DVC_YAML)
        self.write("partitions.yaml", "partitions: {a: {}, b: {}}\n")
        self.write("params.yaml", "count: {times: 1, other: [1, 2]}\n")
        self.write("source.txt", "one\n")
        for key in "abc":
            self.write(f"parts/{key}.txt", key)
        self.write("src/count.py", COUNT)
        self.write("src/join.py", JOIN)

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def dvc(self, *words: str) -> str:
        env = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *words], cwd=self.folder, text=True, capture_output=True, env=env, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def repro(self) -> dict[str, str]:
        """Stage -> run or restore, for the stages that `dvc repro` brought up to date."""
        out = self.dvc("repro")
        did = dict.fromkeys(re.findall(r"^Running stage '(.+?)'", out, re.MULTILINE), "run")
        return did | dict.fromkeys(re.findall(r"^Stage '(.+?)' is cached", out, re.MULTILINE), "restore")

    @property
    def lock(self) -> str:
        return (self.folder / "dvc.lock").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)
