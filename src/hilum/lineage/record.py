"""All that an audit looks at, opened together: a snapshot, what DVC recorded, what dvc.yaml says, and the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from hilum.errors import VerificationError
from hilum.lineage.definitions import Definition, read_definitions
from hilum.lineage.lock import Lineage, read_lineage
from hilum.lineage.snapshots import Snapshot, open_snapshot
from hilum.lineage.store import Store

LANDINGS = "data/landings.yaml"


@dataclass(frozen=True)
class Record:
    """A checkout as it lies there, or as a commit holds it."""

    root: Path
    snapshot: Snapshot
    lineage: Lineage
    definitions: Mapping[str, Definition]
    store: Store

    def __enter__(self) -> Record:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.snapshot.close()

    @cached_property
    def held_by_git(self) -> frozenset[str]:
        """The outputs that git keeps and DVC's cache does not."""
        return frozenset(path for row in self.definitions.values() for path, cached in row.outs.items() if not cached)


def read_landings(snapshot: Snapshot) -> dict[str, Any]:
    """collection and partitions (name -> its landing) that a snapshot says it holds. Raises VerificationError."""
    try:
        held = yaml.load(snapshot.read(LANDINGS) or b"", Loader=yaml.CSafeLoader)
        return {
            "collection": held["collection"],
            "partitions": {k: v["landing"] for k, v in held["partitions"].items()},
        }
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(f"{LANDINGS} is not as `hilum land` writes it ({type(error).__name__}).") from None


def open_record(root: Path, revision: str | None = None) -> Record:
    """The record of a revision; without one, of the working tree, whose files may then stand in for the cache.

    To be used in a `with`.
    Raises UsageError if git knows no such revision, VerificationError if a record is not of its form.
    """
    snapshot = open_snapshot(root, revision)
    try:
        store = Store(root, here=revision is None)
        return Record(root, snapshot, read_lineage(snapshot), read_definitions(snapshot), store)
    except BaseException:
        snapshot.close()
        raise
