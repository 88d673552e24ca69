"""The DAG as DVC sees it: its stages in order, what each needs, and which inputs and outputs differ from dvc.lock.

In: dvc.yaml, params.yaml, dvc.lock and the files of a checkout. Out: stage names, and for one stage a `Look` at it.
Like `stores` it touches internals of DVC (`Repo.index.graph`, `plan_repro`, `Stage.changed`), which are no public
contract: dvc is pinned, and tests compare what is said here with what `dvc repro` then does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.dvcfile import PROJECT_FILE
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage
from dvc_data.hashfile.build import build
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.meta import Meta
from dvc_data.hashfile.tree import Tree

from flows.lock_order import note_order, order_locks
from flows.stores import Stores
from hilum.errors import BadDataError

THE_LINE = PROJECT_FILE
"""The target that is the whole line: every stage of the root's dvc.yaml."""

Digests = Mapping[str, str | None]
"""Output path -> the digest it will have; None where only the run can tell."""


@dataclass(frozen=True)
class Reason:
    """Why a stage is stale. kind: new, command, parameter, code, input, output or upstream; sure: it holds whatever
    the stages before it yield."""

    kind: str
    what: str
    change: str
    sure: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {self.what} {self.change}".replace("  ", " ").strip()


@dataclass(frozen=True)
class Look:
    """A stage as it stands. outs: path -> digest if the stage is not run or restored; restored: those it would get
    back without running, None if it must run; where: what has those, cache or remote."""

    reasons: tuple[Reason, ...]
    outs: Digests
    restored: Digests | None
    where: str | None = None


