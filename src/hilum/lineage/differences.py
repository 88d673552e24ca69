"""Why does a figure differ between two records? All that differs where its chain begins, in parts that can be undone.

In: two records of one line and the file that holds the figure. Out: causes: a landing, a section of params.yaml, a room
of the code, the vocabulary, the rules that read text, commands, any other input; and for some of them undone the files
that git would hold. What a stage makes is no cause: it follows from these.
Known to be imperfect: code that no stage names as its input (how the command line is read) is no cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import yaml

from hilum.errors import BadDataError
from hilum.lineage.record import Record
from hilum.lineage.snapshots import Snapshot

PARAMS, LANDINGS = "params.yaml", "data/landings.yaml"
LANDING, PARAMETER, VOCABULARY, RULES, CODE, COMMANDS, INPUT = (
    "landing", "parameter", "vocabulary", "text rules", "code", "commands", "input",
)  # fmt: skip
INTERACTION, UNEXPLAINED = "interaction", "unexplained"
SHOWN = 20
_ROOMS = {"vocabulary": VOCABULARY, "text": RULES}
_LANDING = re.compile(r"data/(?:landings/(L\d+)\.json|partitions/(L\d+)-.*|(?:raw|truth)/(L\d+)[./].*)")


@dataclass(frozen=True)
class Cause:
    """One thing that differs and can be undone alone. paths: the files of it that git holds, sorted.

    keys: of params.yaml, with dots. follows: files that change with the landings, and not with this one alone.
    facts: for people, counts and names.
    """

    kind: str
    name: str
    paths: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.kind if self.kind in (VOCABULARY, RULES) else f"{self.kind} {self.name}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"cause": str(self), "kind": self.kind, "name": self.name, "files": [*self.paths], **self.facts}


def find_causes(old: Record, new: Record, files: Sequence[str]) -> list[Cause]:
    """Everything that differs at the beginnings of the chains behind files, landings first.

    Raises VerificationError if a record does not say what made a file.
    """
    paths = sorted(_leaves(old, files) | _leaves(new, files))
    changed = [path for path in paths if old.snapshot.read(path) != new.snapshot.read(path)]
    causes = [*_landings(old, new, [path for path in changed if _LANDING.fullmatch(path) or path == LANDINGS])]
    groups: dict[tuple[str, str], list[str]] = {}
    for path in changed:
        if not _LANDING.fullmatch(path) and path != LANDINGS:
            groups.setdefault(_group(path), []).append(path)
    causes += _parameters(old, new, files)
    for (kind, name), members in sorted(groups.items()):
        facts = {"changes": {path: _change(old, new, path) for path in members}}
        causes.append(Cause(kind, name, tuple(members), facts=facts))
    return [*causes, *_commands(old, new, files)]


def undo(old: Snapshot, new: Snapshot, causes: Sequence[Cause], undone: Collection[Cause]) -> dict[str, bytes | None]:
    """The files of the new snapshot that are others where some of its causes are undone; None: there is none."""
    files: dict[str, bytes | None] = {path: old.read(path) for cause in undone for path in cause.paths}
    landings = [cause for cause in causes if cause.kind == LANDING]
    back = {cause.name for cause in undone if cause.kind == LANDING}
    if back and len(back) == len(landings):
        files |= {path: old.read(path) for cause in landings for path in (*cause.follows, LANDINGS)}
    elif back:
        files[LANDINGS] = _merge_landings(old, new, back)
    keys = [key for cause in undone for key in cause.keys]
    if keys:
        files[PARAMS] = _merge_params(old, new, keys)
    return files


def must_settle(causes: Sequence[Cause], undone: Collection[Cause]) -> bool:
    """Whether some landings are undone and others stay, so that partitions must be derived from those that stay."""
    known = [cause for cause in causes if cause.kind == LANDING and any(p.endswith(".json") for p in cause.paths)]
    return 0 < sum(cause in undone for cause in known) < len(known)


def _leaves(record: Record, files: Sequence[str]) -> set[str]:
    """The files that git holds and the chain begins with."""
    places = ("data/landings", "data/partitions", "data/raw")
    found = {path for place in places for path in record.snapshot.files(place)} | {LANDINGS}
    for stage in record.lineage.behind(files):
        if stage.is_source:
            found.add(stage.lock)
        for dep in stage.deps:
            if not record.lineage.makers_of(dep):
                found |= set(record.snapshot.files(dep.path) if dep.is_folder else [dep.path])
                beside = record.lineage.maker(str(PurePosixPath(dep.path).with_suffix("")))
                found |= {beside.lock} if beside and beside.is_source else set()  # a note of what `dvc add` tracks
    return found


def _group(path: str) -> tuple[str, str]:
    parts = PurePosixPath(path).parts
    if parts[0] != "src":
        return INPUT, str(PurePosixPath(path).with_suffix("") if path.startswith("data/") else path)
    room = (parts[2] if parts[1] == "hilum" and len(parts) > 2 else parts[1]).removesuffix(".py")
    return (_ROOMS[room], "") if room in _ROOMS else (CODE, room)


def _change(old: Record, new: Record, path: str) -> str:
    before, after = old.snapshot.read(path), new.snapshot.read(path)
    return "added" if before is None else "removed" if after is None else "changed"


def _parameters(old: Record, new: Record, files: Sequence[str]) -> Iterator[Cause]:
    """A cause for every section that a stage of the chains reads and whose values differ."""
    sections = {
        key
        for record in (old, new)
        for stage in record.lineage.behind(files)
        for key in (record.definitions[stage.name].params if stage.name in record.definitions else ())
    }
    before, after = _load(old.snapshot, PARAMS), _load(new.snapshot, PARAMS)
    for section in sorted(sections):
        rows = [*_differ(section, _dig(before, section), _dig(after, section))]
        if rows:
            facts = {"changes": {key: {"old": was, "new": now} for key, was, now in rows}}
            name = rows[0][0] if len(rows) == 1 else section
            yield Cause(PARAMETER, name, keys=tuple(key for key, _, _ in rows), facts=facts)


def _differ(key: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _differ(f"{key}.{name}", old.get(name), new.get(name))
    elif old != new:
        yield key, old, new


def _commands(old: Record, new: Record, files: Sequence[str]) -> Iterator[Cause]:
    """A cause for every dvc.yaml by which a stage of the chains is not defined as it was."""
    changed: dict[str, dict[str, str]] = {}
    before = {stage.name for stage in old.lineage.behind(files) if not stage.is_source}
    after = {stage.name for stage in new.lineage.behind(files) if not stage.is_source}
    bases = {name.partition("@")[0] for name in before} & {name.partition("@")[0] for name in after}
    for name in sorted(before | after):
        was, now = old.definitions.get(name), new.definitions.get(name)
        base = name.partition("@")[0]
        if was == now or (base in bases and (was is None or now is None)):  # a partition that came or went
            continue
        file = name.rpartition(":")[0] or "dvc.yaml"
        what = "added" if was is None else "removed" if now is None else (
            "command" if was.command != now.command else "inputs, outputs or parameters"
        )  # fmt: skip
        changed.setdefault(file, {})[base] = what
    for file, stages in changed.items():
        yield Cause(COMMANDS, file, (file,), facts={"changes": stages})


def _landings(old: Record, new: Record, changed: Sequence[str]) -> Iterator[Cause]:
    """A cause for every landing that differs. What changed in one that was there follows from those that came."""
    names: dict[str, list[str]] = {}
    for path in changed:
        match = _LANDING.fullmatch(path)
        if match:
            names.setdefault(match[1] or match[2] or match[3], []).append(path)
    rows = [_rows(_load(record.snapshot, LANDINGS)) for record in (old, new)]
    for name in {*rows[0], *rows[1]}:
        if rows[0].get(name) != rows[1].get(name):
            names.setdefault(name, [])
    known = [_names(record) | set(held) for record, held in zip((old, new), rows, strict=True)]
    came = {name for name in names if (name in known[0]) != (name in known[1])}
    own = sorted(came or names)
    follows = tuple(sorted(path for name in names if name not in own for path in names[name]))
    for name in own:
        yield Cause(LANDING, name, tuple(sorted(names[name])), follows=follows, facts=_describe(old, new, name))


def _names(record: Record) -> set[str]:
    return {PurePosixPath(path).stem for path in record.snapshot.files("data/landings")}


def _rows(landings: Mapping[str, Any]) -> dict[str, Any]:
    """Landing -> what landings.yaml says of it."""
    rows: dict[str, Any] = {name: {"generated": True} for name in landings.get("generated") or ()}
    for key, row in (landings.get("partitions") or {}).items():
        if isinstance(row, Mapping) and "landing" in row:
            rows.setdefault(row["landing"], {})[key] = dict(row)
    return rows


def _describe(old: Record, new: Record, name: str) -> dict[str, Any]:
    """Raw files that were added, replaced and withdrawn, in numbers and the first names."""
    facts: dict[str, Any] = {}
    read = [_load(record.snapshot, f"data/landings/{name}.json") for record in (old, new)]
    for kind in ("withdrawn_subjects", "withdrawn_studies"):
        n = len(set(read[1].get(kind, ())) ^ set(read[0].get(kind, ())))
        facts |= {kind: n} if n else {}
    try:
        before, after = (_listing(record, name) for record in (old, new))
    except BadDataError as error:
        return {**facts, "why_not": str(error)}
    for what, paths in (
        ("added", sorted(set(after) - set(before))),
        ("withdrawn", sorted(set(before) - set(after))),
        ("replaced", sorted(path for path in set(before) & set(after) if before[path] != after[path])),
    ):
        if paths:
            facts[what] = {"files": len(paths), "first": paths[:SHOWN]}
    return facts


def _listing(record: Record, name: str) -> dict[str, str]:
    out = record.lineage.out(f"data/raw/{name}/listing.parquet")
    if out is None:
        return {}
    rows = pd.read_parquet(record.store.path_of(out), columns=["path", "sha256"]).astype(str)
    return dict(zip(rows["path"], rows["sha256"], strict=True))


def _merge_landings(old: Snapshot, new: Snapshot, back: Collection[str]) -> bytes:
    """landings.yaml of the new snapshot, with what the old one says of some landings."""
    before, after = _load(old, LANDINGS), _load(new, LANDINGS)

    def choose(read: Callable[[Mapping[str, Any]], Iterable[tuple[str, Any]]]) -> dict[str, Any]:
        rows = [row for row in read(after) if row[1] not in back] + [row for row in read(before) if row[1] in back]
        return dict(sorted(rows))

    generated = choose(lambda held: ((name, name) for name in held.get("generated") or ()))
    partitions = choose(lambda held: ((key, row["landing"]) for key, row in (held.get("partitions") or {}).items()))
    rows = {**(before.get("partitions") or {}), **(after.get("partitions") or {})}
    merged = {**after, "generated": [*generated], "partitions": {key: rows[key] for key in partitions}}
    return yaml.safe_dump(merged, sort_keys=False).encode()


def _merge_params(old: Snapshot, new: Snapshot, keys: Sequence[str]) -> bytes:
    """params.yaml of the new snapshot, with the old one's values of some keys."""
    before, after = _load(old, PARAMS), _load(new, PARAMS)
    for key in keys:
        *folders, last = key.split(".")
        place, held = after, before
        for name in folders:
            place = place.setdefault(name, {})
            held = held.get(name) or {}
        if last in held:
            place[last] = held[last]
        else:
            place.pop(last, None)
    return yaml.safe_dump(after, sort_keys=False).encode()


def _dig(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _load(snapshot: Snapshot, path: str) -> dict[str, Any]:
    read = yaml.load(snapshot.read(path) or b"{}", Loader=yaml.CSafeLoader)
    return read if isinstance(read, dict) else {}
