"""A full disk, told apart from everything else that can go wrong, and said in one line.

In: an error, or what a process has printed. Out: the error a user sees. The message of a library may name no path, and
where the log lies on the full disk there may be no message at all, so the disks themselves are asked too.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hilum.errors import BadDataError

TIGHT_BYTES = 2**20
"""A disk with less left than this is full, whatever was said."""

_SAID = re.compile(r"No space left on device(?:: '([^'\n]+)')?|Disk quota exceeded|database or disk is full")


def is_full(error: Exception) -> bool:
    """Whether an error, of whatever library, means that a disk is full."""
    return _SAID.search(str(error)) is not None


@contextmanager
def said_plainly(root: Path, who: str) -> Iterator[None]:
    """Turn an error that means a full disk into the one that a user sees; any other passes."""
    try:
        yield
    except Exception as error:
        full = full_disk(root, who, str(error)) if is_full(error) else None
        if full is None:
            raise
        raise full from error


def full_disk(root: Path, who: str, said: str) -> BadDataError | None:
    """The error of a full disk, if that is why `who` failed. said: all that it printed, or the error's own words."""
    match = _SAID.search(said)
    places = [root, Path(tempfile.gettempdir())]
    if match and match[1]:
        places.insert(0, _nearest(root / match[1]))
    free = {place: shutil.disk_usage(place).free for place in places}
    tightest = places[0] if match and match[1] else min(places, key=free.__getitem__)
    if not match and free[tightest] >= TIGHT_BYTES:
        return None
    return BadDataError(
        f"{who} failed because a disk is full: {free[tightest] / 2**20:.1f} MiB are free at {tightest}. "
        f"Make space there and run it again: finished stages are kept."
    )


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())
