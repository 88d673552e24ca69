"""One side of an opened index, images or reports, over all its parts: ids and codes in memory, vectors in their files.

Two orders of rows: `rows` is in order of dicom_id (of reports: study_id), whatever the cut into partitions; a
`position` counts through the parts as they are stored. Vectors are read by position, answers are told by row. Codes
laid side by side for a scan are kept while they fit, the longest unused go first; of exact vectors only the few rows
that the codes find are read: so a long-lived process stays within about 1.5 GiB over all regions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.retrieval.codes import Codes, Scan
from hilum.retrieval.parts import IMAGE, ROW_TABLES, MappedVectors, Slot, StoredSide, products

SCAN_BYTES = 1100 << 20  # of codes side by side; the whole and a region of 243,334 images have 31 MiB


class Sized(Protocol):
    """Something that knows how much memory it holds."""

    nbytes: int


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """What was made, by key, up to a number of bytes; the newest always stays."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is held under the key, made now if nothing is."""
        if key not in self._held:
            made = make()
            while self._held and made.nbytes + sum(one.nbytes for one in self._held.values()) > self._limit:
                self._held.popitem(last=False)
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
        self._mapped: dict[Slot, list[MappedVectors]] = {}
        self._scans = Kept[Scan](SCAN_BYTES)
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
        parts, vector = self._map(slot), self._checked(vector)
        if positions is None:
            return np.concatenate([np.empty(0, np.float32), *(part.similarities(vector) for part in parts)])
        rows = self._rows_of_parts(positions)
        found = [part.similarities(vector, rows) for part, rows in zip(parts, rows, strict=True)]
        return np.concatenate([np.empty(0, np.float32), *found])

    def similarities_of_few(self, vector: np.ndarray, slot: Slot, positions: np.ndarray) -> np.ndarray:
        """As `similarities`, at positions in any order, with rows read and not mapped: for rows far apart."""
        parts, vector = self._map(slot), self._checked(vector)
        order, out = np.argsort(positions), np.empty(len(positions), np.float32)
        rows = self._rows_of_parts(positions[order])
        taken = [one for part, rows in zip(parts, rows, strict=True) if len(rows) for one in part.read(rows)]
        out[order] = products(vector, np.frombuffer(b"".join(taken), np.float32).reshape(-1, self.dimension))
        return out

    def _rows_of_parts(self, positions: np.ndarray) -> list[np.ndarray]:
        cuts = np.searchsorted(positions, self._starts)
        return [positions[low:high] - start for start, low, high in zip(self._starts, cuts, cuts[1:])]

    def _checked(self, vector: np.ndarray) -> np.ndarray:
        if vector.shape != (self.dimension,):
            raise BadDataError(
                f"the query vector has shape {vector.shape}; the index holds vectors of {self.dimension}. "
                f"Encode the query with the index's own checkpoint."
            )
        return np.ascontiguousarray(vector, np.float32)

    def candidates(
        self, weighted: Sequence[np.ndarray], slots: tuple[Slot, ...], n: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n,) positions of the best rows by the sum of inner products over slots, by their codes, and these sums.

        The best first.
        """
        self.check_slots(slots)
        return self._scans.get(slots, lambda: self._scan(slots)).nearest(np.concatenate(weighted), n)

    def vector(self, row: int, slot: Slot) -> np.ndarray | None:
        """The (dimension,) vector of one row; None where a report does not speak of the region."""
        position = int(self.order[row])
        number = int(np.searchsorted(self._starts, position, side="right") - 1)
        return self._map(slot)[number].vector(position - int(self._starts[number]))

    def vectors(self, slot: Slot = None) -> np.ndarray:
        """(n_rows, dimension) float32 in order of `rows`, read-only, kept in memory or mapped; zeros where silent."""
        if slot not in self._matrices:
            matrices = [part.matrix() for part in self._map(slot)]
            if len(matrices) == 1:
                self._matrices[slot] = matrices[0]  # a part's own order is that of `rows`
            else:
                stacked = np.concatenate(matrices) if matrices else np.empty((0, self.dimension), np.float32)
                self._matrices[slot] = stacked[self.order]
                self._matrices[slot].flags.writeable = False
        return self._matrices[slot]

    def _map(self, slot: Slot) -> list[MappedVectors]:
        self.check_slots([slot])
        if slot not in self._mapped:
            self._mapped[slot] = [part.read_vectors(slot) for part in self._parts]
        return self._mapped[slot]

    def _read_codes(self, slot: Slot) -> list[Codes]:
        return list(self._pool.map(lambda part: part.read_codes(slot), self._parts))

    @cached_property
    def _codes_of_whole(self) -> list[Codes]:
        return self._read_codes(None)  # which every scan has in it

    def _scan(self, slots: tuple[Slot, ...]) -> Scan:
        codes = [self._codes_of_whole if slot is None else self._read_codes(slot) for slot in slots]
        return Scan(codes, [len(part) for part in self._parts], self.dimension, self._pool)
