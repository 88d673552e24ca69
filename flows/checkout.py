"""What a run leaves in the checkout beside the artifacts: a lock against a second run, logs, and how long stages took.

All of it lies in `.hilum/`, which neither git nor DVC looks at. Nothing in it changes a byte of any artifact.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hilum.errors import UsageError

FOLDER = ".hilum"


@contextmanager
def one_run(root: Path, wait: bool = False, lock: str = "run") -> Iterator[None]:
    """Hold the checkout for one run; the kernel lets go when the process ends, however it ends.

    wait: for the end of another run. lock: what is held; a `retrain` works in a clone and leaves the `run` to others.
    Raises UsageError if another run holds it and shall not be waited for.
    """
    path = root / FOLDER / f"{lock}.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
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
    """Add what was measured; the file appears whole or not at all."""
    path = root / FOLDER / "seconds.json"
    path.parent.mkdir(exist_ok=True)
    rows = {**read_seconds(root), **{name: round(value, 2) for name, value in seconds.items()}}
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(rows, indent=1, sort_keys=True), encoding="utf-8")
    temporary.replace(path)
