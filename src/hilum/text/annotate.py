"""Weak labels for any reports: what `hilum annotate` does.

In: a tree in MIMIC-CXR's layout, a folder of .txt files, a csv with columns study_id and text, or standard input (one
report). Out: JSON lines, one a mention and region. Report text never reaches the log.
"""

from __future__ import annotations

import csv
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from hilum.errors import BadDataError, UsageError
from hilum.tables import whole_file
from hilum.text.reader import ParsedReport, ReportReader

if TYPE_CHECKING:
    from hilum.config import ParseParams

log = logging.getLogger(__name__)

_STUDY_FILE = re.compile(r"s(\d{8})\Z")


def annotate(source: Path, out: Path | None, params: ParseParams) -> int:
    """Annotate every report of a source; `-` is standard input, `out` None is standard output.

    Returns the number of rows written. A file that is not UTF-8 text is left out and counted in the log.
    Raises UsageError if the source is none of the forms, BadDataError if the csv lacks a column or an id.
    """
    reports = _Reports(source)
    reader = ReportReader(params.spacy_model, params.batch_size)
    n_rows = 0
    with ExitStack() as stack:
        target: TextIO = sys.stdout
        if out is not None:
            target = stack.enter_context(stack.enter_context(whole_file(out)).open("w", encoding="utf-8"))
        for report in reader.read(reports):
            for row in annotation_rows(report):
                target.write(json.dumps(row, ensure_ascii=False) + "\n")
                n_rows += 1
    log.info(
        "annotate: %d reports, %d rows, %d files left out as not UTF-8 text",
        reports.n_read,
        n_rows,
        reports.n_undecodable,
    )
    return n_rows


def annotation_rows(report: ParsedReport) -> Iterator[dict[str, Any]]:
    """One row a mention and region; region null where the mention is unplaced."""
    for mention in report.mentions:
        for region in mention["regions"] or (None,):
            yield {
                "study_id": report.study_id,
                "finding": mention["finding"],
                "region": region,
                "assertion": mention["assertion"],
                "section": mention["section"],
                "char_start": mention["char_start"],
                "char_end": mention["char_end"],
            }


class _Reports:
    """The reports of a source, one after the other. Ids are study numbers where they are numbers, else file names."""

    def __init__(self, source: Path) -> None:
        self.n_read = 0
        self.n_undecodable = 0
        if str(source) == "-":
            self._rows = iter([("stdin", sys.stdin.read())])
        elif source.is_dir():
            self._rows = self._folder(source)
        elif source.suffix == ".csv" and source.is_file():
            self._rows = self._csv(source)
        elif source.suffix == ".txt" and source.is_file():
            self._rows = self._files([source])
        else:
            raise UsageError(f"{source} is not a folder, a .csv, a .txt or '-'; give one of these.")

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        for study_id, text in self._rows:
            self.n_read += 1
            yield study_id, text

    def _folder(self, folder: Path) -> Iterator[tuple[Any, str]]:
        reports = sorted(folder.glob("files/p*/p*/s*.txt")) or sorted(folder.rglob("*.txt"))
        if not reports:
            raise UsageError(f"{folder} holds no report: neither files/pNN/pNNNNNNNN/sNNNNNNNN.txt nor any .txt.")
        return self._files(reports)

    def _files(self, paths: list[Path]) -> Iterator[tuple[Any, str]]:
        for path in paths:
            try:
                text = path.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                self.n_undecodable += 1
                continue
            yield _study_id(path.stem), text

    @staticmethod
    def _csv(path: Path) -> Iterator[tuple[Any, str]]:
        csv.field_size_limit(10_000_000)
        with path.open(newline="", encoding="utf-8") as lines:
            rows = csv.DictReader(lines)
            missing = [c for c in ("study_id", "text") if c not in (rows.fieldnames or [])]
            if missing:
                raise BadDataError(f"{path} lacks the columns {missing}; annotate needs study_id and text.")
            for row in rows:
                yield _study_id(row["study_id"]), row["text"] or ""


def _study_id(name: str) -> int | str:
    match = _STUDY_FILE.match(name)
    if match:
        return int(match[1])
    return int(name) if name.isascii() and name.isdigit() else name
