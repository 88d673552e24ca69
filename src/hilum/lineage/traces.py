"""Does a file hold a person? Their ids in its rows and words, whatever the file is.

In: the ids of a subject, a study or one raw file, and a file. Out: how many rows or words are theirs, and where. Tables
are read by column, compressed ones too; every other text is searched for the ids as whole words. Report text is
searched and never given back. Known to be imperfect: vectors and pixels name nobody, so they are known by the table of
their rows that lies beside them (subjects.py), and a picture inside a page by the cases that the page was made from.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PARQUET, GZIP = b"PAR1", b"\x1f\x8b"
_HEX = "0-9A-Fa-f"
_TIME = re.compile("date|time", re.IGNORECASE)  # a day is written with eight digits, as a person is
_INT_IDS = {"subject_id": "subjects", "study_id": "studies", "study_ids": "studies"}


@dataclass(frozen=True)
class Who:
    """Whose traces are sought. kind: subject, study or file. path: of the file. words_only: a report, no image."""

    kind: str
    name: str
    subjects: frozenset[int] = frozenset()
    studies: frozenset[int] = frozenset()
    dicoms: frozenset[str] = frozenset()
    path: str | None = None
    words_only: bool = False

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The ids as they are written."""
        return (*map(str, sorted(self.subjects)), *map(str, sorted(self.studies)), *sorted(self.dicoms))

    def ids(self, name: str) -> frozenset[int]:
        """The numbers sought in a column of ids."""
        return self.subjects if _INT_IDS[name] == "subjects" else self.studies

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            self.kind: self.name, "subjects": sorted(self.subjects), "studies": sorted(self.studies),
            "images": sorted(self.dicoms),
        }  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """What a file holds. how: rows, or named. n: how many. positions: of the rows that have a place in an array.

    maps: places of their pictures in the array beside a list of cases. splits: rows by split.
    spoken: of rows that name the regions they speak of, and have a vector in those alone, position -> regions.
    """

    how: str
    n: int
    positions: tuple[int, ...] = ()
    maps: tuple[int, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)
    spoken: Mapping[int, tuple[str, ...]] | None = None


class Searcher:
    """Searches files for one person's ids."""

    def __init__(self, who: Who) -> None:
        self.who = who
        words = "|".join(map(re.escape, who.words)) or "(?!)"
        self._arrow = f"(^|[^{_HEX}.])({words})($|[^{_HEX}])"
        self._text = re.compile(f"(?<![{_HEX}.])(?:{words})(?![{_HEX}])".encode())

    def names(self, text: str | bytes) -> int:
        """How often a text names them."""
        return sum(1 for _ in self._text.finditer(text.encode("utf-8", "replace") if isinstance(text, str) else text))

    def search(self, path: Path, name: str = "") -> Trace | None:
        """What a file holds of them; None if nothing. Raises OSError or pa.ArrowInvalid if it cannot be read."""
        with path.open("rb") as stream:
            head = stream.read(4)
        if head == PARQUET:
            return self._search_table(path)
        return self.search_text(path.read_bytes(), name)

    def search_text(self, content: bytes, name: str) -> Trace | None:
        """What a text, or a compressed one, holds of them."""
        if content.startswith(GZIP):
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error):
                return None
        n = self.names(content)
        if not n:
            return None
        if name.endswith((".csv", ".csv.gz")):
            n = sum(1 for _ in self._csv_rows(content))
            return Trace("rows", n) if n else None
        maps = tuple(sorted(set(self._maps(content)))) if name.endswith(".json") else ()
        return Trace("named", n, maps=maps)

    def _csv_rows(self, content: bytes) -> Iterator[list[str]]:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""))
        places = [at for at, name in enumerate(next(rows, [])) if not _TIME.search(name)]
        for row in rows:
            if any(self.names(row[at]) for at in places if at < len(row)):
                yield row

    def _maps(self, content: bytes) -> Iterator[int]:
        """The places of their pictures in the array that lies beside a list of cases."""
        try:
            todo = [json.loads(content)]
        except ValueError:
            return
        while todo:
            one = todo.pop()
            if isinstance(one, dict):
                if one.get("dicom_id") in self.who.dicoms and isinstance(one.get("map"), int):
                    yield one["map"]
                todo += one.values()
            elif isinstance(one, list):
                todo += one

    def _search_table(self, path: Path) -> Trace | None:
        file = pq.ParquetFile(path)
        names = [f.name for f in file.schema_arrow if f.name in _INT_IDS or _holds_words(f)]
        has = set(file.schema_arrow.names)
        more = [name for name in ("row", "split") if name in has and name not in names]
        n, positions, splits, spoken = 0, [], Counter[str](), dict[int, tuple[str, ...]]()
        for batch in file.iter_batches(batch_size=1 << 16, columns=[*names, *more]):
            found = batch.filter(self._mask(batch, names))
            n += found.num_rows
            if "row" in more:
                positions += found.column("row").to_pylist()
            if has >= {"row", "regions"}:
                spoken |= dict(zip(found.column("row").to_pylist(), map(tuple, found.column("regions").to_pylist())))
            if "split" in found.schema.names:
                splits.update(str(value) for value in found.column("split").to_pylist())
        told = spoken if has >= {"row", "regions"} else None
        return Trace("rows", n, tuple(sorted(positions)), splits=dict(splits), spoken=told) if n else None

    def _mask(self, batch: pa.RecordBatch, names: Iterable[str]) -> pa.Array:
        mask = pa.array([False] * batch.num_rows)
        for name in names:
            column = batch.column(name)
            if pa.types.is_list(column.type):
                hits = self._hits(name, column.flatten())
                rows = pc.list_parent_indices(column).filter(hits)
                hits = pc.is_in(pa.array(range(len(column)), rows.type), value_set=rows)
            else:
                hits = self._hits(name, column)
            mask = pc.or_(mask, pc.fill_null(hits, False))
        if self.who.words_only and "dicom_id" in batch.schema.names:
            mask = pc.and_(mask, pc.is_null(batch.column("dicom_id")))
        return mask

    def _hits(self, name: str, values: pa.Array) -> pa.Array:
        if pa.types.is_integer(values.type):
            return pc.is_in(values, value_set=pa.array(sorted(self.who.ids(name)), values.type))
        if name == "path" and self.who.path is not None:
            return pc.equal(values, self.who.path)
        return pc.fill_null(pc.match_substring_regex(values, self._arrow), False)


def _holds_words(field_: pa.Field) -> bool:
    kind = field_.type.value_type if pa.types.is_list(field_.type) else field_.type
    return (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and not _TIME.search(field_.name)
