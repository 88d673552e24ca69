"""One side of an opened index, images or reports, over all its parts: ids in memory, vectors and codes mapped.

Two orders of rows: `rows` is in order of dicom_id (of reports: study_id), whatever the cut into partitions; a
`position` counts through the parts as they are stored. Vectors are read by position, answers are told by row. Pages of
vectors and codes laid side by side for a scan stay in memory while they fit, the longest unused go first, so that a
long-lived process stays within about two GiB over all regions. A file of vectors that was opened stays open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.retrieval.codes import Scan
from hilum.retrieval.parts import IMAGE, ROW_TABLES, MappedVectors, Slot, StoredSide

MAPPED_BYTES = 640 << 20  # of exact vectors; a slot of 243,334 images has 119 MiB
SCAN_BYTES = 1100 << 20  # of codes side by side; the whole and a region of 243,334 images have 31 MiB


class Sized(Protocol):
    """Something that knows how much memory it holds."""

    nbytes: int


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """What is in memory, by key, up to a number of bytes; the newest always stays. let_go: told what goes."""

    def __init__(self, limit: int, let_go: Callable[[T], None] = lambda _: None) -> None:
        self._limit, self._let_go = limit, let_go
        self._held: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is held under the key, made now if nothing is."""
        if key not in self._held:
            made = make()
            while self._held and made.nbytes + sum(one.nbytes for one in self._held.values()) > self._limit:
                self._let_go(self._held.popitem(last=False)[1])
            self._held[key] = made
        self._held.move_to_end(key)
        return self._held[key]


class Side:
    """See the head of this module. name: image or report. rows: INDEX_ROWS or INDEX_REPORTS columns."""

    def __init__(self, name: str, parts: Sequence[StoredSide], slots: tuple[Slot, ...], dimension: int) -> None:
        self.name, self.slots, self.dimension = name, slots, dimension
        self._parts = [part for part in parts if len(part)]
        self._starts = np.cumsum([0, *(len(part) for part in self._parts)])
        frames = [part.rows for part in self._parts] or [part.rows for part in parts[:1]]
        empty = pd.DataFrame({column: [] for column in ROW_TABLES[name].column_names})
        stored = pd.concat(frames, ignore_index=True) if frames else empty
        key = "dicom_id" if name == IMAGE else "study_id"
        self.order = stored[key].argsort(kind="stable").to_numpy()  # row -> position
        self.row_of = np.empty_like(self.order)  # position -> row
        self.row_of[self.order] = np.arange(len(stored))
        self.rows = stored.iloc[self.order].reset_index(drop=True).assign(row=np.arange(len(stored), dtype=np.int64))
        n_repeated = int(self.rows[key].duplicated().sum())
        if n_repeated:
            raise BadDataError(f"{n_repeated} {key}s are in more than one part of the index. Run `dvc repro index`.")
        self.subjects, self.studies = (stored[c].to_numpy(np.int64) for c in ("subject_id", "study_id"))
        self.dicom_ids = stored["dicom_id"].to_numpy(object) if name == IMAGE else None
        self.spoken = None if name == IMAGE else stored["regions"].to_numpy(object)
        self._by_subject = np.sort(self.subjects)
        self._opened: dict[Slot, _Mapped] = {}
        self._warm, self._scans = Kept(MAPPED_BYTES, _Mapped.let_go), Kept[Scan](SCAN_BYTES)
        self._matrices: dict[Slot, np.ndarray] = {}
        self._pool = ThreadPoolExecutor(2)

    def __len__(self) -> int:
        return len(self.rows)

    def tells(self, position: int, region: str) -> bool:
        """Whether the row at a position has a vector of a region: every image, a report that speaks of it."""
        return self.spoken is None or region in self.spoken[position]

    def check_slots(self, slots: Collection[Slot]) -> None:
        """Raise UsageError for a region that has no index."""
        for slot in slots:
            if slot not in self.slots:
                known = ", ".join(str(region) for region in self.slots[1:])
                raise UsageError(f"There is no region '{slot}'; the index has: {known}.")

    def n_of(self, subject_ids: Collection[int]) -> int:
        """How many rows are these patients'."""
        low, high = (np.searchsorted(self._by_subject, sorted(subject_ids), side) for side in ("left", "right"))
        return int((high - low).sum())

    def similarities(self, vector: np.ndarray, slot: Slot, positions: np.ndarray | None = None) -> np.ndarray:
        """(n,) float32: exact inner products of a (dimension,) vector with rows at rising positions, or with all."""
        self.check_slots([slot])
        if vector.shape != (self.dimension,):
            raise BadDataError(
                f"the query vector has shape {vector.shape}; the index holds vectors of {self.dimension}. "
                f"Encode the query with the index's own checkpoint."
            )
        vector = np.ascontiguousarray(vector, np.float32)
        mapped = self._map(slot)
        if positions is None:
            return np.concatenate([np.empty(0, np.float32), *(part.similarities(vector) for part in mapped.parts)])
        cuts = np.searchsorted(positions, self._starts)
        found = [
            part.similarities(vector, positions[low:high] - start)
            for part, start, low, high in zip(mapped.parts, self._starts, cuts, cuts[1:])
        ]
        return np.concatenate([np.empty(0, np.float32), *found])

    def candidates(self, weighted: Sequence[np.ndarray], slots: tuple[Slot, ...], n: int) -> np.ndarray:
        """Rising positions of the n best rows by the sum of inner products over slots, by their codes."""
        self.check_slots(slots)
        return self._scans.get(slots, lambda: self._scan(slots)).nearest(np.concatenate(weighted), n)

    def vector(self, row: int, slot: Slot) -> np.ndarray | None:
        """The (dimension,) vector of one row; None where a report does not speak of the region."""
        self.check_slots([slot])
        position = int(self.order[row])
        number = int(np.searchsorted(self._starts, position, side="right") - 1)
        return self._map(slot).parts[number].vector(position - int(self._starts[number]))

    def vectors(self, slot: Slot = None) -> np.ndarray:
        """(n_rows, dimension) float32 in order of `rows`, read-only, kept in memory or mapped; zeros where silent."""
        self.check_slots([slot])
        if slot not in self._matrices:
            matrices = [part.matrix() for part in self._open(slot).parts]
            if len(matrices) == 1:
                self._matrices[slot] = matrices[0]  # a part's own order is that of `rows`
            else:
                stacked = np.concatenate(matrices) if matrices else np.empty((0, self.dimension), np.float32)
                self._matrices[slot] = stacked[self.order]
                self._matrices[slot].flags.writeable = False
        return self._matrices[slot]

    def _open(self, slot: Slot) -> _Mapped:
        if slot not in self._opened:
            self._opened[slot] = _Mapped([part.read_vectors(slot) for part in self._parts])
        return self._opened[slot]

    def _map(self, slot: Slot) -> _Mapped:
        return self._warm.get(slot, lambda: self._open(slot))

    def _scan(self, slots: tuple[Slot, ...]) -> Scan:
        of_parts = self._pool.map(lambda part: [part.read_codes(slot) for slot in slots], self._parts)
        codes = [list(of_slot) for of_slot in zip(*of_parts, strict=True)]
        return Scan(codes, [len(part) for part in self._parts], self.dimension, self._pool)


class _Mapped:
    """A slot's vectors, part by part."""

    def __init__(self, parts: list[MappedVectors]) -> None:
        self.parts = parts
        self.nbytes = sum(part.nbytes for part in parts)

    def let_go(self) -> None:
        """Give the pages back to the system."""
        for part in self.parts:
            part.let_go()
