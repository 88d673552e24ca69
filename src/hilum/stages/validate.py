"""All tables up to the gate in, a verdict and the data page out; a red verdict stops the line."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import GateError
from hilum.labels.agreement import compare_labels
from hilum.labels.chexpert import READ, label_chexpert
from hilum.quality.verdict import Judgement, Limits, Words, judge_line, refusal, to_document, to_json
from hilum.report.data_page import render_data_page
from hilum.schema import MENTIONS, PUBLISHED_LABELS, REPORTS, SECTIONS
from hilum.tables import write_text
from hilum.vocabulary import FINDINGS, REGION_PARENTS, REGIONS

if TYPE_CHECKING:
    from hilum.config import ValidateParams

log = logging.getLogger(__name__)


def run(data: Path, partitions: Sequence[str], out: Path, page: Path, params: ValidateParams, collection: str) -> None:
    """Judge the tables under `data`. Both files are written whatever the verdict; raises GateError when it is red."""
    limits = Limits(
        max_quarantine_share=params.max_quarantine_share,
        max_label_rate_change=params.max_label_rate_change,
        min_labelled_studies=params.min_labelled_studies,
    )
    judgement = judge_line(data, partitions, limits, Words(REGIONS, FINDINGS, REGION_PARENTS))
    document = to_document(judgement)
    write_text(out, to_json(document))
    write_text(page, render_data_page(document, collection, find_agreement(judgement)))
    n_failed = sum(not check.passed for check in judgement.checks)
    log.info("validate: %s, %d of %d checks failed", judgement.verdict, n_failed, len(judgement.checks))
    if judgement.verdict == "red":
        raise GateError(refusal(judgement, page))


def find_agreement(judgement: Judgement) -> list[dict[str, Any]] | None:
    """CheXpert's labels as hilum reads them, from the conclusion and from the whole report, beside the source's own.

    Empty where the source has none; None where a table that is needed failed a critical check.
    """
    tables = (REPORTS, SECTIONS, MENTIONS, PUBLISHED_LABELS)
    if {check.table for check in judgement.failed("critical")} & {table.name for table in tables}:
        return None
    reports, sections, mentions, published = (judgement.frames[table.name] for table in tables)
    if published.empty:
        return []
    compared = []
    for text in READ:
        ours = label_chexpert(reports, sections, mentions, text)
        compared += [{**one, "text": text} for one in compare_labels(ours, published)]
    return compared
