"""Is the chain whole? Every link of it, from the record to the bytes.

In: stages of a lineage, a snapshot, a store. Out: the broken links, in the order of the line, each with what was
expected and what was found; the first one is where to look. Levels: `lock`, what git holds agrees with itself; `cache`,
the bytes of every artifact are the recorded ones; `source`, so are those of the raw files.
Known to be imperfect: DVC's digests are md5, which an attacker can make collide; the sha256 of raw files, of the index
and of what is signed do not have that weakness.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from hilum.errors import BadDataError, VerificationError
from hilum.lineage.definitions import Definition
from hilum.lineage.lock import Item, Stage
from hilum.lineage.record import Record
from hilum.lineage.snapshots import WorkingTree
from hilum.lineage.store import Object, Store, digest_of, digest_of_listing

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Broken:
    """A link that does not hold. where: the file or stage; missing: it could not be checked, for it is not here."""

    where: str
    expected: str
    found: str
    missing: bool = False

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Checked:
    """What a level came to. n: how many links, files or digests; size: bytes that were hashed."""

    level: str
    n: int
    size: int
    broken: tuple[Broken, ...]

    def raise_broken(self) -> None:
        """Raise VerificationError if a link is broken, BadDataError if one could not be checked."""
        for row in sorted(self.broken, key=lambda row: row.missing):
            if row.missing:
                raise BadDataError(
                    f"{row}. `dvc pull --allow-missing` brings artifacts, `hilum land SOURCE` links raw files, "
                    f"`git fetch --unshallow` brings history; then audit again."
                )
            more = f" ({len(self.broken) - 1} more)" if len(self.broken) > 1 else ""
            raise VerificationError(f"the chain is broken at {row}{more}.")


def check_lock(stages: Iterable[Stage], record: Record) -> Checked:
    """Chain closure: commands, parameters and code are those of the snapshot, and every input is what was written."""
    stages = list(stages)
    checker = _LockChecker(record)
    broken = [row for stage in stages for row in checker.check(stage)]
    broken += _check_spelling(sorted({stage.lock for stage in stages}), record)
    return Checked("lock", checker.n, checker.size, tuple(broken))


def _check_spelling(paths: Iterable[str], record: Record) -> Iterator[Broken]:
    """A record here that says what the commit's says is the commit's, to the byte: DVC writes the same alike."""
    snapshot = record.snapshot
    for path in paths:
        if not isinstance(snapshot, WorkingTree) or path not in snapshot.changed:
            continue
        here, held = snapshot.read(path), snapshot.committed(path)
        if here is not None and held is not None and here != held and _read(here) == _read(held):
            yield Broken(path, f"the bytes of commit {str(snapshot.commit)[:12]}, for it says the same", "others")


def _read(text: bytes) -> str:
    """What YAML says, in its order; the bytes themselves where they are none."""
    try:
        return repr(yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return repr(text)


def check_bytes(
    stages: Iterable[Stage], record: Record, threads: int, on_file: Callable[[int], object] = lambda size: None
) -> Checked:
    """Hash every file of every output of the stages, cached ones and those that lie in the checkout.

    What git holds is compared by `check_lock`, and its copies in the cache are hashed here. on_file: told of the bytes
    of every file hashed.
    """
    store, stages = record.store, list(stages)
    broken: list[Broken] = []
    places: dict[Path, Object] = {}
    folders: dict[str, Path] = {}
    for item in (out for stage in stages for out in stage.outs):
        if item.path in record.held_by_git:  # DVC's run-cache may keep a copy
            places.update((path, Object(name, md5)) for name, md5, path in _kept_copies(item, store))
            continue
        listing = store.cached(item.md5) if item.is_folder else None
        if listing:
            folders[item.md5.removesuffix(".dir")] = listing
        try:
            files = store.files(item)
        except BadDataError:
            broken.append(_not_here(item.path, item.md5))
            continue
        for file in files:
            copies = store.copies(file)
            places.update(dict.fromkeys(copies, file))
            if not copies:
                broken.append(_not_here(file.path, file.md5))
        if item.is_folder and listing is None:  # then its files were found by looking, whatever was recorded
            start = len(item.path) + 1
            found = digest_of_listing((file.path[start:], file.md5) for file in files)
            if found != item.md5:
                broken.append(Broken(item.path, item.md5, found))
        broken += _check_sizes(item, files, store)
    rows = [*places.items(), *((path, Object(f"the listing {path.name}", md5)) for md5, path in folders.items())]
    total = 0
    with ThreadPoolExecutor(threads) as pool:
        for (path, file), (found, size) in zip(rows, pool.map(lambda row: _hash(row[0]), rows), strict=True):
            total += size
            on_file(size)
            if found != file.md5:
                where = file.path if path.is_relative_to(store.root) and path == store.root / file.path else (
                    f"{file.path} in the cache (files/md5/{path.parent.name}/{path.name})"
                )  # fmt: skip
                broken.append(Broken(where, file.md5, found))
    broken += [row for stage in stages for row in _check_checkpoint(stage, record)]
    return Checked("cache", len(rows), total, tuple(broken))


def _kept_copies(item: Item, store: Store) -> Iterator[tuple[str, str, Path]]:
    """What the cache has of an item that git holds: path, md5 and place, of a folder its listing and files."""
    kept = store.cached(item.md5)
    if kept is None:
        return
    yield item.path, item.md5.removesuffix(".dir"), kept
    for file in _files(store, item) if item.is_folder else []:
        path = store.cached(file.md5)
        if path:
            yield file.path, file.md5, path


def _check_checkpoint(stage: Stage, record: Record) -> Iterator[Broken]:
    """The index says by which weights its vectors were made: they are those that its embeddings were made with."""
    model = next((_model_named(record.store, out) for out in stage.outs if out.is_folder), None)
    if stage.verb != "index" or model is None:
        return
    read = {dep.path for maker in record.lineage.makers(stage) if maker.verb == "embed" for dep in maker.deps}
    for item in filter(None, map(record.lineage.out, sorted(read))):
        for file in _files(record.store, item):
            place = record.store.find(file) if PurePosixPath(file.path).name == WEIGHTS else None
            found = digest_of(place, "sha256") if place else model
            if not found.startswith(model):
                yield Broken(file.path, f"checkpoint {model}, by which {stage.name} says it was made", found[:16])


def _model_named(store: Store, index: Item) -> str | None:
    """The model_id of a folder's index.json; None where it has none, or it is not here."""
    try:
        return str(json.loads(store.path_of(index, "index.json").read_bytes())["model_id"]) or None
    except (BadDataError, OSError, ValueError, KeyError, TypeError):
        return None  # that it is not here, or not as recorded, has been said


