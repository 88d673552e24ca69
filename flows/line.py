"""The line as a Prefect flow: its stages as tasks, run by the scheduler of `driver`.

In: a checkout. Out: the artifacts and the dvc.lock that `dvc repro` leaves, and in Prefect one task run for every stage
(or bundle of short ones) that was handed to DVC, and an account of what became of each. Prefect decides nothing that
DVC decides and caches nothing. Stage output goes to log files, since it may name cases; Prefect gets counts and names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, tags, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.account import write_account
from flows.dead_runs import mark_dead_runs
from flows.driver import RunReport, drive
from flows.stage_process import StageRun


class PrefectEngine:
    """Stages as Prefect tasks; what a task waited for is shown as its upstream."""

    def submit(self, work: Callable[[], StageRun], names: Sequence[str], after: Sequence[Any]) -> Any:
        """Submit the work to the flow's task runner."""
        named: Any = run_stages.with_options(name=", ".join(names), task_run_name=", ".join(names))
        return named.submit(work, wait_for=list(after))


@task(cache_policy=NO_CACHE, persist_result=False, retries=0)
def run_stages(work: Callable[[], StageRun]) -> StageRun:
    """One DVC process."""
    return work()


def run_line(root: Path, jobs: int, threads: Mapping[str, int]) -> RunReport:
    """Bring every stage of the checkout up to date as a Prefect flow. Raises the first failed stage's error."""
    tag = f"checkout:{root.resolve()}"
    runner: Any = ThreadPoolTaskRunner(max_workers=jobs)

    @flow(name="hilum-line", persist_result=False, task_runner=runner)
    def hilum_line() -> RunReport:
        report = drive(root, jobs, PrefectEngine(), threads, before=lambda: mark_dead_runs(tag, flow_run.id))
        create_markdown_artifact(write_account(report, root), key="line")
        if report.errors:
            raise next(iter(report.errors.values()))
        return report

    with tags(tag):
        return hilum_line()
