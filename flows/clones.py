"""A clone of a checkout at a commit, to run some of the line in and throw away.

In: a checkout, a commit, and what shall be otherwise in it. Out: a folder below .hilum/replay with the files of that
commit, the checkout's remotes and links to source trees, and either the checkout's cache or an empty one of its own.
The checkout itself is never touched; over the shared cache, what a replay makes stays there for the next one.
A clone is removed when it has served, unless it is to be kept; one that a killed process left is removed by the next.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dvc.config import Config, merge

from flows.checkout import FOLDER, one_run, read_seconds, write_seconds
from flows.driver import RunReport, ThreadEngine, drive
from flows.dvc_command import run_dvc
from flows.stage_process import stage_environment
from hilum.errors import BadDataError, UsageError
from hilum.lineage.definitions import read_definitions
from hilum.lineage.snapshots import Snapshot, WorkingTree

log = logging.getLogger(__name__)

REPLAY = f"{FOLDER}/replay"
KEPT = f"{FOLDER}/kept"
"""A file in a clone that is not to be removed."""
_SETTLE = """
from pathlib import Path
from hilum.sources.descriptors import read_collection, read_landings
from hilum.sources.held import read_listing
from hilum.sources.settle import settle
root = Path.cwd()
rows = read_landings(root)
settle(root, read_collection(root), rows, [(row.landing, read_listing(root, row)) for row in rows if row.partitions])
"""
"""What `hilum land` does first: partitions and landings.yaml follow from the landings that there are."""


@dataclass
class Clone:
    """A clone in which stages can be run. folder: its root. commit: the one it is of, before anything was written."""

    root: Path
    folder: Path
    commit: str
    _outs: set[str] = field(default_factory=set)

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Put files into the clone; None removes one, and of a note of what `dvc add` tracks that as well.

        Trees of landings are linked where they are in the checkout.
        """
        for path, text in files.items():
            place = self.folder / path
            if text is None:
                place.unlink(missing_ok=True)
                if place.suffix == ".dvc":
                    _remove(place.with_suffix(""))
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text)
        for link in sorted(self.root.glob("data/raw/*/tree")):
            place = self.folder / link.relative_to(self.root)
            if link.is_symlink() and place.parent.is_dir() and not place.is_symlink() and not place.exists():
                place.symlink_to(link.resolve(), target_is_directory=True)

    def overlay(self, snapshot: Snapshot) -> None:
        """Put the files of a working tree that differ from its commit into the clone of that commit."""
        if isinstance(snapshot, WorkingTree):
            self.write({path: snapshot.read(path) for path in snapshot.changed})

    def bring(self, *words: str) -> None:
        """Lay out what `dvc add` tracks, and with WORDS what `dvc checkout WORDS` does, as far as the cache has it."""
        self._outs |= self._written_by_stages()
        tracked = [str(path.relative_to(self.folder)) for path in sorted(self.folder.glob("data/**/*.dvc"))]
        for targets in (tracked, words):
            if targets:
                run_dvc(self.folder, "checkout", "--quiet", "--force", "--allow-missing", *targets)

    def settle(self) -> None:
        """Derive the partitions from the landings that the clone has. Raises BadDataError if they do not fit."""
        environment = stage_environment(self.folder, 1)
        done = subprocess.run(
            [sys.executable, "-c", _SETTLE], cwd=self.folder, env=environment, capture_output=True, text=True,
            errors="replace", stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BadDataError(f"its landings do not fit together ({reason})")

    def build(self, target: str, jobs: int, threads: Mapping[str, int]) -> RunReport:
        """Bring a target of the clone up to date, as `drive` does. What no stage writes any more is removed first."""
        for path in self._outs - self._written_by_stages():
            _remove(self.folder / path)
        return drive(self.folder, jobs, ThreadEngine(jobs), threads, target)

    def _written_by_stages(self) -> set[str]:
        with WorkingTree(self.folder) as snapshot:
            return {path for row in read_definitions(snapshot).values() for path in row.outs}


@contextmanager
def clone_at(root: Path, commit: str, *, shared: bool, keep: bool = False) -> Iterator[Clone]:
    """A clone of a checkout at a commit. shared: its cache is the checkout's, else an empty one of its own.

    Raises UsageError if another replay of this checkout is at work, or git cannot make the clone.
    """
    root = root.resolve()
    with one_run(root, lock="replay"):
        for left in sorted((root / REPLAY).glob("*")):
            if not (left / KEPT).is_file():
                _remove(left)
        number = 1
        while (folder := root / REPLAY / f"{commit[:12]}-{number}").exists():
            number += 1
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _git(root, "clone", "--quiet", "--no-checkout", "--", str(root), str(folder))
            _git(folder, "checkout", "--quiet", "--detach", commit)
            _share_dvc(root, folder, shared=shared)
            clone = Clone(root, folder, commit)
            clone.write({})
            write_seconds(folder, read_seconds(root))
            if keep:
                (folder / KEPT).touch()
            yield clone
        finally:
            if keep and folder.is_dir():
                log.info("replay: the clone is kept in %s", folder.relative_to(root))
            else:
                _remove(folder)


def _share_dvc(root: Path, folder: Path, *, shared: bool) -> None:
    """Give a clone the checkout's remotes, and its cache or one of its own; paths stay right from another folder."""
    theirs = Config(str(root / ".dvc"))
    with Config(str(folder / ".dvc")).edit("local") as mine:
        for level in ("repo", "local"):
            read = theirs.load_one(level)
            merge(mine, {section: read[section] for section in ("core", "remote", "cache")})
        cache = Path(theirs["cache"].get("dir") or root / ".dvc/cache") if shared else folder / ".dvc/cache"
        mine["cache"]["dir"] = str(cache.resolve())


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _git(folder: Path, *words: str) -> None:
    """Run git where a hook's GIT_DIR cannot lead it to another repository, and with no hook of anybody's."""
    env = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    done = subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", *words], cwd=folder, env={**env, "LC_ALL": "C"},
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(f"a clone cannot be made ({reason}); see `git fsck` and `git log`, and run this again.")
