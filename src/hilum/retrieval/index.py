"""The index of a collection: a part a partition (parts.py), and what holds of all of them.

In: each partition's tables. Out: a folder with `parts/<partition>/`, `rows.parquet` (all images, by dicom_id) and
`index.json` (kind, dimension, counts, checkpoint, sha256 of each part's description). A part depends on its partition's
tables and, in a trained index, on the levels, which are trained on the first partitions alone: so a new partition is
encoded and added, a withdrawn one is removed, the others stay as they are, and the folder ends with the same bytes as
one that is built at once. Known to be imperfect: when what it was trained on changes, everything is encoded again; and
how well levels of early partitions fit late ones is not watched.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from hilum.errors import BadDataError, UsageError
from hilum.retrieval.codes import train_levels
from hilum.retrieval.digests import Digests, sha256
from hilum.retrieval.parts import DESCRIPTION as PART
from hilum.retrieval.parts import (
    IMAGE,
    REPORT,
    SIDES,
    Slot,
    StoredSide,
    describe_file,
    describe_part,
    open_side,
    read_description,
    write_side,
)
from hilum.retrieval.side import Side
from hilum.retrieval.vectors import SideVectors, read_images, read_reports
from hilum.schema import INDEX_ROWS
from hilum.tables import read_table, write_table, write_text

if TYPE_CHECKING:
    from hilum.config import IndexParams

DESCRIPTION = "index.json"
ROWS = "rows.parquet"
PARTS = "parts"
FORMAT = 2
FLAT, CODES = "flat", "pq"
FEW = 256  # rows that do not say where 16 levels lie


@dataclass(frozen=True)
class Source:
    """A partition's tables: of its images, and of its embeddings."""

    name: str
    images: Path
    embeddings: Path

    def digests(self, digests: Digests) -> dict[str, str]:
        """sha256 of both files."""
        return {"images": digests.of(self.images), "embeddings": digests.of(self.embeddings)}

    def read(self, side: str, regions: Sequence[str]) -> SideVectors:
        """Its vectors of one side."""
        if side == IMAGE:
            return read_images(self.images, self.embeddings, regions)
        return read_reports(self.embeddings, regions)


@dataclass(frozen=True)
class Built:
    """What a build did, in numbers of parts and rows."""

    kind: str
    n_images: int
    n_reports: int
    dimension: int
    n_kept: int
    n_added: int
    n_removed: int


def build_index(folder: Path, sources: Sequence[Source], regions: Sequence[str], params: IndexParams) -> Built:
    """Make the folder the index of the sources, in their order; parts that are there and still right are kept.

    `index.json` goes first and comes last, so that no half-written folder passes for a whole one. Beside the folder
    lies a note of the tables' digests, so that those which have not changed are not read. Raises BadDataError if tables
    do not fit together or checkpoints are mixed, UsageError if the kind is impossible.
    """
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    for stray in (path for path in folder.iterdir() if path.is_file() and path.name != ROWS):
        stray.unlink()  # of an earlier format, or of a write that was cut off
    noted = Digests(folder.with_name(f".{folder.name}.digests.json"))
    with ThreadPoolExecutor(2) as pool:
        digests = dict(zip((s.name for s in sources), pool.map(lambda s: s.digests(noted), sources), strict=True))
    noted.write()
    kind, trained_on = _choose(sources, params)
    common = {"format": str(FORMAT), "regions": _digest(list(regions)), "levels": "none"}
    if kind == CODES:
        common["levels"] = _digest([params.train_images, [digests[source.name] for source in trained_on]])
    wanted = {source.name: {**common, **digests[source.name]} for source in sources}
    here = {path.name: read_description(path) for path in sorted((folder / PARTS).iterdir())}
    kept = {name for name, one in here.items() if name in wanted and one and one["source"] == wanted[name]}
    for name in here.keys() - kept:
        shutil.rmtree(folder / PARTS / name)
    new = [source for source in sources if source.name not in kept]
    slots: tuple[Slot, ...] = (None, *regions)
    read, sides = _Reader(tuple(regions)), dict[str, dict[str, Any]]()
    for side in SIDES:
        levels = _levels_of(folder, side, sorted(kept), slots) if kind == CODES else None
        if kind == CODES and levels is None:  # then what is kept has no rows of this side, and nothing to train on
            sample = [read(source, side) for source in trained_on if source.name not in kept]
            levels = _train(sample, slots, params.train_images)
        for source in new:
            vectors = read(source, side)
            write_side(folder / PARTS / source.name / side, side, vectors, slots, levels)
            counted = {"count": len(vectors.rows), "dimension": vectors.vectors.shape[2], "model_id": vectors.model_id}
            sides.setdefault(source.name, {})[side] = counted
    for source in new:
        describe_part(folder / PARTS / source.name, wanted[source.name], sides[source.name])
    description = _describe(folder, [source.name for source in sources], regions)
    description |= {"kind": kind, "candidates": params.candidates}
    write_text(folder / DESCRIPTION, json.dumps(description, indent=1) + "\n")
    counts = (int(description["count"]), int(description["n_reports"]), int(description["dimension"]))
    return Built(kind, *counts, len(kept), len(new), len(here) - len(kept))


