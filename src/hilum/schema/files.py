"""Tables of what arrived: files, what is wrong with them, and the reports as they are."""

from __future__ import annotations

from hilum.schema.describe import Column, Table, chexpert, dicom, split, study, subject
from hilum.schema.words import KINDS, LABELLERS, QUARANTINE_REASONS, STATUSES

SHA256_PATTERN = r"^[0-9a-f]{64}$"

LISTING = Table(
    "listing",
    "What a landing brought: one row a file of the source tree",
    ("path",),
    (
        Column("path", "string", "POSIX path relative to the source tree"),
        Column("kind", "string", "What the file is", values=(*KINDS, "table")),
        Column("bytes", "int64", "Size of the file", minimum=0, unit="bytes"),
        Column("sha256", "string", "Digest of the file", pattern=SHA256_PATTERN),
        Column(
            "change",
            "string",
            "added; replaced: a known file with other bytes; carried: as it was, in a study that is not",
            values=("added", "replaced", "carried"),
        ),
    ),
)

MANIFEST = Table(
    "manifest",
    "Every report and image of a partition, usable or not",
    ("path",),
    (
        Column("path", "string", "POSIX path relative to the source tree"),
        Column("landing", "string", "The landing that brought the file", pattern=r"^L[0-9]{4}$"),
        subject(nullable=True),
        study(nullable=True),
        dicom(nullable=True),
        Column("kind", "string", "report or image", values=KINDS),
        Column("bytes", "int64", "Size of the file", minimum=0, unit="bytes"),
        Column("sha256", "string", "Digest of the file", pattern=SHA256_PATTERN),
        Column("view_position", "string", "DICOM view position: PA, AP, LATERAL, LL ...; null if unknown", True),
        Column("rows_px", "int64", "Image height", True, minimum=1, unit="px"),
        Column("columns_px", "int64", "Image width", True, minimum=1, unit="px"),
        split(nullable=True),
        Column("study_datetime", "string", "StudyDate and StudyTime as YYYYMMDDhhmmss (shifted dates)", True,
               pattern=r"^[0-9]{14}$"),
        Column("status", "string", "ok, or quarantined (see quarantine)", values=STATUSES),
    ),
    caveat="Ids are null where the path does not carry well-formed ones; such rows are quarantined.",
)  # fmt: skip

QUARANTINE = Table(
    "quarantine",
    "Files set aside, each with its reason; nothing is lost in silence",
    ("path",),
    (
        Column("path", "string", "POSIX path relative to the source tree"),
        Column("reason", "string", "Why", values=QUARANTINE_REASONS),
        Column("detail", "string", "What was found and what was expected; never report text"),
    ),
)

REPORTS = Table(
    "reports",
    "The usable reports of a partition, verbatim",
    ("study_id",),
    (
        study(),
        subject(),
        split(),
        Column("text", "string", "The report file's text, unchanged", private=True),
    ),
)

PUBLISHED_LABELS = Table(
    "published_labels",
    "What the source itself says of its reports, by CheXpert's labels (mimic-cxr-*-chexpert.csv and its kin)",
    ("study_id", "labeller"),
    (study(), Column("labeller", "string", "Whose labels they are", values=LABELLERS), *chexpert()),
    caveat="Empty where the source has no such table. Shown beside hilum's labels; nothing is learned from it.",
)
