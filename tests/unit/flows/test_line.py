"""The line under Prefect: what a finished, a failed and a dead run leave on the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.flows.conftest import Checkout

RUNS = """
import json, sys
from pathlib import Path
from prefect import flow, tags
from prefect.client.orchestration import get_client
from prefect.states import Running
from flows.line import run_line

root = Path(sys.argv[1])
with get_client(sync_client=True) as client:
    @flow(name="hilum-line")
    def dead(): ...
    died = client.create_flow_run(dead, tags=[f"line:{root.resolve()}"], state=Running())
    told = []
    part = run_line(root, 2, {}, "dvc.yaml:raw", lambda report: told.append(sorted(report.did)))
    first = run_line(root, 2, {})
    (root / "parts/a.txt").write_text("broken")
    try:
        run_line(root, 2, {})
        failed = None
    except Exception as error:
        failed = type(error).__name__
    runs = {str(run.id): run for run in client.read_flow_runs()}
    accounts = [a.data for a in sorted(client.read_artifacts(), key=lambda a: a.created) if a.key == "line"]
    tasks = sorted((task.name, len(task.task_inputs.get("wait_for", []))) for task in client.read_task_runs())
    states = {task.name: (task.state.name, task.state.message) for task in client.read_task_runs()}
    print(json.dumps({
        "part": part.did, "told": told, "words": states["words"],
        "did": first.did, "failed": failed, "accounts": accounts, "tasks": tasks,
        "dead": runs.pop(str(died.id)).state.type.value,
        "states": sorted(run.state.type.value for run in runs.values()),
    }))
"""


@pytest.mark.slow
def test_a_run_leaves_its_account_and_marks_the_dead(checkout: Checkout, tmp_path: Path, root: Path) -> None:
    path = checkout.folder / "src/count.py"
    path.write_text(path.read_text() + "\nif 'broken' in text: sys.exit(4)\n")
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": str(root)}
    env["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "180"
    done = subprocess.run(
        [sys.executable, "-c", RUNS, str(checkout.folder)],
        cwd=checkout.folder, env=env, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert seen["part"] == {"raw": "ran"} and seen["told"] == [[], ["raw"]]
    assert set(seen["did"].values()) == {"ran", "kept"}
    assert seen["failed"] == "GateError"
    assert seen["dead"] == "CRASHED"
    assert seen["states"] == ["COMPLETED", "COMPLETED", "FAILED"]
    assert ["words", 2] in seen["tasks"] and ["raw", 0] in seen["tasks"]
    assert seen["words"] == ["Ran", "words ran"]
    _, good, bad = seen["accounts"]
    assert good.startswith("## Done: 4 ran, 0 restored") and "| `data/words.txt` | " in good
    assert bad.startswith("## Failed: count@a\n- **count@a**: GateError: stage count@a failed (exit 4)")
    assert "not reached: words, upper" in bad