class Line:
    """The stages behind one target of a checkout. Not safe for threads: DVC's Repo is not.

    target: as `dvc repro` takes it, a dvc.yaml (all its stages) or one stage; what it needs of any dvc.yaml belongs to
    it. Stages of another folder's dvc.yaml are named as DVC does: `data/served/dvc.yaml:index`.
    remote: ask the default remote as well what it can restore.
    """

    def __init__(self, root: Path, target: str = THE_LINE, *, remote: bool = False) -> None:
        self._repo, self._target = Repo(str(root), _wait_for_lock=True), target
        self._stores = Stores(self._repo, remote=remote)
        self._read()

    def _read(self) -> None:
        try:
            self._repo._reset()
            self._graph = get_active_graph(self._repo.index.graph)
            file, _, name = self._target.rpartition(":") if ":" in self._target else (self._target, "", "")
            if not name and not file.endswith((PROJECT_FILE, ".dvc")):
                file, name = PROJECT_FILE, file
            place = str(Path(self._repo.root_dir) / file)
            wanted = self._repo.stage.collect(f"{place}:{name}" if name else place)
        except DvcException as error:
            raise BadDataError(
                f"DVC cannot read this checkout: {' '.join(str(error).split())}. Where a dvc.lock ends in the middle, "
                f"a `dvc repro` was killed while it wrote it: `git checkout` it or delete it, and run `hilum run`; "
                f"what has been made is restored from the cache."
            ) from error
        steps = plan_repro(self._graph, wanted)
        self._stages = {_name(stage): stage for stage in steps if isinstance(stage, PipelineStage)}
        self._sources = {_name(stage): stage for stage in steps if not isinstance(stage, PipelineStage)}

    def stages(self) -> list[str]:
        """Names of all stages of dvc.yaml, each after everything it depends on."""
        return list(self._stages)

    def upstream(self, name: str) -> list[str]:
        """The stages whose outputs this one reads directly, in the order of the line. None for a frozen stage."""
        before = {_name(stage) for stage in self._graph.successors(self._stages[name])}
        return [other for other in self._stages if other in before]

    def missing_sources(self) -> dict[str, Look]:
        """Inputs of the line that `dvc add` tracks and that do not lie here: name of the .dvc file -> a look at it."""
        found = {}
        with self._repo.lock:
            for name, stage in self._sources.items():
                gone = [out for out in stage.outs if out.hash_info and not out.exists]
                digests = {str(Path(name).parent / out.def_path): out.hash_info.value for out in gone}
                if gone:
                    where = self._stores.where(gone)
                    reasons = tuple(Reason("output", path, "deleted") for path in digests)
                    found[name] = Look(reasons, digests, digests if where else None, where)
        return found

    def bring(self) -> list[str]:
        """Fetch what the looks taken so far have found at the remote, and put missing sources into their places.

        Returns the names of those sources' .dvc files.
        """
        found = [name for name, look in self.missing_sources().items() if look.where]
        with self._repo.lock:
            self._stores.fetch()
            for name in found:
                self._sources[name].checkout()
        return found

    def command(self, name: str) -> str:
        """The stage's command."""
        return str(self._stages[name].cmd)

    def outs(self, name: str) -> list[str]:
        """The paths that the stage writes."""
        return [out.def_path for out in self._stages[name].outs]

    def is_stale(self, name: str) -> bool:
        """Whether the stage's command, parameters, dependencies or outputs differ from dvc.lock, now."""
        self._read()
        with self._repo.lock:
            return bool((self._stages.get(name) or self._sources[name]).changed())

    def look(self, name: str, coming: Digests) -> Look:
        """Why the stage is stale, given the digests that outputs of stages before it will have.

        A path that is not in `coming` is as it lies on disk.
        """
        stage = self._stages[name]
        outs = {out.def_path: out.hash_info.value for out in stage.outs}
        with self._repo.lock:
            found = (*self._own(stage), *self._inputs(stage, coming), *_outputs(stage))
            reasons = tuple(sorted(found, key=lambda reason: (not reason.sure, reason.kind == "upstream")))
            restored, where = self._restored(stage, coming, reasons) if reasons else (None, None)
        return Look(reasons, outs, restored, where)

    def note_order(self) -> None:
        """Note the order of the entries of each dvc.lock, before a run adds to them."""
        with self._repo.lock:
            note_order(Path(self._repo.root_dir), list(self._locks()))

    def order_locks(self, *, done: bool) -> None:
        """Put the new entries of each dvc.lock into the order in which `dvc repro` adds them. done: none is missing."""
        with self._repo.lock:
            order_locks(Path(self._repo.root_dir), self._locks(), done=done)

    def _locks(self) -> dict[str, list[str]]:
        """Path of a dvc.lock -> its stages in the order of the line."""
        orders: dict[str, list[str]] = {}
        for stage in self._stages.values():
            orders.setdefault(str(Path(stage.path_in_repo).with_suffix(".lock")), []).append(str(stage.name))
        return orders

    def close(self) -> None:
        """Let go of the repository."""
        self._repo.close()

    def _own(self, stage: PipelineStage) -> Iterator[Reason]:
        if _is_new(stage):
            yield Reason("new", "stage", "that has never run here")
        elif stage.cmd_changed:
            yield Reason("command", "", "changed")

    def _inputs(self, stage: PipelineStage, coming: Digests) -> Iterator[Reason]:
        if stage.frozen:
            return
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency):
                yield from () if _is_new(stage) else _parameters(dep)
                continue
            path = dep.def_path
            if not _overlaps(path, coming):
                change = next(iter(dep.status().values()), None)
                if change and not _is_new(stage):
                    yield Reason("code" if path.startswith("src/") else "input", path, str(change))
                continue
            digest = self._digest(dep, coming)
            if digest is None:
                yield Reason("upstream", path, "may change", sure=False)
            elif digest != dep.hash_info.value:
                yield Reason("upstream", path, "will change")

    def _digest(self, dep: Any, coming: Digests) -> str | None:
        """The digest that a dependency will have once the stages before it have run."""
        path = dep.def_path
        if path in coming:
            return coming[path]
        inside = {other: digest for other, digest in coming.items() if other.startswith(path + "/")}
        if None in inside.values() or not inside:
            return None
        rows = {f"{path}/{name}": digest for name, digest in self._files(dep)}
        rows = {p: d for p, d in rows.items() if not any(p == o or p.startswith(o + "/") for o in inside)}
        if any(str(digest).endswith(".dir") for digest in inside.values()):
            return None
        rows |= {other: str(digest) for other, digest in inside.items()}
        listed = sorted(
            ({"md5": d, "relpath": p[len(path) + 1 :]} for p, d in rows.items()), key=lambda r: r["relpath"]
        )
        return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"

    def _files(self, dep: Any) -> Iterator[tuple[str, str]]:
        if not dep.exists:
            return
        _, _, tree = build(dep.cache, dep.fs_path, dep.fs, dep.hash_name, ignore=dep.dvcignore, dry_run=True)
        assert isinstance(tree, Tree)
        for key, _, info in tree:
            yield "/".join(key), info.value

    def _restored(
        self, stage: PipelineStage, coming: Digests, reasons: tuple[Reason, ...]
    ) -> tuple[Digests | None, str | None]:
        """The outputs that the cache holds for the stage's inputs as they will be, and what holds their bytes."""
        if not all(reason.sure for reason in reasons) or not stage.deps or any(out.persist for out in stage.outs):
            return None, None
        digests = {out.def_path: out.hash_info.value for out in stage.outs}
        if any(reason.kind != "output" for reason in reasons):  # else dvc.lock itself says what the outputs are
            entry = self._stores.entry(stage) if self._take_inputs(stage, coming) else None
            if entry is None:
                return None, None
            digests = {row["path"]: row["md5"] for row in entry["outs"]}
        for out in stage.outs:
            out.hash_info, out.use_cache = HashInfo("md5", digests[out.def_path]), True
        where = self._stores.where(stage.outs)
        return (digests if where else None), where

    def _take_inputs(self, stage: PipelineStage, coming: Digests) -> bool:
        """Write the coming inputs into the stage object; False if one of them is missing."""
        for dep in stage.deps:
            if not isinstance(dep, ParamsDependency) and _overlaps(dep.def_path, coming):
                dep.hash_info = HashInfo("md5", self._digest(dep, coming))
            elif dep.exists:
                dep.hash_info = dep.get_hash()
            else:
                return False
            dep.meta = Meta()
        return True


