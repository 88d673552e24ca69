"""One partition's part of an index: a folder a side (images, reports) with ids, exact vectors and codes by slot.

In: `SideVectors`. Out: `<side>/rows.parquet`, `<side>/global.faiss` and one `region_*.faiss` a region (IndexFlatIP),
beside each a `*.codes.faiss` where the index is a trained one, and `part.json`: what the part was made from, and size
and sha256 of each file. A slot is the whole (None) or a region. Of reports, only those that speak of a region have a
vector in its file; which ones, the rows say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.retrieval.codes import Codes, write_codes
from hilum.retrieval.digests import sha256
from hilum.retrieval.vectors import SideVectors
from hilum.schema import INDEX_REPORTS, INDEX_ROWS
from hilum.tables import read_table, whole_file, write_table, write_text

IMAGE, REPORT = "image", "report"
SIDES = (IMAGE, REPORT)
ROW_TABLES = {IMAGE: INDEX_ROWS, REPORT: INDEX_REPORTS}
ROWS, DESCRIPTION = "rows.parquet", "part.json"
Slot = str | None
_all_products = faiss.fvec_inner_products_ny  # type: ignore[attr-defined]  # the stubs lack both
_some_products = faiss.fvec_inner_products_by_idx  # type: ignore[attr-defined]  # the same sums as the other's


def slot_file_name(slot: Slot) -> str:
    """The file of a slot's vectors: words joined by underscores, no other character than the vocabulary's letters."""
    return "global.faiss" if slot is None else f"region_{slot.replace(' ', '_')}.faiss"


def codes_file_name(slot: Slot) -> str:
    """The file of a slot's codes."""
    return slot_file_name(slot).replace(".faiss", ".codes.faiss")


def write_side(
    folder: Path, side: str, vectors: SideVectors, slots: tuple[Slot, ...], levels: Mapping[Slot, np.ndarray] | None
) -> None:
    """Write one side of a part. levels: by slot, of a trained index; None = exact search alone."""
    write_table(folder / ROWS, vectors.rows, ROW_TABLES[side])
    if not len(vectors.rows):
        return
    for slot, matrix, present in zip(slots, vectors.vectors, vectors.present, strict=True):
        index = faiss.IndexFlatIP(matrix.shape[1])
        index.add(np.ascontiguousarray(matrix if present.all() else matrix[present]))
        with whole_file(folder / slot_file_name(slot)) as temporary:
            faiss.write_index(index, str(temporary))
        if levels is not None:
            write_codes(folder / codes_file_name(slot), matrix, levels[slot])


def describe_part(folder: Path, source: Mapping[str, str], sides: Mapping[str, Mapping[str, Any]]) -> None:
    """Write `part.json`, last: a part without it is not whole.

    source: what makes the part what it is, as digests. sides: count, dimension and model_id of each.
    """
    files = {str(p.relative_to(folder)): describe_file(p) for p in sorted(folder.glob("*/*"))}
    described = {"source": dict(source), "sides": sides, "files": files}
    write_text(folder / DESCRIPTION, json.dumps(described, indent=1) + "\n")


