"""Reports in; sections, mentions and the terms that the vocabulary lacks out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.schema import MENTIONS, REPORTS, SECTIONS, UNKNOWN_TERMS
from hilum.tables import read_table, write_arrow
from hilum.text.frames import parse_reports

if TYPE_CHECKING:
    from hilum.config import ParseParams

log = logging.getLogger(__name__)


def run(texts: Path, sections: Path, mentions: Path, unknown_terms: Path, params: ParseParams) -> None:
    """Cut every report into sections, find what they say, and count what nobody could read."""
    reports = read_table(texts, REPORTS, columns=["study_id", "text"])
    parsed = parse_reports(reports, params.spacy_model, params.batch_size)
    write_arrow(sections, parsed.sections, SECTIONS)
    write_arrow(mentions, parsed.mentions, MENTIONS)
    write_arrow(unknown_terms, parsed.unknown_terms, UNKNOWN_TERMS)
    log.info(
        "parse: %d reports -> %d sections, %d mentions, %d unknown terms; %d reports have no mention",
        len(reports), len(parsed.sections), len(parsed.mentions), len(parsed.unknown_terms),
        len(reports) - parsed.n_speaking,
    )  # fmt: skip
