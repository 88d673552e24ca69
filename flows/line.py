"""The line as a Prefect flow: one task a stage, in the order of the DAG.

In: a checkout. Out: the artifacts and the dvc.lock that `dvc repro` leaves. The flow decides nothing that DVC
decides: a stale stage is handed to `dvc repro --single-item`, which also restores it from the run-cache, and
Prefect caches nothing. Stages run one after another.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.graph import Line
from hilum.errors import BadDataError, GateError, HilumError, UsageError, VerificationError

_EXITED = re.compile(r"exited with (\d+)")
_ERRORS: dict[int, type[HilumError]] = {2: UsageError, 3: BadDataError, 4: GateError, 5: VerificationError}


@dataclass(frozen=True)
class RunCounts:
    """What a run did. n_ran counts stages handed to DVC, those restored from its cache among them."""

    n_ran: int
    n_kept: int


def run_line(root: Path | None = None) -> RunCounts:
    """Bring every stage of the checkout up to date. Raises the error of the stage that failed."""
    return run_stages(root or Path.cwd())


@flow(name="hilum-line", persist_result=False)
def run_stages(root: Path) -> RunCounts:
    """Walk the DAG; a stage that is up to date costs nothing."""
    line = Line(root)
    try:
        ran = [run_stage.with_options(name=name)(name, root) for name in line.stages() if line.is_stale(name)]
        n_stages = len(line.stages())
    finally:
        line.close()
    return RunCounts(n_ran=len(ran), n_kept=n_stages - len(ran))


@task(cache_policy=NO_CACHE, persist_result=False, retries=0)
def run_stage(name: str, root: Path) -> str:
    """Run one stage through DVC, its output passed on line by line."""
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    with subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=stage_environment(),
    ) as process:
        assert process.stdout is not None
        code = 0
        for text in process.stdout:
            sys.stderr.write(text)
            if found := _EXITED.search(text):
                code = int(found.group(1))
    if process.returncode:
        raise _ERRORS.get(code, HilumError)(
            f"stage {name} failed (exit {code or process.returncode}); its messages stand above. "
            f"Mend the cause and run `hilum run` again: finished stages are kept."
        )
    return name


def stage_environment() -> dict[str, str]:
    """The environment of a stage: this Python's commands come first, and nothing calls home."""
    quiet = {"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **quiet, "PATH": path}
