"""A frame of reports in, the tables `sections`, `mentions` and `unknown_terms` out.

Rows become Arrow every CHUNK reports: a quarter of a million reports hold more than a million mentions, which as Python
objects would take gigabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
import pyarrow as pa

from hilum.schema import MENTIONS, SECTIONS, UNKNOWN_TERMS
from hilum.tables import arrow_schema, to_arrow
from hilum.text.reader import ParsedReport, ReportReader
from hilum.text.unknown import TermCounter, load_recogniser

CHUNK = 2_000


@dataclass(frozen=True)
class ParsedReports:
    """The three tables, sorted by key, and how many reports have a mention."""

    sections: pa.Table
    mentions: pa.Table
    unknown_terms: pa.Table
    n_speaking: int


def parse_reports(reports: pd.DataFrame, spacy_model: str, batch_size: int) -> ParsedReports:
    """Read every report of a frame with columns study_id and text. spacy_model: whose recogniser finds unknown terms.

    Raises UsageError if spacy_model is not installed.
    """
    reports = reports.sort_values("study_id", kind="stable")
    counter = TermCounter(load_recogniser(spacy_model))
    reader = ReportReader(batch_size=batch_size)
    sections, mentions = [arrow_schema(SECTIONS).empty_table()], [arrow_schema(MENTIONS).empty_table()]
    n_speaking = 0
    parsed = reader.read(zip(reports["study_id"], reports["text"], strict=True))
    read = zip(parsed, reports["text"], strict=True)
    while chunk := list(islice(read, CHUNK)):
        counter.count([(int(report.study_id), text, report.sections) for report, text in chunk])
        n_speaking += sum(bool(report.mentions) for report, _ in chunk)
        sections.append(_section_rows([report for report, _ in chunk]))
        mentions.append(_mention_rows([report for report, _ in chunk]))
    return ParsedReports(
        sections=pa.concat_tables(sections).combine_chunks(),
        mentions=pa.concat_tables(mentions).combine_chunks(),
        unknown_terms=to_arrow(counter.rows(), UNKNOWN_TERMS),
        n_speaking=n_speaking,
    )


def _section_rows(reports: Sequence[ParsedReport]) -> pa.Table:
    rows = [
        (report.study_id, number, span.section, span.start, span.end)
        for report in reports
        for number, span in enumerate(report.sections)
    ]
    return to_arrow(pd.DataFrame(rows, columns=list(SECTIONS.column_names)), SECTIONS)


def _mention_rows(reports: Sequence[ParsedReport]) -> pa.Table:
    columns: dict[str, list[Any]] = {
        name: [mention[name] for report in reports for mention in report.mentions] for name in MENTIONS.column_names
    }
    return to_arrow(pd.DataFrame(columns, dtype=object), MENTIONS)
