"""The FAISS indexes of a collection: one of the whole images and one a region, with the ids of their rows.

In: image vectors. Out: a folder with `global.faiss`, one file a region, `rows.parquet` (row -> image) and `index.json`
(dimension, count, checkpoint, sha256 of each file). Exact inner products of unit vectors, that is cosines. The folder
is read lazily: a search maps the whole-image file and the one of its region, no others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.retrieval.vectors import ImageVectors
from hilum.schema import INDEX_ROWS
from hilum.tables import read_table, whole_file, write_table, write_text

DESCRIPTION = "index.json"
ROWS = "rows.parquet"
FORMAT = 1


def write_index(folder: Path, vectors: ImageVectors, kind: str) -> None:
    """Write the indexes; `index.json` goes first and comes last, so that no half-written folder passes for a whole one.

    kind: `flat`, exact search over stored vectors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    write_table(folder / ROWS, vectors.rows, INDEX_ROWS)
    _write_flat(folder / "global.faiss", vectors.whole)
    regions = {}
    for region, matrix in zip(vectors.regions, vectors.by_region, strict=True):
        name = region_file_name(region)
        _write_flat(folder / name, matrix)
        regions[region] = _describe(folder / name)
    description = {
        "format": FORMAT,
        "kind": kind,
        "metric": "inner_product",
        "dimension": int(vectors.whole.shape[1]),
        "count": len(vectors.rows),
        "model_id": vectors.model_id,
        "rows": _describe(folder / ROWS),
        "global": _describe(folder / "global.faiss"),
        "regions": regions,
    }
    write_text(folder / DESCRIPTION, json.dumps(description, indent=2) + "\n")


def region_file_name(region: str) -> str:
    """The file of a region's index: words joined by underscores, no other character than the vocabulary's letters."""
    return f"region_{region.replace(' ', '_')}.faiss"


def open_index(folder: Path) -> RegionIndex:
    """Open an index folder. Reads the ids and no vector.

    Raises BadDataError if the folder is not whole, or if the ids are not those that the vectors were written with.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadDataError(
            f"{folder / DESCRIPTION} cannot be read ({type(error).__name__}). Run `dvc repro index`."
        ) from None
    if description.get("format") != FORMAT:
        raise BadDataError(
            f"{folder / DESCRIPTION} has format {description.get('format')!r}, expected {FORMAT}. "
            f"Run `dvc repro index`."
        )
    if not (folder / ROWS).exists() or sha256(folder / ROWS) != description["rows"]["sha256"]:
        raise BadDataError(
            f"{folder / ROWS} is not the file whose sha256 {DESCRIPTION} records: the ids do not belong to these "
            f"vectors. Run `dvc repro index`."
        )
    rows = read_table(folder / ROWS, INDEX_ROWS)
    if len(rows) != description["count"] or not np.array_equal(rows["row"], np.arange(len(rows))):
        raise BadDataError(
            f"{folder / ROWS} has {len(rows)} rows, or gaps between them; {DESCRIPTION} counts {description['count']}. "
            f"Run `dvc repro index`."
        )
    return RegionIndex(folder, rows, description)


@dataclass
class RegionIndex:
    """An opened index folder. rows: INDEX_ROWS, position = row in every vector matrix."""

    folder: Path
    rows: pd.DataFrame
    description: dict[str, Any]
    _opened: dict[str | None, faiss.IndexFlatIP] = field(default_factory=dict)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that have an index, in vocabulary order."""
        return tuple(self.description["regions"])

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return int(self.description["dimension"])

    @property
    def model_id(self) -> str:
        """First 16 hex digits of the sha256 of the checkpoint that made the vectors."""
        return str(self.description["model_id"])

    def vectors(self, region: str | None = None) -> np.ndarray:
        """(n_images, dimension) float32, a read-only view of the mapped file; None = the whole images.

        Raises UsageError for a region without index, BadDataError if the file is not the one described.
        """
        index = self._open(region)
        view = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
        view.flags.writeable = False
        return view

    def similarities(self, vector: np.ndarray, region: str | None = None) -> np.ndarray:
        """(n_images,) float32: the inner product of a (dimension,) vector with every row, by FAISS."""
        index = self._open(region)
        if vector.shape != (self.dimension,):
            raise BadDataError(
                f"the query vector has shape {vector.shape}; the index holds vectors of {self.dimension}. "
                f"Encode the query with checkpoint {self.model_id}."
            )
        query = np.ascontiguousarray(vector[None], dtype=np.float32)
        found, row = index.search(query, index.ntotal)
        out = np.empty(index.ntotal, np.float32)
        out[row[0]] = found[0]
        return out

    def _open(self, region: str | None) -> faiss.IndexFlatIP:
        if region not in self._opened:
            if region is not None and region not in self.description["regions"]:
                raise UsageError(f"There is no region '{region}'; the index has: {', '.join(self.regions)}.")
            entry = self.description["global"] if region is None else self.description["regions"][region]
            self._opened[region] = _read_flat(self.folder / entry["file"], entry, self.dimension, len(self.rows))
        return self._opened[region]


def verify_index(index: RegionIndex) -> None:
    """Hash every file of an index. Raises BadDataError naming those that are not the ones described."""
    entries = [index.description["rows"], index.description["global"], *index.description["regions"].values()]
    wrong = [
        entry["file"]
        for entry in entries
        if not (index.folder / entry["file"]).exists() or sha256(index.folder / entry["file"]) != entry["sha256"]
    ]
    if wrong:
        raise BadDataError(
            f"{index.folder}: {len(wrong)} of {len(entries)} files are missing or not the ones {DESCRIPTION} records: "
            f"{wrong[:5]}. Run `dvc repro index`."
        )


def sha256(path: Path) -> str:
    """Digest of a file, as 64 hex digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _describe(path: Path) -> dict[str, Any]:
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}


def _write_flat(path: Path, matrix: np.ndarray) -> None:
    index = faiss.IndexFlatIP(matrix.shape[1])
    index.add(np.ascontiguousarray(matrix, dtype=np.float32))
    with whole_file(path) as temporary:
        faiss.write_index(index, str(temporary))


def _read_flat(path: Path, entry: dict[str, Any], dimension: int, count: int) -> faiss.IndexFlatIP:
    """Map a flat index. Its size is checked, not its digest: that would read the whole file (see `verify_index`)."""
    if not path.exists() or path.stat().st_size != entry["bytes"]:
        raise BadDataError(f"{path} is missing or not {entry['bytes']} bytes long. Run `dvc repro index`.")
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError:
        raise BadDataError(f"{path} is not a FAISS index. Run `dvc repro index`.") from None
    if not isinstance(index, faiss.IndexFlatIP) or index.d != dimension or index.ntotal != count:
        raise BadDataError(
            f"{path} is a {type(index).__name__} of {index.ntotal} vectors of {index.d}; expected an IndexFlatIP of "
            f"{count} of {dimension}. Run `dvc repro index`."
        )
    return index