class _Reader:
    """Reads a partition's vectors, and has the last ones ready: a single one is trained on, then written."""

    def __init__(self, regions: tuple[str, ...]) -> None:
        self._regions, self._last = regions, dict[tuple[str, str], SideVectors]()

    def __call__(self, source: Source, side: str) -> SideVectors:
        """The vectors of one side of a source."""
        key = (source.name, side)
        if key not in self._last:
            self._last.clear()
            self._last[key] = source.read(side, self._regions)
        return self._last[key]


def _choose(sources: Sequence[Source], params: IndexParams) -> tuple[str, list[Source]]:
    """The kind, by size if it is `auto`, and the sources that levels are trained on: the first, until there are enough.

    Raises UsageError if a trained index is asked for of no image.
    """
    trained_on, n_images = list[Source](), 0
    for source in sources:
        if n_images < params.train_images:
            trained_on.append(source)
        n_images += _n_rows(source.images)
    kind = params.kind if params.kind != "auto" else FLAT if n_images <= params.flat_up_to else CODES
    if kind == CODES and not n_images:
        raise UsageError("index.kind is pq, and there is no image to train it on. Set index.kind to auto or flat.")
    return kind, trained_on


def _n_rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, ValueError) as error:  # pyarrow's errors of form are ValueErrors
        raise BadDataError(f"images: {path} cannot be read as Parquet ({type(error).__name__}).") from None


