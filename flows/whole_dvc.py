"""A `dvc` that cannot tear its own files, in a process of its own.

In: the words of a dvc command. Out: what dvc does with them. Such a process is forked from one that has imported DVC
already, which takes longer than most of what DVC then does. DVC empties dvc.lock and its list of paths in use and
writes them anew in place: killed in between, or on a full disk, it leaves half a file. One cut in four is a dvc.lock
that DVC then refuses to read, an empty list of paths stops every later command, and a number cut short is believed.
Here both files appear whole or not at all. Touches one internal of DVC, which is pinned; a test fills the disk.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any

WHOLE = ("dvc.lock", "rwlock")
_IMPORTED_ONCE = (
    "dvc.cli.parser",
    "dvc.commands.repro",
    "dvc.repo.reproduce",
    "dvc.stage.run",
    "dvc_data.hashfile.build",
)
NAME = b"hilum-dvc"
"""What `ps` and /proc call such a process."""
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_open: Any = None  # of DVC's file system, as DVC has it


def start_dvc(words: Sequence[str], root: Path, log: Path, environment: Mapping[str, str]) -> BaseProcess:
    """Start `dvc WORDS` in a folder; its exit code is dvc's, and what it prints is added to the log.

    The process leads a group, and dies with this one (Linux).
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED_ONCE))
    process = context.Process(target=_be_dvc, args=(list(words), root, log, dict(environment)))
    process.start()
    return process


def _be_dvc(words: Sequence[str], root: Path, log: Path, environment: Mapping[str, str]) -> None:
    os.setsid()
    control = ctypes.CDLL(None).prctl
    control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    control(_PR_SET_NAME, NAME)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(root)
    out, nothing = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), os.open(os.devnull, os.O_RDONLY)
    for there, here in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(there, here)
    from dvc.cli import main
    from dvc_objects.fs.local import FsspecLocalFileSystem

    global _open
    _open = FsspecLocalFileSystem.open
    FsspecLocalFileSystem.open = open_whole  # type: ignore[method-assign]
    sys.exit(main(list(words)))


def open_whole(self: Any, path: str, mode: str = "r", encoding: str | None = None, **more: Any) -> Any:
    """Open a file as DVC's own file system does, but write those of `WHOLE` beside their place first."""
    if mode in ("w", "w+") and Path(path).name in WHOLE:
        return _write_beside(Path(path), mode, encoding)
    return _open(self, path, mode, encoding, **more)


@contextmanager
def _write_beside(path: Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    """DVC holds a lock while it writes, so that one name serves, and what a killed process left is written over."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open(mode, encoding=encoding) as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
