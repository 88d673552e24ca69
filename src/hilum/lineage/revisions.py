"""Revisions of this code, as git keeps them: the only module that calls git.

In: the root of a checkout and the name of a revision. Out: its commit, and its files in a folder. Nothing in the
checkout is touched: no branch, no index, no worktree.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from hilum.errors import UsageError


def resolve_revision(root: Path, revision: str) -> str:
    """The commit (40 hex digits) that a revision names: a branch, a tag, HEAD~3, a commit's beginning.

    Raises UsageError if git is not installed, `root` lies in no checkout, or it knows no such revision.
    """
    _git(root, f"{root} is no git checkout", "rev-parse", "--git-dir")
    problem = f"There is no revision '{revision}' in {root}; `git log --oneline` lists those there are"
    words = _git(root, problem, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return words.decode("ascii").strip()


def write_files(root: Path, commit: str, paths: Sequence[str], folder: Path) -> list[str]:
    """Write the files of a commit below the given paths of `root` into a folder; which of the paths there are."""
    problem = f"git cannot read the files of {commit[:8]}"
    held = [path for path in paths if _git(root, problem, "ls-tree", "--name-only", commit, "--", path)]
    if held:
        archive = _git(root, problem, "archive", "--format=tar", commit, "--", *held)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
    return held


def _git(root: Path, problem: str, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("git is not installed, and hilum asks it for earlier revisions.") from None
    if done.returncode:
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[0]
        raise UsageError(f"{problem}{f' ({reason})' if reason else ''}.")
    return done.stdout