def _train(samples: Sequence[SideVectors], slots: tuple[Slot, ...], n: int) -> dict[Slot, np.ndarray]:
    """Levels of every slot, from about n rows spread evenly over the samples.

    Of a region that few reports speak of, the wholes help out: later partitions may speak of it.
    """
    samples = [sample for sample in samples if len(sample.rows)]
    if not samples:
        return {}
    dimension = samples[0].vectors.shape[2]
    if dimension % 2:
        raise UsageError(f"index.kind is pq, which needs an even dimension; it is {dimension}. Set index.kind to flat.")
    n_rows = sum(len(sample.rows) for sample in samples)
    step = max(1, n_rows // n)
    wholes = [sample.vectors[0][::step] for sample in samples]
    levels = {}
    for number, slot in enumerate(slots):
        there = [sample.vectors[number][sample.present[number]][::step] for sample in samples]
        few = sum(map(len, there)) < FEW
        levels[slot] = train_levels(np.concatenate([*there, *wholes] if few else there))
    return levels


def _levels_of(folder: Path, side: str, kept: Sequence[str], slots: tuple[Slot, ...]) -> dict[Slot, np.ndarray] | None:
    """The levels that kept parts were made with; None if none of them has rows."""
    for name in kept:
        part = _open_part(folder, name, side)
        if len(part):
            return {slot: part.read_codes(slot).levels.reshape(part.dimension, -1) for slot in slots}
    return None


def _describe(folder: Path, names: Sequence[str], regions: Sequence[str]) -> dict[str, Any]:
    """Write the rows of all images; returns what index.json says of them and of the parts.

    Raises BadDataError if the parts are of different checkpoints, or hold an image twice.
    """
    described = {name: json.loads((folder / PARTS / name / PART).read_text(encoding="utf-8")) for name in names}
    filled = [one for part in described.values() for one in part["sides"].values() if one["count"]]
    dimensions, model_ids = sorted({one["dimension"] for one in filled}), sorted({one["model_id"] for one in filled})
    if len(dimensions) != 1 or len(model_ids) != 1:
        raise BadDataError(
            f"embeddings: the vectors have dimensions {dimensions} and model_ids {model_ids}; expected one of each. "
            f"Run `dvc repro` so that every partition is embedded by one checkpoint."
        )
    parts = [_open_part(folder, name, IMAGE) for name in names]
    images = Side(IMAGE, parts, (None, *regions), dimensions[0])
    write_table(folder / ROWS, images.rows, INDEX_ROWS)
    counts = {side: {name: part["sides"][side]["count"] for name, part in described.items()} for side in SIDES}
    return {
        "format": FORMAT,
        "metric": "inner_product",
        "dimension": dimensions[0],
        "count": len(images),
        "n_reports": sum(counts[REPORT].values()),
        "model_id": model_ids[0],
        "regions": list(regions),
        "rows": {"file": ROWS, **describe_file(folder / ROWS)},
        "parts": {
            name: {**describe_file(folder / PARTS / name / PART), **{side: counts[side][name] for side in SIDES}}
            for name in names
        },
    }


def _open_part(folder: Path, name: str, side: str) -> StoredSide:
    part = folder / PARTS / name
    described = json.loads((part / PART).read_text(encoding="utf-8"))
    return open_side(part, side, described, described["sides"][side]["dimension"])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


class RegionIndex:
    """An opened index folder. rows: INDEX_ROWS of all images, in order of dicom_id."""

    def __init__(self, folder: Path, description: Mapping[str, Any]) -> None:
        self.folder, self.description = folder, description
        self._sides = dict[str, Side]()

    def side(self, name: str) -> Side:
        """Its images (`image`) or its reports (`report`), opened when first asked for."""
        if name not in self._sides:
            parts = [_open_part(self.folder, part, name) for part in self.description["parts"]]
            self._sides[name] = Side(name, parts, (None, *self.regions), self.dimension)
        return self._sides[name]

    @property
    def rows(self) -> pd.DataFrame:
        """INDEX_ROWS of all images, in order of dicom_id."""
        return self.side(IMAGE).rows

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

    @property
    def is_trained(self) -> bool:
        """Whether candidates are found by codes, and only they are scored exactly."""
        return bool(self.description["kind"] == CODES)

    @property
    def candidates(self) -> int:
        """How many rows a trained index scores exactly for a few answers."""
        return int(self.description["candidates"])

    def vectors(self, region: str | None = None) -> np.ndarray:
        """(n_images, dimension) float32 in order of `rows`, read-only; None = the whole images.

        Raises UsageError for a region without index, BadDataError if a file is not the one described.
        """
        return self.side(IMAGE).vectors(region)


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
    wrong = [
        name
        for name, entry in _own_files(description)
        if not (folder / name).exists() or sha256(folder / name) != entry["sha256"]
    ]
    if wrong:
        raise BadDataError(
            f"{folder}: {wrong[:5]} are not the files whose sha256 {DESCRIPTION} records: the ids do not belong to "
            f"these vectors. Run `dvc repro index`."
        )
    index = RegionIndex(folder, description)
    rows = read_table(folder / ROWS, INDEX_ROWS)
    if len(index.rows) != description["count"] or not rows["dicom_id"].equals(index.rows["dicom_id"]):
        raise BadDataError(
            f"{folder / ROWS} has {len(rows)} rows and the parts {len(index.rows)}, or of other images; "
            f"{DESCRIPTION} counts {description['count']}. Run `dvc repro index`."
        )
    return index


def verify_index(index: RegionIndex) -> None:
    """Hash every file of an index. Raises BadDataError naming those that are not the ones described."""
    entries = _own_files(index.description)
    for name in index.description["parts"]:
        described = json.loads((index.folder / PARTS / name / PART).read_text(encoding="utf-8"))
        entries += [(f"{PARTS}/{name}/{file}", one) for file, one in described["files"].items()]
    wrong = [
        name
        for name, entry in entries
        if not (index.folder / name).exists() or sha256(index.folder / name) != entry["sha256"]
    ]
    if wrong:
        raise BadDataError(
            f"{index.folder}: {len(wrong)} of {len(entries)} files are missing or not the ones recorded: "
            f"{wrong[:5]}. Run `dvc repro index`."
        )


def _own_files(description: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    parts = [(f"{PARTS}/{name}/{PART}", entry) for name, entry in description["parts"].items()]
    return [(ROWS, description["rows"]), *parts]
