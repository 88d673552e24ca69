"""All tables up to the gate in, a verdict and the data page out; a red verdict stops the line."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.errors import GateError
from hilum.labels.agreement import compare_labels
from hilum.quality.verdict import Limits, Words, judge_line, refusal, to_document, to_json
from hilum.report.data_page import render_data_page
from hilum.schema import CHEXPERT_LABELS, PUBLISHED_LABELS
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
    write_text(page, render_data_page(document, collection, find_agreement(judgement.frames)))
    n_failed = sum(not check.passed for check in judgement.checks)
    log.info("validate: %s, %d of %d checks failed", judgement.verdict, n_failed, len(judgement.checks))
    if judgement.verdict == "red":
        raise GateError(refusal(judgement, page))


def find_agreement(frames: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """hilum's CheXpert labels beside those that the source holds; nothing where a table is broken: the gate says so."""
    ours, published = frames[CHEXPERT_LABELS.name], frames[PUBLISHED_LABELS.name]
    for frame, table in ((ours, CHEXPERT_LABELS), (published, PUBLISHED_LABELS)):
        if not set(table.column_names) <= set(frame.columns) or frame.duplicated(list(table.key)).any():
            return []
    return compare_labels(ours, published)
