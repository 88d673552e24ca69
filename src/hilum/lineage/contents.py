"""What is in an artifact of a record, as far as it may be told: columns, and the facts of a JSON file.

In: a record and a path. Out: descriptions, never a row. What is not here is left out; it is no error.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hilum.errors import BadDataError
from hilum.lineage.lock import LOCKS
from hilum.lineage.record import Record, read_landings
from hilum.lineage.snapshots import WorkingTree
from hilum.schema import TABLES

VALIDATION = "data/validation/validation.json"
_TABLES = {"texts": "reports", "chexpert": "chexpert_labels"}
"""The tables whose folder has another name."""


def table_of(path: str) -> str:
    """The name that data/<folder> and data/<folder>/<partition>.parquet have among the tables; "" for other paths."""
    parts = path.split("/")
    return _TABLES.get(parts[1], parts[1]) if len(parts) > 1 and parts[0] == "data" else ""


def describe_columns(record: Record, path: str) -> list[dict[str, Any]]:
    """Name, type, position and, of a column that hilum.schema knows, meaning. Empty: no table, or not here."""
    item = record.lineage.out(path)
    if item is None or not path.endswith(".parquet"):
        return []
    try:
        schema = pq.read_schema(record.store.path_of(item))
    except (BadDataError, OSError, pa.ArrowInvalid):
        return []  # `hilum audit --verify cache` says which of the two
    table = TABLES.get(table_of(path))
    known = {column.name: column.description for column in table.columns} if table else {}
    return [
        {"name": field.name, "type": str(field.type), "ordinal_position": number}
        | ({"description": known[field.name]} if field.name in known else {})
        for number, field in enumerate(schema, 1)
    ]


def read_json(record: Record, path: str, name: str = "") -> dict[str, Any] | None:
    """A JSON object: a file that git holds, an output, or the file called `name` in one. None: not here, or none."""
    try:
        item = record.lineage.out(path)
        if item is None or path in record.held_by_git:
            text = record.snapshot.read(f"{path}/{name}" if name else path)
        else:
            text = record.store.path_of(item, name).read_bytes()
        found = json.loads(text) if text is not None else None
    except (BadDataError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def describe_checkout(record: Record) -> dict[str, Any]:
    """Collection, version of hilum, commit. changed: what differs from it of the files that the record rests on.

    Raises VerificationError if data/landings.yaml is not as hilum writes it.
    """
    project = tomllib.loads((record.snapshot.read("pyproject.toml") or b"").decode("utf-8")).get("project", {})
    return {
        "collection": read_landings(record.snapshot)["collection"],
        "version": project.get("version"),
        "commit": record.snapshot.commit,
        "changed": list_changed(record),
    }


def list_changed(record: Record) -> list[str]:
    """The files that the record rests on, or is, and that differ from the commit; none of a commit's own."""
    if not isinstance(record.snapshot, WorkingTree):
        return []
    rests = {item.path for stage in record.lineage.stages.values() for item in (*stage.deps, *stage.outs)}
    rests |= {stage.lock for stage in record.lineage.stages.values()} | {"params.yaml"}
    rests |= {str(PurePosixPath(lock).with_suffix(".yaml")) for lock in LOCKS}
    return [path for path in record.snapshot.changed if rests & {path, *map(str, PurePosixPath(path).parents)}]
