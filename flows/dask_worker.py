"""What a Dask worker does for a run: a stage's own command line, in the shared folder.

In: the command; where the shared folder has another path than the driver's, HILUM_ROOT on the worker says it. Out: the
stage's outputs and its messages, which go to the log file and nowhere else. A command ends with the worker, and with
the driver, whose end the worker learns from its scheduler.
Known to be imperfect: commands run in the checkout's root, whatever `wdir` a stage names; and the death of a driver's
whole host is seen only when TCP's timeout ends the connection (Dask's setting, 30 s).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from distributed import Status, get_worker
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.reaper import end_children_with_me
from flows.stage_process import TRANSIENT_EXIT, TRIES, stage_environment
from hilum.errors import UsageError

_POLL_S = 0.25
_AT_WORK = {Status.running, Status.paused, Status.closing_gracefully}


@dataclass(frozen=True)
class FarCommand:
    """What a worker is handed. shared: the folder that all see, as the driver calls it; folder: the checkout, below
    shared; log: below the checkout."""

    stage: str
    line: str
    outs: tuple[str, ...]
    shared: str
    folder: str
    log: str


class CommandFailed(Exception):
    """A stage's command did not end with 0."""

    def __init__(self, stage: str, status: int) -> None:
        super().__init__(stage, status)
        self.stage, self.status = stage, status

    def __str__(self) -> str:
        return f"stage {self.stage} failed (exit {self.status})"


@task(cache_policy=NO_CACHE, persist_result=False, retries=0)
def run_command(command: FarCommand) -> State[float]:
    """Run a stage's command on the worker that this is; how many seconds it took. Raises CommandFailed."""
    shared = Path(os.environ.get("HILUM_ROOT") or command.shared)
    root = shared / command.folder
    messages = root / command.log
    if not messages.is_file():
        raise UsageError(
            f"the worker on {socket.gethostname()} does not see the run's folder at {root}. Give it the same folder, "
            f"and its path there in HILUM_ROOT."
        )
    began = time.monotonic()
    for attempt in range(TRIES):
        status = _run(command, root, messages)
        if status != TRANSIENT_EXIT or attempt == TRIES - 1:
            break
        time.sleep(2**attempt)
    if status:
        raise CommandFailed(command.stage, status)
    seconds = time.monotonic() - began
    return Completed(name="Ran", message=f"{seconds:.1f} s on {get_worker().address}", data=seconds)


def _run(command: FarCommand, root: Path, log: Path) -> int:
    """Run the command once, its outputs removed before as DVC does; its exit status."""
    for out in command.outs:
        _remove(root / out)
    end_children_with_me()  # with the worker
    is_wanted = _wanted()
    with log.open("a", encoding="utf-8") as messages:
        process = subprocess.Popen(
            ["/bin/sh", "-ec", command.line], cwd=root, env=stage_environment(root, 1), stdin=subprocess.DEVNULL,
            stdout=messages, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            while is_wanted():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_S)
                    break
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        if status:
            messages.write(f"stage {command.stage} exited with {status}\n")
    return status


def _wanted() -> Callable[[], bool]:
    """Whether anybody still waits for the task that this thread works on: the scheduler forgets those of a client that
    is gone, and a worker that has lost its scheduler closes."""
    worker, key = get_worker(), get_worker().get_current_task()

    def is_wanted() -> bool:
        held = worker.state.tasks.get(key)
        return worker.status in _AT_WORK and held is not None and held.state in ("executing", "long-running")

    return is_wanted


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
