"""The chain behind a figure: every hop from it to the raw files, as plain facts.

In: a record and the paths that the figure rests on. Out: hops, nearest first, each with what it read and wrote, how
many rows, its parameters and code. Numbers and names alone: neither report text nor pixels are among the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hilum.errors import BadDataError
from hilum.lineage.lock import Item, Stage
from hilum.lineage.record import Record


@dataclass(frozen=True)
class Written:
    """An artifact. rows: of a table, or of all tables of a folder; None where it has none or its bytes are not here.

    git: it is kept by git, and not by DVC's cache. here: its bytes are at hand.
    """

    path: str
    md5: str
    size: int
    files: int
    rows: int | None
    git: bool
    here: bool


@dataclass(frozen=True)
class Read:
    """An input. made_by: the stages that wrote it; none where git holds it (code says whether it is code)."""

    path: str
    md5: str
    size: int
    made_by: tuple[str, ...]
    code: bool


@dataclass(frozen=True)
class Hop:
    """A stage of the chain, or what came from outside (then without command)."""

    stage: str
    command: str | None
    params: Mapping[str, Any]
    reads: tuple[Read, ...]
    writes: tuple[Written, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def trace(record: Record, paths: Iterable[str]) -> list[Hop]:
    """The hops behind paths, their own makers first."""
    return [_hop(record, stage) for stage in record.lineage.behind(paths)]


def _hop(record: Record, stage: Stage) -> Hop:
    reads = []
    for dep in stage.deps:
        names = tuple(maker.name for maker in record.lineage.makers_of(dep))
        reads.append(Read(dep.path, dep.md5, dep.size, names, not names and dep.path.startswith("src/")))
    params = {key: value for keys in stage.params.values() for key, value in keys.items()}
    return Hop(stage.name, stage.command, params, tuple(reads), tuple(_written(record, out) for out in stage.outs))


def _written(record: Record, item: Item) -> Written:
    held = item.path in record.held_by_git
    if held:
        return Written(item.path, item.md5, item.size, item.nfiles or 1, None, git=True, here=True)
    try:
        files = record.store.files(item)
        places = {file.path: record.store.find(file) for file in files}
    except BadDataError:
        return Written(item.path, item.md5, item.size, item.nfiles or 1, None, git=False, here=False)
    tables = {name: place for name, place in places.items() if name.endswith(".parquet")}
    counts = [_count(place) for place in tables.values() if place]
    known = bool(tables) and len(counts) == len(tables) and None not in counts
    rows = sum(n for n in counts if n is not None) if known else None
    return Written(item.path, item.md5, item.size, len(files), rows, git=False, here=all(places.values()))


def _count(table: Path) -> int | None:
    try:
        return int(pq.read_metadata(table).num_rows)
    except (OSError, ValueError):
        return None  # the bytes are not a table: `--verify cache` says so
