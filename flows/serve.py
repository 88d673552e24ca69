"""`hilum serve`: a Prefect server, and the four flows of a checkout behind it, on schedules and on events.

In: a checkout, a source tree, schedules. Out: nothing of its own; the flows land, refresh, retrain and clean
(operations.py). Everything this process started ends with it, however it ends. A checkout is served once at a time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.checkout import one_run
from flows.events import PROMOTED, RECORDED, REFRESHED, checkout_id, index_resource, landing_resource
from flows.reaper import end_children_with_me
from flows.server import API_URL, NOTIFY, running_server, settle_environment, wait_for_server
from hilum.errors import UsageError

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner import Runner

log = logging.getLogger(__name__)

CLEAN_CRON = "30 3 * * *"
"""Daily, in the night."""


@dataclass(frozen=True)
class Service:
    """What is served. watch, retrain: cron schedules; retrain is None where only events start it.

    settle_s, collection, partial: as in `hilum watch`. jobs: stages at a time. notify: a notification block such as
    `custom-webhook/ops`. keep_days: for which runs and logs are kept. database: URL of a PostgreSQL for the server.
    cluster: a Dask scheduler, as in `hilum run`.
    """

    source: Path
    jobs: int
    watch: str = "*/10 * * * *"
    retrain: str | None = None
    retrain_on_landing: bool = True
    settle_s: float = 600.0
    collection: str | None = None
    partial: bool = False
    host: str = "127.0.0.1"
    port: int = 4200
    database: str | None = None
    cluster: str | None = None
    notify: str | None = None
    keep_days: int = 30


def serve(root: Path, service: Service) -> None:
    """Serve a checkout until this process is told to end (SIGTERM, SIGINT).

    Raises UsageError if it is served already, a schedule is none, or the address is taken.
    """
    with one_run(root, lock="serve"):
        end_children_with_me()
        own = settle_environment(root, service.host, service.port)
        if not own and service.database:
            raise UsageError(f"--database is for a server that is started here, and {API_URL} names another.")
        if service.notify:
            os.environ[NOTIFY] = service.notify
        rows = deployments(root, service)
        if not own:
            wait_for_server()
            _serve(root, rows)
            return
        with running_server(root, service.host, service.port, service.database):
            _serve(root, rows)


def deployments(root: Path, service: Service) -> list[RunnerDeployment]:
    """The four flows with their schedules, events and parameters. Raises UsageError if a schedule is none."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import EntrypointType
    from prefect.events import DeploymentEventTrigger

    from flows import operations

    here, work = {"root": str(root)}, {"root": str(root), "jobs": service.jobs, "cluster": service.cluster}
    look = {"source": str(service.source), "settle_s": service.settle_s, "collection": service.collection,
            "partial": service.partial}  # fmt: skip
    landed = DeploymentEventTrigger(
        name=f"hilum: a landing of {checkout_id(root)}",
        expect={RECORDED},
        match={"prefect.resource.id": landing_resource(root, "*")},
        parameters={"landing": "{{ event.payload.landing }}", "digest": "{{ event.payload.digest }}"},
    )
    refreshed = DeploymentEventTrigger(
        name=f"hilum: a refresh of {checkout_id(root)}",
        expect={REFRESHED},
        match={"prefect.resource.id": index_resource(root)},
        parameters={"landing": "{{ event.payload.landing }}"},
    )
    promoted = DeploymentEventTrigger(
        name=f"hilum: a promotion in {checkout_id(root)}",
        expect={PROMOTED},  # landings that came while it was trained are embedded by the model before it
        match={"prefect.resource.id": index_resource(root)},
        parameters={"landing": "{{ event.payload.landing }}", "then_retrain": False},
    )
    drop, wait = ConcurrencyLimitStrategy.CANCEL_NEW, ConcurrencyLimitStrategy.ENQUEUE
    rows: list[tuple[Any, dict[str, object], str | None, list[DeploymentEventTrigger], ConcurrencyLimitStrategy]] = [
        (operations.watch, here | look, service.watch, [], drop),  # a later look sees all that this one would
        (operations.refresh, work, None, [landed, promoted], wait),
        (operations.retrain, work, service.retrain, [refreshed] if service.retrain_on_landing else [], wait),
        (operations.clean, here | {"keep_days": service.keep_days}, CLEAN_CRON, [], drop),
    ]
    try:
        return [
            flow.to_deployment(
                name_deployment(flow.name.removeprefix("hilum-"), root),
                cron=cron,
                parameters=parameters,
                triggers=triggers,
                concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=strategy),
                tags=[operations.tag_of(root)],
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
            for flow, parameters, cron, triggers, strategy in rows
        ]
    except ValueError as error:
        raise UsageError(f"a schedule is not of cron's form, as in '*/10 * * * *': {_first(error)}") from None


def name_deployment(name: str, root: Path) -> str:
    """The name of a flow's deployment: a server may serve several checkouts."""
    return f"{name}-{checkout_id(root)}"


def _serve(root: Path, rows: list[RunnerDeployment]) -> None:
    """Mark what died, make up for it, then poll for runs until told to end."""
    from prefect.deployments import run_deployment

    from flows.dead_runs import mark_dead_runs
    from flows.notify import notify
    from flows.operations import tag_of

    died = mark_dead_runs(tag_of(root), None)
    if died:
        names = ", ".join(run.name for run in died)
        notify(f"hilum: {len(died)} runs of {checkout_id(root)} had died", f"{names}; they are marked as crashed.")
    runner = _runner()
    for row in rows:
        runner.add_deployment(row)
    name = f"hilum-refresh/{name_deployment('refresh', root)}"  # an earlier service may have been ended in one
    run_deployment(name, parameters={"landing": "after a start"}, timeout=0, as_subflow=False)
    url = os.environ[API_URL].removesuffix("/api")
    log.info("serve: %s; open %s", ", ".join(row.name for row in rows), url)
    try:
        asyncio.run(_poll(runner))
    except asyncio.CancelledError:
        log.info("serve: ended, and all that it had started")


async def _poll(runner: Runner) -> None:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    loop.add_signal_handler(signal.SIGINT, task.cancel)
    await runner.start()


def _runner() -> Runner:
    from prefect.runner import Runner

    class Served(Runner):
        """A runner that SIGTERM ends as SIGINT does: Prefect's own way awaits in a signal handler."""

        def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
            signal.raise_signal(signal.SIGINT)

    return Served(pause_on_shutdown=True)


def _first(error: ValueError) -> str:
    """What a validation error says, in one line."""
    return " ".join(str(error).split())[:200]
