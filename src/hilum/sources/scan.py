"""A source tree in, its reports, images and tables with their digests out.

Only `files/` and the tables at the root are looked at. A link that leads out of the tree is never followed: it is
listed with the digest of its own text, so that `ingest` can name it. Of one image that lies there twice (jpg and
dcm) the jpg counts. Files of other kinds are counted and left alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hilum.errors import UsageError
from hilum.sources.layout import CHECKSUMS, FILES_FOLDER, IMAGE_PREFERENCE, KIND_BY_SUFFIX, files_root, is_inside

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class FoundFile:
    """One file of a tree. kind: report, image or table. link: where a link that must not be followed points to."""

    path: str
    kind: str
    real_path: str
    link: str | None = None


@dataclass(frozen=True)
class HashedFile:
    """One file with its size and sha256; what a row of a listing says."""

    path: str
    kind: str
    bytes: int
    sha256: str


def find_files(source: Path) -> list[FoundFile]:
    """Every report and image below `files/` and every table at the root, by path.

    Raises UsageError if there is no folder `files`, which is what tells a tree of the layout from any other folder.
    """
    folder = source / FILES_FOLDER
    if not folder.is_dir():
        raise UsageError(
            f"{source} has no folder '{FILES_FOLDER}'; expected a tree in the MIMIC-CXR layout, "
            f"{FILES_FOLDER}/p10/p10000032/s50414267.txt and so on. Name the folder above '{FILES_FOLDER}'."
        )
    ignored: Counter[str] = Counter()
    found = [*_find_tables(source), *_walk(folder, FILES_FOLDER, files_root(source), ignored)]
    if ignored:
        log.info("land: %d other files are left alone: %s", ignored.total(), dict(sorted(ignored.items())))
    return sorted(_prefer(found), key=lambda file: file.path)


def hash_files(files: Iterable[FoundFile], workers: int) -> list[HashedFile]:
    """Size and sha256 of every file, in the order given."""
    files = list(files)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        rows = pool.map(_hash_file, files, chunksize=16)
        return list(tqdm(rows, total=len(files), desc="hashing", unit="file", disable=None))


def sha256_of(path: Path) -> str:
    """The digest of a file that is there."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _find_tables(source: Path) -> list[FoundFile]:
    names = sorted(p.name for p in source.iterdir() if p.is_file())
    return [
        FoundFile(name, "table", str(source / name))
        for name in names
        if name == CHECKSUMS or name.endswith((".csv", ".csv.gz"))
    ]


def _walk(folder: Path, prefix: str, root: Path, ignored: Counter[str]) -> Iterator[FoundFile]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            path = f"{prefix}/{os.fsencode(entry.name).decode('utf-8', 'backslashreplace')}"
            suffix = os.path.splitext(entry.name)[1].lower()
            if entry.is_symlink() and (entry.is_dir() or not is_inside(Path(entry.path), root)):
                yield FoundFile(path, KIND_BY_SUFFIX.get(suffix, "image"), entry.path, os.readlink(entry.path))
            elif entry.is_dir():
                yield from _walk(Path(entry.path), path, root, ignored)
            elif entry.is_file() and suffix in KIND_BY_SUFFIX:
                yield FoundFile(path, KIND_BY_SUFFIX[suffix], entry.path)
            else:
                ignored[suffix or "no suffix"] += 1


def _prefer(files: list[FoundFile]) -> list[FoundFile]:
    """Of the files of one image, the one whose suffix is preferred."""
    best: dict[str, FoundFile] = {}
    for file in files:
        stem, suffix = os.path.splitext(file.path)
        key = stem if file.kind == "image" and suffix.lower() in IMAGE_PREFERENCE else file.path
        if key not in best or _rank(file) < _rank(best[key]):
            best[key] = file
    if len(best) < len(files):
        log.info("land: %d images lie there in two formats; the jpg counts", len(files) - len(best))
    return list(best.values())


def _rank(file: FoundFile) -> tuple[int, str]:
    suffix = os.path.splitext(file.path)[1].lower()
    return (IMAGE_PREFERENCE.index(suffix) if suffix in IMAGE_PREFERENCE else len(IMAGE_PREFERENCE), file.path)


def _hash_file(file: FoundFile) -> HashedFile:
    """A file that cannot be read is listed with the digest of nothing, and `ingest` says so."""
    if file.link is not None:
        text = os.fsencode(file.link)
        return HashedFile(file.path, file.kind, len(text), hashlib.sha256(text).hexdigest())
    digest, size = hashlib.sha256(), 0
    try:
        with open(file.real_path, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        log.warning("land: %s cannot be read (%s)", file.path, type(error).__name__)
        return HashedFile(file.path, file.kind, 0, hashlib.sha256(b"").hexdigest())
    return HashedFile(file.path, file.kind, size, digest.hexdigest())
