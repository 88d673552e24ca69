"""Nothing that a run has started outlives it, however the run ends.

In: this process. Out: a small process beside it, which waits for its end and then kills whatever carries its mark in
its environment: DVC, stages, their workers, the server that Prefect starts for one run. A killed process can do none of
that itself. Linux only; not found is a process that clears its environment.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from functools import cache

MARK = "HILUM_DRIVER"
_PATIENCE_S = 60.0


def end_children_with_me() -> None:
    """Have all that this process starts from now on end with it. Costs a process of a few MiB; once is enough."""
    os.environ[MARK] = str(os.getpid())
    _start(os.getpid())


@cache
def _start(driver: int) -> None:
    if hasattr(os, "pidfd_open"):
        silent = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
        words = [sys.executable, "-I", "-S", __file__, str(driver)]
        os.posix_spawn(sys.executable, words, {}, file_actions=silent, setsid=True)


def _reap(driver: int) -> None:
    """Wait for the end of a process and kill all that carries its mark, what is being started meanwhile included."""
    with suppress(ProcessLookupError):
        select.select([os.pidfd_open(driver)], [], [])
    until = time.monotonic() + _PATIENCE_S
    while (left := _marked(driver)) and time.monotonic() < until:
        for process in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def _marked(driver: int) -> list[int]:
    """The living processes that carry the mark; a zombie has no environment any more."""
    mark, found = f"{MARK}={driver}".encode(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/environ", "rb") as environment:  # gone, or another user's
            if mark in environment.read().split(b"\0"):
                found.append(int(name))
    return found


if __name__ == "__main__":
    os.chdir("/")  # hold no folder and no disk
    _reap(int(sys.argv[1]))
