"""CheXpert's 14 labels of a study, in the form of mimic-cxr-2.0.0-chexpert.csv.

In: mentions, sections and studies. Out: one row a study, 1.0 present, 0.0 absent, -1.0 uncertain, null not mentioned.
The findings' columns stand in vocabulary/concepts/findings.yaml (`chexpert`); the rest is the CheXpert labeller's way
(its code: stages/aggregate.py), which is not that of region_labels:
- Text: `report` reads every section that makes labels. `conclusion` reads what MIMIC's own labels were read from: the
  impression, else the findings, else the last paragraph; what stands only elsewhere is blank, though it was said.
- Merge: positive beats uncertain beats negative, whatever was said where (the labeller's code lets uncertain win where
  all three are said; its paper does not).
- Heart failure, present or doubted, makes Cardiomegaly uncertain beside what is said of the heart.
- No Finding is 1 where no finding or disease is present or uncertain, whether it has a column or not (a hernia has
  none); devices and remarks on technique do not count. It is never 0 or -1.
- No hierarchy: an edema is not counted as a Lung Opacity too, as the labeller does not.
Known to be imperfect: fluid overload is one finding with heart failure; the labeller counts a normal cardiomediastinal
silhouette for Enlarged Cardiomediastinum, here it is the heart's. A study of which no section is read has no label.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hilum.errors import UsageError
from hilum.labels.aggregate import LABEL_OF_WORD, what_is_said
from hilum.schema import CHEXPERT, CHEXPERT_LABELS
from hilum.vocabulary import FINDINGS, finding_category, finding_chexpert

CONCLUSIONS = ("impression", "findings", "last_paragraph", "full_report")
"""The sections that can be a report's conclusion; the first that it has is."""

READ = {"report": (*CONCLUSIONS, "addendum"), "conclusion": CONCLUSIONS}
"""label.chexpert_text -> sections that are read at all."""

HEART_FAILURE = "fluid_overload_heart_failure"
ILLNESS = frozenset(f for f in FINDINGS if finding_category(f) in {"anatomicalfinding", "disease"})
"""Findings that, present or doubted, leave no room for No Finding."""

_STRENGTH = {"absent": 1, "uncertain": 2, "present": 3}
_VALUES = np.array([np.nan, 0.0, -1.0, 1.0])  # by strength


def label_chexpert(studies: pd.DataFrame, sections: pd.DataFrame, mentions: pd.DataFrame, text: str) -> pd.DataFrame:
    """One row a study, in the order of `studies`, with the columns of CHEXPERT_LABELS.

    studies: study_id, subject_id. sections: study_id, section. mentions: study_id, section, finding, assertion,
    explains. text: a key of READ. Raises UsageError if it is not.
    """
    if text not in READ:
        raise UsageError(f"label.chexpert_text is '{text}'; choose one of {sorted(READ)}.")
    read = _sections_read(sections[sections["study_id"].isin(studies["study_id"])], text)
    labels = what_is_said(mentions).map(LABEL_OF_WORD)
    kept = (labels.notna() & _is_in(mentions, read)).to_numpy(dtype=bool)
    row = pd.Index(studies["study_id"]).get_indexer(mentions.loc[kept, "study_id"])
    strength = labels[kept].map(_STRENGTH).to_numpy(dtype=np.int8)
    finding = mentions.loc[kept, "finding"]
    said = np.zeros((len(studies), len(CHEXPERT)), np.int8)
    column = finding.map({f: _column(f) for f in FINDINGS}).fillna(-1).to_numpy(dtype=np.int64)
    np.maximum.at(said, (row[column >= 0], column[column >= 0]), strength[column >= 0])
    doubted = strength >= _STRENGTH["uncertain"]
    failing = row[doubted & (finding == HEART_FAILURE).to_numpy(dtype=bool)]
    np.maximum.at(said, (failing, CHEXPERT.index("Cardiomegaly")), _STRENGTH["uncertain"])
    healthy = np.array(studies["study_id"].isin(read["study_id"]), bool)
    healthy[row[doubted & finding.isin(ILLNESS).to_numpy(dtype=bool)]] = False
    said[healthy, CHEXPERT.index("No Finding")] = _STRENGTH["present"]
    labelled = pd.DataFrame(_VALUES[said], columns=list(CHEXPERT))
    ids = studies[["subject_id", "study_id"]].reset_index(drop=True)
    return pd.concat([ids, labelled], axis=1)[list(CHEXPERT_LABELS.column_names)]


def to_csv(labels: pd.DataFrame) -> str:
    """The table as MIMIC-CXR-JPG writes it: 1.0, 0.0, -1.0, nothing for null."""
    return str(labels.to_csv(index=False, lineterminator="\n"))


def _column(finding: str) -> int:
    """The finding's position among the columns; -1 where it counts for none."""
    name = finding_chexpert(finding)
    return -1 if name is None else CHEXPERT.index(name)


def _sections_read(sections: pd.DataFrame, text: str) -> pd.DataFrame:
    """The (study_id, section) pairs whose mentions count."""
    order = {name: number for number, name in enumerate(READ[text])}
    rank = sections["section"].map(order)
    read = sections.assign(rank=rank)[rank.notna()]
    if text == "conclusion":
        read = read[read["rank"] == read.groupby("study_id")["rank"].transform("min")]
    return read[["study_id", "section"]].drop_duplicates(ignore_index=True)


def _is_in(mentions: pd.DataFrame, read: pd.DataFrame) -> pd.Series:
    pairs = mentions[["study_id", "section"]].merge(read.assign(read=True), how="left", on=["study_id", "section"])
    return pd.Series(pairs["read"].notna().to_numpy(), index=mentions.index)
