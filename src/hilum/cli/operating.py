"""The verbs that decide which model answers: refresh, retrain, promote, rollback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from hilum.cli.command import core_count, verb
from hilum.errors import GateError

if TYPE_CHECKING:
    from flows.driver import Engine, RunReport
    from flows.retrain import Retrained

Result = TypeVar("Result")
JOBS = click.option("--jobs", type=click.IntRange(1), help="Stages at a time [default: one a core].")
ENGINE = click.option(
    "--engine",
    type=click.Choice(["prefect", "threads"]),
    default="prefect",
    show_default=True,
    help="threads: the same without Prefect.",
)
CLUSTER = click.option("--cluster", envvar="HILUM_DASK", help="As in `hilum run`.")


@verb("refresh", "hilum refresh --jobs 2")
@JOBS
@ENGINE
@CLUSTER
def refresh(jobs: int | None, engine: str, cluster: str | None) -> None:
    """Embed what has landed by the promoted model and index it; nothing is trained."""
    report = _refresh(jobs, engine, cluster)
    click.echo(
        f"refresh: {report.count('ran')} stages ran, {report.count('restored')} were restored; data/served/index"
    )


@verb("retrain", "hilum retrain --jobs 2")
@JOBS
@ENGINE
@CLUSTER
@click.option("--cold", is_flag=True, help="Start from scratch instead of the promoted model's weights.")
def retrain(jobs: int | None, engine: str, cluster: str | None, cold: bool) -> None:
    """Train a model on all that has landed, judge it against the promoted one, and promote or refuse it (exit 4)."""

    def work(root: Path, jobs: int, threads: Mapping[str, int], engine: Engine) -> Retrained:
        """Retrain; a refusal is an error, for the state of the run and for the exit code."""
        from flows.retrain import REFUSED
        from flows.retrain import retrain as train_and_judge

        done = train_and_judge(root, jobs, threads, engine, cold=cold)
        if done.verdict == REFUSED:
            raise GateError(f"refused: {done.reason} (branch {done.name}, {done.tag}); the promoted model answers on.")
        return done

    done = _call("retrain", work, jobs, engine, cluster)
    click.echo(f"retrain: {done.verdict}: {done.reason} (branch {done.name}{f', {done.tag}' if done.tag else ''})")
    if done.verdict == "promoted":
        _refresh(jobs, engine, cluster)  # for what landed while it was trained


@verb("promote", "hilum promote")
@click.option("--force", is_flag=True, help="Whatever the evidence says or lacks; never against the gate.")
def promote(force: bool) -> None:
    """Promote by hand the model that this checkout's line has made and git holds."""
    from flows.promotion import promote_by_hand
    from hilum.config import read_params

    version = promote_by_hand(Path.cwd(), read_params().challenge.gate, force=force)
    click.echo(f"promote: {version.tag} answers now; `git push --follow-tags` tells others")


@verb("rollback", "hilum rollback v1.0.0")
@click.argument("version", required=False)
@JOBS
@ENGINE
@CLUSTER
def rollback(version: str | None, jobs: int | None, engine: str, cluster: str | None) -> None:
    """Let an earlier promoted model answer again, over all that has landed since [default: the one before]."""
    from flows.promotion import rollback as roll_back

    back = roll_back(Path.cwd(), version)
    click.echo(f"rollback: {back.tag} is promoted")
    _refresh(jobs, engine, cluster)
    click.echo("rollback: its index holds every landing")


def _refresh(jobs: int | None, engine: str, cluster: str | None) -> RunReport:
    def work(root: Path, jobs: int, threads: Mapping[str, int], engine: Engine) -> RunReport:
        """Refresh, and raise what failed."""
        from flows.refresh import refresh as bring_up_to_date

        report = bring_up_to_date(root, jobs, threads, engine)
        for error in report.errors.values():
            raise error
        return report

    return _call("refresh", work, jobs, engine, cluster)


def _call(
    name: str,
    work: Callable[[Path, int, Mapping[str, int], Engine], Result],
    jobs: int | None,
    engine: str,
    cluster: str | None,
) -> Result:
    """Call `work` with this checkout and an engine; under Prefect, in a flow hilum-NAME."""
    from flows.driver import ThreadEngine
    from hilum.config import read_params, section_threads

    root, jobs, threads = Path.cwd(), jobs or core_count(), section_threads(read_params())
    if engine == "threads":
        return work(root, jobs, threads, ThreadEngine(jobs))
    from flows.line import run_in_flow

    return run_in_flow(name, root, jobs, lambda made: work(root, jobs, threads, made), cluster)


COMMANDS = (refresh, retrain, promote, rollback)