def _files(store: Store, item: Item) -> list[Object]:
    try:
        return store.files(item)
    except BadDataError:
        return []  # has been said


def _hash(path: Path) -> tuple[str, int]:
    try:
        return digest_of(path), path.stat().st_size
    except OSError as error:
        return f"a file that cannot be read ({error.strerror})", 0


def _check_sizes(item: Item, files: Sequence[Object], store: Store) -> Iterator[Broken]:
    if item.nfiles is not None and item.nfiles != len(files):
        yield Broken(item.path, f"{item.nfiles} files", f"{len(files)} in its listing")
    places = [store.find(file) for file in files]
    if all(places):
        size = sum(path.stat().st_size for path in places if path)
        if size != item.size:
            yield Broken(item.path, f"{item.size} bytes", f"{size}")


def _not_here(path: str, md5: str) -> Broken:
    return Broken(path, md5, "nothing: it is neither in the cache nor here", missing=True)


class _LockChecker:
    """The links of stages. n: links checked. size: bytes hashed."""

    def __init__(self, record: Record) -> None:
        self._lineage, self._snapshot, self._store = record.lineage, record.snapshot, record.store
        self._definitions, self._held_by_git = record.definitions, record.held_by_git
        self._params: dict[str, Any] = {}
        self._digests: dict[str, tuple[str, int, int]] = {}
        self.n = self.size = 0

    def check(self, stage: Stage) -> Iterator[Broken]:
        """Every broken link of one stage: its definition, parameters, inputs, and outputs that git holds."""
        if stage.is_source:
            return
        definition = self._definitions.get(stage.name)
        self.n += 1
        if definition is None:
            yield Broken(f"{stage.lock}: {stage.name}", "a stage of dvc.yaml", "none of that name")
            return
        if definition.frozen:
            return
        yield from self._check_definition(stage, definition)
        yield from self._check_params(stage)
        for dep in stage.deps:
            self.n += 1
            yield from self._check_input(stage, dep)
        for out in stage.outs:
            if out.path in self._held_by_git:
                self.n += 1
                yield from self._compare(f"{out.path}, written by {stage.name}", out, self._held(out.path))

    def _check_definition(self, stage: Stage, definition: Definition) -> Iterator[Broken]:
        where = f"{stage.lock}: {stage.name}"
        command = " ".join((stage.command or "").split())
        if command != definition.command:
            yield Broken(f"{where}, command", f"`{definition.command}`", f"`{command}`")
        for kind, wanted, found in (
            ("inputs", set(definition.deps), {dep.path for dep in stage.deps}),
            ("outputs", set(definition.outs), {out.path for out in stage.outs}),
            ("parameters", set(definition.params), {key for keys in stage.params.values() for key in keys}),
        ):
            if wanted != found:
                odd = sorted(wanted ^ found)
                yield Broken(f"{where}, {kind}", "those of dvc.yaml", f"others ({', '.join(odd[:3])})")

    def _check_params(self, stage: Stage) -> Iterator[Broken]:
        for path, recorded in stage.params.items():
            if path not in self._params:
                self._params[path] = yaml.load(self._snapshot.read(path) or b"{}", Loader=yaml.CSafeLoader)
            for key, value in recorded.items():
                self.n += 1
                held = self._params[path]
                for part in key.split("."):
                    held = held.get(part) if isinstance(held, dict) else None
                if held != value:
                    yield Broken(f"{stage.lock}: {stage.name}, {path}:{key}", f"{held}", f"{value}")

    def _check_input(self, stage: Stage, dep: Item) -> Iterator[Broken]:
        where = f"{dep.path}, read by {stage.name}"
        made = self._lineage.out(dep.path)
        if made is not None:
            yield from self._compare(where, dep, (made.md5, made.size, made.nfiles))
        elif not dep.is_folder and self._lineage.maker(dep.path) is None:
            yield from self._compare(where, dep, self._held(dep.path))
        else:
            try:
                yield from self._compare(where, dep, self._folder(dep.path))
            except BadDataError as error:
                yield Broken(where, dep.md5, str(error).partition(";")[0], missing=True)

    def _compare(self, where: str, item: Item, found: tuple[str, int, int | None] | None) -> Iterator[Broken]:
        if found is None:
            yield Broken(where, item.md5, f"no such file in {self._snapshot.name}")
        elif found[0] != item.md5:
            yield Broken(where, item.md5, found[0])
        elif found[1] != item.size:
            yield Broken(where, f"{item.size} bytes", f"{found[1]}")
        elif item.nfiles is not None and found[2] is not None and found[2] != item.nfiles:
            yield Broken(where, f"{item.nfiles} files", f"{found[2]}")

    def _held(self, path: str) -> tuple[str, int, int] | None:
        """Digest, bytes and number of files of what the snapshot holds: a file, or a folder's listing."""
        if path not in self._digests:
            text = self._snapshot.read(path) if self._snapshot.holds(path) else None
            if text is None:
                return self._folder(path) if self._snapshot.files(path) else None
            self.size += len(text)
            self._digests[path] = (_md5(text), len(text), 1)
        return self._digests[path]

    def _folder(self, path: str) -> tuple[str, int, int]:
        """A folder of code, of outputs, or of both. An output's size is the recorded one."""
        if path in self._digests:
            return self._digests[path]
        rows: dict[str, str] = {}
        size = 0
        outs = [out for out in self._lineage.inside(path) if out.path not in self._held_by_git]
        for out in outs:
            rows.update((file.path, file.md5) for file in self._store.files(out))
            size += out.size
        for name in self._snapshot.files(path):
            if any(name == out.path or name.startswith(f"{out.path}/") for out in outs):
                continue
            text = self._snapshot.read(name) or b""
            rows[name] = _md5(text)
            size += len(text)
            self.size += len(text)
        start = len(path) + 1
        found = (digest_of_listing((name[start:], md5) for name, md5 in rows.items()), size, len(rows))
        self._digests[path] = found
        return found


def _md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()
