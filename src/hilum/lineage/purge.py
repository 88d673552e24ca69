"""What must be removed so that nothing of somebody withdrawn is left in DVC's cache, and the removing.

In: everything that knows them (subjects.py). Out: the objects and run-cache entries that hold them, the commits that
then cannot be checked out fully any more, and the cache without these objects. An object that does not hold them is
never touched, whoever shares a commit with it. Git's own history is not rewritten; what it holds is named. The remote's
part is flows/purge.py. What is to be removed is written down first, for a half-removed table no longer says whose the
pixels beside it are: so a purge that was killed is ended by the next one. Which models were trained on them can be told
no longer either, and is kept in git (reports/tainted.json: the bare id, and the digests of weights). And all who are
withdrawn and not purged yet go together: the list of a folder's files that names one of them is the only one for all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hilum.errors import UsageError
from hilum.lineage.descent import TAINTED, TRAINED, VALIDATED, WEIGHTS
from hilum.lineage.history import HERE, RUNS
from hilum.lineage.store import Store
from hilum.lineage.subjects import BY_PATH, BY_PLACE, Everything, Known, read_tainted
from hilum.tables import write_text

SERVED = "data/served/"
BEGUN = ".hilum/purge.json"
"""What a purge that has begun is to remove; gone when it has ended."""


@dataclass(frozen=True)
class Purge:
    """What is to be removed. objects: digests; runs: entries of the run-cache, by their path below the cache.

    tainted: models trained on them, which stay unless asked for. broken: commits that will lack files, with how many.
    in_git: what git's history itself holds, which nothing here removes.
    """

    objects: tuple[str, ...]
    runs: tuple[str, ...]
    size: int
    tainted: tuple[Known, ...]
    broken: dict[str, int]
    in_git: tuple[Known, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "objects": list(self.objects), "runs": list(self.runs), "bytes": self.size, "broken_commits": self.broken,
            "tainted": [row.to_json() for row in self.tainted], "in_git": [row.to_json() for row in self.in_git],
        }  # fmt: skip


def plan_purge(everything: Everything, store: Store, *, models: bool = False) -> Purge:
    """What a purge would remove. models: models trained on them too, with all that is in the cache of them."""
    content = [row for row in everything.known if row.is_content and not row.is_tombstone]
    tainted = tuple(row for row in everything.known if row.how in (TRAINED, VALIDATED))
    # a file that git holds may have a copy in the cache, of which DVC's run-cache restores it
    objects = {row.digest for row in content} - _shared(everything)
    objects |= _only_tainted(everything, tainted) if models else set()
    broken: dict[str, int] = {}
    runs = []
    for state in everything.states:
        lost = objects & state.digests
        if state.run and lost:
            runs.append(state.run)
        for commit in (state.commits - {HERE, RUNS}) if lost else ():
            broken[commit] = broken.get(commit, 0) + len(lost)
    size = sum(path.stat().st_size for digest in objects for path in _places(store, digest))
    in_git = tuple(row for row in content if row.where == "git")
    return Purge(tuple(sorted(objects)), tuple(sorted(runs)), size, tainted, broken, in_git)


def _only_tainted(everything: Everything, tainted: Sequence[Known]) -> set[str]:
    """The files of tainted models that no untainted model has as well, as two models may share a configuration."""
    theirs = {(row.digest, row.path, commit) for row in tainted for commit in row.commits}
    digests = {row.digest for row in tainted}
    clean = {
        md5
        for state in everything.states
        for path, md5 in state.files.items()
        if md5 in digests
        and not state.run
        and state.lineage.stages
        and not any((md5, path, one) in theirs for one in state.commits)
    }
    return digests - clean


def merge(plans: Sequence[Purge]) -> Purge:
    """One purge of several people."""
    broken: dict[str, int] = {}
    for plan in plans:
        broken |= {commit: max(n, broken.get(commit, 0)) for commit, n in plan.broken.items()}
    return Purge(
        tuple(sorted({digest for plan in plans for digest in plan.objects})),
        tuple(sorted({run for plan in plans for run in plan.runs})),
        max((plan.size for plan in plans), default=0),
        tuple(dict.fromkeys(row for plan in plans for row in plan.tainted)),
        broken,
        tuple(dict.fromkeys(row for plan in plans for row in plan.in_git)),
    )


def begin(root: Path, found: Sequence[Everything], purge: Purge) -> Purge:
    """Write down what is to be removed and which models are tainted; with what an earlier, killed purge had left.

    A person who is named in reports/tainted.json has been purged, with or without a model.
    """
    held = json.loads((root / BEGUN).read_text(encoding="utf-8")) if (root / BEGUN).is_file() else {}
    objects, runs = ({*held.get(key, ()), *getattr(purge, key)} for key in ("objects", "runs"))
    write_text(root / BEGUN, json.dumps({"objects": sorted(objects), "runs": sorted(runs)}) + "\n")
    before = read_tainted(root)
    after = dict(before)
    for one in found:
        weights = {row.digest for row in one.known if row.how in (TRAINED, VALIDATED) and row.path.endswith(WEIGHTS)}
        after[one.who.name] = sorted({*before.get(one.who.name, ()), *weights})
    if after != before:
        write_text(root / TAINTED, json.dumps(after, indent=1, sort_keys=True) + "\n")
    return replace(purge, objects=tuple(sorted(objects)), runs=tuple(sorted(runs)))


def end(root: Path) -> None:
    """Note that all that was written down has been removed."""
    (root / BEGUN).unlink(missing_ok=True)


def _shared(everything: Everything) -> set[str]:
    """Files whose very bytes are somebody else's too, such as two reports of the same few words, and their vectors."""
    theirs = {(row.digest, row.path) for row in everything.known if row.how in (BY_PATH, BY_PLACE)}
    digests = {digest for digest, _ in theirs}
    return {
        md5
        for state in everything.states
        for path, md5 in state.files.items()
        if md5 in digests and (md5, path) not in theirs
    }


