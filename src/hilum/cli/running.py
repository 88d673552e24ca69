"""The verb that runs the line as a flow: run."""

from __future__ import annotations

import click

from hilum.cli.command import verb


@verb("run", "hilum run")
def run() -> None:
    """Run the whole line as a Prefect flow; leaves the same dvc.lock as `dvc repro`."""
    from flows.line import run_line

    counts = run_line()
    click.echo(f"run: {counts.n_ran} stages ran, {counts.n_kept} were up to date; open reports/index.html")


COMMANDS = (run,)
