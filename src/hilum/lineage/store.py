"""Where the bytes are: DVC's cache by digest, and the files of the checkout by path.

In: digests and paths. Out: files, and the listings of folders. Nothing is fetched; what is not here is said to be
missing. The layout of the cache is DVC 3's: files/md5/<two digits>/<the rest>, a folder being a JSON list.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hilum.errors import BadDataError
from hilum.lineage.lock import Item

BLOCK = 1 << 20


@dataclass(frozen=True)
class Object:
    """One file of an item. path: below the checkout's root. md5: as recorded."""

    path: str
    md5: str


class Store:
    """The bytes of a checkout: its cache, and its working tree where `here` says that they may be taken from there."""

    def __init__(self, root: Path, *, here: bool = True) -> None:
        self.root, self._here = root, here
        self.cache = _cache_folder(root)
        self._listings: dict[str, list[Object]] = {}

    def cached(self, md5: str) -> Path | None:
        """The cached object of a digest; None where the cache has none."""
        path = self.cache / "files" / "md5" / md5[:2] / md5[2:]
        return path if path.is_file() else None

    def files(self, item: Item) -> list[Object]:
        """The files of an item, by path; a file is its own.

        Raises BadDataError if the listing of a folder is not in the cache, or is none.
        """
        if not item.is_folder:
            return [Object(item.path, item.md5)]
        if item.md5 not in self._listings:
            self._listings[item.md5] = [*self._read_listing(item)]
        return [Object(f"{item.path}/{row.path}", row.md5) for row in self._listings[item.md5]]

    def find(self, file: Object) -> Path | None:
        """A place that should hold the bytes of a file: the cache, else the working tree; None where neither does."""
        path = self.root / file.path
        return self.cached(file.md5) or (path if self._here and path.is_file() else None)

    def copies(self, file: Object) -> list[Path]:
        """Every place that should hold the bytes of a file; a hard or symbolic link to the cache is not another."""
        found, path = self.cached(file.md5), self.root / file.path
        if not (self._here and path.is_file()):
            return [found] if found else []
        return [found] if found and os.path.samefile(found, path) else [*([found] if found else []), path]

    def path_of(self, item: Item, name: str = "") -> Path:
        """The file of an item, or the one called `name` in a folder. Raises BadDataError if its bytes are not here."""
        wanted = f"{item.path}/{name}" if name else item.path
        for file in self.files(item):
            if file.path == wanted:
                path = self.find(file)
                if path is not None:
                    return path
        raise _not_here(wanted, item.md5)

    def lay_out(self, items: Iterable[Item], folder: Path) -> None:
        """Make a folder that shows items under their paths, as links; for readers that want the files of a checkout.

        Raises BadDataError naming what is not here.
        """
        for item in items:
            self._link(self.files(item), folder)

    def lay_out_some(self, item: Item, names: Iterable[str], folder: Path) -> None:
        """The same for the files of these names in a folder. Raises BadDataError if one is not in it or not here."""
        files = {file.path: file for file in self.files(item)}
        wanted = [f"{item.path}/{name}" for name in names]
        missing = [path for path in wanted if path not in files]
        if missing:
            raise BadDataError(f"{item.path} ({item.md5}) has no {missing[0]}.")
        self._link([files[path] for path in wanted], folder)

    def _link(self, files: Iterable[Object], folder: Path) -> None:
        for file in files:
            path = self.find(file)
            if path is None:
                raise _not_here(file.path, file.md5)
            link = folder / file.path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())

    def _read_listing(self, item: Item) -> Iterator[Object]:
        path = self.cached(item.md5)
        if path is None:
            if not (self._here and (self.root / item.path).is_dir()):
                raise _not_here(item.path, item.md5)
            rows = _list_folder(self.root / item.path)
        else:
            rows = _parse_listing(path)
        for name, md5 in rows:
            yield Object(name, md5)


def _not_here(path: str, md5: str) -> BadDataError:
    return BadDataError(f"{path} ({md5}) is neither in the cache nor here; `dvc pull` brings it.")


def digest_of(path: Path, algorithm: str = "md5") -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def digest_of_listing(rows: Iterable[tuple[str, str]]) -> str:
    """DVC's digest of a folder, from (path below it, md5) of its files."""
    listed = [{"md5": md5, "relpath": path} for path, md5 in sorted(rows)]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _parse_listing(path: Path) -> list[tuple[str, str]]:
    try:
        rows = [(row["relpath"], row["md5"]) for row in json.loads(path.read_bytes())]
    except (ValueError, TypeError, KeyError):
        raise BadDataError(f"{path} is no listing of a folder; remove it, and `dvc pull` brings it.") from None
    climbing = [name for name, _ in rows if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if climbing:
        raise BadDataError(f"{path} names files outside its folder ({climbing[0]}); remove it.")
    return rows


def _list_folder(folder: Path) -> list[tuple[str, str]]:
    return [(p.relative_to(folder).as_posix(), digest_of(p)) for p in sorted(folder.rglob("*")) if p.is_file()]


def _cache_folder(root: Path) -> Path:
    """As .dvc/config and then .dvc/config.local say, relative to .dvc; else .dvc/cache."""
    config = configparser.RawConfigParser(strict=False)
    try:
        config.read([root / ".dvc/config", root / ".dvc/config.local"], encoding="utf-8")
    except configparser.Error as error:
        raise BadDataError(f"{root / '.dvc'}: a configuration cannot be read ({type(error).__name__}).") from None
    return (root / ".dvc" / config.get("cache", "dir", fallback="cache")).resolve()
