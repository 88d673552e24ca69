"""A checkout that can land a tree, with a model that is served and needs no training, and a source to watch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.unit.conftest import Tree
from tests.unit.flows.toy import GITIGNORE

SERVED_YAML = """
vars:
  - ../landings.yaml
stages:
  embed:
    foreach: ${partitions}
    do:
      wdir: ../..
      cmd: python embed.py data/partitions/${key}.json data/served/embeddings/${key}.json
      deps: ["data/partitions/${key}.json", data/served/champion, embed.py]
      outs: ["data/served/embeddings/${key}.json"]
  index:
    wdir: ../..
    cmd: mkdir -p data/served/index && cat data/served/embeddings/* > data/served/index/all
    deps: [data/served/embeddings, data/landings.yaml]
    outs: [data/served/index]
"""
EMBED = """
import pathlib, sys, time
partition, out = map(pathlib.Path, sys.argv[1:])
time.sleep(float(pathlib.Path("seconds.txt").read_text()))
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(partition.read_text())
"""
LANDINGS = "collection: chest\ngenerated: []\npartitions: {}\n"


class ServedToy:
    """folder: the checkout. source: a tree of four studies, which may be landed as soon as it has been seen twice."""

    def __init__(self, base: Path, root: Path) -> None:
        self.folder, self.tree = base / "checkout", Tree(base / "sources/chest")
        self.source = self.tree.folder
        for k in range(4):
            self.tree.add(10_000_000 + 1_000_000 * k + k, 50_000_000 + k)
        self.tree.write_tables()
        for name in ("landings", "partitions", "served/champion"):
            (self.folder / "data" / name).mkdir(parents=True)
        shutil.copy(root / "params.yaml", self.folder / "params.yaml")
        for path, text in {
            "data/landings.yaml": LANDINGS, ".gitignore": GITIGNORE, "data/served/dvc.yaml": SERVED_YAML,
            "data/served/champion/model.txt": "champion\n", "embed.py": EMBED, "seconds.txt": "0",
        }.items():  # fmt: skip
            (self.folder / path).write_text(text)
        self.git("init", "-q", "-b", "main")
        self.dvc("init", "-q")
        self.dvc("config", "core.analytics", "false")
        self.dvc("add", "-q", "data/served/champion")
        self.git("add", "-A")
        self.git("-c", "user.name=Ada", "-c", "user.email=ada@hilum.invalid", "commit", "-qm", "start")

    def git(self, *words: str) -> str:
        return self._run("git", *words)

    def dvc(self, *words: str) -> str:
        return self._run(sys.executable, "-m", "dvc", *words)

    def withdraw(self, subject_id: int) -> None:
        """As an operator does by hand."""
        self._run(sys.executable, "-c", "from hilum.cli import main; main()", "withdraw", "--subject", str(subject_id))

    def landings(self) -> dict[str, list[int]]:
        """Landing -> the subjects that it withdraws."""
        rows = [json.loads(path.read_text()) for path in sorted((self.folder / "data/landings").glob("*.json"))]
        return {row["landing"]: row["withdrawn_subjects"] for row in rows}

    def _run(self, *words: str) -> str:
        done = subprocess.run(words, cwd=self.folder, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
