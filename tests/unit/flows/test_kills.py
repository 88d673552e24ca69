"""Killed with SIGKILL: the driver, DVC, a stage. Nothing is left, and the next run ends with the same bytes.

`tests/benchmarks/kill_trials.py` does the same to the real line.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.checkout import remove_leftovers
from flows.driver import RunReport, ThreadEngine, drive
from flows.stage_process import TRANSIENT_EXIT, run_through_dvc
from hilum.errors import HilumError
from tests.unit.flows.conftest import Checkout

DRIVE = """
import sys
from pathlib import Path
from flows.driver import ThreadEngine, drive
drive(Path(sys.argv[1]), 2, ThreadEngine(2), {})
"""
PARENT = """
import subprocess, sys, time
from flows.reaper import end_children_with_me
end_children_with_me()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The lock that `dvc repro` leaves."""
    other = Checkout(tmp_path_factory.mktemp("other"))
    other.repro()
    return other.lock


def run(checkout: Checkout) -> RunReport:
    return drive(checkout.folder, 2, ThreadEngine(2), {})


def slow(checkout: Checkout, seconds: float) -> Callable[[], None]:
    """Make the first counting stage slow; returns how to make it fast again."""
    path = checkout.folder / "src/count.py"
    fast = path.read_text()
    path.write_text(f"import sys, time\nif sys.argv[3] == 'a':\n    time.sleep({seconds})\n{fast}")
    return lambda: checkout.write("src/count.py", fast)


def alive(folder: Path) -> dict[int, str]:
    """Processes at work in a folder by id, with their names and command lines; zombies have none."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if words and Path(os.readlink(f"/proc/{name}/cwd")) == folder and int(name) != os.getpid():
                found[int(name)] = f"[{Path('/proc', name, 'comm').read_text().strip()}] {words}"
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def wait_for(folder: Path, words: str) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for process, line in alive(folder).items():
            if words in line:
                return process
        time.sleep(0.05)
    raise AssertionError(f"no process '{words}' was seen in a minute")


def kill_when_seen(folder: Path, words: str, after: str) -> threading.Thread:
    """Kill the process of these words once one of the others is there."""

    def kill() -> None:
        wait_for(folder, after)
        os.kill(wait_for(folder, words), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    return killer


def test_what_a_killed_process_has_started_ends_in_whatever_session_it_is(tmp_path: Path, root: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=tmp_path, env=env, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"started\n"
        assert any("import time; time.sleep" in words for words in alive(tmp_path).values())
        parent.kill()
    time.sleep(2)
    assert alive(tmp_path) == {}


def test_a_killed_driver_leaves_no_command_behind(checkout: Checkout, root: Path, expected: str) -> None:
    mend = slow(checkout, 60)
    driver = subprocess.Popen([sys.executable, "-c", DRIVE, str(checkout.folder)], cwd=root)
    wait_for(checkout.folder, "src/count.py")
    driver.kill()
    driver.wait()
    time.sleep(2)
    assert alive(checkout.folder) == {}
    mend()
    run(checkout)
    assert checkout.lock == expected


@pytest.mark.parametrize(
    "victim, said",
    [("python src/count.py", "stage count@a was killed (signal 9)"),
     ("[hilum-dvc]", "the DVC process of stage count@a was killed")],
)  # fmt: skip
def test_a_killed_stage_is_said_to_be_killed(checkout: Checkout, victim: str, said: str) -> None:
    run_through_dvc(["raw"], checkout.folder, checkout.folder / "raw.log", 1)
    slow(checkout, 20)
    killer = kill_when_seen(checkout.folder, victim, after="src/count.py")
    report = drive(checkout.folder, 1, ThreadEngine(1), {})
    killer.join()
    error = report.errors["count@a"]
    assert isinstance(error, HilumError) and said in str(error) and "finished stages are kept" in str(error)
    assert report.did["count@b"] == "ran" and report.did["words"] == "not reached"
    assert alive(checkout.folder) == {}


def test_what_ran_before_a_stage_was_tried_again_did_run(checkout: Checkout) -> None:
    path = checkout.folder / "src/count.py"
    once = f"if not pathlib.Path('once').exists():\n    pathlib.Path('once').touch()\n    sys.exit({TRANSIENT_EXIT})\n"
    path.write_text(path.read_text() + once)
    done = run_through_dvc(["raw", "count@a"], checkout.folder, checkout.folder / "bundle.log", 1)
    assert "Stage 'raw' didn't change" in (checkout.folder / "bundle.log").read_text(), "the second try keeps it"
    assert done.did == {"raw": "ran", "count@a": "ran"}


def test_temporary_files_of_a_killed_stage_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "counts").mkdir()
    (tmp_path / ".words.txt.abcd1234").mkdir()
    for name in ("a.txt", ".keep", ".gitignore", ".a.txt.x1y2z3w4", ".0123456789abcdefghijkl.tmp"):
        (tmp_path / "counts" / name).touch()
    outs = ["counts/a.txt", "counts/b.txt", "words.txt", "missing/x.txt"]
    assert remove_leftovers(tmp_path, outs) == 3
    assert {path.name for path in tmp_path.rglob("*")} == {"counts", "a.txt", ".keep", ".gitignore"}
    assert remove_leftovers(tmp_path, outs) == 0


def test_dvc_never_writes_its_lock_or_its_list_of_paths_in_place(checkout: Checkout) -> None:
    """A second name of the same file would show what is written in place."""
    run_through_dvc(["raw"], checkout.folder, checkout.folder / "raw.log", 1)
    for path in ("dvc.lock", ".dvc/tmp/rwlock"):
        os.link(checkout.folder / path, checkout.folder / "second-name")
        before = (checkout.folder / path).read_text()
        run_through_dvc([f"count@{'a' if path == 'dvc.lock' else 'b'}"], checkout.folder, checkout.folder / "c.log", 1)
        assert (checkout.folder / "second-name").read_text() == before
        assert not (checkout.folder / path).samefile(checkout.folder / "second-name")
        (checkout.folder / "second-name").unlink()
    assert not list(checkout.folder.rglob(".*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_a_driver_killed_at_any_moment(checkout: Checkout, root: Path, expected: str, number: int) -> None:
    moment = random.Random(number).uniform(0, 7)
    driver = subprocess.Popen([sys.executable, "-c", DRIVE, str(checkout.folder)], cwd=root)
    time.sleep(moment)
    driver.kill()
    driver.wait()
    time.sleep(2)
    assert alive(checkout.folder) == {}
    assert set(run(checkout).did.values()) <= {"ran", "restored", "kept"}
    assert checkout.lock == expected
    assert set(run(checkout).did.values()) == {"kept"}
