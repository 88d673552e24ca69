"""The reports of any source, one after the other.

In: a tree in MIMIC-CXR's layout, a folder of .txt files, a csv with columns study_id and text, one .txt file, the table
`texts` of this line (a .parquet file or a folder of them), or `-` for one report on standard input. Out: pairs of study
id and text, read as they are asked for. An id is a study number where it is one, else a file's name without its ending;
two reports of one id are two reports, and a report without text is one too. What cannot be read as UTF-8 text and a row
without an id are left out and counted.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from hilum.errors import BadDataError, UsageError
from hilum.schema import REPORTS
from hilum.tables import read_table

STDIN = "stdin"
_STUDY_FILE = re.compile(r"s(\d{8})\Z")
_LONGEST_FIELD = 10_000_000
_MOST_DIGITS = 18  # of an int64
_UNDECODED = re.compile("[\ud800-\udfff]")


class Reports:
    """An iterable of (study id, text). Count of what was read and what was left out: right after the last one."""

    def __init__(self, source: Path, only: str | None = None) -> None:
        """Open a source; `only` leaves all but one report aside, named by its id or its file.

        Raises UsageError if the source is none of the forms or holds no report.
        """
        self.n_read = 0
        self.n_undecodable = 0
        self.n_nameless = 0
        self._only = None if only is None else study_id_of(Path(only).name.removesuffix(".txt"))
        self._rows = self._open(source)

    def __iter__(self) -> Iterator[tuple[int | str, str]]:
        for study_id, text in self._rows:
            if self._only is None or study_id == self._only:
                self.n_read += 1
                yield study_id, text

    @property
    def summary(self) -> str:
        """What was read, in counts."""
        words = f"{self.n_read} reports"
        if self.n_undecodable:
            words += f", {self.n_undecodable} left out as not readable as UTF-8 text"
        if self.n_nameless:
            words += f", {self.n_nameless} rows left out without a study_id"
        return words

    def _open(self, source: Path) -> Iterator[tuple[int | str, str]]:
        if str(source) == "-":
            return self._decoded(STDIN, sys.stdin.buffer.read())
        if source.is_dir():
            return self._folder(source)
        if source.suffix == ".csv" and source.is_file():
            return self._csv(source)
        if source.suffix == ".txt" and source.is_file():
            return self._files([source])
        if source.suffix == ".parquet" and source.is_file():
            return self._tables([source])
        raise UsageError(f"{source} is not a folder, a .csv, a .txt, a .parquet or '-'; give one of these.")

    def _folder(self, folder: Path) -> Iterator[tuple[int | str, str]]:
        reports = sorted(folder.glob("files/p*/p*/s*.txt")) or sorted(folder.rglob("*.txt"))
        if reports:
            return self._files(reports)
        tables = sorted(folder.glob("*.parquet"))
        if tables:
            return self._tables(tables)
        raise UsageError(
            f"{folder} holds no report: neither files/pNN/pNNNNNNNN/sNNNNNNNN.txt, nor any .txt, nor texts in Parquet."
        )

    def _files(self, paths: list[Path]) -> Iterator[tuple[int | str, str]]:
        for path in paths:
            study_id = study_id_of(path.stem)
            if self._only is not None and study_id != self._only:
                continue
            try:
                data = path.read_bytes()
            except OSError:
                self.n_undecodable += 1
                continue
            yield from self._decoded(study_id, data)

    def _decoded(self, study_id: int | str, data: bytes) -> Iterator[tuple[int | str, str]]:
        try:
            yield study_id, data.decode("utf-8")
        except UnicodeDecodeError:
            self.n_undecodable += 1

    def _csv(self, path: Path) -> Iterator[tuple[int | str, str]]:
        csv.field_size_limit(_LONGEST_FIELD)
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
            rows = csv.DictReader(lines)
            try:
                missing = [c for c in ("study_id", "text") if c not in (rows.fieldnames or [])]
                if missing:
                    raise BadDataError(f"{path} lacks the columns {missing}; annotate needs study_id and text.")
                for row in rows:
                    yield from self._row((row["study_id"] or "").strip(), row["text"] or "")
            except csv.Error as error:
                raise BadDataError(
                    f"{path} is no csv from line {rows.line_num + 1} on ({type(error).__name__}); mend that line."
                ) from None

    def _row(self, name: str, text: str) -> Iterator[tuple[int | str, str]]:
        if not name:
            self.n_nameless += 1
        elif _UNDECODED.search(text) or _UNDECODED.search(name):
            self.n_undecodable += 1
        else:
            yield study_id_of(name), text

    @staticmethod
    def _tables(paths: list[Path]) -> Iterator[tuple[int | str, str]]:
        for path in paths:
            reports = read_table(path, REPORTS, columns=["study_id", "text"])
            for study_id, text in zip(reports["study_id"], reports["text"], strict=True):
                yield int(study_id), text


def study_id_of(name: str) -> int | str:
    """The study number that a name says (`s50000025`, `50000025`), else the name."""
    match = _STUDY_FILE.match(name)
    if match:
        return int(match[1])
    return int(name) if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS else name
