"""Revisions of this code, as git keeps them: the only module that calls git.

In: the root of a checkout and the name of a revision. Out: its commit, and its files in a folder. Nothing in the
checkout is touched: no branch, no index, no worktree.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
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


def list_files(root: Path, commit: str, below: str) -> list[str]:
    """The files of a commit below a folder of `root`, relative to `root`."""
    rows = _git(
        root, f"git cannot list the files of {commit[:8]}", "ls-tree", "-rz", "--name-only", commit, "--", below
    )
    return [row.decode("utf-8", "surrogateescape") for row in rows.split(b"\0") if row]


def list_untracked_too(root: Path) -> list[str]:
    """The files that git tracks or does not ignore, relative to `root`, sorted."""
    words = ("ls-files", "-coz", "--exclude-standard")
    rows = _git(root, "git cannot list the files", *words).split(b"\0")
    return sorted({row.decode("utf-8", "surrogateescape") for row in rows if row})


def status(root: Path) -> list[str]:
    """The files that differ from HEAD, new ones that git does not ignore included."""
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    rows = _git(root, "the state of the files cannot be told", *words).split(b"\0")
    return sorted(row[3:].decode("utf-8", "surrogateescape") for row in rows if row)


def is_ancestor(root: Path, commit: str, of: str) -> bool:
    """Whether a commit is in the history of another, or the same; False where git does not know it."""
    words = ["git", "-C", str(root), "merge-base", "--is-ancestor", commit, of]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def history(root: Path, revision: str) -> frozenset[str]:
    """Every commit of a history, its tip included."""
    return frozenset(_git(root, "git cannot read the history", "rev-list", revision, "--").decode("ascii").split())


def is_shallow(root: Path) -> bool:
    """Whether a part of the history was left where the checkout was cloned from."""
    return _git(root, f"{root} is no git checkout", "rev-parse", "--is-shallow-repository").strip() == b"true"


def tagged(root: Path, pattern: str) -> list[tuple[str, str]]:
    """The tags that fit a pattern, with their commits."""
    form = "%(refname:strip=2) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    rows = _git(root, "git cannot list the tags", "for-each-ref", f"--format={form}", f"refs/tags/{pattern}")
    return [(name, commit) for name, commit in (row.split() for row in rows.decode("utf-8", "replace").splitlines())]


def object_ids(root: Path, commit: str, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Path -> (tree or blob, object id), of those of the paths that a commit holds."""
    words = ("ls-tree", "-z", commit, "--", *paths)
    rows = _git(root, f"git cannot list the files of {commit[:8]}", *words).decode("utf-8", "surrogateescape")
    split = [row.partition("\t") for row in rows.split("\0") if row]
    return {path: (head.split()[1], head.split()[2]) for head, _, path in split}


def commits_of(root: Path, path: str, revision: str = "HEAD") -> list[str]:
    """The commits of a history that changed a file, newest first."""
    problem = f"git cannot read the history of {path}"
    return _git(root, problem, "log", "--format=%H", revision, "--", path).decode("ascii").split()


def lines_removed(root: Path, path: str, revision: str) -> list[str]:
    """The commits of a history that took lines out of a file, as compared with any of their parents, newest first.

    A line that only moved was not taken out.
    """
    words = ("log", "--full-history", "-m", "--no-renames", "--raw", "--no-abbrev", "--format=%H", revision, "--", path)
    found, commit = [], ""
    with subprocess.Popen(
        ["git", "-C", str(root), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        text_of = lru_cache(4)(partial(_read_blob, reader))  # a commit's file is its child's before
        for row in _git(root, f"git cannot read the history of {path}", *words).decode("utf-8", "replace").splitlines():
            if not row.startswith(":"):
                commit = row or commit
                continue
            _, _, old, new, *_ = row.split()
            before, after = text_of(old), text_of(new)
            grown = after.startswith(before) and before.endswith(b"\n")
            if not grown and set(before.split(b"\n")) - set(after.split(b"\n")):
                found.append(commit)
    return list(dict.fromkeys(found))


def _read_blob(reader: subprocess.Popen[bytes], digest: str) -> bytes:
    """A blob from an open `git cat-file --batch`; empty where there is no such file."""
    if not digest.strip("0"):
        return b""
    assert reader.stdin is not None and reader.stdout is not None
    reader.stdin.write(f"{digest}\n".encode())
    reader.stdin.flush()
    head = reader.stdout.readline().split()
    return reader.stdout.read(int(head[-1]) + 1)[:-1] if head[-1] != b"missing" else b""


def committed_at(root: Path, commit: str) -> str:
    """The committer's time of a commit in UTC, as 2026-11-22T17:00:00Z. Who it was is not asked."""
    row = _git(root, f"git has no commit {commit[:12]}", "show", "--no-patch", "--format=%ct", commit)
    return datetime.fromtimestamp(int(row.split()[-1]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _git(root: Path, problem: str, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("git is not installed, and hilum asks it for earlier revisions.") from None
    if done.returncode:
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[0]
        raise UsageError(f"{problem}{f' ({reason})' if reason else ''}.")
    return done.stdout
