"""What is served, and a real server: a cron deployment fires, an event starts a deployment, and all of it ends."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.events import checkout_id, landing_resource
from flows.serve import Service, deployments
from flows.server import running_server, settle_environment
from hilum.errors import UsageError
from tests.unit.flows.served import ServedToy


def test_each_flow_has_its_schedule_and_its_events(tmp_path: Path) -> None:
    service = Service(source=tmp_path / "source", jobs=3, watch="*/5 * * * *", retrain="0 2 * * 6", keep_days=7)
    watch, refresh, retrain, clean = deployments(tmp_path, service)
    assert watch.name == f"watch-{checkout_id(tmp_path)}" and watch.schedules[0].schedule.cron == "*/5 * * * *"
    assert watch.parameters["source"] == str(tmp_path / "source") and watch.triggers == []
    landed, promoted = refresh.triggers
    assert landed.expect == {"hilum.landing.recorded"} and refresh.parameters["jobs"] == 3
    assert landed.match.root == {"prefect.resource.id": landing_resource(tmp_path, "*")}
    assert promoted.parameters["then_retrain"] is False  # or a promotion would start the next retraining for ever
    assert retrain.schedules[0].schedule.cron == "0 2 * * 6" and retrain.triggers[0].expect == {"hilum.refreshed"}
    assert clean.parameters["keep_days"] == 7
    assert all(row.tags == [f"serve:{tmp_path}"] and row.concurrency_limit == 1 for row in (watch, refresh, retrain))


def test_retraining_waits_for_a_hand_where_that_is_asked(tmp_path: Path) -> None:
    retrain = deployments(tmp_path, Service(source=tmp_path, jobs=1, retrain_on_landing=False))[2]
    assert retrain.triggers == [] and retrain.schedules == []


def test_a_schedule_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not of cron's form.*every noon"):
        deployments(tmp_path, Service(source=tmp_path, jobs=1, watch="every noon"))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be listened on"),
            running_server(tmp_path, "127.0.0.1", port, None),
        ):
            raise AssertionError("a server started on a port that is taken")


@pytest.mark.parametrize(("there", "own"), [("", True), ("http://10.0.0.1:4200/api", False)])
def test_a_server_of_ones_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str, own: bool) -> None:
    for name in ("PREFECT_HOME", "PREFECT_LOGGING_EXTRA_LOGGERS", "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"):
        monkeypatch.setenv(name, "kept")
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "WARNING")
    monkeypatch.setenv("PREFECT_API_URL", there)
    assert settle_environment(tmp_path, "0.0.0.0", 4321) is own
    assert os.environ["PREFECT_API_URL"] == (there or "http://127.0.0.1:4321/api")
    assert os.environ["PREFECT_HOME"] == "kept" and os.environ["PREFECT_LOGGING_LEVEL"] == "INFO"


class Serving:
    """`hilum serve` of a toy in a process of its own."""

    def __init__(self, toy: ServedToy, root: Path, out: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        env = {k: v for k, v in os.environ.items() if k not in ("PREFECT_API_URL", "PREFECT_HOME")}
        env |= {"PYTHONPATH": f"{root / 'src'}:{root}", "PREFECT_RUNNER_POLL_FREQUENCY": "2"}
        words = ["serve", str(toy.source), "--watch", "* * * * *", "--settle", "0", "--port", str(self.port)]
        with out.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from hilum.cli import main; main()", *words, "--no-retrain-on-landing"],
                cwd=toy.folder, env=env, stdout=stream, stderr=stream, start_new_session=True,
            )  # fmt: skip
        self.out, self.mark = out, f"HILUM_DRIVER={self.process.pid}".encode()

    def runs(self) -> list[dict[str, Any]]:
        """The flow runs that the server knows, the first first; none while it does not answer."""
        body = json.dumps({"sort": "EXPECTED_START_TIME_ASC"}).encode()
        url = f"http://127.0.0.1:{self.port}/api/flow_runs/filter"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                rows: list[dict[str, Any]] = json.load(answer)
        except OSError:
            return []
        return rows

    def wait_for(self, what: str, found: Callable[[], Any], seconds: float = 150) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if answer := found():
                return answer
            assert self.process.poll() is None, self.out.read_text()
            time.sleep(1)
        raise AssertionError(f"no {what} after {seconds} s: {self.out.read_text()}")

    def run_of(self, name: str, state: str) -> Callable[[], dict[str, Any] | None]:
        return lambda: next((r for r in self.runs() if r["name"] == name and r["state_name"] == state), None)

    def started(self) -> list[int]:
        """The living processes that it or its runs have started."""
        left = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                held = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if self.mark in held or any(f"{self.port}/api".encode() in row for row in held):
                left.append(int(path.parent.name))
        return [pid for pid in left if pid != self.process.pid]


@contextmanager
def serving(toy: ServedToy, root: Path, out: Path) -> Iterator[Serving]:
    service = Serving(toy, root, out)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.wait()


@pytest.mark.long
def test_a_schedule_and_an_event_start_runs_and_nothing_outlives_the_service(tmp_path: Path, root: Path) -> None:
    toy, out = ServedToy(tmp_path, root), tmp_path / "serve.out"
    with serving(toy, root, out) as service:
        first = service.wait_for("cron run", service.run_of("watch", "Landed"))
        assert first["auto_scheduled"] and first["state"]["message"].startswith("L0001 in L0001-p10-p13")
        refreshed = service.wait_for("run by event", service.run_of("refresh L0001", "Refreshed"))
        descriptor = (toy.folder / "data/landings/L0001.json").read_bytes()
        assert refreshed["parameters"]["landing"] == "L0001" and len(refreshed["parameters"]["digest"]) == 64
        assert refreshed["parameters"]["digest"] == hashlib.sha256(descriptor).hexdigest()
        assert (toy.folder / "data/served/index/all").is_file()

        (toy.folder / "seconds.txt").write_text("300")
        toy.withdraw(10_000_000)
        service.wait_for("refresh of a withdrawal", service.run_of("refresh L0002", "Running"))
        service.wait_for("stage", lambda: "embed.py" in "".join(map(command_of, service.started())))
        service.process.kill()
        until = time.monotonic() + 2
        while service.started() and time.monotonic() < until:
            time.sleep(0.1)
        assert service.started() == [], [command_of(pid) for pid in service.started()]

    (toy.folder / "seconds.txt").write_text("0")
    with serving(toy, root, out) as service:
        made_up = service.wait_for("refresh after the start", service.run_of("refresh after a start", "Refreshed"))
        assert made_up["state_type"] == "COMPLETED"
        assert [r["state_name"] for r in service.runs() if r["name"] == "refresh L0002"] == ["Crashed"]
        assert "10000000" in (toy.folder / "data/served/index/all").read_text()  # as one who is to be left out
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
        assert service.started() == []


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
