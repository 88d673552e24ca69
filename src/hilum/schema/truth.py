"""Tables of the phantom's truth, which only `evaluate` and `explain` may read."""

from __future__ import annotations

from hilum.schema.describe import Column, Table, dicom, study
from hilum.schema.words import LABELS, SEVERITIES

TRUTH_FINDINGS = Table(
    "truth_findings",
    "Phantom only: what is drawn where",
    ("dicom_id", "finding_index"),
    (
        dicom(),
        study(),
        Column("finding_index", "int32", "Order within the image, from 0", minimum=0),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("region", "string", "The region it lies in"),
        Column("severity", "string", "How marked it is", values=SEVERITIES),
        Column("x", "float64", "Left edge of its box", unit="px"),
        Column("y", "float64", "Top edge", unit="px"),
        Column("width", "float64", "Width", minimum=0, unit="px"),
        Column("height", "float64", "Height", minimum=0, unit="px"),
    ),
    caveat="Phantom truth: only evaluate and explain may read it.",
)

TRUTH_REGION_BOXES = Table(
    "truth_region_boxes",
    "Phantom only: where each region really lies",
    ("dicom_id", "region"),
    (
        dicom(),
        Column("region", "string", "Region of vocabulary/concepts/regions.yaml"),
        Column("x", "float64", "Left edge", unit="px"),
        Column("y", "float64", "Top edge", unit="px"),
        Column("width", "float64", "Width", minimum=0, unit="px"),
        Column("height", "float64", "Height", minimum=0, unit="px"),
    ),
    caveat="Phantom truth: only evaluate and explain may read it.",
)

TRUTH_STATEMENTS = Table(
    "truth_statements",
    "Phantom only: what the report, read rightly, says",
    ("study_id", "region", "finding"),
    (
        study(),
        Column("region", "string", "Region; null = said without a place", True),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("label", "string", "present, absent or uncertain", values=LABELS),
    ),
    caveat="Phantom truth: only evaluate and explain may read it. Before the parent relation is applied.",
)
