"""A whole commit made again, and every byte compared: the facts of a certificate.

In: a checkout and a revision. Out: for every recorded stage whether its bytes came out equal, and if not, whether its
inputs did, and by how much its files differ. It is rebuilt as a stranger would, in a clone whose cache holds only what
came from outside and no stage makes. Source trees are linked: what lies there now is what is read.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from flows.account import with_last_words
from flows.clones import Clone, clone_at
from flows.driver import RunReport
from flows.dvc_command import run_dvc
from flows.graph import THE_LINE
from flows.replay import clear, differ, digest_in
from hilum.errors import BadDataError, UsageError
from hilum.lineage.lock import LOCKS, Item, Stage
from hilum.lineage.record import Record, open_record
from hilum.lineage.store import Object, digest_of
from hilum.lineage.verify import check_lock

EXACT, DIFFERS, FOLLOWS, NOT_MADE = "exact", "differs", "follows", "not made"
"""Of a stage: its bytes came out equal; others from equal inputs; others, as its inputs were; or none at all."""


def reproduce(
    root: Path, revision: str, jobs: int, threads: Mapping[str, int], *, pull: bool = False, keep: bool = False
) -> dict[str, Any]:
    """Rebuild a commit from nothing but git and what came from outside; the facts of its certificate.

    jobs, threads: as for `drive`. pull: what came from outside is fetched from the default remote where the cache lacks
    it. Raises UsageError if the commit records no stage, BadDataError if what came from outside is not to be had.
    """
    began, at = time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with ExitStack() as stack:
        record = stack.enter_context(open_record(root, revision))
        commit = str(record.snapshot.commit)
        stages = [stage for stage in record.lineage.stages.values() if not stage.is_source]
        if not stages:
            raise UsageError(f"{revision} records no stage that has run; name a commit that holds a dvc.lock.")
        clone = stack.enter_context(clone_at(root, commit, shared=False, keep=keep))
        brought = _bring_sources(record, clone, pull=pull)
        clear(record, clone.folder)
        for lock in LOCKS:
            (clone.folder / lock).unlink(missing_ok=True)
        reports = [clone.build(target, jobs, threads) for target in _targets(record)]
        made = stack.enter_context(open_record(clone.folder))
        rows = [_account(record, made, stage, clone, reports) for stage in record.lineage.stages.values()
                if not stage.is_source]  # fmt: skip
        links = check_lock(record.lineage.behind(record.lineage.outs())[::-1], record)
    return {
        "what": "a commit of hilum, made again", "revision": revision, "commit": commit, "at": at,
        "seconds": round(time.monotonic() - began, 1), "from_outside": brought, "stages": rows,
        "counts": {verdict: sum(row["verdict"] == verdict for row in rows)
                   for verdict in (EXACT, DIFFERS, FOLLOWS, NOT_MADE)},
        "record": {"links": links.n, "broken": [str(row) for row in links.broken if not row.missing]},
        "exact": all(row["verdict"] == EXACT for row in rows),
    }  # fmt: skip


def _targets(record: Record) -> list[str]:
    """What must be run for every recorded stage to run: the line, and the ends of what is served."""
    read = {dep.path for stage in record.lineage.stages.values() for dep in stage.deps}
    ends = [
        stage.name
        for stage in record.lineage.stages.values()
        if stage.lock != LOCKS[0] and not stage.is_source and not any(_is_read(out.path, read) for out in stage.outs)
    ]
    return [THE_LINE, *ends]


def _is_read(path: str, read: set[str]) -> bool:
    return any(place in read for place in (path, *map(str, PurePosixPath(path).parents)))


def _bring_sources(record: Record, clone: Clone, *, pull: bool) -> list[dict[str, Any]]:
    """Put what `dvc add` tracks into the clone's own cache and places; each with its digest and where it was found."""
    rows, wanted = [], []
    for stage in (stage for stage in record.lineage.stages.values() if stage.is_source):
        (out,) = stage.outs
        try:
            _into_cache(record, out, clone)
            found = "cache"
        except BadDataError as error:
            if not pull:
                raise BadDataError(f"{error} No stage makes it; `--pull` fetches it from the remote.") from None
            wanted.append(stage.name)
            found = "remote"
        rows.append({"path": out.path, "md5": out.md5, "bytes": out.size, "found": found})
    if wanted:
        run_dvc(clone.folder, "fetch", "--quiet", *wanted)
    clone.bring()
    return rows


def _into_cache(record: Record, out: Item, clone: Clone) -> None:
    objects = {file.md5: file for file in record.store.files(out)}
    if out.is_folder:
        objects[out.md5] = Object(out.path, out.md5)
    for md5, file in objects.items():
        there = record.store.cached(md5)
        if there is None:
            raise BadDataError(f"{file.path} ({md5}) is not in the cache.")
        place = clone.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(there, place)
        if digest_of(place) != md5.removesuffix(".dir"):
            raise BadDataError(f"{file.path}: the cached object {md5} has other bytes; remove it, and `--pull`.")


def _account(record: Record, made: Record, stage: Stage, clone: Clone, reports: Sequence[RunReport]) -> dict[str, Any]:
    """What became of one stage: its verdict, its outputs, and by how much they differ."""
    seconds = next((report.seconds[stage.name] for report in reports if stage.name in report.seconds), None)
    row: dict[str, Any] = {"stage": stage.name, "seconds": round(seconds, 2) if seconds is not None else None}
    error = next(((report.errors[stage.name], report) for report in reports if stage.name in report.errors), None)
    if error is not None:
        return {**row, "verdict": NOT_MADE, "why": str(with_last_words(error[0], error[1], clone.folder)), "outs": []}
    again = made.lineage.stages.get(stage.name)
    if again is None:
        return {**row, "verdict": NOT_MADE, "why": "it was not reached, or dvc.yaml has no such stage", "outs": []}
    outs = []
    for out in stage.outs:
        found = digest_in(clone.folder, out)
        differing = differ(record, out, clone.folder) if found not in (out.md5, None) else {}
        outs.append({
            "path": out.path, "recorded": out.md5, "made": found,
            **({"differ": [{"path": path, **facts} for path, facts in differing.items()]} if differing else {}),
        })  # fmt: skip
    exact = all(out["made"] == out["recorded"] for out in outs)
    inputs = [{dep.path: dep.md5 for dep in known.deps} for known in (stage, again)]
    others = sorted(path for path in {*inputs[0], *inputs[1]} if inputs[0].get(path) != inputs[1].get(path))
    verdict = EXACT if exact else FOLLOWS if others else DIFFERS
    return {**row, "verdict": verdict, **({"after": others} if others else {}), "outs": outs}
