"""A line of tables up to the gate, small enough to read, that tests may spoil and write."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hilum.quality.reading import FOLDERS as TABLE_FOLDERS
from hilum.schema import Table
from hilum.tables import arrow_schema
from hilum.vocabulary import REGIONS

SECRET = "XSECRETX"  # stands in every report; it may be in no page, document, message or log
TEXT = f"FINDINGS: There is {SECRET} in the left base. No effusion."
FOLDERS = {folder: table for table, folder in TABLE_FOLDERS.items()}
PARTITIONS = ("L0001-p10-p14", "L0001-p15-p19")
SPLITS = ("train", "validate", "test")


class TinyLine:
    """Every table up to the gate, right in every respect: `frames[folder][partition]`, to be spoilt, then written."""

    def __init__(self, n_subjects: int = 6, partitions: tuple[str, ...] = PARTITIONS) -> None:
        self.partitions: list[str] = []
        self.frames: dict[str, dict[str, pd.DataFrame]] = {folder: {} for folder in FOLDERS}
        for number, partition in enumerate(partitions):
            self.add_partition(partition, range(number * n_subjects, (number + 1) * n_subjects))

    def add_partition(self, partition: str, subjects: range, finding: str = "consolidation") -> None:
        """Tables of one study a subject; the label is of `finding`, present."""
        rows: dict[str, list[dict]] = {folder: [] for folder in FOLDERS}
        for subject in subjects:
            for folder, found in study_rows(subject, partition[:5], finding).items():
                rows[folder] += found
        for folder, table in FOLDERS.items():
            arrow = pa.Table.from_pylist(rows[folder], schema=arrow_schema(table))
            self.frames[folder][partition] = arrow.to_pandas()
        self.partitions.append(partition)

    def first(self, folder: str) -> pd.DataFrame:
        """The table of the first partition, to be changed in place."""
        return self.frames[folder][self.partitions[0]]

    def write(self, data: Path) -> Path:
        """Write without any check of values: a gate must cope with what it is given."""
        for folder, table in FOLDERS.items():
            (data / folder).mkdir(parents=True, exist_ok=True)
            for partition, frame in self.frames[folder].items():
                write_unchecked(data / folder / f"{partition}.parquet", frame, table)
        return data


def write_unchecked(path: Path, frame: pd.DataFrame, table: Table) -> None:
    """Parquet with the table's types for the columns that are there, nulls and all."""
    fields = [arrow_schema(table).field(name).with_nullable(True) for name in frame.columns]
    pq.write_table(pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False), path)


def study_rows(subject: int, landing: str, finding: str) -> dict[str, list[dict]]:
    """The rows of one subject's one study, one frontal image, one mention, one label, 29 boxes."""
    who = {"subject_id": 10000000 + subject, "study_id": 50000000 + subject, "split": SPLITS[subject % 3]}
    dicom_id = "-".join([f"{subject:08x}"] * 5)
    study = {"study_id": who["study_id"]}
    file = {**who, "landing": landing, "bytes": 9, "sha256": "0" * 64, "status": "ok"}
    size = {"rows_px": 300, "columns_px": 200}
    start = TEXT.index(SECRET)
    span = {"char_start": start, "char_end": start + len(SECRET), "sentence_start": 10, "sentence_end": len(TEXT)}
    box = {"x": 0.0, "y": 10.0, "width": 200.0, "height": 290.0, "region_source": "atlas"}
    fourteen = {"Consolidation": 1.0} if finding == "consolidation" else {}
    label = {**study, "finding": finding, "label": "present", "n_mentions": 1, "evidence": [0]}
    return {
        "manifest": [
            {**file, "path": f"files/s{who['study_id']}.txt", "kind": "report"},
            {**file, **size, "path": f"files/{dicom_id}.jpg", "kind": "image", "dicom_id": dicom_id,
             "view_position": "PA"},
        ],
        "quarantine": [],
        "texts": [{**who, "text": TEXT}],
        "published_labels": [{**study, "labeller": "chexpert", **fourteen}],
        "unknown_terms": [],
        "chexpert": [{**study, "subject_id": who["subject_id"], **fourteen}],
        "sections": [{**study, "section_index": 0, "section": "findings", "char_start": 10, "char_end": len(TEXT)}],
        "mentions": [{**study, **span, "mention_id": 0, "section": "findings", "sentence": 0, "finding": finding,
                      "regions": ["left lower lung zone"], "side": "left", "assertion": "present",
                      "finding_rule": "r", "assertion_rule": "", "region_rule": "r"}],
        "region_labels": [{**label, "region": "left lower lung zone"}, {**label, "region": "left lung"}],
        "images": [{**who, **size, "dicom_id": dicom_id, "view_position": "PA", "row": subject, "scale": 0.5,
                    "offset_x_px": 0.0, "offset_y_px": 0.0}],
        "region_boxes": [{**box, "dicom_id": dicom_id, "region": region} for region in REGIONS],
    }  # fmt: skip


@pytest.fixture
def line() -> TinyLine:
    """A right line of twelve subjects in two partitions; each split has four labelled studies."""
    return TinyLine()


@pytest.fixture
def secret() -> str:
    """What every report of `line` says, and nothing else may."""
    return SECRET
