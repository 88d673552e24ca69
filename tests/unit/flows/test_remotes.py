"""What a remote holds, from a fresh clone that has nothing else: a folder, and S3's interface on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows import promotion, repository
from flows.bundle import BUNDLE, bundle
from flows.driver import ThreadEngine, drive
from flows.graph import THE_LINE, Line
from flows.plan import PlannedStage, plan_checkout, plan_line
from flows.remotes import push
from hilum.errors import BadDataError, UsageError
from tests.unit.flows.toy import SERVED, ServedCheckout


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """A checkout with a promoted model."""
    checkout = ServedCheckout(tmp_path_factory.mktemp("template"))
    bundle(checkout.folder)
    repository.commit(checkout.folder, BUNDLE, "served")
    promotion.promote(checkout.folder, "HEAD")
    return checkout


@pytest.fixture
def served(template: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    return ServedCheckout.copy(template, tmp_path / "checkout")


@pytest.fixture
def pushed(served: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    """A fresh clone of a checkout that has pushed to a folder; the folder is ../store."""
    served.dvc("remote", "add", "-q", "-d", "store", "../store")
    served.commit("a remote")
    assert push(served.folder) == "pushed artifacts to store"
    return ServedCheckout.clone(served.folder, tmp_path / "clone")


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server with a bucket `hilum`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "s3.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
        )
    try:
        yield _make_bucket(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()


def _make_bucket(url: str) -> str:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(f"{url}/hilum", method="PUT")).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)
        else:
            return url


def plan(checkout: ServedCheckout, target: str = THE_LINE, *, remote: bool = True) -> dict[str, PlannedStage]:
    return {stage.stage: stage for stage in plan_checkout(checkout.folder, target, remote=remote)}


def run(checkout: ServedCheckout, target: str = THE_LINE) -> dict[str, str]:
    """What a run does once it has fetched what its plan found at the remote."""
    with closing(Line(checkout.folder, target, remote=True)) as line:
        plan_line(line, {})
        line.bring()
    report = drive(checkout.folder, 2, ThreadEngine(2), {}, target)
    assert not report.errors
    return report.did


def test_without_a_remote_nothing_leaves(served: ServedCheckout) -> None:
    assert push(served.folder, git=True) == "no remote is set; nothing was pushed"
    with pytest.raises(UsageError, match="dvc remote add -d store"):
        plan(served)


def test_a_fresh_clone_gets_back_everything_that_was_pushed(pushed: ServedCheckout) -> None:
    alone = plan(pushed, remote=False)
    assert alone["data/raw/L0001/listing.txt.dvc"].action == "run" and alone["images@L0001-a"].action == "run"
    planned = plan(pushed, SERVED)
    assert all(stage.action == "restore" and stage.where == "remote" for stage in planned.values()), planned
    assert {name for name in planned if name.endswith(".dvc")} == {
        "data/raw/L0001/listing.txt.dvc", "data/served/champion.dvc",
    }  # fmt: skip
    assert not (pushed.folder / "data/served/champion").exists(), "a plan fetches no object"
    assert set(run(pushed, SERVED).values()) == {"restored"}
    assert set(run(pushed).values()) == {"restored", "kept"}
    assert repository.is_clean(pushed.folder)
    assert not any(stage.stale for stage in plan(pushed, SERVED, remote=False).values())


def test_what_has_run_elsewhere_is_restored_and_what_the_remote_lost_is_run(
    served: ServedCheckout, pushed: ServedCheckout, tmp_path: Path
) -> None:
    pushed.dvc("pull", "-q")
    served.train("second", 0.75)
    push(served.folder)
    for name in ("weights.txt", "weights.json"):
        pushed.write(name, served.read(name))
    planned = plan(pushed)
    assert {name: stage.where for name, stage in planned.items() if stage.stale} == dict.fromkeys(
        ["locate", "embed@L0001-a", "embed@L0001-b", "index", "evaluate"], "remote"
    )
    lost = next(path for path in (tmp_path / "store/files/md5").rglob("*") if path.is_file() and path.read_bytes() == (
        served.folder / "data/embeddings/L0001-b.parquet").read_bytes())  # fmt: skip
    lost.unlink()
    planned = plan(pushed)
    assert {name for name, stage in planned.items() if stage.action == "run"} == {"embed@L0001-b", "index", "evaluate"}
    did = run(pushed)
    assert {name for name, how in did.items() if how == "ran"} == {"embed@L0001-b", "index", "evaluate"}
    assert {name for name, how in did.items() if how == "restored"} >= {"locate", "embed@L0001-a"}
    assert pushed.read("reports/metrics.json") == served.read("reports/metrics.json")


@pytest.mark.slow
def test_a_remote_that_does_not_answer_is_named(pushed: ServedCheckout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t", "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    pushed.dvc("remote", "add", "-q", "-f", "-d", "store", "s3://hilum/store")
    pushed.dvc("remote", "modify", "--local", "store", "endpointurl", "http://127.0.0.1:9")
    with pytest.raises(BadDataError, match="remote store does not answer"):
        plan(pushed)


@pytest.mark.slow
def test_the_same_behind_s3(served: ServedCheckout, s3: str, tmp_path: Path) -> None:
    served.dvc("remote", "add", "-q", "-d", "store", "s3://hilum/store")
    served.dvc("remote", "modify", "store", "endpointurl", s3)
    served.commit("a remote")
    assert push(served.folder) == "pushed artifacts to store"
    clone = ServedCheckout.clone(served.folder, tmp_path / "clone")
    planned = plan(clone, SERVED)
    assert all(stage.where == "remote" for stage in planned.values()), planned
    assert set(run(clone, SERVED).values()) == {"restored"}
    clone.dvc("pull", "-q")
    assert not any(stage.stale for stage in plan(clone, remote=False).values())
    clone.dvc("artifacts", "get", str(clone.folder), "search", "--stage", "prod", "-o", str(tmp_path / "got"))
    assert (tmp_path / "got/champion/settings.json").read_text() == served.read("data/served/champion/settings.json")

    served.train("second", 0.75)
    push(served.folder)
    for name in ("weights.txt", "weights.json"):
        clone.write(name, served.read(name))
    assert {stage.where for stage in plan(clone).values() if stage.stale} == {"remote"}
    assert set(run(clone).values()) == {"restored", "kept"}
    assert clone.read("dvc.lock") == served.read("dvc.lock")
