"""Reports in, sections and mentions out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.schema import MENTIONS, REPORTS, SECTIONS
from hilum.tables import read_table, write_table
from hilum.text.frames import parse_reports

if TYPE_CHECKING:
    from hilum.config import ParseParams

log = logging.getLogger(__name__)


def run(texts: Path, sections: Path, mentions: Path, params: ParseParams) -> None:
    """Cut every report into sections and find what they say."""
    reports = read_table(texts, REPORTS, columns=["study_id", "text"])
    section_rows, mention_rows = parse_reports(reports, params.spacy_model, params.batch_size)
    write_table(sections, section_rows, SECTIONS)
    write_table(mentions, mention_rows, MENTIONS)
    silent = len(reports) - mention_rows["study_id"].nunique()
    log.info(
        "parse: %d reports -> %d sections, %d mentions; %d reports have no mention",
        len(reports), len(section_rows), len(mention_rows), silent,
    )  # fmt: skip
