"""Whether a source tree holds something new, and whether its copying has ended.

In: a folder, and what was seen of it the last time (`.hilum/watch.json`). Out: one of three words. Names, sizes and
times of files are looked at and never their bytes, so that a look at MIMIC's 600,000 files costs seconds; what is in
them `hilum land` finds out. A tree is at rest when two looks at least `settle_s` apart saw the same, its youngest file
is at least as old as that, and every file below `files` that its SHA256SUMS.txt names is there: a file that is still
being copied grows, or is young, or is not there yet.
Known to be imperfect: where no list of checksums tells better, a copy that stands still for longer than `settle_s` in
the middle of a file is taken for ended; `ingest` then sets the broken file aside, and lands it again when it is whole.
A tree that is a part of a published one on purpose never holds all that its list names; `partial` says so.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.checkout import FOLDER

NOTHING_NEW, CHANGING, AT_REST = "nothing new", "changing", "at rest"
CHECKSUMS = "SHA256SUMS.txt"


@dataclass(frozen=True)
class Look:
    """A tree at one time. digest: of names, sizes and times. newest_s: when its youngest file was changed (epoch).

    n_missing: files below `files` that its SHA256SUMS.txt names and that are not there; 0 where it has no such list.
    """

    digest: str
    n_files: int
    newest_s: float
    n_missing: int = 0


@dataclass(frozen=True)
class Memory:
    """What is known of a tree. seen: the digest of the last look; since_s: when it was first seen; landed: the digest
    of the tree as it was landed, empty if it never was."""

    source: str
    seen: str = ""
    since_s: float = 0.0
    landed: str = ""


def look_at(source: Path) -> Look:
    """Look at every file below a folder. Links are not followed."""
    digest, n_files, newest = hashlib.sha256(), 0, 0.0
    missing = _named(source / CHECKSUMS)
    for path, size, changed_ns in _files(source, ""):
        digest.update(f"{path}\0{size}\0{changed_ns}\n".encode("utf-8", "surrogateescape"))
        n_files, newest = n_files + 1, max(newest, changed_ns / 1e9)
        missing.discard(path)
    return Look(digest.hexdigest(), n_files, newest, len(missing))


def judge(look: Look, memory: Memory, settle_s: float, now_s: float, partial: bool = False) -> tuple[str, Memory]:
    """What a look says beside the memory of earlier ones, and the memory from now on.

    partial: do not wait for files that are named and missing.
    """
    if look.digest != memory.seen:
        memory = Memory(memory.source, look.digest, now_s, memory.landed)
    if look.digest == memory.landed:
        return NOTHING_NEW, memory
    if look.n_missing and not partial:
        return CHANGING, memory
    rested = min(now_s - memory.since_s, now_s - look.newest_s)
    return (AT_REST if rested >= settle_s else CHANGING), memory


def describe(verdict: str, look: Look, partial: bool = False) -> str:
    """The verdict in words for people."""
    if verdict == CHANGING and look.n_missing and not partial:
        return (
            f"{verdict}: {look.n_missing} files that {CHECKSUMS} names are not there yet; if the tree is a part of "
            f"the published one on purpose, add --partial"
        )
    return verdict


def remember_landed(memory: Memory) -> Memory:
    """The memory once the tree has been landed as it was last seen."""
    return Memory(memory.source, memory.seen, memory.since_s, memory.seen)


def read_memory(root: Path, source: Path) -> Memory:
    """What this checkout remembers of a source; nothing of any other."""
    known = Memory(str(source.resolve()))
    try:
        held = Memory(**json.loads(_path(root).read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return known
    return held if held.source == known.source else known


def write_memory(root: Path, memory: Memory) -> None:
    """Keep the memory; the file appears whole or not at all."""
    path = _path(root)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(asdict(memory), indent=1), encoding="utf-8")
    temporary.replace(path)


def _path(root: Path) -> Path:
    return root / FOLDER / "watch.json"


def _named(checksums: Path) -> set[str]:
    """The paths below `files` that a list of checksums names: `<sha256> <path>` a line, as sha256sum writes it."""
    if not checksums.is_file():
        return set()
    with checksums.open(encoding="utf-8", errors="surrogateescape") as lines:
        rows = (line.rstrip("\n").partition(" ")[2].lstrip(" *").removeprefix("./") for line in lines)
        return {path for path in rows if path.startswith("files/")}


def _files(folder: Path | str, prefix: str) -> Iterator[tuple[str, int, int]]:
    """(path below the source, bytes, time of the last change in ns) in order of names."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{path}/")
            else:
                status = entry.stat(follow_symlinks=False)
                yield path, status.st_size, status.st_mtime_ns
