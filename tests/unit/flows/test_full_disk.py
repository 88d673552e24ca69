"""A line on a disk that fills up: it says so, tears nothing, and goes on once there is room.

The disk is a tmpfs in a name space of its own, which some machines do not allow; the tests are skipped there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.disk import full_disk, said_plainly
from hilum.cli.command import says_disk_full
from hilum.errors import BadDataError
from tests.unit.flows.conftest import Checkout

DISK_MIB = 48
TIMES = 300_000  # 1.5 MB a count, 3 MB of words, each once more in the cache: about 15 MB in all
MOUNTED = ["unshare", "-Urm", "bash", "-c", 'mount -t tmpfs -o size="$1"m none "$2" && shift 2 && exec "$@"', "bash"]
ON_THE_DISK = """
import json, os, shutil, sys
from pathlib import Path
from flows.driver import ThreadEngine, drive
from hilum.errors import HilumError
source, disk, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
folder, ballast = disk / "checkout", disk / "ballast"
lock = folder / "dvc.lock"
shutil.copytree(source, folder)

def run():
    try:
        report = drive(folder, 2, ThreadEngine(2), {})
    except HilumError as error:
        return {}, [error]
    return report.did, list(report.errors.values())

def told(did, errors):
    text = lock.read_text() if lock.exists() else ""
    return {"did": did, "errors": [str(e) for e in errors], "kinds": [type(e).__name__ for e in errors], "lock": text}

with ballast.open("wb", buffering=0) as file:
    room = shutil.disk_usage(disk).free - left
    while room > 0:
        room -= file.write(bytes(min(room, 4096)))
first = told(*run())
ballast.unlink()
print(json.dumps([first, told(*run())]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A line that writes some MB, and has not run."""
    checkout = Checkout(tmp_path_factory.mktemp("source"))
    checkout.write("params.yaml", f"count: {{times: {TIMES}, other: [1, 2]}}\n")
    return checkout


@pytest.fixture(scope="module")
def expected(source: Checkout, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The lock that `dvc repro` leaves where there is room."""
    other = Checkout(tmp_path_factory.mktemp("other"))
    shutil.copy2(source.folder / "params.yaml", other.folder)
    other.repro()
    return other.lock


def on_a_disk(source: Checkout, disk: Path, root: Path, left: int) -> list[Any]:
    """What a run says on a disk with so many bytes left, and what the next says once there is room."""
    disk.mkdir()
    if subprocess.run([*MOUNTED, "1", str(disk), "true"], capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here: unshare -Urm is not allowed")
    words = [*MOUNTED, str(DISK_MIB), str(disk), sys.executable, "-c", ON_THE_DISK, source.folder, disk, str(left)]
    done = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = json.loads(done.stdout)
    return [first, second]


PAGE, MIB = 4096, 2**20
EVERY_DAY = (6 * PAGE, 5 * MIB)  # as much as leaves DVC's list of paths empty; in the middle of an output
OTHERS = (*(n * PAGE for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 16)), *(n * MIB for n in (1, 2, 3, 7, 9, 11, 13)))


@pytest.mark.parametrize("left", [*EVERY_DAY, *(pytest.param(left, marks=pytest.mark.slow) for left in OTHERS)])
def test_it_says_so_and_goes_on(source: Checkout, tmp_path: Path, root: Path, expected: str, left: int) -> None:
    first, second = on_a_disk(source, tmp_path / "disk", root, left)
    assert first["errors"], "so little room was enough"
    for error, kind in zip(first["errors"], first["kinds"]):
        assert "a disk is full" in error and str(tmp_path / "disk") in error and "Make space there" in error
        assert "\n" not in error and kind == "BadDataError"
    whole = yaml.safe_load(expected)["stages"]
    kept = yaml.safe_load(first["lock"] or "stages: {}")["stages"]
    assert {name: whole[name] for name in kept} == kept, "what stands in the lock is what belongs there"
    assert {name for name, how in first["did"].items() if how == "ran"} <= set(kept)
    assert second["errors"] == [] and second["lock"] == expected


def test_the_message_names_the_path_or_the_tightest_disk(tmp_path: Path) -> None:
    error = full_disk(tmp_path, "stage x", f"OSError: [Errno 28] No space left on device: '{tmp_path}/no/where'")
    assert isinstance(error, BadDataError) and f"are free at {tmp_path}. Make space there" in str(error)
    assert full_disk(tmp_path, "stage x", "a bug") is None
    with pytest.raises(BadDataError, match="the run failed because a disk is full"), said_plainly(tmp_path, "the run"):
        Path("/dev/full").write_text("x")
    with pytest.raises(ValueError, match="other"), said_plainly(tmp_path, "the run"):
        raise ValueError("other")


def test_errors_of_every_library_are_known() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        Path("/dev/full").write_text("x")
    assert says_disk_full(caught.value) and says_disk_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert says_disk_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not says_disk_full(OSError(2, "No such file"))
