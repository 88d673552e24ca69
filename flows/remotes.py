"""What leaves this machine, and only if a remote is set: artifacts and run-cache to DVC's, commits and tags to git's.

In: a checkout whose commit is to be kept elsewhere. Out: the default DVC remote holds every object that the commit's
dvc.lock files and the run-cache name, and git's remote the branch with its tags. A remote is a folder
(`dvc remote add -d store ../hilum-store`) or S3-compatible (`dvc remote add -d store s3://bucket/hilum`, with
`dvc remote modify --local store endpointurl URL` for a server of one's own; credentials from the environment).
"""

from __future__ import annotations

from pathlib import Path

from dvc.config import Config

from flows import repository
from flows.dvc_command import run_dvc
from flows.stores import push_uncached


def default_remote(root: Path) -> str | None:
    """The name of the default DVC remote; None if none is set."""
    name: str | None = Config(str(root / ".dvc"))["core"].get("remote")
    return name


def push(root: Path, *, git: bool = False) -> str:
    """Push what the checkout's commit needs; says what was done. git: the branch and its tags as well.

    Nothing is done where no remote is set. Raises HilumError if a remote does not take it.
    """
    done = []
    name = default_remote(root)
    if name:
        run_dvc(root, "push", "--quiet", "--run-cache")
        push_uncached(root)
        done.append(f"artifacts to {name}")
    taken = repository.publish(root) if git else None
    if taken:
        done.append(f"branch and tags to {taken}")
    return f"pushed {' and '.join(done)}" if done else "no remote is set; nothing was pushed"
