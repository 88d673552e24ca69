"""Weak labels for any reports: what `hilum annotate` does.

In: the reports of a source (reports.py). Out: JSON lines, one a mention and region, written while the reports are read,
so that the memory needed does not grow with their number. Report text never reaches the log.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from hilum.errors import BadDataError
from hilum.tables import whole_file
from hilum.text.reader import ParsedReport, ReportReader
from hilum.text.reports import Reports

if TYPE_CHECKING:
    from hilum.config import ParseParams

log = logging.getLogger(__name__)

COLUMNS = (
    "mention_id",
    "severity",
    "temporal",
    "size_mm",
    "explains",
    "finding_rule",
    "assertion_rule",
    "region_rule",
)
"""What a row tells of its mention, as MENTIONS describes it, behind the columns that say what is claimed and where."""


def annotate(source: Path, out: Path | None, params: ParseParams) -> int:
    """Annotate every report of a source; `-` is standard input, `out` None is standard output.

    Returns the number of rows written. What cannot be read is left out and counted in the log.
    Raises UsageError if the source is none of the forms, BadDataError if the csv lacks a column or no file is text.
    """
    reports = Reports(source)
    reader = ReportReader(params.batch_size)
    n_rows = 0
    with ExitStack() as stack:
        target: TextIO = sys.stdout
        if out is not None:
            target = stack.enter_context(stack.enter_context(whole_file(out)).open("w", encoding="utf-8"))
        quiet = None if out is not None else True  # a bar over the rows themselves would spoil both
        for report in tqdm(reader.read(reports), desc="annotate", unit=" reports", disable=quiet, leave=False):
            for row in annotation_rows(report):
                target.write(json.dumps(row, ensure_ascii=False) + "\n")
                n_rows += 1
        if reports.n_undecodable and not reports.n_read:
            raise BadDataError(f"{source}: none of its {reports.n_undecodable} reports is readable as UTF-8 text.")
    log.info("annotate: %s -> %d rows", reports.summary, n_rows)
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
                **{name: mention[name] for name in COLUMNS},
            }
