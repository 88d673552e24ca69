"""sha256 of files, without reading again those that were read before and have not changed since.

In: files, and the note of an earlier time. Out: digests, and a new note. A file is the one that was read if device,
inode, size and both times of change are the same, as git and DVC judge it; the time of the inode's change nobody can
set. A file that changed a moment before it was read is not noted: it could change again within one tick of the clock.
Known to be imperfect: over a network file system another machine's change may be seen late; without the note,
everything is read.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from hilum.tables import write_text

SETTLED_S = 2.0


def sha256(path: Path) -> str:
    """Digest of a file, as 64 hex digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Digests:
    """Digests by path. note: where they are kept; a missing or broken one is an empty one."""

    def __init__(self, note: Path, settled_s: float = SETTLED_S) -> None:
        self._note, self._settled_s = note, settled_s
        self._fresh = dict[str, str]()
        try:
            self._known = dict(json.loads(note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._known = {}

    def of(self, path: Path) -> str:
        """The sha256 of a file, as noted or read now."""
        before = _state(path)
        digest = str(self._known.get(before) or "")
        settled = bool(digest) or time.time() - path.stat().st_ctime >= self._settled_s
        digest = digest or sha256(path)
        if settled and _state(path) == before:
            self._fresh[before] = digest
        return digest

    def write(self) -> None:
        """Write the note of what was asked for this time."""
        write_text(self._note, json.dumps(self._fresh, indent=1) + "\n")


def _state(path: Path) -> str:
    found = path.stat()
    times = f"{found.st_mtime_ns} {found.st_ctime_ns}"
    return f"{path}: {found.st_dev} {found.st_ino}, {found.st_size} bytes, {times}"
