"""Stages of partitions on an existing Dask cluster, through prefect-dask.

In: the address of a scheduler whose workers see the checkout's folder. Out: what `dvc repro` leaves. A worker runs the
stage's own command line and nothing else; the driver alone writes DVC's state, with `dvc commit` once the command has
ended well. A worker that dies loses nothing: Dask gives its stages to another.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore
from typing import Any
from urllib.parse import urlsplit

from distributed import KilledWorker
from distributed.client import FutureCancelledError
from prefect import Flow
from prefect.client.schemas.objects import TaskRunResult
from prefect.context import FlowRunContext
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_dask import DaskTaskRunner

from flows.dask_worker import CommandFailed, FarCommand, run_command
from flows.driver import Engine, Work
from flows.dvc_command import run_dvc
from flows.stage_process import RAN, StageFailed, StageRun, explain
from hilum.errors import HilumError, UsageError

log = logging.getLogger(__name__)

_WAITING = 1000
"""Stages the driver can wait for at a time; a thread each, which costs nothing while it waits."""


class DaskEngine:
    """Stages of partitions on the cluster, all others with another engine. shared: the folder that the workers see."""

    elsewhere = True

    def __init__(self, here: Engine, runner: DaskTaskRunner, shared: Path, jobs: int) -> None:
        self._here, self._runner, self._shared = here, runner, shared.resolve()
        self._recording = Semaphore(jobs)
        self._waiting = ThreadPoolExecutor(_WAITING)

    def submit(self, work: Work, after: Sequence[Any]) -> Any:
        """Give a stage that must be computed to the cluster; anything else is done here."""
        if work.command is None:
            return self._here.submit(work, [getattr(handle, "task_run", handle) for handle in after])
        task_run = self._send(work, {TaskRunResult(id=getattr(h, "task_run", h).task_run_id) for h in after})
        handle: Any = self._waiting.submit(self._finish, work, task_run)
        handle.task_run = task_run
        return handle

    def close(self) -> None:
        """Wait for nothing more."""
        self._waiting.shutdown(wait=False)

    def _send(self, work: Work, upstream: set[Any]) -> Any:
        assert work.command is not None
        work.log.parent.mkdir(parents=True, exist_ok=True)
        work.log.touch()  # by this the worker knows that it sees the same folder
        root, name = work.root.resolve(), work.names[0]
        folder = root.relative_to(self._shared) if root.is_relative_to(self._shared) else root
        command = FarCommand(name, work.command.line, work.command.outs, str(self._shared), str(folder),
                             str(work.log.relative_to(work.root)))  # fmt: skip
        named: Any = run_command.with_options(name=name, task_run_name=name)
        with _sent_context(self._runner):
            return self._runner.submit(named, {"command": command}, dependencies={"command": upstream})

    def _finish(self, work: Work, task_run: Any) -> StageRun:
        """Wait for the worker, then record what it has made. Raises StageFailed."""
        name = work.names[0]
        try:
            seconds = float(task_run.result())
        except CommandFailed as failed:
            said = work.log.read_text(encoding="utf-8", errors="replace")
            where = f"its messages are in {work.log.relative_to(work.root)}"
            raise StageFailed(name, explain(name, work.root, said, failed.status, where), {}) from None
        except (FutureCancelledError, KilledWorker) as lost:
            error = HilumError(f"the cluster lost stage {name} ({_first_line(lost)}); run it again.")
            raise StageFailed(name, error, {}) from None
        with self._recording:
            run_dvc(work.root, "commit", "--force", name)
        return StageRun({name: RAN}, seconds, work.log)


@contextmanager
def dask_engine(cluster: str, here: Engine, shared: Path, jobs: int) -> Iterator[DaskEngine]:
    """The engine of a flow that has a cluster. here: does the other stages; jobs: how many are recorded at a time.

    Raises UsageError if no scheduler answers, or if its workers could not reach Prefect's server.
    """
    url = PREFECT_API_URL.value() or _own_server()
    with temporary_settings({PREFECT_API_URL: url}), DaskTaskRunner(address=cluster) as runner:
        try:
            client = runner.client
        except OSError as error:
            raise UsageError(f"no Dask scheduler answers at {cluster} ({error}).") from None
        hosts = {urlsplit(address).hostname or "" for address in client.scheduler_info(n_workers=-1)["workers"]}
        if _is_loopback(url) and not all(map(_is_here, hosts)):
            raise UsageError(
                f"workers on other hosts cannot reach Prefect's server at {url}. Start one with `prefect server start "
                f"--host ADDRESS` and set PREFECT_API_URL to http://ADDRESS:4200/api."
            )
        if not hosts:
            log.warning("run: the cluster at %s has no worker yet; stages of partitions wait for one", cluster)
        engine = DaskEngine(here, runner, shared, jobs)
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def _sent_context(runner: DaskTaskRunner) -> Iterator[None]:
    """Let a flow's context travel with a task: in place of the flow itself, which may hold what cannot, its name."""
    context = FlowRunContext.get()
    assert context is not None and context.flow is not None
    flow: Any = Flow(_nothing, name=context.flow.name, task_runner=runner.duplicate())
    with context.model_copy(update={"flow": flow, "parameters": {}}):
        yield


def _nothing() -> None:
    """What the flow does on a worker."""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _own_server() -> str:
    """The server that Prefect starts for one run, named so that workers on this host find it."""
    server = SubprocessASGIServer()
    server.start()
    return str(server.api_url)


def _is_loopback(url: str) -> bool:
    return ipaddress.ip_address(socket.gethostbyname(urlsplit(url).hostname or "")).is_loopback


def _is_here(host: str) -> bool:
    """Whether an address is this host's."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
