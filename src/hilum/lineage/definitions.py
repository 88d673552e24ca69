"""What dvc.yaml says a stage is: command, inputs, parameters and outputs, its templates filled in.

In: a snapshot. Out: a definition for every stage. Of DVC's templates it knows what hilum's own files use: `vars` from
files, `foreach` over a list or a mapping, and `${item}`, `${key}`, `${item.name}` and names of vars in strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from hilum.errors import VerificationError
from hilum.lineage.lock import LOCKS
from hilum.lineage.snapshots import Snapshot

_FIELD = re.compile(r"\$\{\s*([A-Za-z_][\w.]*)\s*\}")


@dataclass(frozen=True)
class Definition:
    """A stage as dvc.yaml has it. outs: path -> whether DVC's cache keeps it; else git does. frozen: DVC skips it."""

    name: str
    command: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: Mapping[str, bool]
    frozen: bool = False


def read_definitions(snapshot: Snapshot) -> dict[str, Definition]:
    """Name -> definition, named as in `Lineage`. Raises VerificationError if a dvc.yaml is not of a form known here."""
    found: dict[str, Definition] = {}
    for lock in LOCKS:
        path = str(PurePosixPath(lock).with_suffix(".yaml"))
        text = snapshot.read(path)
        if text is None:
            continue
        prefix = "" if lock == LOCKS[0] else f"{path}:"
        try:
            for name, stage, values in _expand(yaml.load(text, Loader=yaml.CSafeLoader), snapshot, path):
                found[prefix + name] = _define(prefix + name, _fill(stage, values))
        except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise VerificationError(f"{path} is not of a form that can be read ({type(error).__name__}).") from None
    return found


def _expand(file: Mapping[str, Any], snapshot: Snapshot, path: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Every stage, its template and the values to fill in."""
    values: dict[str, Any] = {}
    for name in file.get("vars", ()):
        place = _normal(str(PurePosixPath(path).parent / name))
        values |= yaml.load(snapshot.read(place) or b"{}", Loader=yaml.CSafeLoader)
    for name, stage in (file.get("stages") or {}).items():
        if "foreach" not in stage:
            yield name, stage, values
            continue
        over = stage["foreach"]
        over = _look_up(over[2:-1], values) if isinstance(over, str) else over
        rows = over.items() if isinstance(over, dict) else [(item, item) for item in over or ()]
        for key, item in rows:
            yield f"{name}@{key}", stage["do"], {**values, "key": key, "item": item}


def _define(name: str, stage: Mapping[str, Any]) -> Definition:
    outs: dict[str, bool] = {}
    for kind in ("outs", "metrics", "plots"):
        for row in stage.get(kind, ()):
            for path, options in row.items() if isinstance(row, dict) else [(row, {})]:
                outs[path] = options.get("cache", True)
    params = tuple(row for row in stage.get("params", ()))
    return Definition(
        name, " ".join(stage["cmd"].split()), tuple(stage.get("deps", ())), params, outs, stage.get("frozen", False)
    )


def _fill(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        return _FIELD.sub(lambda match: str(_look_up(match[1], values)), template)
    if isinstance(template, dict):
        return {_fill(key, values): _fill(value, values) for key, value in template.items()}
    return [_fill(row, values) for row in template] if isinstance(template, list) else template


def _look_up(name: str, values: Mapping[str, Any]) -> Any:
    found: Any = values
    for part in name.strip().split("."):
        found = found[part]
    return found


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
