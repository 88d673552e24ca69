"""The files of a checkout as they lie there, or as one of its commits holds them.

In: a checkout and a revision. Out: bytes and paths of the files that git holds; of the working tree, of those that the
next commit could hold. Paths are relative to the checkout's root, with `/`.
"""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from types import TracebackType

from pathspec import GitIgnoreSpec

from hilum.lineage.revisions import list_files, list_untracked_too, resolve_revision, status

DVCIGNORE = ".dvcignore"


class Snapshot(ABC):
    """A checkout at one moment. commit: the one it is, or stands on; name: for people."""

    def __init__(self, root: Path, commit: str | None, name: str) -> None:
        self.root, self.commit, self.name = root, commit, name

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if there is none."""

    @abstractmethod
    def files(self, below: str) -> list[str]:
        """The files below a folder that DVC sees, sorted."""

    @abstractmethod
    def holds(self, path: str) -> bool:
        """Whether there is such a file, and git does not ignore it."""

    def committed(self, path: str) -> bytes | None:
        """The bytes of a file as the commit holds it."""
        return self.read(path)

    @cached_property
    def _ignored(self) -> GitIgnoreSpec:
        return GitIgnoreSpec.from_lines((self.read(DVCIGNORE) or b"").decode("utf-8", "replace").splitlines())

    def _seen(self, paths: list[str]) -> list[str]:
        return sorted(path for path in paths if not self._ignored.match_file(path))

    def close(self) -> None:  # noqa: B027  most hold nothing
        """Let go of what it holds."""

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class WorkingTree(Snapshot):
    """The files as they lie in the checkout. changed: those that differ from the commit."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, resolve_revision(root, "HEAD"), "the working tree")

    @cached_property
    def changed(self) -> list[str]:
        """The files that differ from the commit, new ones included."""
        return status(self.root)

    def committed(self, path: str) -> bytes | None:
        """The bytes of a file as the commit holds it."""
        with Commit(self.root, "HEAD") as head:
            return head.read(path)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def files(self, below: str) -> list[str]:
        """The files below a folder that DVC sees, sorted."""
        start = "" if below == "." else f"{below}/"
        return self._seen([path for path in self._known if path.startswith(start)])

    def holds(self, path: str) -> bool:
        """Whether there is such a file, and git does not ignore it."""
        return path in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(path for path in list_untracked_too(self.root) if (self.root / path).is_file())


class Commit(Snapshot):
    """The files as a commit holds them, through one `git cat-file` that stays open."""

    def __init__(self, root: Path, revision: str) -> None:
        commit = resolve_revision(root, revision)
        super().__init__(root, commit, commit[:12])
        self._reader: subprocess.Popen[bytes] | None = None

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        if self._reader is None:
            words = ["git", "-C", str(self.root), "cat-file", "--batch"]
            self._reader = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._reader.stdin is not None and self._reader.stdout is not None
        self._reader.stdin.write(f"{self.commit}:./{path}\n".encode())
        self._reader.stdin.flush()
        head = self._reader.stdout.readline().split()
        if head[-1] == b"missing":
            return None
        found = self._reader.stdout.read(int(head[-1]) + 1)[:-1]
        return found if head[-2] == b"blob" else None

    def files(self, below: str) -> list[str]:
        """The files below a folder that DVC sees, sorted."""
        return self._seen(list_files(self.root, str(self.commit), below))

    def holds(self, path: str) -> bool:
        """Whether there is such a file."""
        return self.read(path) is not None

    def close(self) -> None:
        """End git."""
        if self._reader is not None:
            self._reader.communicate()
            self._reader = None


def open_snapshot(root: Path, revision: str | None) -> Snapshot:
    """A commit where a revision is named, else the working tree. Raises UsageError if git knows no such revision."""
    return Commit(root, revision) if revision else WorkingTree(root)
