"""DVC's own commands, where no stage is run: add, checkout, commit, fetch, push.

In: a checkout and the words of a command. Out: what it printed. It waits for DVC's lock, and its failure is one line.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from flows.stage_process import stage_environment
from hilum.errors import HilumError


def run_dvc(root: Path, *words: str) -> str:
    """Run `dvc WORDS` in a checkout. Raises HilumError with DVC's own reason."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "--wait-for-lock", *words], cwd=root, env=stage_environment(root, 1),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise HilumError(f"`dvc {' '.join(words)}` failed: {(lines or ['no reason given'])[0]}")
    return done.stdout
