"""The verbs that run the line, or say what a run would do: plan, run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hilum.cli.command import verb

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


@verb("run", "hilum run")
def run() -> None:
    """Run the whole line as a Prefect flow; leaves the same dvc.lock as `dvc repro`."""
    from flows.line import run_line

    counts = run_line()
    click.echo(f"run: {counts.n_ran} stages ran, {counts.n_kept} were up to date; open reports/index.html")


COMMANDS = (plan, run)
