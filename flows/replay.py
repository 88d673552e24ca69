"""Stages run again, and their bytes compared with the recorded ones.

In: a record and names of stages. Out: what was checked and what is broken, and of files that differ by how much. A
stage is run without DVC, in a clean clone, from copies of its recorded inputs. Source trees are linked and not copied:
what lies there now is what is read.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from flows.account import last_words
from flows.checkout import log_path
from flows.clones import Clone, clone_at
from flows.reaper import end_children_with_me
from flows.stage_process import stage_environment
from hilum.errors import BadDataError, UsageError
from hilum.lineage.distance import describe_distance, measure
from hilum.lineage.lock import Item, Stage
from hilum.lineage.record import Record
from hilum.lineage.store import Object, digest_of, digest_of_listing
from hilum.lineage.verify import Broken, Checked

log = logging.getLogger(__name__)


def rerun(record: Record, names: Sequence[str], workers: int, *, keep: bool = False) -> Checked:
    """Run recorded stages again, each from its recorded inputs, and compare every file that they write.

    names: stages; `workers`: cores that one may use. Nothing is taken from the run-cache, and nothing is put there.
    Raises UsageError for a name that is no stage of the record, BadDataError if an input is not here.
    """
    unknown = [name for name in names if name not in record.lineage.stages or record.lineage.stages[name].is_source]
    if unknown:
        ran = [name for name, stage in record.lineage.stages.items() if not stage.is_source]
        raise UsageError(f"{record.snapshot.name} records no stage {unknown[0]}; there is {', '.join(ran[:8])}.")
    broken: list[Broken] = []
    n = size = 0
    with clone_at(record.root, str(record.snapshot.commit), shared=False, keep=keep) as clone:
        clone.overlay(record.snapshot)
        for name in names:
            stage = record.lineage.stages[name]
            broken += _run_again(record, stage, clone, workers) or _compare_outs(record, stage, clone.folder)
            n += sum(out.nfiles or 1 for out in stage.outs)
            size += sum(out.size for out in stage.outs)
            clear(record, clone.folder)
    return Checked("rerun", n, size, tuple(broken))


def _run_again(record: Record, stage: Stage, clone: Clone, workers: int) -> list[Broken]:
    """Lay out what a stage reads and run its command; what went wrong."""
    for out in stage.outs:
        _remove(clone.folder / out.path)
    wrong = [row for item in _inputs(record, stage) for row in _copy(record, item, clone)]
    if wrong:
        return wrong
    end_children_with_me()
    run = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = log_path(record.root, f"rerun-{run}", [stage.name])
    path.parent.mkdir(parents=True, exist_ok=True)
    log.info("rerun: %s", stage.name)
    with path.open("wb") as messages:
        done = subprocess.run(
            str(stage.command), shell=True, cwd=clone.folder, env=stage_environment(clone.folder, workers),
            stdin=subprocess.DEVNULL, stdout=messages, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode == 0:
        return []
    words = last_words(path)
    found = (
        f"exit {done.returncode}{f' ({words})' if words else ''}; its messages are in {path.relative_to(record.root)}"
    )
    return [Broken(f"{stage.name}, run again", "that it runs from what it read", found)]


def _inputs(record: Record, stage: Stage) -> Iterator[Item]:
    """The artifacts that a stage reads: its inputs, what its command names besides, and what a note beside tells of."""
    words = {word for word in str(stage.command).split() if record.lineage.maker(word)}
    notes = {str(PurePosixPath(dep.path).with_suffix("")) for dep in stage.deps}
    paths = {dep.path for dep in stage.deps} | words | {path for path in notes if record.lineage.out(path)}
    mine = {out.path for out in stage.outs}
    found = {item.path: item for path in sorted(paths) for item in record.lineage.inside(path)}
    for path in sorted(paths):
        maker = record.lineage.maker(path)
        found |= {out.path: out for out in maker.outs if path.startswith(f"{out.path}/")} if maker else {}
        beside = record.lineage.inside(str(PurePosixPath(path).parent)) if maker and maker.is_source else []
        found |= {out.path: out for out in beside}  # the tables that came with a listing
    yield from (item for path, item in sorted(found.items()) if path not in mine)


def _copy(record: Record, item: Item, clone: Clone) -> Iterator[Broken]:
    """Give a clone files of its own, and say which are not the recorded ones.

    Raises BadDataError if one is not here.
    """
    if item.path in record.held_by_git:
        names = record.snapshot.files(item.path) if item.is_folder else [item.path]
        clone.write({name: record.snapshot.read(name) for name in names})
        found = digest_in(clone.folder, item)
        if found != item.md5:
            yield Broken(f"{item.path}, to be read again", item.md5, str(found))
        return
    for file in record.store.files(item):
        place, there = clone.folder / file.path, record.store.find(file)
        if there is None:
            raise BadDataError(f"{file.path} ({file.md5}) is neither in the cache nor here; `dvc pull` brings it.")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(there, place)
        md5 = digest_of(place)
        if md5 != file.md5:
            yield Broken(f"{file.path}, to be read again", file.md5, md5)


def _compare_outs(record: Record, stage: Stage, folder: Path) -> Iterator[Broken]:
    for out in stage.outs:
        found = digest_in(folder, out)
        if found != out.md5:
            where = f"{out.path}, written again by {stage.name}"
            how = [f"{path}: {describe_distance(row)}" for path, row in differ(record, out, folder).items()]
            yield Broken(where, out.md5, f"{found or 'nothing'}{f' ({how[0]})' if how else ''}")


def digest_in(folder: Path, out: Item) -> str | None:
    """The digest of what a clone has in an output's place, as DVC records it; None where it has nothing."""
    place = folder / out.path
    if place.is_dir():
        return digest_of_listing((file.path, file.md5) for file in _files_in(place))
    return digest_of(place) if place.is_file() else None


def _files_in(folder: Path) -> Iterator[Object]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield Object(path.relative_to(folder).as_posix(), digest_of(path))


def differ(record: Record, out: Item, folder: Path) -> dict[str, dict[str, Any]]:
    """The files of an output that are not as recorded, and by how much, as far as the recorded bytes are at hand."""
    found: dict[str, dict[str, Any]] = {}
    try:
        recorded = {file.path: file for file in record.store.files(out)}
    except BadDataError as error:
        return {out.path: {"why_not": str(error)}}
    made = {out.path: digest_of(folder / out.path)} if (folder / out.path).is_file() else {
        f"{out.path}/{file.path}": file.md5 for file in _files_in(folder / out.path)
    }  # fmt: skip
    for path in sorted({*recorded, *made}):
        if path not in made or path not in recorded:
            found[path] = {"why_not": "it was not made" if path not in made else "it was not recorded"}
        elif made[path] != recorded[path].md5:
            found[path] = _measure(record, recorded[path], folder / path)
    return found


def _measure(record: Record, file: Object, made: Path) -> dict[str, Any]:
    place = record.store.cached(file.md5)
    if place is not None:
        return measure(place, made, file.path)
    text = record.snapshot.read(file.path) if record.snapshot.holds(file.path) else None
    if text is None:
        return {"why_not": "the recorded bytes are not here"}
    held = made.with_name(f".{made.name}.recorded")
    held.write_bytes(text)
    try:
        return measure(held, made, file.path)
    finally:
        held.unlink()


def clear(record: Record, folder: Path) -> None:
    """Remove every output of a stage, those that git holds as well."""
    for stage in record.lineage.stages.values():
        if not stage.is_source:
            for out in stage.outs:
                _remove(folder / out.path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
