"""The verbs that run the line, or say what a run would do: plan, run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hilum.cli.command import core_count, verb

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
    from hilum.config import read_params, section_threads

    jobs = jobs or core_count()
    threads = section_threads(read_params())
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


COMMANDS = (plan, run)
