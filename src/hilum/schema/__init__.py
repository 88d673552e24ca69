"""Every table that the DAG writes, described once.

In: nothing. Out: `Table` objects from which the Arrow schema, the checks on reading and writing, the Great
Expectations suites and the data dictionary are derived. Free text columns are marked `private`: their values
never reach a log, an error or a quality report.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hilum.schema.describe import DICOM_PATTERN, Column, Table
from hilum.schema.files import LISTING, MANIFEST, PUBLISHED_LABELS, QUARANTINE, REPORTS, SHA256_PATTERN
from hilum.schema.images import IMAGES, REGION_BOXES
from hilum.schema.search import (
    CELLS,
    EMBEDDINGS,
    EXPLANATIONS,
    GROUNDINGS,
    INDEX_REPORTS,
    INDEX_ROWS,
    PAIRS,
    QUERIES,
    REPORT_QUERIES,
    SCORES,
)
from hilum.schema.texts import CHEXPERT_LABELS, MENTIONS, REGION_LABELS, SECTIONS, UNKNOWN_TERMS
from hilum.schema.truth import TRUTH_FINDINGS, TRUTH_REGION_BOXES, TRUTH_STATEMENTS
from hilum.schema.words import (
    ASSERTIONS,
    CHEXPERT,
    KINDS,
    LABELLERS,
    LABELS,
    MODALITIES,
    QUARANTINE_REASONS,
    REGION_SOURCES,
    SEVERITIES,
    SIDES,
    SPLITS,
    STATUSES,
    TEMPORALS,
)

__all__ = [
    "ASSERTIONS",
    "CELLS",
    "CHEXPERT",
    "CHEXPERT_LABELS",
    "DICOM_PATTERN",
    "EMBEDDINGS",
    "EXPLANATIONS",
    "GROUNDINGS",
    "IMAGES",
    "INDEX_REPORTS",
    "INDEX_ROWS",
    "KINDS",
    "LABELLERS",
    "LABELS",
    "LISTING",
    "MANIFEST",
    "MENTIONS",
    "MODALITIES",
    "PAIRS",
    "PUBLISHED_LABELS",
    "QUARANTINE",
    "QUARANTINE_REASONS",
    "QUERIES",
    "REGION_BOXES",
    "REGION_LABELS",
    "REGION_SOURCES",
    "REPORTS",
    "REPORT_QUERIES",
    "SCORES",
    "SECTIONS",
    "SEVERITIES",
    "SHA256_PATTERN",
    "SIDES",
    "SPLITS",
    "STATUSES",
    "TABLES",
    "TEMPORALS",
    "TRUTH_FINDINGS",
    "TRUTH_REGION_BOXES",
    "TRUTH_STATEMENTS",
    "UNKNOWN_TERMS",
    "Column",
    "Table",
]

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            LISTING,
            MANIFEST,
            QUARANTINE,
            REPORTS,
            PUBLISHED_LABELS,
            SECTIONS,
            MENTIONS,
            UNKNOWN_TERMS,
            REGION_LABELS,
            CHEXPERT_LABELS,
            IMAGES,
            REGION_BOXES,
            EMBEDDINGS,
            INDEX_ROWS,
            INDEX_REPORTS,
            QUERIES,
            REPORT_QUERIES,
            PAIRS,
            CELLS,
            SCORES,
            GROUNDINGS,
            EXPLANATIONS,
            TRUTH_FINDINGS,
            TRUTH_REGION_BOXES,
            TRUTH_STATEMENTS,
        )
    }
)
