"""The checkout as git keeps it: the only module of the flows, but for clones, that calls git.

In: the root of a checkout. Out: commits, branches and clones. A commit takes the paths it is told and nothing else that
lies in the index. Nothing here forces, rewrites or deletes. A repository without a remote is enough.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dvc.config import Config, merge

from flows.checkout import read_seconds, write_seconds
from hilum.errors import UsageError
from hilum.lineage.ledger import replace_bytes

NOBODY = ("hilum", "hilum@localhost")
"""Who commits and tags where git has been told no name and address."""


def head(root: Path) -> str:
    """The commit that the checkout stands on."""
    return _git(root, "there is no commit yet", "rev-parse", "--verify", "--quiet", "HEAD").strip()


def resolve(root: Path, ref: str) -> str | None:
    """The commit that a branch, a tag or a commit's beginning names; None if nothing has that name."""
    return _ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip() or None


def branch(root: Path) -> str | None:
    """The branch that is checked out; None where HEAD is detached."""
    return _ask(root, "symbolic-ref", "--quiet", "--short", "HEAD").strip() or None


def changed(root: Path, paths: Sequence[str] = ()) -> list[str]:
    """The files below the paths, or all, that differ from HEAD; new ones that git does not ignore are among them."""
    problem = "the state of the files cannot be told"
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    return sorted(row[3:] for row in _git(root, problem, *words).split("\0") if row)


def is_clean(root: Path, paths: Sequence[str] = ()) -> bool:
    """Whether nothing below the paths, or at all, differs from HEAD."""
    return not changed(root, paths)


def file_at(root: Path, commit: str, path: str) -> str | None:
    """The text of a file as a commit holds it; None where it holds no such file."""
    shown = _run(root, "show", f"{commit}:./{path}")
    return shown.stdout if shown.returncode == 0 else None


def list_tree(root: Path, paths: Sequence[str], commit: str = "HEAD") -> str:
    """What a commit holds at each of the paths: mode, kind, object id and path, a line each."""
    return _git(root, f"git cannot list the files of {commit}", "ls-tree", commit, "--", *paths)


def restore(root: Path, paths: Sequence[str]) -> None:
    """Bring files back to what HEAD holds; one that it does not hold is removed."""
    for path in paths:
        text = file_at(root, "HEAD", path)
        if text is None:
            (root / path).unlink(missing_ok=True)
        else:
            (root / path).write_text(text, encoding="utf-8")


def commit(root: Path, paths: Sequence[str], message: str) -> str | None:
    """Commit exactly these paths, what is new and what is gone included; None if none of them has changed.

    Raises UsageError if git refuses, with what it said.
    """
    files = changed(root, paths) if paths else []
    if not files:
        return None
    problem = "the result could not be committed"
    exactly = [f":(top,literal){file}" for file in files]
    _git(root, problem, "add", "--all", "--", *exactly)
    name, address = identity(root)
    who = ("-c", f"user.name={name}", "-c", f"user.email={address}")
    _git(root, problem, *who, "commit", "--quiet", "--only", "--message", message, "--", *exactly)
    return head(root)


