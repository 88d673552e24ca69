"""Stages handed to DVC in a process of their own.

In: names of stages. Out: what DVC did with each, how long it took, and a log file. DVC runs or restores them and
writes dvc.lock; nothing here does. The process leads a group, so that a stage and everything it started can be ended
together, and it dies with the thread that waits for it (Linux).
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hilum.errors import BadDataError, GateError, HilumError, UsageError, VerificationError

RAN, RESTORED, KEPT = "ran", "restored", "kept"
TRANSIENT_EXIT = 75
"""A stage that exits so (EX_TEMPFAIL of sysexits.h) may be tried again; any other failure is final."""

_SAID = (
    (re.compile(r"^Running stage '(.+)':"), RAN),
    (re.compile(r"^Stage '(.+)' is cached"), RESTORED),
    (re.compile(r"^Stage '(.+)' didn't change"), KEPT),
)
_EXITED = re.compile(r"exited with (\d+)")
_BUSY = re.compile(r"Unable to acquire lock|is busy, it is being blocked by")
_ERRORS: dict[int, type[HilumError]] = {2: UsageError, 3: BadDataError, 4: GateError, 5: VerificationError}
_TRIES = 4
_LIVE: set[int] = set()
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class StageRun:
    """What became of the stages of one process. did: stage -> ran, restored or kept. seconds: of the whole process."""

    did: Mapping[str, str]
    seconds: float
    log: Path


class StageFailed(Exception):
    """A stage failed. error: as its exit code stands for; did: what DVC did with the stages before it."""

    def __init__(self, stage: str, error: HilumError, did: Mapping[str, str]) -> None:
        super().__init__(str(error))
        self.stage, self.error, self.did = stage, error, did


def run_through_dvc(names: Sequence[str], root: Path, log: Path, workers: int) -> StageRun:
    """Bring stages up to date, in the order given. Raises StageFailed at the first that fails."""
    began = time.monotonic()
    for attempt in range(_TRIES):
        text, code = _run(names, root, log, workers)
        exited = [int(number) for number in _EXITED.findall(text)]
        transient = bool(_BUSY.search(text)) or TRANSIENT_EXIT in exited
        if code == 0 or not transient or attempt == _TRIES - 1:
            break
        time.sleep(2**attempt)
    did = {m[1]: how for line in text.splitlines() for pattern, how in _SAID if (m := pattern.match(line))}
    if code:
        failed = next((name for name in reversed(did) if did[name] == RAN), names[0])
        status = exited[-1] if exited else code
        error = _ERRORS.get(status, HilumError)(
            f"stage {failed} failed (exit {status}); its messages are in {log.relative_to(root)}. Mend the cause and "
            f"run `hilum run` again: finished stages are kept."
        )
        raise StageFailed(failed, error, {name: how for name, how in did.items() if name != failed})
    return StageRun(did, time.monotonic() - began, log)


def _run(names: Sequence[str], root: Path, log: Path, workers: int) -> tuple[str, int]:
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", *names]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as out:
        at = out.tell()
        process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env=stage_environment(root, workers), start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        _LIVE.add(process.pid)
        try:
            code = process.wait()
        finally:
            _LIVE.discard(process.pid)
            _end_group(process.pid)
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(at)
        return lines.read(), code


def end_all() -> None:
    """End every stage that this process has started and not seen the end of."""
    for group in list(_LIVE):
        _end_group(group)


def _end_group(group: int) -> None:
    """End whatever is left of a process group: the command of a killed dvc outlives it otherwise."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def stage_environment(root: Path, workers: int) -> dict[str, str]:
    """The environment of a stage: this Python's commands first, the checkout's own code before any that is installed,
    nothing calls home, and it ends with its driver."""
    quiet = {"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    code = [str(root / "src"), str(root)] if (root / "src/hilum").is_dir() else []
    found = os.pathsep.join([*code, *filter(None, [os.environ.get("PYTHONPATH")])])
    workers = int(os.environ.get("HILUM_WORKERS") or workers)
    mine = {"PATH": path, "PYTHONPATH": found, "HILUM_WORKERS": str(workers), "HILUM_DRIVER": str(os.getpid())}
    return {**os.environ, **quiet, **mine}
