"""What earlier runs left, removed when it is old: flow runs and their artifacts on the server, logs in the checkout.

In: tags of a checkout's runs, and an age. Out: how many were removed. A run that has not ended is never touched, and
nothing that DVC or git keeps.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.exceptions import ObjectNotFound
from prefect.types import DateTime

from flows.checkout import FOLDER


def delete_runs(tags: Sequence[str], before: datetime.datetime, names: Sequence[str] | None = None) -> int:
    """Delete ended runs that carry one of the tags, and their artifacts; how many runs.

    names: only those whose state has one of these names.
    """
    state = FlowRunFilterState(
        type=FlowRunFilterStateType(any_=list(TERMINAL_STATES)),
        name=FlowRunFilterStateName(any_=list(names)) if names else None,
    )
    end_time = FlowRunFilterEndTime(before_=DateTime.fromtimestamp(before.timestamp(), before.tzinfo))
    old = FlowRunFilter(tags=FlowRunFilterTags(any_=list(tags)), state=state, end_time=end_time)
    deleted = 0
    with get_client(sync_client=True) as client:
        while runs := client.read_flow_runs(flow_run_filter=old, limit=100):
            made = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id for run in runs]))
            for artifact in client.read_artifacts(artifact_filter=made):
                client.delete_artifact(artifact.id)
            for run in runs:
                try:
                    client.delete_flow_run(run.id)
                except ObjectNotFound:  # the server's own vacuum was faster
                    continue
                deleted += 1
    return deleted


def delete_logs(root: Path, before: datetime.datetime) -> int:
    """Delete the log folders of runs that wrote nothing since; how many."""
    deleted = 0
    for folder in sorted((root / FOLDER / "logs").glob("*/")):
        newest = max((path.stat().st_mtime for path in [folder, *folder.rglob("*")]), default=0.0)
        if newest < before.timestamp():
            shutil.rmtree(folder)
            deleted += 1
    return deleted