def read_description(folder: Path) -> dict[str, Any] | None:
    """What `part.json` says; None if there is none, or a file is missing or of another size."""
    try:
        described: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == one["bytes"] for name, one in described["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return described if whole else None


@dataclass(frozen=True)
class StoredSide:
    """One side of a part, opened: `rows` in memory, vectors and codes mapped when they are asked for.

    files: size and sha256 by name. dimension: of every vector.
    """

    folder: Path
    side: str
    rows: pd.DataFrame
    files: Mapping[str, Mapping[str, Any]]
    dimension: int

    def __len__(self) -> int:
        """Rows of this side."""
        return len(self.rows)

    def speaking(self, slot: Slot) -> np.ndarray | None:
        """(n_rows,) bool: which rows have a vector in a slot; None = all of them."""
        if slot is None or self.side == IMAGE:
            return None
        return self.rows["regions"].map(lambda regions: slot in regions).to_numpy(bool)

    def read_vectors(self, slot: Slot) -> MappedVectors:
        """The exact vectors of a slot. Raises BadDataError if the file is not the one described."""
        speaking = self.speaking(slot)
        count = len(self) if speaking is None else int(speaking.sum())

        path = self._checked(slot_file_name(slot))
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError:
            raise BadDataError(f"{path} is not a FAISS index. Run `dvc repro index`.") from None
        if not isinstance(index, faiss.IndexFlatIP) or index.d != self.dimension or index.ntotal != count:
            raise BadDataError(
                f"{path} is a {type(index).__name__} of {index.ntotal} vectors of {index.d}; expected an IndexFlatIP "
                f"of {count} of {self.dimension}. Run `dvc repro index`."
            )
        return MappedVectors(index, path, path.stat().st_size, speaking)

    def read_codes(self, slot: Slot) -> Codes:
        """The codes of a slot, of all rows. Raises BadDataError if the file is not the one described."""
        return Codes(self._checked(codes_file_name(slot)), len(self), self.dimension)

    def _checked(self, name: str) -> Path:
        path, one = self.folder / name, self.files[f"{self.folder.name}/{name}"]
        os.close(_open_described(str(path), one["bytes"]))
        return path


class MappedVectors:
    """Exact vectors of one slot of one side of a part, mapped: what is not asked for is not read."""

    def __init__(self, index: faiss.IndexFlatIP, path: Path, n_bytes: int, speaking: np.ndarray | None) -> None:
        self._index, self._path, self._n_bytes = index, str(path), n_bytes
        self._place = None if speaking is None else np.where(speaking, np.cumsum(speaking) - 1, -1)

    def similarities(self, vector: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """(n,) float32: inner products of a (dimension,) vector with the rows asked for, or all; 0 where silent."""
        places = self._place if rows is None else rows if self._place is None else self._place[rows]
        start, d = self._index.get_xb(), self._index.d
        if places is None:
            out = np.empty(self._index.ntotal, np.float32)
            _all_products(faiss.swig_ptr(out), faiss.swig_ptr(vector), start, d, len(out))
            return out
        there = np.flatnonzero(places >= 0)
        asked = np.ascontiguousarray(places[there], np.int64)
        found = np.empty(len(asked), np.float32)
        if len(asked):
            pointers = (faiss.swig_ptr(found), faiss.swig_ptr(vector), start, faiss.swig_ptr(asked))
            _some_products(*pointers, d, 1, len(asked))
        out = np.zeros(len(places), np.float32)
        out[there] = found
        return out

    def read(self, rows: np.ndarray) -> list[bytes]:
        """The vectors of a few rows, zeros where silent: rows far apart are cheaper read one by one than mapped."""
        places = rows if self._place is None else self._place[rows]
        width = self._index.d * 4
        number = _open_described(self._path, self._n_bytes)
        try:
            start = self._n_bytes - self._index.ntotal * width  # vectors are the end of such a file
            return [
                os.pread(number, width, start + place * width) if place >= 0 else bytes(width)
                for place in places.tolist()
            ]
        finally:
            os.close(number)

    def vector(self, row: int) -> np.ndarray | None:
        """The (dimension,) vector of one row, a copy; None where it has none."""
        if self._place is not None and self._place[row] < 0:
            return None
        return np.frombuffer(self.read(np.array([row]))[0], np.float32).copy()

    def matrix(self) -> np.ndarray:
        """(n_rows, dimension) float32, read-only; a view of the mapped file where every row has a vector."""
        view = faiss.rev_swig_ptr(self._index.get_xb(), self._index.ntotal * self._index.d)
        view = view.reshape(self._index.ntotal, self._index.d)
        if self._place is not None:
            dense = np.zeros((len(self._place), self._index.d), np.float32)
            dense[self._place >= 0] = view
            view = dense
        view.flags.writeable = False
        return view


def products(vector: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) float32: inner products of a (dimension,) vector with (n, dimension) others, summed as of mapped ones."""
    out, numbers = np.empty(len(others), np.float32), np.arange(len(others))
    pointers = tuple(map(faiss.swig_ptr, (out, vector, others, numbers)))
    _some_products(*pointers, len(vector), 1, len(others))
    return out


def _open_described(path: str, n_bytes: int) -> int:
    """The descriptor of an opened file. Raises BadDataError if it is missing or of another size."""
    try:
        number = os.open(path, os.O_RDONLY)
        if os.fstat(number).st_size == n_bytes:
            return number
        os.close(number)
    except OSError:
        pass
    raise BadDataError(f"{path} is missing or not {n_bytes} bytes long. Run `dvc repro index`.")


def open_side(folder: Path, side: str, described: Mapping[str, Any], dimension: int) -> StoredSide:
    """Open one side of a part. Reads its ids, no vector.

    Raises BadDataError if the ids are not those that the vectors were written with.
    """
    path = folder / side / ROWS
    if not path.exists() or sha256(path) != described["files"][f"{side}/{ROWS}"]["sha256"]:
        raise BadDataError(
            f"{path} is not the file whose sha256 {DESCRIPTION} records: the ids do not belong to these vectors. "
            f"Run `dvc repro index`."
        )
    return StoredSide(folder / side, side, read_table(path, ROW_TABLES[side]), described["files"], dimension)


def describe_file(path: Path) -> dict[str, Any]:
    """Size and digest of a file."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}
