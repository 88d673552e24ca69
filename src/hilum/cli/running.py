"""The verbs that run the line, say what a run would do, or look for something to run it on: plan, run, watch."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from hilum.cli.command import PATH, core_count, verb, worker_count

WORK_TO_DO = 6
"""Exit code of `plan` where something is to do."""


@verb("plan", "hilum plan --json")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a stage.")
@click.option("--all", "everything", is_flag=True, help="Name the stages that are up to date as well.")
def plan(as_json: bool, everything: bool) -> None:
    """What `hilum run` and `dvc repro` would do, stage by stage, and why; exit code 6 if there is anything to do."""
    from flows.plan import describe_plan, plan_checkout

    stages = plan_checkout(Path.cwd())
    if as_json:
        click.echo(json.dumps([stage.row() for stage in stages], indent=1))
    else:
        for line in describe_plan(stages, everything):
            click.echo(line)
    sys.exit(WORK_TO_DO if any(stage.stale for stage in stages) else 0)


@verb("run", "hilum run --jobs 2")
@click.option("--jobs", type=click.IntRange(1), help="Stages at a time [default: one a core].")
@click.option(
    "--engine",
    type=click.Choice(["prefect", "threads"]),
    default="prefect",
    show_default=True,
    help="threads: the same without Prefect.",
)
def run(jobs: int | None, engine: str) -> None:
    """Run the whole line, in parallel where the DAG allows; leaves the same dvc.lock as `dvc repro`."""
    from flows.plan import plan_checkout
    from hilum.config import read_params, section_threads

    jobs = jobs or core_count()
    threads = section_threads(read_params())
    planned = plan_checkout(Path.cwd())
    if not any(stage.stale for stage in planned):  # that needs no server
        click.echo(f"run: 0 stages ran, {len(planned)} are up to date; open reports/index.html")
        return
    if engine == "threads":
        from flows.driver import ThreadEngine, drive

        report = drive(Path.cwd(), jobs, ThreadEngine(jobs), threads)
        if report.errors:
            raise next(iter(report.errors.values()))
    else:
        from flows.line import run_line

        report = run_line(Path.cwd(), jobs, threads)
    done = f"{report.count('ran')} stages ran, {report.count('restored')} were restored, {report.count('kept')} kept"
    click.echo(f"run: {done}; open reports/index.html")


@verb("watch", "hilum watch /data/mimic-cxr-jpg --settle 600")
@click.argument("source", type=PATH)
@click.option("--settle", type=click.FloatRange(min=0), default=600, show_default=True,
              help="Seconds for which nothing may have changed before it is landed.")  # fmt: skip
@click.option("--collection", help="As in `hilum land`.")
def watch(source: Path, settle: float, collection: str | None) -> None:
    """Look once at SOURCE, and land what is new as soon as its copying has ended; for a schedule to call."""
    from flows.watch import AT_REST, judge, look_at, read_memory, remember_landed, write_memory

    if not source.is_dir():
        raise click.UsageError(f"{source} is no folder.")
    root = Path.cwd()
    verdict, memory = judge(look_at(source), read_memory(root, source), settle, time.time())
    write_memory(root, memory)
    if verdict != AT_REST:
        click.echo(f"watch: {verdict}")
        return
    from hilum.sources.landings import land

    recorded = land(source, root, collection, worker_count())
    write_memory(root, remember_landed(memory))
    click.echo(recorded.summary)


COMMANDS = (plan, run, watch)
