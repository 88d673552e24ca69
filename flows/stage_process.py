"""Stages handed to DVC in a process of their own.

In: names of stages. Out: what DVC did with each, how long it took, and a log file. DVC runs or restores them and
writes dvc.lock; nothing here does. The process leads a group, so that a stage and everything it started can be ended
together. What a failure means is read from what DVC prints.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.disk import full_disk, said_plainly
from flows.reaper import MARK, end_children_with_me
from flows.whole_dvc import start_dvc
from hilum.errors import BadDataError, GateError, HilumError, UsageError, VerificationError

RAN, RESTORED, KEPT = "ran", "restored", "kept"
TRANSIENT_EXIT = 75
"""A stage that exits so (EX_TEMPFAIL of sysexits.h) may be tried again; any other failure is final."""

_SAID = (
    (re.compile(r"^Running stage '(.+)':"), RAN),
    (re.compile(r"^Stage '(.+)' is cached"), RESTORED),
    (re.compile(r"^Stage '(.+)' didn't change"), KEPT),
)
_EXITED = re.compile(r"exited with (-?\d+)")
_FAILED = re.compile(r"failed to reproduce '(.+?)'")
_BUSY = re.compile(r"Unable to acquire lock|is busy, it is being blocked by")
_WORKER_KILLED = re.compile(r"BrokenProcessPool|DataLoader worker .* is killed by signal")
_ERRORS: dict[int, type[HilumError]] = {2: UsageError, 3: BadDataError, 4: GateError, 5: VerificationError}
_SHELL_SIGNAL = 128
"""What a shell adds to the number of the signal that killed its command."""

TRIES = 4
_LIVE: set[int] = set()


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
    did: dict[str, str] = {}
    for attempt in range(TRIES):
        try:
            with said_plainly(root, f"stage {names[0]}"):
                text, code = _run(names, root, log, workers)
        except BadDataError as full:
            raise StageFailed(names[0], full, did) from full
        did.update((name, how) for name, how in _said(text) if how != KEPT or name not in did)
        transient = bool(_BUSY.search(text)) or TRANSIENT_EXIT in _exits(text)
        if code == 0:
            return StageRun(did, time.monotonic() - began, log)
        if not transient or attempt == TRIES - 1:
            break
        time.sleep(2**attempt)
    failed = _failed_stage(names, text)
    error = explain(failed, root, text, code, f"its messages are in {log.relative_to(root)}")
    raise StageFailed(failed, error, {name: how for name, how in did.items() if name != failed})


def _said(text: str) -> Iterator[tuple[str, str]]:
    """What DVC says it did, stage by stage; a stage that it says it runs may fail yet."""
    for line in text.splitlines():
        for pattern, how in _SAID:
            if match := pattern.match(line):
                yield match[1], how


def _exits(text: str) -> list[int]:
    return [int(number) for number in _EXITED.findall(text)]


def _failed_stage(names: Sequence[str], text: str) -> str:
    """The stage that DVC names, or where it was killed itself, the one that it spoke of last."""
    named = [*(name for name, _ in _said(text)), *_FAILED.findall(text)]
    return next((name for name in reversed(named) if name in names), names[0])


def explain(stage: str, root: Path, text: str, code: int, where: str) -> HilumError:
    """The error that a failure stands for: a full disk, a kill, or the exit code of the stage's command."""
    full = full_disk(root, f"stage {stage}", text)
    if full is not None:
        return full
    exits = _exits(text) if code > 0 else []  # what it said before it was killed itself is not why
    status = exits[-1] if exits else code
    number = -status if status < 0 else status - _SHELL_SIGNAL if exits else 0
    again = f"; {where}. Mend the cause and run it again: finished stages are kept."
    if number in signal.valid_signals():
        who = f"stage {stage}" if exits else f"the DVC process of stage {stage}"
        return HilumError(f"{who} was killed (signal {number}), by hand or because memory was short{again}")
    if _WORKER_KILLED.search(text):
        return HilumError(f"a worker process of stage {stage} was killed, by hand or because memory was short{again}")
    return _ERRORS.get(status, HilumError)(f"stage {stage} failed (exit {status}){again}")


def _run(names: Sequence[str], root: Path, log: Path, workers: int) -> tuple[str, int]:
    end_children_with_me()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    at = log.stat().st_size
    words = ["--wait-for-lock", "repro", "--single-item", *names]
    process = start_dvc(words, root.resolve(), log.resolve(), stage_environment(root, workers))
    assert process.pid is not None
    _LIVE.add(process.pid)
    try:
        process.join()
    finally:
        _LIVE.discard(process.pid)
        _end_group(process.pid)
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(at)
        return lines.read(), process.exitcode or 0


def end_all() -> None:
    """End every stage that this process has started and not seen the end of."""
    for group in list(_LIVE):
        _end_group(group)


def _end_group(group: int) -> None:
    """End whatever is left of a process group: the command of a killed dvc outlives it otherwise."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def stage_environment(root: Path, workers: int) -> dict[str, str]:
    """The environment of a stage: this Python's commands first, the checkout's own code before any that is installed,
    nothing calls home, and it ends with its driver."""
    quiet = {"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    code = [str(root / "src"), str(root)] if (root / "src/hilum").is_dir() else []
    found = os.pathsep.join([*code, *filter(None, [os.environ.get("PYTHONPATH")])])
    workers = int(os.environ.get("HILUM_WORKERS") or workers)
    mine = {"PATH": path, "PYTHONPATH": found, "HILUM_WORKERS": str(workers), MARK: str(os.getpid())}
    return {**os.environ, **quiet, **mine}
