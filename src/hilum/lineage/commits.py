"""What git says of a commit itself: when it was made. Who made it is left out: names and addresses go nowhere.

In: a checkout and a commit. Out: its time in UTC, to the second.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from hilum.errors import UsageError


def committed_at(root: Path, commit: str) -> str:
    """The committer's time of a commit, as 2026-11-22T17:00:00Z. Raises UsageError if git has no such commit."""
    words = ["git", "-C", str(root), "show", "--no-patch", "--format=%ct", commit]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise UsageError(f"git has no commit {commit[:12]} in {root}.")
    return datetime.fromtimestamp(int(done.stdout.split()[-1]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
