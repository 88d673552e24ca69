"""Are the raw files still those that landed? Their sha256, the manifests', and the source's own list.

In: a record whose sources are linked here. Out: what was checked and every file that is not as recorded. A file may
differ from the source's own SHA256SUMS.txt for a reason that the line knows: then it is in quarantine, and no break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa

from hilum.errors import BadDataError
from hilum.lineage.lock import Item
from hilum.lineage.record import Record
from hilum.lineage.store import digest_of
from hilum.lineage.verify import Broken, Checked

LISTING, TREE, TABLES = "listing.parquet", "tree", "tables"
SUMS = "SHA256SUMS.txt"


@dataclass(frozen=True)
class Landed:
    """The raw files of one landing. listing: path, kind, bytes, sha256. sums: path -> sha256 by the source itself."""

    name: str
    folder: str
    listing: pd.DataFrame
    sums: Mapping[str, str]


def read_landed(record: Record) -> list[Landed]:
    """What every landing of a record brought, oldest first. Raises BadDataError if a listing is not here."""
    outs = [out for stage in record.lineage.stages.values() for out in stage.outs]
    return [_read(record, out) for out in sorted(outs, key=lambda o: o.path) if PurePosixPath(out.path).name == LISTING]


def check_source(
    record: Record, landed: list[Landed], threads: int, on_file: Callable[[int], object] = lambda size: None
) -> Checked:
    """Hash every raw file of the landings and compare it with the listing, the manifests and the source's own list."""
    rows: list[tuple[Landed, str, str, str]] = [
        (landing, *row)
        for landing in landed
        for row in landing.listing[["path", "kind", "sha256"]].astype(str).itertuples(index=False, name=None)
    ]
    broken: list[Broken] = [*_compare_manifests(record, landed)]
    total = 0
    with ThreadPoolExecutor(threads) as pool:
        places = [_place(record, landing, path, kind) for landing, path, kind, _ in rows]
        found = pool.map(lambda place: digest_of(place, "sha256") if place else None, places)
        for (landing, path, _, sha256), place, digest in zip(rows, places, found, strict=True):
            where = f"{landing.folder}/{TREE}/{path}"
            if digest is None or place is None:
                broken.append(Broken(where, sha256, "no such file; `hilum land SOURCE` links the tree", missing=True))
                continue
            size = place.stat().st_size
            total += size
            on_file(size)
            if digest != sha256:
                broken.append(Broken(where, sha256, digest))
    return Checked("source", len(rows), total, tuple(broken))


def count_agreeing(landing: Landed) -> tuple[int, int]:
    """How many of a landing's files the source's own list names, and of those how many it gives the same sha256."""
    named = landing.listing[landing.listing["path"].isin(list(landing.sums))]
    return len(named), int((named["path"].map(landing.sums) == named["sha256"]).sum())


def _read(record: Record, out: Item) -> Landed:
    folder = PurePosixPath(out.path).parent
    listing = _read_columns(record, out, ["path", "kind", "bytes", "sha256"])
    empty = Landed(folder.name, str(folder), listing, {})
    place = _place(record, empty, SUMS, "table")
    sums = dict(_parse_sums(place.read_text(encoding="utf-8", errors="replace"))) if place else {}
    return Landed(folder.name, str(folder), listing, sums)


def _read_columns(record: Record, out: Item, columns: list[str]) -> pd.DataFrame:
    """Raises BadDataError if a table is not here, or its bytes are none."""
    try:
        return pd.read_parquet(record.store.path_of(out), columns=columns)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BadDataError(f"{out.path} cannot be read as a table ({type(error).__name__}).") from None


def _parse_sums(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        digest, _, name = line.strip().partition(" ")
        if len(digest) == 64 and name.strip():
            yield name.strip().lstrip("*").removeprefix("./"), digest.lower()


def _place(record: Record, landing: Landed, path: str, kind: str) -> Path | None:
    """Where a raw file lies: a table beside the listing as it was kept, else in the linked tree or the cache.

    Of tables the kept one counts: the source's own may go on, and names who was withdrawn.
    """
    for folder in (TABLES, TREE) if kind == "table" else (TREE,):
        here = record.root / landing.folder / folder / path
        if here.is_file():
            return here
        item = record.lineage.out(f"{landing.folder}/{folder}")
        if item is not None:
            try:
                return record.store.path_of(item, path)
            except BadDataError:
                continue
    return None


def _compare_manifests(record: Record, landed: list[Landed]) -> Iterator[Broken]:
    """Every row of a manifest has the digest of its landing's listing."""
    known = {landing.name: dict(zip(landing.listing["path"], landing.listing["sha256"])) for landing in landed}
    for out in record.lineage.inside("data/manifest"):
        rows = _read_columns(record, out, ["path", "landing", "sha256"])
        for path, landing, sha256 in rows.itertuples(index=False):
            listed = known.get(landing, {}).get(path)
            if listed != sha256:
                yield Broken(f"{out.path}, row {path}", f"{listed} of {landing}'s listing", str(sha256))
