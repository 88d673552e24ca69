"""Runs that Prefect believes alive and that are not.

A killed process cannot tell the server that it is gone, and its run stays Running for ever. In: the checkout whose lock
this process holds, so that no other run of it can be alive. Out: those runs marked Crashed.
"""

from __future__ import annotations

import logging
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

log = logging.getLogger(__name__)


DEAD = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
"""What a run is that had been started; one that is only scheduled is not lost."""


def mark_dead_runs(tag: str, this_run: UUID | None) -> list[FlowRun]:
    """Mark every other run that was started and not ended and carries the checkout's tag as crashed; those runs."""
    unfinished = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=DEAD)),
        id=FlowRunFilterId(not_any_=[this_run]) if this_run else None,
    )
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=unfinished)
        for run in runs:
            client.set_flow_run_state(run.id, Crashed(message="Its process ended without a word."), force=True)
    if runs:
        log.warning("run: %d earlier runs of this checkout had died; they are marked as crashed", len(runs))
    return runs
