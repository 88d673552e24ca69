"""The words of the house, as YAML rows with one loader. A new spelling is a new row, never new code.

concepts/: what there is to speak of (findings, regions, views); out of it the constants here, which any room may use.
language/: how reports speak of it (terms, places, cues, sections); only `text` needs it, so that a new spelling reruns
`parse` and nothing that merely knows the findings by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hilum.vocabulary.concepts import Finding, Region, load_findings, load_regions, load_views

__all__ = [
    "FINDINGS",
    "MIRROR",
    "REGIONS",
    "REGION_PARENTS",
    "VIEWS",
    "Finding",
    "Region",
    "finding_category",
    "finding_chexpert",
    "finding_name",
    "load_findings",
    "load_regions",
    "load_views",
]

REGIONS: tuple[str, ...] = tuple(r.region for r in load_regions())
"""The 29 regions in their fixed order; the position is the region's number wherever one is needed."""

REGION_PARENTS: Mapping[str, str] = MappingProxyType(
    {r.region: r.parent for r in load_regions() if r.parent is not None}
)
"""Region -> the region that holds it; regions without a parent are not keys."""

FINDINGS: tuple[str, ...] = tuple(f.finding for f in load_findings())
"""Keys of all findings in file order."""

VIEWS: Mapping[str, str] = load_views()
"""DICOM view position -> projection."""


_OTHER_SIDE = {"left": "right", "right": "left"}


def _mirror(region: str) -> str:
    side, _, rest = region.partition(" ")
    other = f"{_OTHER_SIDE.get(side)} {rest}"
    return other if other in REGIONS else region  # there is a right atrium and no left one among the 29


MIRROR: Mapping[str, str] = MappingProxyType({region: _mirror(region) for region in REGIONS})
"""Region -> the same region of the other side; a single region is its own mirror."""

_FINDINGS = {f.finding: f for f in load_findings()}


def finding_category(finding: str) -> str:
    """anatomicalfinding, disease, tubesandlines, device or technicalassessment. KeyError if unknown."""
    return _FINDINGS[finding].category


def finding_name(finding: str) -> str:
    """The finding in readable words. KeyError if unknown."""
    return _FINDINGS[finding].name


def finding_chexpert(finding: str) -> str | None:
    """The CheXpert-14 column that the finding counts for, or None. KeyError if unknown."""
    return _FINDINGS[finding].chexpert
