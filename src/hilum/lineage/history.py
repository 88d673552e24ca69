"""Everything that is recorded anywhere: all commits of all refs, the files as they lie here, the cache and what it ran.

In: a checkout. Out: states, each a set of files by path and digest with the stages that made them and the commits that
hold exactly these; and every file that git itself holds below data/ and reports/. A record that many commits share is
read once. Nothing is fetched.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hilum.errors import BadDataError, VerificationError
from hilum.lineage.lock import LOCKS, Item, Lineage, Stage, read_lineage
from hilum.lineage.snapshots import Commit, WorkingTree
from hilum.lineage.store import Store

HERE, RUNS = "here", "run-cache"
"""What stands for a commit where there is none: the working tree, and an entry of DVC's run-cache."""
PLACES = ("data", "reports")


@dataclass
class State:
    """Files that were there together. files: path -> md5; unlisted: folders of which only the digest is known.

    commits: those that record it, HERE, or RUNS. run: of an entry of the run-cache, its path below the cache.
    """

    commits: set[str]
    lineage: Lineage
    files: dict[str, str]
    folders: dict[str, str]
    unlisted: dict[str, str]
    run: str | None = None

    @property
    def digests(self) -> set[str]:
        """Every digest that is named, of files and of folders."""
        return {*self.files.values(), *self.folders.values(), *self.unlisted.values()}


@dataclass
class History:
    """All states; the blobs of git: object id -> (paths, commits); and the commits whose record cannot be read."""

    states: list[State] = field(default_factory=list)
    blobs: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    n_commits: int = 0


def read_history(root: Path, store: Store) -> History:
    """Every state of a checkout: the working tree's first, then the commits', then what the run-cache remembers."""
    history = History()
    with WorkingTree(root) as snapshot:
        history.states.append(make_state({HERE}, read_lineage(snapshot), store))
    blobs: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    known: dict[frozenset[tuple[str, str]], State] = {}
    for commit in git(root, "rev-list", "--all").decode("ascii").split():
        history.n_commits += 1
        rows = list_blobs(root, commit)
        for path, blob in rows:
            if path.startswith(tuple(f"{place}/" for place in PLACES)):
                blobs[blob][0].add(path)
                blobs[blob][1].add(commit)
        key = frozenset((path, blob) for path, blob in rows if path in LOCKS or path.endswith(".dvc"))
        if key in known:
            known[key].commits.add(commit)
            continue
        try:
            with Commit(root, commit) as snapshot:
                known[key] = make_state({commit}, read_lineage(snapshot), store)
        except VerificationError as error:
            history.unreadable[commit] = str(error)
    history.blobs = dict(blobs)
    history.states += [*known.values(), *read_runs(store)]
    return history


def make_state(commits: set[str], lineage: Lineage, store: Store, run: str | None = None) -> State:
    """The files of a record, folders taken apart."""
    state = State(commits, lineage, {}, {}, {}, run)
    for stage in lineage.stages.values():
        for out in stage.outs:
            _add(state, out, store)
    return state


def _add(state: State, item: Item, store: Store) -> None:
    if item.is_folder:
        state.folders[item.path] = item.md5
    try:
        state.files.update((file.path, file.md5) for file in store.files(item))
    except BadDataError:
        state.unlisted[item.path] = item.md5


def read_runs(store: Store) -> Iterator[State]:
    """What every entry of the run-cache says was made from what."""
    for path in sorted((store.cache / "runs").glob("*/*/*")):
        try:
            held = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            deps, outs = ([Item.model_validate(row) for row in held.get(kind, ())] for kind in ("deps", "outs"))
            words = [*held["cmd"].split(), "", ""]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
            continue  # DVC takes such an entry for none
        stage = Stage(f"{words[1]}@{path.name[:12]}", RUNS, tuple(outs), held["cmd"], tuple(deps))
        yield make_state({RUNS}, Lineage([stage]), store, path.relative_to(store.cache).as_posix())


def list_blobs(root: Path, commit: str) -> list[tuple[str, str]]:
    """Path and object id of the files that a commit holds below data/ and reports/, and of its dvc.lock."""
    words = ("ls-tree", "-r", "-z", commit, "--", LOCKS[0], *PLACES)
    rows = (row.partition(b"\t") for row in git(root, *words).split(b"\0") if row)
    return [(path.decode("utf-8", "surrogateescape"), head.split()[2].decode("ascii")) for head, _, path in rows]


def read_blob(root: Path, blob: str) -> bytes:
    """The bytes of a file that git holds."""
    return git(root, "cat-file", "blob", blob)


def git(root: Path, *words: str) -> bytes:
    """What git says. Raises VerificationError if it cannot."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise VerificationError(f"git cannot read its own history ({said}); `git fsck` says more.")
    return done.stdout
