"""The verbs that run the line, say what a run would do, or look for something to run it on: plan, run, watch."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hilum.cli.command import PATH, core_count, verb, worker_count

if TYPE_CHECKING:
    from flows.watch import Memory

WORK_TO_DO = 6
"""Exit code of `plan` where something is to do."""


TARGET = click.argument("target", default="dvc.yaml")


@verb("plan", "hilum plan --json")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one a stage.")
@click.option("--all", "everything", is_flag=True, help="Name the stages that are up to date as well.")
@click.option("--remote", is_flag=True, help="Ask the default DVC remote too what it can restore.")
@TARGET
def plan(target: str, as_json: bool, everything: bool, remote: bool) -> None:
    """What `hilum run` and `dvc repro` would do, stage by stage, and why; exit code 6 if there is anything to do."""
    from flows.plan import describe_plan, plan_checkout

    stages = plan_checkout(Path.cwd(), target, remote=remote)
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
    type=click.Choice(["prefect", "threads", "dask"]),
    help="threads: the same without Prefect; dask: stages of partitions on a cluster [default: dask where --cluster "
    "says which, else prefect].",
)
@click.option("--cluster", envvar="HILUM_DASK", help="A Dask scheduler, as tcp://scheduler:8786 [HILUM_DASK].")
@click.option("--pull", is_flag=True, help="Restore from the default DVC remote what it holds.")
@TARGET
def run(target: str, jobs: int | None, engine: str | None, cluster: str | None, pull: bool) -> None:
    """Run the whole line, in parallel where the DAG allows; leaves the same dvc.lock as `dvc repro`.

    TARGET: as `dvc repro` takes it, such as data/served/dvc.yaml:index [default: dvc.yaml, the line].
    """
    from flows.bar import progress_bar
    from flows.plan import plan_checkout
    from flows.sealing import record_run, start_of
    from hilum.config import read_params, section_threads

    jobs = jobs or core_count()
    engine = engine or ("dask" if cluster else "prefect")
    if engine == "dask" and not cluster:
        raise click.UsageError("--engine dask needs --cluster, the address of a Dask scheduler.")
    threads = section_threads(read_params())
    commit = start_of(Path.cwd())
    planned = plan_checkout(Path.cwd(), target)
    if not any(stage.stale for stage in planned):  # that needs no server
        record_run(Path.cwd(), commit)
        click.echo(f"run: 0 stages ran, {len(planned)} are up to date; open reports/index.html")
        return
    with progress_bar(Path.cwd(), jobs) as show:
        if engine == "threads":
            from flows.driver import ThreadEngine, drive

            report = drive(Path.cwd(), jobs, ThreadEngine(jobs), threads, target, on_change=show, remote=pull)
            if report.errors:
                raise next(iter(report.errors.values()))
        else:
            from flows.line import run_line

            far = cluster if engine == "dask" else None
            report = run_line(Path.cwd(), jobs, threads, target, on_change=show, cluster=far, remote=pull)
    record_run(Path.cwd(), commit)
    done = f"{report.count('ran')} stages ran, {report.count('restored')} were restored, {report.count('kept')} kept"
    click.echo(f"run: {done}; open reports/index.html")


@verb("watch", "hilum watch /data/mimic-cxr-jpg --settle 600")
@click.argument("source", type=PATH)
@click.option("--settle", type=click.FloatRange(min=0), default=600, show_default=True,
              help="Seconds for which nothing may have changed before it is landed.")  # fmt: skip
@click.option("--collection", help="As in `hilum land`.")
@click.option("--partial", is_flag=True, help="Do not wait for files that SHA256SUMS.txt names and that are missing.")
@click.option("--json", "as_json", is_flag=True, help="One object: verdict, landing, digest and so on.")
def watch(source: Path, settle: float, collection: str | None, partial: bool, as_json: bool) -> None:
    """Look once at SOURCE, and land what is new as soon as its copying has ended; for a schedule to call.

    What is to be landed waits for the end of a run.
    """
    if not source.is_dir():
        raise click.UsageError(f"{source} is no folder.")
    found = _watch(source, settle, collection, partial)
    click.echo(json.dumps(found) if as_json else found["summary"])


def _watch(source: Path, settle: float, collection: str | None, partial: bool) -> dict[str, object]:
    """What `watch` found and did. The checkout is held while it lands: a run must not see a half of it."""
    from flows.checkout import one_run
    from flows.events import landing_digest
    from flows.watch import AT_REST, NOTHING_NEW, describe, judge, look_at, read_memory, remember_landed, write_memory

    def look() -> tuple[str, str, Memory]:
        seen = look_at(source)
        verdict, memory = judge(seen, read_memory(root, source), settle, time.time(), partial)
        write_memory(root, memory)
        return verdict, f"watch: {describe(verdict, seen, partial)}", memory

    root = Path.cwd()
    verdict, summary, memory = look()
    if verdict != AT_REST:
        return {"verdict": verdict, "landing": None, "summary": summary}
    with one_run(root, wait=True):
        verdict, summary, memory = look()  # another watch may have landed it meanwhile
        if verdict != AT_REST:
            return {"verdict": verdict, "landing": None, "summary": summary}
        from hilum.sources.landings import land

        done = land(source, root, collection, worker_count())
        write_memory(root, remember_landed(memory))
    return {
        "verdict": "landed" if done.landing else NOTHING_NEW,
        "landing": done.landing,
        "digest": landing_digest(root, done.landing) if done.landing else None,
        "partitions": [*done.partitions],
        "counts": done.counts,
        "summary": done.summary,
    }


@verb("serve", "hilum serve /data/mimic-cxr-jpg --watch '*/10 * * * *' --retrain '0 2 * * 6'")
@click.argument("source", type=PATH)
@click.option("--watch", default="*/10 * * * *", show_default=True, metavar="CRON", help="When to look at SOURCE.")
@click.option("--retrain", metavar="CRON", help="When to retrain, besides after landings [default: never].")
@click.option("--retrain-on-landing/--no-retrain-on-landing", default=True, show_default=True,
              help="Retrain after every refresh.")  # fmt: skip
@click.option("--settle", type=click.FloatRange(min=0), default=600, show_default=True, help="As in `hilum watch`.")
@click.option("--collection", help="As in `hilum land`.")
@click.option("--partial", is_flag=True, help="As in `hilum watch`.")
@click.option("--jobs", type=click.IntRange(1), help="Stages at a time [default: one a core].")
@click.option("--cluster", envvar="HILUM_DASK", help="As in `hilum run`.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the Prefect server listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=4200, show_default=True, help="Its port.")
@click.option("--database", help="postgresql://... for its database [default: SQLite in .hilum/prefect].")
@click.option("--notify", envvar="HILUM_NOTIFY", metavar="BLOCK",
              help="Notification block to call on failure, as custom-webhook/ops [HILUM_NOTIFY].")  # fmt: skip
@click.option(
    "--keep-days", type=click.IntRange(1), default=30, show_default=True, help="How long runs and logs are kept."
)
def serve(source: Path, settle: float, jobs: int | None, **options: Any) -> None:
    """Serve the checkout: watch SOURCE, land, refresh and retrain by schedule and by event, on a Prefect server.

    Without PREFECT_API_URL it starts the server itself, and ends it at its own end.
    """
    from flows.serve import Service
    from flows.serve import serve as serve_checkout

    if not source.is_dir():
        raise click.UsageError(f"{source} is no folder.")
    service = Service(source=source.resolve(), settle_s=settle, jobs=jobs or core_count(), **options)
    serve_checkout(Path.cwd(), service)


COMMANDS = (plan, run, watch, serve)
