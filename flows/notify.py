"""Telling somebody: a Prefect notification block is called when a flow fails, crashes or is refused.

In: the name of a block, such as `custom-webhook/ops`, in HILUM_NOTIFY; a block is made once on the server's page. Out:
one message: which run, why, and where to look. Never report text: of an error that is not one of hilum's own, which
never hold any, only its kind is told. A block that fails is logged, and hides nothing.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.client.schemas.sorting import FlowRunSort
from prefect.utilities.urls import url_for

from flows.server import NOTIFY
from hilum.errors import HilumError

log = logging.getLogger(__name__)


def tell(flow: Any, flow_run: Any, state: Any) -> None:
    """A hook for `on_failure` and `on_crashed` of a flow."""
    what = f"{flow.name.removeprefix('hilum-')} {flow_run.parameters.get('landing', '')}".strip()
    url = url_for("flow-run", obj_id=flow_run.id)
    notify(f"hilum: {what} {state.name.lower()}", f"{reason_of(state)}\n{url or f'flow run {flow_run.id}'}")


def tell_news(flow: Any, flow_run: Any, state: Any) -> None:
    """The hook of a flow that runs every few minutes: it tells of a failure once, until another run ends otherwise."""
    if os.environ.get(NOTIFY) and not _said_before(flow_run, state):
        tell(flow, flow_run, state)


def notify(subject: str, body: str) -> bool:
    """Call the block that HILUM_NOTIFY names; whether it took the message. Nothing is done where none is named."""
    name = os.environ.get(NOTIFY)
    if not name:
        return False
    try:
        block: Any = Block.load(name)
        block.notify(body, subject)
    except Exception as error:  # whatever it is, the run's own end matters more
        log.error("notify: block %s could not be called: %s: %s", name, type(error).__name__, error)
        return False
    return True


def _said_before(flow_run: Any, state: Any) -> bool:
    """Whether the run before this one, of the same flow and checkout, ended with the same words."""
    others = FlowRunFilter(
        id=FlowRunFilterId(not_any_=[flow_run.id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES))),
        tags=FlowRunFilterTags(all_=flow_run.tags),
    )
    same = FlowFilter(id=FlowFilterId(any_=[flow_run.flow_id]))
    with get_client(sync_client=True) as client:
        before = client.read_flow_runs(
            flow_filter=same, flow_run_filter=others, sort=FlowRunSort.END_TIME_DESC, limit=1
        )
    return bool(before) and before[0].state is not None and before[0].state.message == state.message


def reason_of(state: Any) -> str:
    """Why a run ended, in words that hold no report text."""
    error = state.result(raise_on_failure=False) if state.is_failed() else None
    if isinstance(error, HilumError):
        return str(error)
    if isinstance(error, BaseException):
        return f"{type(error).__name__}; what it says is in the run's log."
    return state.message or state.name