def check_ready(everything: Everything, head: str | None) -> None:
    """Raise UsageError while what lies here, or the newest commit, still holds them: then removing would break it."""
    for at in (HERE, head or HERE):
        held = [row for row in everything.at(at) if row.is_content and not row.is_tombstone and row.where != "git"]
        if held:
            move = f"`hilum withdraw`, then {what_forgets(row.path for row in held)}"
            raise UsageError(
                f"nothing is purged: {held[0].path} ({'as it lies here' if at == HERE else at[:12]}; {len(held)} files "
                f"in all) still holds {everything.who.kind} {everything.who.name}. "
                f"First {move if at == HERE else 'commit what `dvc repro` made'}."
            )


def what_forgets(paths: Iterable[str]) -> str:
    """The commands after which files hold nobody who is withdrawn; `dvc repro` makes nothing that is served."""
    served = {path.startswith(SERVED) for path in paths}
    words = {"`dvc repro`": False in served, "`hilum refresh`": True in served}
    return " and ".join(word for word, needed in words.items() if needed)


def purge_cache(store: Store, purge: Purge) -> dict[str, int]:
    """Remove the objects and entries from the cache; how many were there."""
    n_runs = _remove(store.cache / run for run in purge.runs)
    for run in purge.runs:
        folder = (store.cache / run).parent
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()  # DVC takes an empty folder for an entry and fails over it
    n_objects = _remove(path for digest in purge.objects for path in _places(store, digest))
    return {"objects": n_objects, "runs": n_runs}


def _places(store: Store, digest: str) -> list[Path]:
    """Where the cache keeps an object: DVC 3's place, and that of DVC 2, which some listings still go to."""
    name = Path(digest[:2]) / digest[2:]
    return [path for path in (store.cache / "files/md5" / name, store.cache / name) if path.is_file()]


def _remove(paths: Iterable[Path]) -> int:
    n = 0
    for path in paths:
        if path.is_file():
            path.unlink()
            n += 1
    return n
