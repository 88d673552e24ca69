"""What a run leaves in the checkout beside the artifacts: a lock against a second run, logs, and how long stages took.

All of it lies in `.hilum/`, which neither git nor DVC looks at. Nothing in it changes a byte of any artifact.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from flows.disk import is_full, said_plainly
from hilum.errors import UsageError

FOLDER = ".hilum"
log = logging.getLogger(__name__)


@contextmanager
def one_run(root: Path, wait: bool = False, lock: str = "run") -> Iterator[None]:
    """Hold the checkout for one run; the kernel lets go when the process ends, however it ends.

    wait: for the end of another run. lock: what is held; a `retrain` works in a clone and leaves the `run` to others.
    Raises UsageError if another run holds it and shall not be waited for, BadDataError if the disk is full.
    """
    path = root / FOLDER / f"{lock}.lock"
    with said_plainly(root, "the run"), _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UsageError(f"another run (process {holder}) is at work in this checkout; wait for its end.") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _opened(path: Path) -> TextIO:
    path.parent.mkdir(exist_ok=True)
    return path.open("a+", encoding="utf-8")


def log_path(root: Path, run: str, names: Sequence[str]) -> Path:
    """Where the messages of stages that share a process go in one run."""
    return root / FOLDER / "logs" / run / f"{'+'.join(name.replace('/', '.') for name in names)}.log"


def read_seconds(root: Path) -> dict[str, float]:
    """Stage -> seconds of its last real run here; empty where none is known."""
    path = root / FOLDER / "seconds.json"
    try:
        known: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return known


def write_seconds(root: Path, seconds: Mapping[str, float]) -> None:
    """Add what was measured; the file appears whole or not at all. On a full disk it stays as it was."""
    path = root / FOLDER / "seconds.json"
    rows = {**read_seconds(root), **{name: round(value, 2) for name, value in seconds.items()}}
    temporary = path.with_suffix(".tmp")  # one run at a time: what a killed one left is written over
    try:
        path.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(rows, indent=1, sort_keys=True), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        if not is_full(error):
            raise
        temporary.unlink(missing_ok=True)
        log.warning("run: the disk is full; how long stages took is not kept")


def remove_leftovers(root: Path, outs: Iterable[str]) -> int:
    """Remove the temporary files and folders that killed stages left beside outputs; how many there were.

    They would be hashed wherever a stage reads the whole folder. A stage names them `.<output>.<anything>`, DVC
    `.<anything>.tmp`. Nothing may be at work in the checkout.
    """
    beside: dict[Path, set[str]] = {}
    for out in outs:
        beside.setdefault((root / out).parent, set()).add(f".{Path(out).name}.")
    found = [
        path
        for folder, starts in beside.items()
        if folder.is_dir()
        for path in folder.glob(".*")
        if path.name.startswith(tuple(starts)) or path.suffix == ".tmp"
    ]
    for path in found:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if found:
        log.warning("run: %d temporary files of a killed run were removed", len(found))
    return len(found)
