"""The truth that figures are measured against: the phantom's own, or, on a real collection, only weak labels.

In: data/truth (phantom), region_labels. Out: tables of what is present where, one source named for all. Nothing
before evaluation reads this truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from hilum.errors import BadDataError
from hilum.schema import (
    TRUTH_FINDINGS,
    TRUTH_REGION_BOXES,
    TRUTH_STATEMENTS,
)
from hilum.tables import read_table

TRUTH, WEAK = "truth", "weak"


def has_truth(collection: str) -> bool:
    """Whether the collection is one whose truth is known: the phantom."""
    return collection == "phantom"


def read_truth_findings(truth: Path) -> pd.DataFrame:
    """TRUTH_FINDINGS of all landings; what a later landing draws again replaces the earlier drawing, healthy or not.

    Raises BadDataError if no landing has left a truth.
    """
    frames: list[pd.DataFrame] = []
    for folder in _landings(truth):
        drawn = read_table(folder / "region_boxes.parquet", TRUTH_REGION_BOXES, ["dicom_id", "region"])["dicom_id"]
        frames = [frame[~frame["dicom_id"].isin(drawn)] for frame in frames]
        frames.append(read_table(folder / "findings.parquet", TRUTH_FINDINGS))
    return pd.concat(frames, ignore_index=True)


def read_truth_statements(truth: Path) -> pd.DataFrame:
    """TRUTH_STATEMENTS of all landings; a later landing's study replaces an earlier one's."""
    frames: list[pd.DataFrame] = []
    for folder in _landings(truth):
        said = read_table(folder / "statements.parquet", TRUTH_STATEMENTS)
        frames = [frame[~frame["study_id"].isin(said["study_id"])] for frame in frames]
        frames.append(said)
    return pd.concat(frames, ignore_index=True)


def drop_implied(labels: pd.DataFrame, parents: Mapping[str, str]) -> pd.DataFrame:
    """Labels without those that a more specific one implies: present in a region whose part has it present too.

    labels: study_id, region, finding, label. So tables before and after the parent relation can be compared.
    """
    key = ["study_id", "region", "finding"]
    present = labels[labels["label"] == "present"]
    implied = present.assign(region=present["region"].map(parents)).dropna(subset=["region"])
    is_implied = pd.MultiIndex.from_frame(labels[key].astype({"region": object})).isin(
        pd.MultiIndex.from_frame(implied[key].astype({"region": object}))
    )
    return labels[~(is_implied & (labels["label"] == "present").to_numpy())]


def _landings(truth: Path) -> list[Path]:
    folders = sorted(path for path in truth.glob("L*") if path.is_dir())
    if not folders:
        raise BadDataError(f"{truth} has no landing's truth; the phantom stage writes it. Run `dvc repro phantom`.")
    return folders