def identity(root: Path) -> tuple[str, str]:
    """Name and address for commits and tags: git's own where it has been told them."""
    told = _run(root, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    if told.returncode:
        return NOBODY
    name, _, rest = told.stdout.partition(" <")
    return name, rest.partition(">")[0]


def clone_at_head(root: Path, folder: Path, branch: str) -> str:
    """Clone the checkout as it is committed, on a new branch, and return the commit.

    DVC's cache and remotes are the checkout's, and so are the links to source trees, which git and DVC do not see, and
    how long stages took. Raises UsageError if the folder or the branch is there already.
    """
    start, problem = head(root), f"{root} cannot be cloned to {folder}"
    if folder.exists():
        raise UsageError(f"{problem}: it is there already.")
    if resolve(root, f"refs/heads/{branch}"):
        raise UsageError(f"{problem}: there is a branch {branch} already.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _git(root, problem, "clone", "--quiet", "--no-checkout", "--", str(root.resolve()), str(folder))
    _git(folder, problem, "switch", "--quiet", "--create", branch, start)
    _share_dvc(root, folder)
    for link in sorted(root.glob("data/raw/*/tree")):
        place = folder / link.relative_to(root)
        if link.is_symlink() and place.parent.is_dir():  # else the landing is not committed
            place.symlink_to(link.resolve(), target_is_directory=True)
    write_seconds(folder, read_seconds(root))
    return start


def push_branch(folder: Path, branch: str) -> None:
    """Bring a clone's branch, with the tags on it, to where it was cloned from."""
    _git(folder, f"branch {branch} could not be pushed", "push", "--quiet", "--follow-tags", "origin", branch)


def publish(root: Path) -> str | None:
    """Push the branch and its tags to git's remote, if there is one; returns the remote's name.

    Raises UsageError if HEAD is detached or the remote refuses.
    """
    remotes = _ask(root, "remote").split()
    if not remotes:
        return None
    name = branch(root)
    if name is None:
        raise UsageError("HEAD is detached; switch to a branch before it can be pushed.")
    remote = _ask(root, "config", f"branch.{name}.remote").strip() or ("origin" if "origin" in remotes else remotes[0])
    _git(root, f"{remote} did not take branch {name}", "push", "--quiet", "--follow-tags", remote, name)
    return remote


def fast_forward(root: Path, branch: str, unions: Sequence[str] = ()) -> bool:
    """Move the checkout's branch on to `branch`, if that only adds to it and no file it touches has been changed here.

    unions: files of lines that only grow; where both have added to one, it gets the lines of both, and those of the
    checkout stay to be committed. Artifacts are left as they are: `dvc checkout` brings them.
    False, and nothing done, where it cannot be.
    """
    tip = resolve(root, f"refs/heads/{branch}")
    if tip is None or _run(root, "merge-base", "--is-ancestor", "HEAD", tip).returncode:
        return False
    touched = _ask(root, "diff", "--name-only", "--no-renames", "-z", "HEAD", tip).split("\0")
    both = set(filter(None, touched)) & set(changed(root))
    if not both <= set(unions) or any(file_at(root, tip, path) is None for path in both):
        return False
    for path in sorted(both):
        _unite(root, path, tip)
    done = _run(root, "merge", "--quiet", "--ff-only", tip).returncode == 0
    if not done and both:
        _run(root, "reset", "--quiet", "--", *both)
    return done


def _unite(root: Path, path: str, commit: str) -> None:
    """Give a file the lines of the commit and its own, and the index what the commit holds: so git leaves it alone.

    At no moment does the file lack a line that it had.
    """
    theirs, place = file_at(root, commit, path) or "", root / path
    mine = place.read_text(encoding="utf-8") if place.is_file() else ""
    held = set(theirs.splitlines())
    added = [line for line in mine.splitlines() if line not in held]
    replace_bytes(root, path, "".join([theirs, *(f"{line}\n" for line in added)]).encode())
    blob = list_tree(root, [path], commit).split()
    problem = f"{path} could not be united with that of {commit[:12]}"
    _git(root, problem, "update-index", "--add", "--cacheinfo", f"{blob[0]},{blob[2]},{path}")


@dataclass(frozen=True)
class Tag:
    """A tag, the commit it names, and when it was made (epoch)."""

    name: str
    commit: str
    seconds: int


def tags(root: Path, pattern: str = "*") -> list[Tag]:
    """The tags that fit a pattern, in order of their names."""
    form = "%(refname:strip=2) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(creatordate:unix)"
    rows = [
        line.split() for line in _ask(root, "for-each-ref", f"--format={form}", f"refs/tags/{pattern}").splitlines()
    ]
    return [Tag(name, commit, int(seconds)) for name, commit, seconds in rows]


def _share_dvc(root: Path, folder: Path) -> None:
    """Give a clone the checkout's cache and remotes; those that are paths stay right from another folder."""
    theirs = Config(str(root / ".dvc"))
    with Config(str(folder / ".dvc")).edit("local") as mine:
        for level in ("repo", "local"):
            read = theirs.load_one(level)
            merge(mine, {section: read[section] for section in ("core", "remote", "cache")})
        mine["cache"]["dir"] = str(Path(theirs["cache"].get("dir") or root / ".dvc/cache").resolve())


def _ask(root: Path, *words: str) -> str:
    """What git answers; empty where it has no answer."""
    done = _run(root, *words)
    return done.stdout if done.returncode == 0 else ""


def _git(root: Path, problem: str, *words: str) -> str:
    done = _run(root, *words)
    if done.returncode:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = next((line for line in said if line.startswith(("fatal:", "error:"))), said[0] if said else "")
        raise UsageError(f"{problem}{f' ({reason})' if reason else ''}; mend that in {root} and run this again.")
    return done.stdout


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run git. A hook's GIT_DIR would lead it to another repository than root's, and its language is English."""
    env = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    try:
        return subprocess.run(
            ["git", *words], cwd=root, env={**env, "LC_ALL": "C"}, capture_output=True, text=True, errors="replace",
            check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise UsageError("git is not installed; hilum commits what it makes.") from None
