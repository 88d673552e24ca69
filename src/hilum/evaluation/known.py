"""What is known of the indexed images before any is asked about: their labels and, of the phantom, the truth.

In: a folder of artifacts. Out: tables, and from them who has what where.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import gold
from hilum.evaluation.relevance import Presence, build_presence
from hilum.schema import REGION_LABELS
from hilum.tables import read_tables
from hilum.vocabulary import REGION_PARENTS


@dataclass(frozen=True)
class Known:
    """rows: INDEX_ROWS. regions: those of the index, in its order. labels: REGION_LABELS.

    truth: TRUTH_FINDINGS with subject_id and split, and statements: TRUTH_STATEMENTS; both None on a real collection.
    """

    collection: str
    objective: str
    rows: pd.DataFrame
    regions: tuple[str, ...]
    labels: pd.DataFrame
    truth: pd.DataFrame | None
    statements: pd.DataFrame | None

    @property
    def relevance(self) -> str:
        """The source that says what is where: the phantom's truth, else the weak labels."""
        return gold.WEAK if self.truth is None else gold.TRUTH

    def presence(self) -> Presence:
        """Who has what where, by that source."""
        if self.truth is not None:
            return build_presence(self.rows["dicom_id"], self.truth, self.regions, REGION_PARENTS)
        present = self.labels[self.labels["label"] == "present"]
        return build_presence(self.rows["study_id"], present, self.regions, REGION_PARENTS)


def read_known(
    data: Path, rows: pd.DataFrame, regions: tuple[str, ...], partitions: Sequence[str], model: Path, collection: str
) -> Known:
    """data: the folder of region_labels and, of the phantom, truth. rows, regions: the index's. model: a checkpoint."""
    labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    truth = statements = None
    if gold.has_truth(collection):
        findings = gold.read_truth_findings(data / "truth")
        truth = findings.merge(rows[["dicom_id", "subject_id", "split"]], on="dicom_id", validate="m:1")
        statements = gold.read_truth_statements(data / "truth")
    return Known(collection, read_objective(model), rows, regions, labels, truth, statements)


def read_objective(model: Path) -> str:
    """The objective that the checkpoint was trained for. Raises BadDataError if its config.json does not say."""
    try:
        return str(json.loads((model / "config.json").read_text(encoding="utf-8"))["objective"])
    except (OSError, ValueError, KeyError) as error:
        raise BadDataError(f"{model / 'config.json'} names no objective ({type(error).__name__}).") from None
