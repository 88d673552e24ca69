"""What DVC has recorded: the stages of every dvc.lock and the .dvc files of a snapshot, and how they hang together.

In: a snapshot. Out: stages with the digests of what they read and wrote, and for a path the stages behind it. DVC is
not imported: an auditor's answer must not depend on the tool that is audited. A file that is not exactly of DVC's form,
to the key, is refused: what cannot be read the same way twice proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hilum.errors import VerificationError
from hilum.lineage.snapshots import Snapshot

LOCKS = ("dvc.lock", "data/served/dvc.lock")
"""The lock files of a checkout. Paths in them are relative to their stage's wdir, which is the root in both."""


class Item(BaseModel):
    """A file or folder with its digest. md5: of the bytes, or of a folder's listing (`.dir`). size: bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str
    hash: str = Field(default="md5", pattern="^md5$")
    md5: str = Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")
    size: int = Field(ge=0)
    nfiles: int | None = Field(default=None, ge=0)
    isexec: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.md5.endswith(".dir")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cmd: str
    deps: list[Item] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[Item] = []


class _Lock(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_: str = Field(alias="schema", pattern=r"^2\.0$")
    stages: dict[str, _Entry] = {}


class _Tracked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    outs: list[Item] = Field(min_length=1, max_length=1)


@dataclass(frozen=True)
class Stage:
    """A stage as a lock records it, or what `dvc add` tracks: then without command and inputs.

    lock: the file that records it. params: file -> section -> values.
    """

    name: str
    lock: str
    outs: tuple[Item, ...]
    command: str | None = None
    deps: tuple[Item, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def is_source(self) -> bool:
        """Whether it came from outside and no stage made it."""
        return self.command is None

    @property
    def verb(self) -> str:
        """The stage's section of params.yaml and verb of hilum: `embed` of `data/served/dvc.yaml:embed@L0001`."""
        return self.name.rpartition(":")[2].partition("@")[0]


class Lineage:
    """All that a snapshot records, and the walk over it."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self.stages = {stage.name: stage for stage in stages}
        self._makers: dict[str, Stage] = {out.path: stage for stage in self.stages.values() for out in stage.outs}

    def maker(self, path: str) -> Stage | None:
        """The stage that writes a path, or the folder that it lies in."""
        for place in (path, *map(str, PurePosixPath(path).parents)):
            if place in self._makers:
                return self._makers[place]
        return None

    def out(self, path: str) -> Item | None:
        """The output of exactly this path."""
        stage = self._makers.get(path)
        return next((out for out in stage.outs if out.path == path), None) if stage else None

    def outs(self) -> list[str]:
        """The paths of all outputs, sorted."""
        return sorted(self._makers)

    def inside(self, path: str) -> list[Item]:
        """The outputs that lie in a folder, or are it, by path."""
        start = f"{path}/"
        outs = (out for stage in self.stages.values() for out in stage.outs)
        return sorted((out for out in outs if out.path == path or out.path.startswith(start)), key=lambda o: o.path)

    def makers_of(self, item: Item) -> list[Stage]:
        """The stages that wrote an input, or what lies in it, in the order of their names."""
        above = self.maker(item.path)
        found = [above] if above else [self._makers[out.path] for out in self.inside(item.path)]
        return [self.stages[name] for name in sorted({stage.name for stage in found})]

    def makers(self, stage: Stage) -> list[Stage]:
        """The stages that wrote what a stage reads, in the order of their names."""
        return [self.stages[name] for name in sorted({one.name for dep in stage.deps for one in self.makers_of(dep)})]

    def behind(self, paths: Iterable[str]) -> list[Stage]:
        """Every stage that the paths rest on, the paths' own makers first, each before those it reads from.

        Raises VerificationError for a path that no record says what made.
        """
        depth: dict[str, int] = {}
        todo: list[tuple[Stage, int]] = []
        for path in paths:
            maker = self.maker(path)
            if maker is None:
                raise VerificationError(f"{path}: no dvc.lock and no .dvc file says what made it.")
            todo.append((maker, 0))
        while todo:
            stage, at = todo.pop()
            if at < depth.get(stage.name, -1) + 1:
                continue
            if at > len(self.stages):
                raise VerificationError(f"dvc.lock: {stage.name} rests on itself; no line can have made it.")
            depth[stage.name] = at
            todo += [(maker, at + 1) for maker in self.makers(stage)]
        return [self.stages[name] for name in sorted(depth, key=lambda name: (depth[name], name))]


def read_lineage(snapshot: Snapshot) -> Lineage:
    """Read every lock and .dvc file of a snapshot. Raises VerificationError naming the file and what is wrong in it."""
    stages = [stage for lock in LOCKS for stage in _read_lock(snapshot, lock)]
    tracked = [path for path in snapshot.files("data") if path.endswith(".dvc")]
    return Lineage([*stages, *(_read_tracked(snapshot, path) for path in tracked)])


def _read_lock(snapshot: Snapshot, path: str) -> Iterator[Stage]:
    text = snapshot.read(path)
    if text is None:
        return
    prefix = "" if path == LOCKS[0] else f"{PurePosixPath(path).with_suffix('.yaml')}:"
    lock: _Lock = _parse(_Lock, path, text)
    for name, entry in lock.stages.items():
        yield Stage(f"{prefix}{name}", path, tuple(entry.outs), entry.cmd, tuple(entry.deps), entry.params)


def _read_tracked(snapshot: Snapshot, path: str) -> Stage:
    tracked: _Tracked = _parse(_Tracked, path, snapshot.read(path) or b"")
    out = tracked.outs[0]
    place = str(PurePosixPath(path).parent / out.path)
    return Stage(path, path, (out.model_copy(update={"path": place}),))


def _parse(model: type[Any], path: str, text: bytes) -> Any:
    try:
        if b"\t" in text or b"\r" in text:
            raise ValueError("it holds a tab or a carriage return, which DVC never writes")
        return model.model_validate(yaml.load(text.decode("utf-8"), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
    except ValueError as error:
        said = str(error)
    raise VerificationError(f"{path}: not a record that DVC has written ({said}).")
