"""Every table that the DAG writes, described once.

In: nothing. Out: `Table` objects from which the Arrow schema, the checks on reading and writing, the Great
Expectations suites and the data dictionary are derived. Free text columns are marked `private`: their values
never reach a log, an error or a quality report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

LABELS = ("present", "absent", "uncertain")
ASSERTIONS = ("present", "absent", "uncertain", "historical", "hypothetical")
SPLITS = ("train", "validate", "test")
MODALITIES = ("image", "text")
KINDS = ("report", "image")
SEVERITIES = ("minimal", "mild", "moderate", "severe")
TEMPORALS = ("new", "unchanged", "improved", "worsened", "resolved")
SIDES = ("left", "right", "bilateral")
STATUSES = ("ok", "quarantined")
REGION_SOURCES = ("atlas", "chexmask", "imagenome", "truth")
QUARANTINE_REASONS = (
    "bad_id",  # a subject, study or image id is not of MIMIC's form
    "path_outside_tree",  # the path, or the link behind it, leaves the source tree
    "changed_bytes",  # the file is not the one that landed (sha256)
    "checksum_mismatch",  # the file is not the one the source's SHA256SUMS.txt names
    "missing_file",  # the landing lists it, the tree does not have it
    "empty_report",  # no character but white space
    "undecodable_report",  # not UTF-8 text
    "report_without_image",  # the study has a report and no image
    "image_without_report",  # the study has an image and no report
    "truncated_image",  # the file ends before the picture does
    "undecodable_image",  # not a JPEG or DICOM that can be read
    "image_too_large",  # more pixels than ingest.max_pixels
    "blank_image",  # one grey level only
    "missing_metadata_row",  # the metadata table has no row for the image
    "missing_split_row",  # the split table exists and knows neither the image nor its subject
)


@dataclass(frozen=True)
class Column:
    """One column: Arrow type name, what it means, and what its values must obey.

    type: string, int64, int32, float64, bool, list<string>, list<int32>, list<bool>, list<float64>, or
    embedding (a fixed-size list of float32).
    """

    name: str
    type: str
    description: str
    nullable: bool = False
    values: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    unit: str | None = None
    private: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns, the columns that identify a row, and what to know before using it."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    caveat: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in file order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]


def _subject(nullable: bool = False) -> Column:
    return Column("subject_id", "int64", "Person; 8 digits, the first a 1", nullable, minimum=1e7, maximum=19999999)


def _study(nullable: bool = False) -> Column:
    return Column("study_id", "int64", "One exam and its report; 8 digits, the first a 5", nullable,
                  minimum=5e7, maximum=59999999)  # fmt: skip


DICOM_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{8}){4}$"


def _dicom(nullable: bool = False) -> Column:
    return Column("dicom_id", "string", "One image; five groups of 8 hex digits", nullable, pattern=DICOM_PATTERN)


def _split(nullable: bool = False) -> Column:
    return Column("split", "string", "The subject's split", nullable, values=SPLITS)


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
        _subject(nullable=True),
        _study(nullable=True),
        _dicom(nullable=True),
        Column("kind", "string", "report or image", values=KINDS),
        Column("bytes", "int64", "Size of the file", minimum=0, unit="bytes"),
        Column("sha256", "string", "Digest of the file", pattern=SHA256_PATTERN),
        Column("view_position", "string", "DICOM view position: PA, AP, LATERAL, LL ...; null if unknown", True),
        Column("rows_px", "int64", "Image height", True, minimum=1, unit="px"),
        Column("columns_px", "int64", "Image width", True, minimum=1, unit="px"),
        _split(nullable=True),
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
        _study(),
        _subject(),
        _split(),
        Column("text", "string", "The report file's text, unchanged", private=True),
    ),
)

SECTIONS = Table(
    "sections",
    "Where each section of a report lies",
    ("study_id", "section_index"),
    (
        _study(),
        Column("section_index", "int32", "Order in the report, from 0", minimum=0),
        Column("section", "string", "Normalised name (vocabulary/language/sections.yaml)"),
        Column("char_start", "int32", "First character of the body in the raw text", minimum=0),
        Column("char_end", "int32", "One past its last character", minimum=0),
    ),
)

MENTIONS = Table(
    "mentions",
    "Findings named in a report: span, place and assertion",
    ("study_id", "mention_id"),
    (
        _study(),
        Column("mention_id", "int32", "Order in the report, from 0", minimum=0),
        Column("section", "string", "Normalised section name"),
        Column("sentence", "int32", "Order of the sentence in the report, from 0", minimum=0),
        Column("sentence_start", "int32", "First character of the sentence in the raw text", minimum=0),
        Column("sentence_end", "int32", "One past its last character", minimum=0),
        Column("char_start", "int32", "First character of the mention in the raw text", minimum=0),
        Column("char_end", "int32", "One past its last character", minimum=0),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("regions", "list<string>", "Regions of vocabulary/concepts/regions.yaml; empty = unplaced"),
        Column("side", "string", "Side said or implied", True, values=SIDES),
        Column("assertion", "string", "What is claimed of the finding", values=ASSERTIONS),
        Column("severity", "string", "Severity or size said", True, values=SEVERITIES),
        Column("temporal", "string", "Change against an earlier study", True, values=TEMPORALS),
        Column("rule", "string", "The vocabulary row that made the mention"),
    ),
    caveat="Weak: made by rules from the text.",
)

REGION_LABELS = Table(
    "region_labels",
    "What a study's report says of a finding in a region",
    ("study_id", "region", "finding"),
    (
        _study(),
        Column("region", "string", "Region; null = the finding is named and not placed", True),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("label", "string", "Not mentioned has no row, and is never an absence", values=LABELS),
        Column("n_mentions", "int32", "Mentions behind the label", minimum=1),
        Column("evidence", "list<int32>", "Their mention_id"),
    ),
    caveat="Weak: from text, not from the image. Not for diagnosis.",
)

IMAGES = Table(
    "images",
    "The packed frontal images of a partition: where each lies in the pixel array, and its geometry",
    ("dicom_id",),
    (
        _dicom(),
        _study(),
        _subject(),
        _split(),
        Column("view_position", "string", "PA or AP", values=("PA", "AP")),
        Column("study_datetime", "string", "As in manifest", True, pattern=r"^[0-9]{14}$"),
        Column("row", "int64", "Index in the partition's pixel array", minimum=0),
        Column("rows_px", "int64", "Original height", minimum=1, unit="px"),
        Column("columns_px", "int64", "Original width", minimum=1, unit="px"),
        Column("scale", "float64", "packed px = original px * scale + offset", minimum=0),
        Column("offset_x_px", "float64", "Left padding in the packed image", unit="px"),
        Column("offset_y_px", "float64", "Top padding in the packed image", unit="px"),
    ),
)

REGION_BOXES = Table(
    "region_boxes",
    "Where each anatomical region lies in each packed image, in original pixels",
    ("dicom_id", "region"),
    (
        _dicom(),
        Column("region", "string", "Region of vocabulary/concepts/regions.yaml"),
        Column("x", "float64", "Left edge", unit="px"),
        Column("y", "float64", "Top edge", unit="px"),
        Column("width", "float64", "Width, clipped to the image", minimum=0, unit="px"),
        Column("height", "float64", "Height, clipped to the image", minimum=0, unit="px"),
        Column("region_source", "string", "Who drew the box", values=REGION_SOURCES),
    ),
)

EMBEDDINGS = Table(
    "embeddings",
    "Unit vectors of images and reports, whole and by region",
    ("study_id", "dicom_id", "modality", "region"),
    (
        _study(),
        _dicom(nullable=True),
        Column("modality", "string", "image or text", values=MODALITIES),
        Column("region", "string", "Region; null = the whole", True),
        _subject(),
        Column("embedding", "embedding", "Unit length"),
        Column("model_id", "string", "First 16 hex digits of the checkpoint's sha256"),
    ),
)

INDEX_ROWS = Table(
    "index_rows",
    "What each row of the vector indexes is: position = row",
    ("row",),
    (
        Column("row", "int64", "Position in every index", minimum=0),
        _dicom(),
        _study(),
        _subject(),
        _split(),
        Column("study_datetime", "string", "As in manifest", True, pattern=r"^[0-9]{14}$"),
    ),
)

QUERIES = Table(
    "queries",
    "Every evaluated query under every score, with its ranked answers",
    ("query", "score"),
    (
        Column("query", "string", "dicom_id|region|finding"),
        Column("score", "string", "Name of the score that ranked the gallery"),
        _dicom(),
        _study(),
        _subject(),
        _split(),
        Column("region", "string", "The region asked for"),
        Column("finding", "string", "The finding that makes an answer relevant"),
        Column("answers", "list<string>", "The ten best, dicom_id, best first"),
        Column("relevant", "list<bool>", "Whether each answer has the finding in the region"),
        Column("n_gallery", "int64", "Images ranked (other patients)", minimum=1),
        Column("n_relevant", "int64", "Relevant ones among them", minimum=1),
        Column("n_same_finding", "int64", "Images with the finding anywhere", minimum=1),
        Column("precision_at_1", "float64", "Share of relevant ones in the first", minimum=0, maximum=1),
        Column("precision_at_5", "float64", "... in the first five", minimum=0, maximum=1),
        Column("precision_at_10", "float64", "... in the first ten", minimum=0, maximum=1),
        Column("average_precision", "float64", "Over the whole ranking", minimum=0, maximum=1),
        Column("located_at_10", "float64", "Of the ten nearest with the finding, the share with it in the region",
               minimum=0, maximum=1),
    ),
)  # fmt: skip

CELLS = Table(
    "cells",
    "Retrieval by finding and region: the test queries of each cell under every score, averaged",
    ("region", "finding", "score"),
    (
        Column("region", "string", "The region asked for"),
        Column("finding", "string", "The finding that makes an answer relevant"),
        Column("score", "string", "Name of the score that ranked the gallery"),
        Column("n_queries", "int64", "Queries in the cell", minimum=1),
        Column("n_patients", "int64", "Patients asking them", minimum=1),
        Column("n_positives", "int64", "Images of the collection with the finding in the region", minimum=1),
        Column("n_same_finding", "int64", "Images of the collection with the finding anywhere", minimum=1),
        Column("locatable", "bool", "Enough images have the finding elsewhere only for located_at_10 to mean anything"),
        Column("precision_at_1", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("precision_at_5", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("precision_at_10", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("average_precision", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("located_at_10", "float64", "Mean over the queries", minimum=0, maximum=1),
        Column("chance_precision", "float64", "Of a random ranking, at any k", minimum=0, maximum=1),
        Column("chance_average_precision", "float64", "Of a random ranking", minimum=0, maximum=1),
        Column("chance_located", "float64", "Of a ranking that knows the finding and not its place", minimum=0,
               maximum=1),
    ),
)  # fmt: skip

SCORES = Table(
    "scores",
    "Every figure of retrieval and grounding, with chance and a 95 % interval over resampled patients",
    ("task", "score", "average", "metric"),
    (
        Column("task", "string", "What was measured", values=("retrieval", "grounding")),
        Column("score", "string", "Name of the score or map; `a - b` is a paired difference"),
        Column("average", "string", "macro: over cells (retrieval) or findings (grounding); micro: over all units",
               values=("macro", "micro")),
        Column("metric", "string", "Name of the metric"),
        Column("value", "float64", "The mean; null where no unit has it", True),
        Column("low", "float64", "2.5th percentile of the resamples", True),
        Column("high", "float64", "97.5th percentile of the resamples", True),
        Column("chance", "float64", "What a ranking or a point at random would get; null where none is defined", True),
        Column("n_units", "int64", "Queries, or pairs of image and finding, behind the mean", minimum=0),
        Column("n_groups", "int64", "Cells, or findings, averaged over", minimum=0),
    ),
)  # fmt: skip

GROUNDINGS = Table(
    "groundings",
    "Every phrase grounded in an image under every score",
    ("dicom_id", "finding", "score"),
    (
        _dicom(),
        _subject(),
        Column("finding", "string", "Category of the phrase"),
        Column("score", "string", "Name of the map that was scored"),
        Column("pointing_game", "float64", "1 if the map's peak lies in a box", minimum=0, maximum=1),
        Column("contrast_to_noise_ratio", "float64", "Signed; null where it is undefined", True),
        Column("mean_iou", "float64", "Over thresholds 0.1 to 0.5", minimum=0, maximum=1),
        Column("chance_pointing", "float64", "Share of the image inside the boxes", minimum=0, maximum=1),
    ),
)

TRUTH_FINDINGS = Table(
    "truth_findings",
    "Phantom only: what is drawn where",
    ("dicom_id", "finding_index"),
    (
        _dicom(),
        _study(),
        Column("finding_index", "int32", "Order within the image, from 0", minimum=0),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("region", "string", "The region it lies in"),
        Column("severity", "string", "How marked it is", values=SEVERITIES),
        Column("x", "float64", "Left edge of its box", unit="px"),
        Column("y", "float64", "Top edge", unit="px"),
        Column("width", "float64", "Width", minimum=0, unit="px"),
        Column("height", "float64", "Height", minimum=0, unit="px"),
    ),
    caveat="Phantom truth: only evaluate may read it.",
)

TRUTH_REGION_BOXES = Table(
    "truth_region_boxes",
    "Phantom only: where each region really lies",
    ("dicom_id", "region"),
    (
        _dicom(),
        Column("region", "string", "Region of vocabulary/concepts/regions.yaml"),
        Column("x", "float64", "Left edge", unit="px"),
        Column("y", "float64", "Top edge", unit="px"),
        Column("width", "float64", "Width", minimum=0, unit="px"),
        Column("height", "float64", "Height", minimum=0, unit="px"),
    ),
    caveat="Phantom truth: only evaluate may read it.",
)

TRUTH_STATEMENTS = Table(
    "truth_statements",
    "Phantom only: what the report, read rightly, says",
    ("study_id", "region", "finding"),
    (
        _study(),
        Column("region", "string", "Region; null = said without a place", True),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("label", "string", "present, absent or uncertain", values=LABELS),
    ),
    caveat="Phantom truth: only evaluate may read it. Before the parent relation is applied.",
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            LISTING,
            MANIFEST,
            QUARANTINE,
            REPORTS,
            SECTIONS,
            MENTIONS,
            REGION_LABELS,
            IMAGES,
            REGION_BOXES,
            EMBEDDINGS,
            INDEX_ROWS,
            QUERIES,
            CELLS,
            SCORES,
            GROUNDINGS,
            TRUTH_FINDINGS,
            TRUTH_REGION_BOXES,
            TRUTH_STATEMENTS,
        )
    }
)
