"""Stages of partitions on a real Dask cluster: a scheduler and two workers, processes with folders of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hilum.cli import cli
from tests.unit.flows.conftest import Checkout

RUN = """
import json, sys
from pathlib import Path
from flows.line import run_line

root, cluster = Path(sys.argv[1]), sys.argv[2]
try:
    done = run_line(root, 2, {}, cluster=cluster)
    print(json.dumps(done.did))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""
TASKS = """
import json
from prefect.client.orchestration import get_client

with get_client(sync_client=True) as client:
    runs = client.read_task_runs()
    print(json.dumps([[r.name, r.state.name, r.state.message, sum(map(len, r.task_inputs.values()))] for r in runs]))
"""
WAIT = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.05)\n"
EXITS = """
if key == 'a':
    print('words of a report')
    sys.exit(4)
if not os.path.exists('once'):
    open('once', 'w')
    sys.exit(75)
"""


class Cluster:
    """A scheduler, two workers and a Prefect server. The second worker knows the shared folder by another path."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.line, self._processes = folder / "line", []
        self.address, api = f"tcp://127.0.0.1:{_port()}", _port()
        (folder / "driver").mkdir()
        (folder / "seen").symlink_to(self.line)
        self.start("server", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(api))
        self.start("scheduler", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
                   self.address.rpartition(":")[2], "--no-dashboard")  # fmt: skip
        self.api = f"http://127.0.0.1:{api}/api"
        self.workers = [self.worker("one"), self.worker("two", HILUM_ROOT=str(folder / "seen"))]
        _wait_for(lambda: _answers(f"{self.api}/health"), 120)

    def worker(self, name: str, **env: str) -> subprocess.Popen[bytes]:
        return self.start(name, "distributed.cli.dask_worker", self.address, "--no-nanny", "--nthreads", "1",
                          "--no-dashboard", "--local-directory", f"{name}-files", **env)  # fmt: skip

    def start(self, name: str, *words: str, **env: str) -> subprocess.Popen[bytes]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=folder, env=self.environment(name) | env, stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    def environment(self, name: str) -> dict[str, str]:
        known = {"PREFECT_HOME": str(self.folder / name / "prefect"), "PYTHONPATH": f"{self.root / 'src'}:{self.root}"}
        return {**os.environ, **known, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

    def run(self) -> dict[str, Any]:
        return said(self.begin())

    def begin(self) -> subprocess.Popen[bytes]:
        return self._python(RUN, str(self.line), self.address)

    def task_runs(self) -> list[list[Any]]:
        return said(self._python(TASKS))

    def _python(self, code: str, *words: str) -> subprocess.Popen[bytes]:
        env = self.environment("driver") | {"PREFECT_API_URL": self.api}
        return subprocess.Popen([sys.executable, "-c", code, *words], env=env, stdout=subprocess.PIPE)

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()


def said(process: subprocess.Popen[bytes]) -> Any:
    """What a program printed last."""
    out, _ = process.communicate()
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), root)
    yield cluster
    cluster.close()


@pytest.fixture
def line(cluster: Cluster) -> Checkout:
    """The shared folder with a fresh line in it, whose stages of partitions wait for a file."""
    shutil.rmtree(cluster.line, ignore_errors=True)
    return _line(cluster.line)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The same line, as `dvc repro` leaves it."""
    other = _line(tmp_path_factory.mktemp("other"))
    other.write("go", "")
    other.repro()
    return other


@pytest.mark.slow
def test_the_lock_and_the_cache_are_those_of_dvc_repro(cluster: Cluster, line: Checkout, other: Checkout) -> None:
    line.write("go", "")
    assert set(cluster.run().values()) == {"ran"}
    assert line.lock == other.lock
    assert _cache(line) == _cache(other)
    tasks = {name: (state, message, n_inputs) for name, state, message, n_inputs in cluster.task_runs()}
    assert [tasks[name][0] for name in ("raw", "count@a", "count@b", "words")] == ["Ran"] * 4
    places = {tasks[name][1].partition(" on ")[2] for name in ("count@a", "count@b")}
    assert len(places) == 2 and all(place.startswith("tcp://127.0.0.1:") for place in places)
    assert tasks["count@a"][2] == 1 and tasks["words"][2] == 2

    (cluster.line / "data/counts/a.txt").unlink()
    assert cluster.run()["count@a"] == "restored"
    assert line.lock == other.lock


@pytest.mark.slow
def test_exit_codes_mean_what_they_mean_here(cluster: Cluster, line: Checkout) -> None:
    line.write("go", "")
    path = cluster.line / "src/count.py"
    path.write_text(path.read_text() + EXITS)
    outcome = cluster.run()
    assert outcome["error"] == "GateError"
    assert "stage count@a failed (exit 4); its messages are in .hilum/logs/" in outcome["message"]
    assert "count@b:" in line.lock and "count@a:" not in line.lock and "words:" not in line.lock
    [log] = (cluster.line / ".hilum/logs").rglob("count@a.log")
    assert log.read_text() == "words of a report\nstage count@a exited with 4\n"
    assert not any("words of a report" in str(row) for row in cluster.task_runs())


@pytest.mark.slow
def test_a_killed_driver_leaves_no_command(cluster: Cluster, line: Checkout, other: Checkout) -> None:
    with cluster.begin() as driver:
        _wait_for(lambda: len(_counting(cluster.line)) == 2, 120)
        driver.send_signal(signal.SIGKILL)
    time.sleep(2)
    assert _counting(cluster.line) == []
    assert "count@" not in line.lock
    line.write("go", "")
    assert set(cluster.run().values()) == {"ran", "kept"}
    assert line.lock == other.lock


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_but_time(cluster: Cluster, line: Checkout, other: Checkout) -> None:
    driver = cluster.begin()
    _wait_for(lambda: len(_counting(cluster.line)) == 2, 120)
    cluster.workers[0].kill()
    _wait_for(lambda: len(_counting(cluster.line)) == 1, 2)
    line.write("go", "")
    assert set(said(driver).values()) == {"ran"}
    assert line.lock == other.lock


def test_a_cluster_is_asked_for_by_its_address() -> None:
    done = CliRunner().invoke(cli, ["run", "--engine", "dask"], env={"HILUM_DASK": ""})
    assert done.exit_code == 2 and "--engine dask needs --cluster" in done.output


def _line(folder: Path) -> Checkout:
    folder.mkdir(exist_ok=True)
    line = Checkout(folder)
    line.write("src/count.py", WAIT + (folder / "src/count.py").read_text())
    return line


def _cache(checkout: Checkout) -> dict[str, bytes]:
    """Every object and every entry of the run-cache."""
    folder = checkout.folder / ".dvc/cache"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _counting(folder: Path) -> list[int]:
    """Processes that compute a partition in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[:2] == [b"python", b"src/count.py"] and Path(os.readlink(entry / "cwd")) == folder.resolve():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


def _wait_for(is_so: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
