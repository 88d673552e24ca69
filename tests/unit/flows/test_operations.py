"""The flows of a served checkout on a server of one run: what their states say, who is told, what is cleaned."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.flows.served import ServedToy

RUNS = """
import datetime, json, sys
from pathlib import Path
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.states import Pending, Running
from prefect import flow, tags
import flows.retrain
from flows import operations
from flows.clean import delete_logs, delete_runs
from flows.dead_runs import mark_dead_runs
from flows.retrain import Retrained

root, source, hook = sys.argv[1:]
words = {"subject": "{{subject}}", "body": "{{body}}"}
said = []

def state(done):
    said.append([done.type.value, done.name, done.message])

with get_client(sync_client=True) as client, tags(operations.tag_of(Path(root))):
    CustomWebhookNotificationBlock(name="ops", url=hook, json_data=words).save("ops")
    for settle in (9999, 0, 0):
        state(operations.watch(root, source, settle, return_state=True))
    for _ in range(2):
        state(operations.watch(root, source + "-gone", 0, return_state=True))
    state(operations.refresh(root, 2, "L0001", return_state=True))
    (Path(root) / "embed.py").write_text("raise SystemExit(print('hilum: no pixels of study 50000001') or 3)")
    state(operations.refresh(root, 2, "L0002", return_state=True))
    flows.retrain.retrain = lambda *words: Retrained("retrain/L0001-abc", "refused", "recall fell by 0.1", "model@v2")
    state(operations.retrain(root, 2, "L0001", return_state=True))
    def bug(*words):
        raise ValueError("FINDINGS: the words of a report")
    flows.retrain.retrain = bug
    state(operations.retrain(root, 2, "L0002", return_state=True))

    tag = operations.tag_of(Path(root))
    @flow(name="hilum-refresh")
    def dead(): ...
    for started in (Running(), Pending()):
        client.create_flow_run(dead, tags=[tag], state=started)
    died = mark_dead_runs(tag, None)

    made = sorted(client.read_artifacts(), key=lambda artifact: artifact.created)
    accounts = [[artifact.key, artifact.data] for artifact in made if artifact.type == "markdown"]
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    kept = [delete_runs([tag], now - day), delete_logs(Path(root), now - day), delete_runs(["serve:other"], now + day)]
    idle = delete_runs([tag], now + day, [operations.NOTHING_NEW, operations.CHANGING])
    left = len(client.read_flow_runs())
    gone = [delete_runs([tag], now + day), delete_logs(Path(root), now + day), len(client.read_flow_runs())]
    print(json.dumps({"said": said, "died": len(died), "accounts": accounts, "kept": kept, "idle": idle, "left": left,
                      "gone": gone, "artifacts": len(client.read_artifacts())}))
"""


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A webhook on loopback, and what it was told."""
    told: list[dict[str, str]] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", told
        server.shutdown()


@pytest.mark.slow
def test_the_flows_say_what_came_of_them_and_tell_somebody(
    tmp_path: Path, root: Path, hook: tuple[str, list[dict[str, str]]]
) -> None:
    toy = ServedToy(tmp_path, root)
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": f"{root / 'src'}:{root}"}
    env |= {"HILUM_NOTIFY": "custom-webhook/ops", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180"}
    done = subprocess.run(
        [sys.executable, "-c", RUNS, str(toy.folder), str(toy.source), hook[0]],
        cwd=toy.folder, env=env, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    names = [name for _, name, _ in seen["said"]]
    assert names[:6] == ["Still changing", "Landed", "Nothing new", "Failed", "Failed", "Refreshed"]
    assert [(kind, name) for kind, name, _ in seen["said"][6:]] == [
        ("FAILED", "Failed"), ("FAILED", "Refused"), ("FAILED", "Failed"),
    ]  # fmt: skip
    assert "is no folder" in seen["said"][3][2]
    assert seen["said"][6][2].endswith("It said: no pixels of study …")
    assert seen["said"][7][2] == "recall fell by 0.1"
    assert (toy.folder / "data/served/index/all").is_file()
    assert toy.git("log", "--format=%s").splitlines()[-2] == "Record landing L0001"
    assert (
        "data/raw/L0001/listing.parquet.dvc" in toy.git("ls-files") and toy.git("status", "--porcelain", "data") == ""
    )
    keys = [key for key, _ in seen["accounts"]]
    assert keys == ["landing", "refresh", "refresh"]
    assert seen["accounts"][1][1].startswith("## Refresh L0001 done: 2 ran")
    assert seen["accounts"][2][1].startswith("## Refresh L0002 failed: data/served/dvc.yaml:embed@")
    subjects = [row["subject"].removeprefix("hilum: ") for row in hook[1]]
    # the watch that failed twice with the same words told so once
    assert subjects == ["watch failed", "refresh L0002 failed", "retrain L0001 refused", "retrain L0002 failed"]
    assert hook[1][2]["body"].startswith("recall fell by 0.1\n")
    assert hook[1][3]["body"].startswith("ValueError; what it says is in the run's log.")
    assert "FINDINGS" not in json.dumps(hook[1])
    assert seen["died"] == 2
    assert seen["kept"] == [0, 0, 0] and seen["idle"] == 2 and seen["left"] == 9
    assert seen["gone"][0] == 9 and seen["gone"][2] == 0 and seen["artifacts"] == 0
    assert not list((toy.folder / ".hilum/logs").glob("*/"))
