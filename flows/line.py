"""The line as a Prefect flow: its stages as tasks, run by the scheduler of `driver`.

In: a checkout. Out: the artifacts and the dvc.lock that `dvc repro` leaves, and in Prefect one task run for every stage
(or bundle of short ones) that was handed to DVC, and an account of what became of each. Prefect decides nothing that
DVC decides and caches nothing. Stage output goes to log files, since it may name cases; Prefect gets counts and names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from prefect import flow, tags, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.account import write_account
from flows.checkout import read_seconds
from flows.dead_runs import mark_dead_runs
from flows.driver import Engine, RunReport, Work, drive
from flows.graph import THE_LINE
from flows.notify import tell
from flows.progress import Progress
from flows.reaper import end_children_with_me
from flows.stage_process import RAN, StageFailed, StageRun
from hilum.errors import HilumError, UsageError

R = TypeVar("R")


class PrefectEngine:
    """Stages as Prefect tasks; what a task waited for is shown as its upstream."""

    elsewhere = False

    def submit(self, work: Work, after: Sequence[Any]) -> Any:
        """Submit the work to the flow's task runner."""
        name = ", ".join(work.names)
        named: Any = run_stages.with_options(name=name, task_run_name=name)
        return named.submit(work, wait_for=list(after))


@task(cache_policy=NO_CACHE, persist_result=False, retries=0)
def run_stages(work: Work) -> State[StageRun]:
    """One DVC process; the state says what it did."""
    try:
        done = work()
    except StageFailed as failure:
        return Failed(message=str(failure), data=failure)
    did = set(done.did.values())
    message = ", ".join(f"{name} {how}" for name, how in done.did.items())
    return Completed(name=(did.pop() if len(did) == 1 else RAN).capitalize(), message=message, data=done)


@contextmanager
def flow_engine(root: Path, jobs: int, cluster: str | None = None) -> Iterator[Engine]:
    """The engine of a flow. cluster: a Dask scheduler whose workers see `root` and run the stages of partitions.

    Raises UsageError if there is no such cluster.
    """
    if cluster is None:
        yield PrefectEngine()
        return
    try:
        from flows.dask_engine import dask_engine
    except ImportError as error:
        raise UsageError(
            f"a Dask cluster needs `pip install 'hilum[dask]'` here and on its workers ({error})."
        ) from None
    with dask_engine(cluster, PrefectEngine(), root, jobs) as engine:
        yield engine


def run_in_flow(name: str, root: Path, jobs: int, work: Callable[[Engine], R], cluster: str | None = None) -> R:
    """What `work` returns, called with an engine in the Prefect flow `hilum-NAME`; arguments as for `flow_engine`."""
    end_children_with_me()
    runner: Any = ThreadPoolTaskRunner(max_workers=jobs)

    @flow(name=f"hilum-{name}", persist_result=False, task_runner=runner, on_failure=[tell], on_crashed=[tell])
    def in_flow() -> Any:
        try:
            # a task that carries a tag asks the server for leave to start, which takes seconds
            with TagsContext(current_tags=set()), flow_engine(root, jobs, cluster) as engine:
                return work(engine)
        except HilumError as error:  # as a state: raised, it would be printed with two tracebacks
            return Failed(message=str(error), data=error)

    with tags(_tag(name, root)):
        done: Any = in_flow()
    return cast(R, done)


def run_line(
    root: Path,
    jobs: int,
    threads: Mapping[str, int],
    target: str = THE_LINE,
    on_change: Callable[[RunReport], object] | None = None,
    cluster: str | None = None,
    remote: bool = False,
) -> RunReport:
    """Bring a target of the checkout up to date as a Prefect flow; arguments as for `drive` and `flow_engine`.

    Raises the first failed stage's error.
    """

    def bring_up_to_date(engine: Engine) -> RunReport:
        shown = Progress("line-progress", read_seconds(root))

        def before() -> None:
            mark_dead_runs(_tag("line", root), flow_run.id)

        def show(report: RunReport) -> None:
            shown(report)
            if on_change is not None:
                on_change(report)

        report = drive(root, jobs, engine, threads, target, before, show, remote=remote)
        create_markdown_artifact(write_account(report, root), key="line")
        if report.errors:
            raise next(iter(report.errors.values()))
        return report

    return run_in_flow("line", root, jobs, bring_up_to_date, cluster)


def _tag(name: str, root: Path) -> str:
    """What runs of one kind in one checkout are known by: of those that hold the lock, only one can be alive."""
    return f"{name}:{root.resolve()}"
