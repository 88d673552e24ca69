"""A `dvc` that cannot tear its own files: `python -m flows.whole_dvc WORDS`.

In: the words of a dvc command. Out: what dvc does with them. DVC empties dvc.lock and its list of paths in use and
writes them anew in place: killed in between, or on a full disk, it leaves half a file. One cut in four is a dvc.lock
that DVC then refuses to read, an empty list of paths stops every later command, and a number cut short is believed.
Here both files appear whole or not at all. Touches one internal of DVC, which is pinned; a test fills the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dvc.cli import main
from dvc_objects.fs.local import FsspecLocalFileSystem

WHOLE = ("dvc.lock", "rwlock")
_open = FsspecLocalFileSystem.open


def open_whole(
    self: FsspecLocalFileSystem, path: str, mode: str = "r", encoding: str | None = None, **more: Any
) -> Any:
    """Open a file as DVC's own file system does, but write those of `WHOLE` beside their place first."""
    if mode in ("w", "w+") and Path(path).name in WHOLE:
        return _write_beside(Path(path), mode, encoding)
    return _open(self, path, mode, encoding, **more)


@contextmanager
def _write_beside(path: Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    """DVC holds a lock while it writes, so that one name serves, and what a killed process left is written over."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open(mode, encoding=encoding) as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    FsspecLocalFileSystem.open = open_whole  # type: ignore[method-assign]
    sys.exit(main(sys.argv[1:]))