def section_of(name: str) -> str:
    """The section of params.yaml of a stage: `data/served/dvc.yaml:embed@L0001` has embed's."""
    return name.rpartition(":")[2].partition("@")[0]


def _name(stage: Any) -> str:
    """The stage's name, as `dvc repro` in the root takes it; that of a source is its .dvc file."""
    if not isinstance(stage, PipelineStage):
        return str(stage.path_in_repo)
    return str(stage.name) if stage.path_in_repo == PROJECT_FILE else f"{stage.path_in_repo}:{stage.name}"


def _is_new(stage: PipelineStage) -> bool:
    """Whether dvc.lock knows nothing of the stage."""
    return not any(out.hash_info for out in stage.outs)


def _parameters(dep: ParamsDependency) -> Iterator[Reason]:
    old, new = dep.hash_info.value or {}, dep.read_params()
    for name in dep.params or sorted({*old, *new}):
        for key, before, after in _differences(name, old.get(name), new.get(name)):
            yield Reason("parameter", key, f"{json.dumps(before)} -> {json.dumps(after)}")


def _differences(key: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _differences(f"{key}.{name}", before.get(name), after.get(name))
    elif before != after:
        yield key, before, after


def _outputs(stage: PipelineStage) -> Iterator[Reason]:
    for out in stage.outs:
        change = next(iter(out.status().values()), None) if out.hash_info else None
        if change:
            yield Reason("output", out.def_path, str(change))


def _overlaps(path: str, coming: Digests) -> bool:
    return any(path == o or path.startswith(o + "/") or o.startswith(path + "/") for o in coming)
