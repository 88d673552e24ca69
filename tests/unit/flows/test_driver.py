"""The scheduler on a small line: what it leaves, what it does when a stage fails, and that nothing survives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.checkout import one_run, read_seconds
from flows.driver import RunReport, ThreadEngine, drive
from hilum.errors import BadDataError, UsageError
from tests.unit.flows.conftest import Checkout


def run(checkout: Checkout, jobs: int = 2) -> RunReport:
    return drive(checkout.folder, jobs, ThreadEngine(jobs), {})


def test_the_lock_is_that_of_dvc_repro(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Checkout(tmp_path_factory.mktemp("other"))
    other.repro()
    report = run(checkout)
    assert set(report.did.values()) == {"ran"} and len(report.did) == 5
    assert checkout.lock == other.lock
    assert set(read_seconds(checkout.folder)) == set(report.did)
    assert set(run(checkout).did.values()) == {"kept"}
    assert checkout.lock == other.lock


def test_what_the_cache_holds_is_restored_and_a_change_without_effect_stops(checkout: Checkout) -> None:
    run(checkout)
    (checkout.folder / "data/counts/a.txt").unlink()
    assert run(checkout).did["count@a"] == "restored"
    checkout.write("src/count.py", (checkout.folder / "src/count.py").read_text() + "\n# a remark\n")
    did = run(checkout).did
    assert (did["count@a"], did["count@b"], did["words"], did["upper"]) == ("ran", "ran", "kept", "kept")


def test_a_failed_stage_stops_only_what_needs_it(checkout: Checkout) -> None:
    checkout.write("parts/a.txt", "")
    path = checkout.folder / "src/count.py"
    path.write_text(path.read_text() + "\nif key == 'a': sys.exit(3)\n")
    report = run(checkout)
    assert report.did == {"raw": "ran", "count@a": "failed", "count@b": "ran", "words": "not reached",
                          "upper": "not reached"}  # fmt: skip
    error = report.errors["count@a"]
    assert isinstance(error, BadDataError)
    assert "stage count@a failed (exit 3); its messages are in .hilum/logs/" in str(error)
    path.write_text(path.read_text().replace("if key == 'a': sys.exit(3)", ""))
    assert run(checkout).did["upper"] == "ran"


def test_a_stage_that_asks_to_be_tried_again_is(checkout: Checkout) -> None:
    path = checkout.folder / "src/join.py"
    path.write_text(
        path.read_text()
        + "\nif not pathlib.Path('once').exists():\n    pathlib.Path('once').touch()\n    sys.exit(75)\n"
    )
    assert run(checkout).did["words"] == "ran"


def test_a_second_run_is_refused(checkout: Checkout) -> None:
    with one_run(checkout.folder), pytest.raises(UsageError, match=f"process {os.getpid()}"):
        run(checkout)


DRIVE = """
import sys
from pathlib import Path
from flows.driver import ThreadEngine, drive
drive(Path(sys.argv[1]), 2, ThreadEngine(2), {})
"""


def test_a_killed_run_leaves_no_process_and_the_next_ends_with_the_same_bytes(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory, root: Path
) -> None:
    other = Checkout(tmp_path_factory.mktemp("other"))
    other.repro()
    path = checkout.folder / "src/count.py"
    slow = path.read_text().replace("import pathlib", "import time; time.sleep(30)\nimport pathlib")
    checkout.write("src/count.py", slow)
    driver = subprocess.Popen([sys.executable, "-c", DRIVE, str(checkout.folder)], cwd=root)
    until = time.monotonic() + 60
    while not _alive(checkout.folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert _alive(checkout.folder)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(1)
    assert [name for name in _alive(checkout.folder) if "dvc" in name] == []
    checkout.write("src/count.py", slow.replace("import time; time.sleep(30)\n", ""))
    run(checkout)
    assert checkout.lock == other.lock


def _alive(folder: Path) -> list[str]:
    """Command lines of processes at work in a folder, the zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if Path(os.readlink(entry / "cwd")) == folder and (entry / "cmdline").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found
