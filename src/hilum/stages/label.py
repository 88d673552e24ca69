"""Mentions in, weak region labels out: one row per study, region and finding."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.labels.aggregate import aggregate_mentions, what_is_said
from hilum.schema import MENTIONS, REGION_LABELS
from hilum.tables import read_table, write_table

if TYPE_CHECKING:
    from hilum.config import LabelParams

log = logging.getLogger(__name__)

_NEEDED = ["study_id", "mention_id", "section", "finding", "regions", "assertion", "explains"]


def run(mentions: Path, out: Path, params: LabelParams) -> None:
    """Settle what each study says of each finding in each region."""
    rows = read_table(mentions, MENTIONS, columns=_NEEDED)
    labels = aggregate_mentions(rows, on_conflict=params.on_conflict)
    write_table(out, labels, REGION_LABELS)
    n_silent = int(what_is_said(rows).isna().sum())
    log.info(
        "label: %d mentions -> %d region labels; %d mentions of history or hypothesis make none",
        len(rows), len(labels), n_silent,
    )  # fmt: skip
