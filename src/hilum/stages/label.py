"""Mentions in; weak region labels out, one row per study, region and finding, and CheXpert's labels, one per study."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from hilum.labels.aggregate import aggregate_mentions, what_is_said
from hilum.labels.chexpert import label_chexpert
from hilum.schema import CHEXPERT_LABELS, MENTIONS, REGION_LABELS, REPORTS, SECTIONS
from hilum.tables import read_arrow, read_table, write_table

if TYPE_CHECKING:
    from hilum.config import LabelParams

log = logging.getLogger(__name__)

_NEEDED = ["study_id", "mention_id", "section", "finding", "assertion", "explains"]


def run(texts: Path, sections: Path, mentions: Path, out: Path, chexpert: Path, params: LabelParams) -> None:
    """Settle what each study says of each finding in each region, and of CheXpert's fourteen."""
    rows = read_mentions(mentions)
    labels = aggregate_mentions(rows, on_conflict=params.on_conflict)
    write_table(out, labels, REGION_LABELS)
    studies = read_table(texts, REPORTS, columns=["study_id", "subject_id"])
    named = read_table(sections, SECTIONS, columns=["study_id", "section"])
    fourteen = label_chexpert(studies, named, rows, params.chexpert_text)
    write_table(chexpert, fourteen, CHEXPERT_LABELS)
    n_silent = int(what_is_said(rows).isna().sum())
    log.info(
        "label: %d mentions -> %d region labels; %d mentions of history or hypothesis make none; "
        "CheXpert's labels of %d studies, %d without a finding",
        len(rows), len(labels), n_silent, len(fourteen), int(fourteen["No Finding"].notna().sum()),
    )  # fmt: skip


def read_mentions(path: Path) -> pd.DataFrame:
    """The columns that labels need; the lists of regions stay in Arrow, where a million take no object each."""
    rows = read_table(path, MENTIONS, columns=_NEEDED)
    regions = read_arrow(path, MENTIONS, columns=["regions"]).column("regions")
    return rows.assign(regions=pd.arrays.ArrowExtensionArray(regions))
