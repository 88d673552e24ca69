"""`hilum` as another source folder has it: of an earlier revision, or as the checkout lies here.

In: a folder with src/hilum and params.yaml. Out: what its own `hilum annotate` writes, from a process of its own, so
that two versions can be compared. What a failing version says is passed on only as far as it holds no report text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from hilum.errors import BadDataError, UsageError
from hilum.lineage.revisions import write_files

CODE, PARAMS = "src/hilum", "params.yaml"
HERE = "the working tree"
_ERROR = re.compile(r"[A-Za-z_.]*(?:Error|Exception)(?=:|\Z)")
_PROGRAM = """
import pathlib, sys
home = sys.argv.pop(1)
sys.path.insert(0, home)
import hilum
if not pathlib.Path(hilum.__file__).is_relative_to(home):
    sys.exit("hilum: another hilum than the one of this folder is found first")
from hilum.cli import main
main()
"""
"""`hilum` of one source folder and no other, whatever is installed."""


def check_out(root: Path, revision: str, commit: str, folder: Path) -> Path:
    """Write a revision's code and parameters into a new folder, and return it. Raises UsageError if it lacks one."""
    folder.mkdir()
    missing = {CODE, PARAMS} - set(write_files(root, commit, [CODE, PARAMS], folder))
    if missing:
        raise UsageError(
            f"Revision {revision} ({commit[:8]}) has no {' and no '.join(sorted(missing))}: no `annotate`."
        )
    return folder


def annotate_with(home: Path, reports: Path, out: Path, side: str) -> Path:
    """Run `hilum annotate` as it is in a folder. Of what it says in failing only what holds no report text is kept."""
    code = str((home / "src").resolve())
    words = [sys.executable, "-c", _PROGRAM, code, "annotate", str(reports), "--out", str(out)]
    env = {**os.environ, "PYTHONPATH": code, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=home, env=env, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0 and out.is_file():
        return out
    lines = done.stderr.strip().splitlines() or [""]
    told = [line.removeprefix("hilum: ") for line in lines if line.startswith("hilum: ")]
    name = _ERROR.match(lines[-1])
    reason = told[-1] if told else name[0] if name else "no reason given"
    if "No such command" in lines[-1] or reason in ("ModuleNotFoundError", "ImportError"):
        advice = "mend it first" if side == HERE else "name a later revision"
        raise UsageError(f"{side} has no `hilum annotate` that runs ({reason}); {advice}.")
    raise BadDataError(f"{side}: `hilum annotate` ended with exit {done.returncode} ({reason}).")
