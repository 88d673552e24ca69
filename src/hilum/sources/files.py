"""The files of one partition: which they are, and whether each one can be used.

In: a listing, a partition, the source tree. Out: for every file its ids and one verdict. A verdict never holds
report text, and no file can stop the others.
"""

from __future__ import annotations

import hashlib
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hilum.errors import BadDataError, ImageError
from hilum.sources.descriptors import Partition
from hilum.sources.layout import Place, files_root, read_place
from hilum.sources.scan import HashedFile, sha256_of
from hilum.sources.source_tables import SourceTables, choose_tables, read_source_tables

MAX_REPORT_BYTES = 1_000_000  # spaCy's limit; MIMIC's longest report has about 10,000
TABLES_FOLDER = "tables"  # beside the listing: the tables as they were when they landed

Decode = Callable[[bytes], np.ndarray]


@dataclass(frozen=True)
class PlacedFile:
    """A file of a partition with what its path says. fault: a reason and detail known without opening it."""

    file: HashedFile
    place: Place
    fault: tuple[str, str] | None


@dataclass(frozen=True)
class Verdict:
    """What opening a file showed.

    reason: None, or why it is set aside. text: of a report. size: (rows, columns) of an image.
    """

    reason: str | None = None
    detail: str = ""
    text: str | None = None
    size: tuple[int, int] | None = None


def place_files(listing: pd.DataFrame, partition: Partition) -> list[PlacedFile]:
    """The reports and images of a partition, by path, without what was superseded or withdrawn."""
    superseded = set(partition.superseded_paths)
    placed = []
    for path, kind, n_bytes, sha256 in listing[["path", "kind", "bytes", "sha256"]].itertuples(index=False, name=None):
        if kind != "table" and path not in superseded:
            placed.append((HashedFile(path, kind, int(n_bytes), sha256), read_place(path, kind)))
    placed = [(f, p) for f, p in placed if not _is_withdrawn(p, partition)]
    repeated = _repeated_ids([place for _, place in placed])
    files = [PlacedFile(f, p, _fault(p, repeated)) for f, p in placed if p.shard in partition.shards]
    return sorted(files, key=lambda one: one.file.path)


def open_tables(listing: pd.DataFrame, listing_path: Path, tree: Path) -> SourceTables:
    """The tables of a landing, as they landed.

    They lie in `tables` beside the listing (a real landing keeps them: the source's own may change later), else in
    the tree. Raises BadDataError if one is missing, is not the one that landed, or cannot be used.
    """
    rows = listing[listing["kind"] == "table"]
    digests = dict(zip(rows["path"], rows["sha256"]))
    paths = {}
    for role, name in choose_tables(digests).items():
        kept = listing_path.parent / TABLES_FOLDER / name
        path = kept if kept.is_file() else tree / name
        if not path.is_file():
            raise BadDataError(f"{name}: the landing lists it and it is not here. Fetch {kept.parent} with `dvc pull`.")
        if sha256_of(path) != digests[name]:
            raise BadDataError(
                f"{name}: the file is not the one that landed (sha256). Restore {kept.parent} with `dvc checkout`, "
                f"or the source's own copy, and run `dvc repro` again."
            )
        paths[role] = path
    return read_source_tables(paths)


def check_files(
    files: Sequence[PlacedFile], tree: Path, checksums: Mapping[str, str] | None, decode: Decode, workers: int
) -> list[Verdict]:
    """Open every file once and judge it, in the order given. decode: bytes -> picture, or ImageError.

    Raises BadDataError if the tree itself is not there: that is no fault of its files.
    """
    if not tree.is_dir():
        raise BadDataError(
            f"{tree} is not here. It is a link to the source that landed: run `hilum land SOURCE` with that source, "
            f"or `ln -s SOURCE {tree}`."
        )
    root = files_root(tree)

    def check(one: PlacedFile) -> Verdict:
        return check_file(one, tree, root, checksums or {}, decode)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(check, files))


def check_file(one: PlacedFile, tree: Path, root: Path, checksums: Mapping[str, str], decode: Decode) -> Verdict:
    """Judge one file; the first fault found counts. root: the resolved folder that no link may lead out of."""
    if one.fault is not None:
        return Verdict(*one.fault)
    path = tree / one.file.path
    try:
        if not path.resolve().is_relative_to(root):
            return Verdict("path_outside_tree", "a link on the path leads out of the source tree")
        data = _read_listed(path, one.file)
    except OSError as error:
        return Verdict("missing_file", f"the file cannot be read ({type(error).__name__})")
    if data is None or hashlib.sha256(data).hexdigest() != one.file.sha256:
        return Verdict("changed_bytes", f"sha256 is not {one.file.sha256[:16]}..., which landed")
    if checksums.get(one.file.path, one.file.sha256) != one.file.sha256:
        return Verdict("checksum_mismatch", f"SHA256SUMS.txt names {checksums[one.file.path][:16]}...")
    return _judge_report(data) if one.file.kind == "report" else _judge_image(data, decode)


def _read_listed(path: Path, file: HashedFile) -> bytes | None:
    """The bytes of a regular file of the listed size; None for anything else, which is not read."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size != file.bytes:
        return None
    return path.read_bytes()


def _judge_report(data: bytes) -> Verdict:
    if len(data) > MAX_REPORT_BYTES:
        return Verdict("undecodable_report", f"{len(data)} bytes; a report has at most {MAX_REPORT_BYTES}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Verdict("undecodable_report", f"byte {error.start} of {len(data)} is not UTF-8")
    if not text.strip("\ufeff \t\r\n\f\v\0"):
        return Verdict("empty_report", f"{len(data)} bytes, none of them a word")
    return Verdict(text=text)


def _judge_image(data: bytes, decode: Decode) -> Verdict:
    try:
        rows, columns = decode(data).shape
    except ImageError as error:
        return Verdict(error.reason, str(error))
    except MemoryError:
        return Verdict("image_too_large", "there is not enough memory to decode it; lower ingest.max_pixels")
    return Verdict(size=(int(rows), int(columns)))


def _is_withdrawn(place: Place, partition: Partition) -> bool:
    return place.subject_id in partition.withdrawn_subjects or place.study_id in partition.withdrawn_studies


def _repeated_ids(places: Iterable[Place]) -> set[int | str]:
    """Study ids that lie under several subjects, and image ids that lie in several places."""
    owners: dict[int | str, set[object]] = defaultdict(set)
    images: dict[str, int] = defaultdict(int)
    for place in places:
        if place.problem is None and place.study_id is not None:
            owners[place.study_id].add(place.subject_id)
            if place.dicom_id is not None:
                images[place.dicom_id] += 1
    return {key for key, found in owners.items() if len(found) > 1} | {key for key, n in images.items() if n > 1}


def _fault(place: Place, repeated: set[int | str]) -> tuple[str, str] | None:
    if place.climbs:
        return "path_outside_tree", "the path has a part '..' or begins at the root"
    if place.problem is not None:
        return "bad_id", place.problem
    if place.study_id in repeated:
        return "bad_id", f"study {place.study_id} lies under several subjects"
    if place.dicom_id in repeated:
        return "bad_id", f"image {place.dicom_id} lies in several places"
    return None
