"""Bring everything that follows from the landings up to date: partitions, landings.yaml, what DVC tracks.

The landings (data/landings/*.json) and their listings are the truth; all the rest is derived from them here, by
`land` and `withdraw` alike, first and last. So a command killed halfway is mended by running it again. Who is withdrawn
is taken out of listings and tables (redact.py) once the partitions name them; these keep the ids from then on.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hilum.errors import UsageError
from hilum.sources.descriptors import (
    LANDINGS_FOLDER,
    PARTITIONS_FOLDER,
    PHANTOM,
    Landing,
    Partition,
    read_collection,
    read_partition,
    write_descriptor,
    write_landings_file,
)
from hilum.sources.files import TABLES_FOLDER
from hilum.sources.held import RAW_FOLDER, TRUTH_FOLDER, hold_studies, listing_path
from hilum.sources.layout import read_place, shard_of, study_key
from hilum.sources.partitions import shards_of
from hilum.sources.redact import all_withdrawn, redact
from hilum.sources.scan import HashedFile

log = logging.getLogger(__name__)

Listings = Sequence[tuple[str, Sequence[HashedFile]]]


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the landings of a checkout for one process; UsageError if another has them, or there are none."""
    read_collection(root)  # outside a checkout this says so, and no folder is made
    path = root / "data" / ".landings.lock"
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "another `hilum land` or `hilum withdraw` is at work here; run this again after it."
            ) from None
        yield


def settle(root: Path, collection: str, landings: Sequence[Landing], listings: Listings) -> None:
    """Write what follows from the landings. Writes nothing that is right already.

    listings: of all landings that have files, oldest first.
    """
    paths = [root / PARTITIONS_FOLDER / f"{name}.json" for row in landings for name in row.partitions]
    known = {path.stem: read_partition(path) for path in paths if path.is_file()}
    for partition in derive_partitions(landings, listings, known):
        write_descriptor(root / PARTITIONS_FOLDER / f"{partition.partition}.json", partition)
    kept = {name for row in landings for name in row.partitions}
    for path in sorted((root / PARTITIONS_FOLDER).glob("L*.json")):
        if path.stem not in kept:
            remove_partition(root, path.stem)
    write_landings_file(root, collection, landings)
    redact(root)
    track(root, [row.landing for row in landings if row.partitions and not row.generated])


def derive_partitions(
    landings: Sequence[Landing], listings: Listings, known: Mapping[str, Partition] | None = None
) -> list[Partition]:
    """Every partition with the paths that later landings superseded and the ids withdrawn from it. Pure.

    known: the partitions as they are; an id that one of them names stays, for no listing names it any more.
    """
    held = hold_studies(listings)
    subjects, studies = all_withdrawn(landings)
    before = known or {}
    superseded: dict[tuple[str, str], list[str]] = defaultdict(list)
    gone_subjects: dict[tuple[str, str], set[int]] = defaultdict(set)
    gone_studies: dict[tuple[str, str], set[int]] = defaultdict(set)
    for landing, files in listings:
        for file in files:
            where, place = (landing, shard_of(file.path)), read_place(file.path, file.kind)
            if place.subject_id in subjects:
                gone_subjects[where].add(place.subject_id)
            if place.study_id in studies:
                gone_studies[where].add(place.study_id)
            gone = place.subject_id in subjects or place.study_id in studies
            if not gone and held[study_key(file.path, file.kind)].landing != landing:
                superseded[where].append(file.path)
    return [
        Partition(
            partition=name,
            landing=row.landing,
            shards=shards_of(name),
            superseded_paths=tuple(sorted(p for s in shards_of(name) for p in superseded[row.landing, s])),
            withdrawn_studies=_ids(name, row.landing, gone_studies, _before(before, name)[1], studies),
            withdrawn_subjects=_ids(name, row.landing, gone_subjects, _before(before, name)[0], subjects),
        )
        for row in landings
        for name in row.partitions
    ]


def _before(known: Mapping[str, Partition], name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (known[name].withdrawn_subjects, known[name].withdrawn_studies) if name in known else ((), ())


def _ids(
    name: str, landing: str, gone: Mapping[tuple[str, str], set[int]], before: Sequence[int], withdrawn: set[int]
) -> tuple[int, ...]:
    now = {i for shard in shards_of(name) for i in gone.get((landing, shard), ())}
    return tuple(sorted(now | (set(before) & withdrawn)))


def remove_phantom(root: Path, landings: Sequence[Landing]) -> None:
    """Remove the phantom's landings and what was made of each, so that nothing of it mixes with real data."""
    for row in landings:
        if row.collection != PHANTOM:
            continue
        for name in row.partitions:
            remove_partition(root, name)
        for path in (RAW_FOLDER / row.landing, TRUTH_FOLDER / row.landing, TRUTH_FOLDER / f"{row.landing}.dvc"):
            remove(root / path)
        remove(root / LANDINGS_FOLDER / f"{row.landing}.json")
    remove(root / TRUTH_FOLDER / ".gitignore")  # DVC's; it names the folder that is gone
    for name in ("champion.dvc", "champion", "embeddings", "index", "dvc.lock"):  # no model of the phantom answers
        remove(root / "data/served" / name)


def remove_partition(root: Path, name: str) -> None:
    """Remove a partition's description and every artifact of it, those that are served included."""
    paths = sorted(path for place in ("", "served/") for path in (root / "data").glob(f"{place}*/{name}.*"))
    for path in paths:
        remove(path)
    log.info("land: %s is no longer listed; %d files of it removed", name, len(paths))


def link_tree(root: Path, landing: str, source: Path) -> None:
    """Make data/raw/<landing>/tree a link to the source, whatever it was before; git and DVC do not see it."""
    link = root / RAW_FOLDER / landing / "tree"
    new = link.with_name(".tree.new")
    new.unlink(missing_ok=True)
    new.symlink_to(source, target_is_directory=True)
    os.replace(new, link)


def remove(path: Path) -> None:
    """Remove a file, a folder or a link (never what the link points to), if it is there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _is_tracked(path: Path) -> bool:
    """Whether DVC keeps a file or a folder as it is now."""
    note = path.with_name(f"{path.name}.dvc")
    if not note.exists():
        return False
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    rows = [{"md5": _md5(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    listed = json.dumps(rows, sort_keys=True).encode()
    digest = f"{hashlib.md5(listed, usedforsecurity=False).hexdigest()}.dir" if path.is_dir() else rows[0]["md5"]
    return f"md5: {digest}\n" in note.read_text(encoding="utf-8")


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def track(root: Path, landings: Sequence[str]) -> None:
    """Let DVC keep the listings, tables and truth of landings: no stage makes them; an auditor must get them back."""
    paths = [
        path
        for name in landings
        for path in (
            listing_path(root, name), root / RAW_FOLDER / name / TABLES_FOLDER, root / TRUTH_FOLDER / name
        )
    ]  # fmt: skip
    words = [str(p.relative_to(root)) for p in paths if p.exists() and not _is_tracked(p)]
    if not words:
        return
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "--wait-for-lock", "add", "--quiet", *words],
        cwd=root,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise UsageError(f"`dvc add {' '.join(words)}` failed: {last}. Mend that and run the same command again.")
