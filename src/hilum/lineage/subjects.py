"""From a patient to everything that knows them: by content, and by descent.

In: a checkout and a subject, a study or a raw file. Out: facts: this file, of this digest, in these commits, holds so
many rows of theirs (or their pixels and vectors at these places), was trained on them, or was made from such a thing.
Every distinct object is looked into once, whatever the number of commits. What is not here cannot be looked into, and
is said to be so. Known to be imperfect: a picture of theirs in a page is found by descent, not by its pixels; and of an
object that no record names (a run that was never committed and is in no run-cache) only the words are searched.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hilum.errors import UsageError, VerificationError
from hilum.lineage.descent import MADE, TAINTED, TRAINED, VALIDATED, WEIGHTS, Descent
from hilum.lineage.history import HERE, PLACES, History, State, read_blob, read_history
from hilum.lineage.lock import Item, Lineage
from hilum.lineage.store import Store, digest_of
from hilum.lineage.traces import Searcher, Trace, Who

TOMBSTONES = ("data/landings/", "data/partitions/", TAINTED)
"""Where the bare id of somebody who is withdrawn stays: by it they are never landed again."""
BY_PATH, BY_PLACE = "path", "place"
UNRECORDED = "(no record names it)"
_IDS = re.compile(r"(?:^|/)p(1[0-9]{7})(?:/s(5[0-9]{7}))?(?:/([0-9a-f]{8}(?:-[0-9a-f]{8}){4}))?")
_KINDS = (
    ("/tree/files/", "raw file"), (".parquet", "table"), (".faiss", "index"), (".npy", "pixels"), (".npz", "maps"),
    (".html", "page"), (".safetensors", "model"), (".dir", "listing of a folder"), (".csv.gz", "source table"),
    (".csv", "table"), (".json", "json"),
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """One file that knows them. how: rows, named, place, path, trained on, validated on, made from.

    n: rows, words, or places. positions: of their rows in an array. through: what it was made from that knows them.
    commits: those that record it; `here` for the working tree, `run-cache` for what DVC would restore from there.
    where: cache, here, git or nowhere.
    """

    path: str
    digest: str
    kind: str
    how: str
    n: int
    positions: tuple[int, ...]
    through: str | None
    commits: tuple[str, ...]
    where: str

    @property
    def is_content(self) -> bool:
        """Whether it holds something of theirs itself."""
        return self.how not in (TRAINED, VALIDATED, MADE)

    @property
    def is_tombstone(self) -> bool:
        """Whether it is the bare id that must stay."""
        return self.path.startswith(TOMBSTONES)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Everything:
    """All that knows somebody. unseen: digest -> path of recorded files whose bytes are nowhere here.

    untold: digests of objects that no record names and whose bytes name nobody by their nature.
    """

    who: Who
    known: tuple[Known, ...]
    unseen: Mapping[str, str]
    untold: tuple[str, ...]
    unreadable: Mapping[str, str]
    n_commits: int
    n_objects: int
    states: tuple[State, ...]

    def at(self, commit: str) -> list[Known]:
        """Of one commit, or of the working tree (`here`)."""
        return [row for row in self.known if commit in row.commits]


def find_everything(root: Path, kind: str, name: str, on_object: Callable[[], object] = lambda: None) -> Everything:
    """All that knows a subject, a study (by id) or a raw file (by its path in the source), in every commit of all refs.

    on_object: told of every object that is looked into. Raises UsageError for what is no id.
    """
    store = Store(root, here=False)
    history = read_history(root, store)
    disk = _read_disk(root)
    history.states.append(
        State({HERE}, Lineage([]), {path: md5 for md5, paths in disk.items() for path in paths}, {}, {})
    )
    finder = _Finder(root, store, history, disk, on_object)
    return finder.find(finder.resolve(kind, name))


def read_tainted(root: Path) -> dict[str, list[str]]:
    """What earlier purges have noted of models. Raises VerificationError if the file is not of its form."""
    try:
        held = json.loads((root / TAINTED).read_bytes())
        return {str(name): [str(digest) for digest in digests] for name, digests in held.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        raise VerificationError(f"{TAINTED} is not what a purge has written; `git checkout` restores it.") from None


def _read_disk(root: Path) -> dict[str, list[str]]:
    """md5 -> the files of the checkout that lie there, beside code; links to a source are not followed."""
    found: dict[str, list[str]] = {}
    for place in (*PLACES, ".hilum"):
        for folder, _, names in os.walk(root / place):
            for name in names:
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink():
                    found.setdefault(digest_of(path), []).append(path.relative_to(root).as_posix())
    return found


class _Finder:
    def __init__(
        self, root: Path, store: Store, history: History, disk: Mapping[str, list[str]], on_object: Callable[[], object]
    ) -> None:
        self._root, self._store, self._history, self._disk, self._on_object = root, store, history, disk, on_object
        self._traces: dict[str, Trace | None] = {}
        self._unseen: dict[str, str] = {}
        self._found: dict[tuple[str, str, str], tuple[Trace, str | None, set[str], str]] = {}
        self._in_git = {path for paths, _ in history.blobs.values() for path in paths}

    def place_of(self, md5: str) -> Path | None:
        """Where the bytes of a digest are: the cache, else the checkout."""
        here = self._disk.get(md5)
        return self._store.cached(md5) or (self._root / here[0] if here else None)

    def resolve(self, kind: str, name: str) -> Who:
        """The ids that belong to an id, from the listings and manifests of every state."""
        if kind == "file":
            return _who_of_file(name)
        if not re.fullmatch(r"[15][0-9]{7}", name):
            raise UsageError(f"'{name}' is no {kind}; give its 8 digits, such as 10000032.")
        subjects, studies, dicoms = set[int](), set[int](), set[str]()
        wanted = f"(^|/)p{name}(/|$)" if kind == "subject" else f"/s{name}(/|\\.|$)"
        for path in self._paths(wanted):
            match = _IDS.search(path)
            if match:
                subjects.add(int(match[1]))
                studies.update({int(match[2])} if match[2] else ())
                dicoms.update({match[3]} if match[3] else ())
        if kind == "study":
            return Who(kind, name, frozenset(), frozenset({int(name)}), frozenset(dicoms))
        return Who(kind, name, frozenset({int(name)}), frozenset(studies), frozenset(dicoms))

    def _paths(self, wanted: str) -> Iterator[str]:
        """The raw paths that fit a pattern, of every listing and manifest, and of the trees that are kept."""
        pattern, seen = re.compile(wanted), set[str]()
        for state in self._history.states:
            for path, md5 in state.files.items():
                if "/tree/files/" in path and pattern.search(path):
                    yield path
                elif path.endswith("/listing.parquet") or path.startswith("data/manifest/"):
                    place = None if md5 in seen else self.place_of(md5)
                    seen.add(md5)
                    if place:
                        column = pq.read_table(place, columns=["path"]).column("path")
                        yield from column.filter(pc.match_substring_regex(column, wanted)).to_pylist()

    def find(self, who: Who) -> Everything:
        """All that holds somebody or was made from them, in every state of the history."""
        self._searcher = Searcher(who)
        self._who = who
        self.noted = {digest for name in self._names(who) for digest in read_tainted(self._root).get(name, ())}
        for state in self._history.states:
            self._search_state(state)
        untold = self._search_orphans()
        self._search_blobs()
        models = self._descend()
        self._descend_sources(models)
        known = [
            Known(path, digest, kind_of(path), how, trace.n, trace.positions, through, tuple(sorted(commits)), where)
            for (digest, path, how), (trace, through, commits, where) in self._found.items()
        ]
        known.sort(key=lambda row: (not row.is_content, row.path, row.digest))
        return Everything(
            who, tuple(known), self._unseen, tuple(untold), self._history.unreadable, self._history.n_commits,
            len(self._traces), tuple(self._history.states),
        )  # fmt: skip

    @staticmethod
    def _names(who: Who) -> set[str]:
        return {who.name, *map(str, who.subjects), *map(str, who.studies)}

    def _note(self, digest: str, path: str, trace: Trace, commits: Iterable[str], through: str | None = None,
              where: str | None = None) -> None:  # fmt: skip
        if where is None:
            where = "cache" if self._store.cached(digest) else "here" if digest in self._disk else "nowhere"
        row = self._found.setdefault((digest, path, trace.how), (trace, through, set(), where))
        row[2].update(commits)

    def trace(self, md5: str, path: str) -> Trace | None:
        """What a file holds by itself; each digest is looked into once."""
        if "/tree/files/" in path:
            asked = self._who.path
            theirs = path.endswith(f"/{asked}") if asked else self._searcher.names(path)
            return Trace(BY_PATH, 1) if theirs else None
        if md5 not in self._traces:
            place = self.place_of(md5)
            if place is None:
                if path not in self._in_git:
                    self._unseen[md5] = path
                return None
            self._on_object()
            self._traces[md5] = self._look(place, path)
        return self._traces[md5]

    def _look(self, place: Path, path: str) -> Trace | None:
        try:
            return self._searcher.search(place, path)
        except (OSError, pa.ArrowInvalid):
            return self._searcher.search_text(place.read_bytes(), "")  # not of its form: its words at least

    def _search_state(self, state: State) -> None:
        for path, md5 in state.files.items():
            found = self.trace(md5, path) or self._by_place(state.files, path)
            if found:
                self._note(md5, path, found, state.commits)
        for path, md5 in state.folders.items():
            cached = self._store.cached(md5)
            n = self._searcher.names(cached.read_bytes()) if cached else 0
            if n:
                self._note(md5, f"{path}.dir", Trace("named", n), state.commits)
        for path, md5 in state.unlisted.items():
            if not any(held.startswith(f"{path}/") for held in self._in_git):  # else its files are searched as blobs
                self._unseen[md5] = path

    def _by_place(self, files: Mapping[str, str], path: str) -> Trace | None:
        """Of pixels, vectors and maps: the places that the table or list beside them gives to somebody.

        Among a region's vectors of reports nobody has one whose report does not speak of the region.
        """
        one = PurePosixPath(path)
        beside = {
            ".npy": one.parent.parent / "images" / f"{one.stem}.parquet",
            ".faiss": one.parent / "rows.parquet",
            ".npz": one.parent / "gallery.json",
        }.get(one.suffix)
        md5 = files.get(str(beside)) if beside else None
        rows = self.trace(md5, str(beside)) if md5 else None
        places = rows.maps if rows and one.suffix == ".npz" else rows.positions if rows else ()
        region = one.stem.removeprefix("region_").replace("_", " ")
        if rows and rows.spoken is not None and one.match("region_*.faiss") and not one.match("*.codes.faiss"):
            places = tuple(row for row in places if region in rows.spoken[row])
        return Trace(BY_PLACE, len(places), places) if places else None

    def _search_orphans(self) -> list[str]:
        """What the cache holds and no state names: listings first, for they name files."""
        known = {md5 for state in self._history.states for md5 in state.digests}
        orphans = {f"{p.parent.name}{p.name}": p for p in sorted((self._store.cache / "files/md5").glob("??/*"))}
        orphans = {md5: path for md5, path in orphans.items() if md5 not in known}
        named = dict[str, str]()
        for md5, path in orphans.items():
            if md5.endswith(".dir"):
                state = State({UNRECORDED}, Lineage([]), {}, {UNRECORDED: md5}, {})
                state.files = {f.path: f.md5 for f in self._store.files(Item(path=UNRECORDED, md5=md5, size=0))}
                named.update({digest: path for path, digest in state.files.items()})
                self._search_state(state)
        untold = []
        for md5, path in orphans.items():
            if md5.endswith(".dir") or md5 in named:
                continue
            trace = self.trace(md5, UNRECORDED)
            if trace:
                self._note(md5, UNRECORDED, trace, {UNRECORDED})
            elif _is_array(path):
                untold.append(md5)
        return untold

    def _search_blobs(self) -> None:
        """The files that git itself holds, such as figures, decisions and descriptors."""
        for blob, (paths, commits) in self._history.blobs.items():
            path = min(paths)
            content = read_blob(self._root, blob)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if md5 not in self._traces:
                self._on_object()
                self._traces[md5] = self._searcher.search_text(content, path)
            found = self._traces[md5]
            if found:
                self._note(md5, path, found, commits, where="git")

    def _descend(self) -> dict[str, str]:
        """Note what was trained on them and what was made from that; digest of such a model's weights -> their path."""
        models = dict.fromkeys(self.noted, TAINTED)
        for state in self._history.states:
            made = Descent(state, self.trace, self.place_of, self.noted)
            for stage in reversed(state.lineage.behind(state.lineage.outs())) if state.lineage.stages else ():
                made.step(stage)
            models |= {md5: path for path, (md5, _, _) in made.found.items() if path.endswith(WEIGHTS)}
            self._take(state, made)
        return models

    def _descend_sources(self, models: Mapping[str, str]) -> None:
        """Models that were added from outside a line, such as the champion: known by the digest of their weights."""
        for state in self._history.states:
            made = Descent(state, self.trace, self.place_of, self.noted)
            for stage in state.lineage.stages.values():
                paths = made.files(stage.outs) if stage.is_source else []
                weights = next((path for path in paths if state.files[path] in models), None)
                for path in paths if weights else ():
                    made.found[path] = (state.files[path], TRAINED, models[state.files[str(weights)]])
            if made.found:
                for stage in reversed(state.lineage.behind(state.lineage.outs())):
                    made.step(stage)
                self._take(state, made)

    def _take(self, state: State, made: Descent) -> None:
        for path, (md5, how, through) in made.found.items():
            self._note(md5, path, Trace(how, 1), state.commits, through)


def kind_of(path: str) -> str:
    """What a file is, by its name."""
    if path.startswith(TOMBSTONES):
        return "tombstone"
    return next((kind for part, kind in _KINDS if path.endswith(part) or part in path), "file")


def _who_of_file(path: str) -> Who:
    """A raw file: its own ids, and of a report those of its study's words."""
    at = path.find("files/p")
    match = _IDS.search(path)
    if at < 0 or match is None or match[2] is None:
        raise UsageError(
            f"'{path}' is no raw file; give its path in the source, such as files/p10/p10000032/s50414267.txt"
        )
    inner = path[at:]
    if inner.endswith(".txt"):
        return Who("file", inner, studies=frozenset({int(match[2])}), path=inner, words_only=True)
    return Who("file", inner, dicoms=frozenset({match[3]} if match[3] else ()), path=inner)


def _is_array(path: Path) -> bool:
    """Whether the bytes are of a kind that can hold somebody and name nobody: vectors, pixels, pictures, weights."""
    with path.open("rb") as stream:
        head = stream.read(9)
    return head[:4] in (b"IxFI", b"\x93NUM", b"PK\x03\x04", b"\xff\xd8\xff\xe0") or head[8:9] == b"{"
