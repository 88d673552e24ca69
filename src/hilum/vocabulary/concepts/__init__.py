"""What there is to speak of: findings, regions, views. The words for them are `hilum.vocabulary.language`.

In: the .yaml files beside this module. Out: frozen records, read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from hilum.errors import BadDataError
from hilum.vocabulary.rows import check_keys, check_value, read_rows

CATEGORIES = ("anatomicalfinding", "disease", "tubesandlines", "device", "technicalassessment")


@dataclass(frozen=True)
class Region:
    """One region; parent: the region that holds it, if any."""

    region: str
    parent: str | None = None


@dataclass(frozen=True)
class Finding:
    """One finding. name: readable. chexpert: the CheXpert-14 column that it counts for, if any."""

    finding: str
    name: str
    category: str
    chexpert: str | None


@cache
def load_regions() -> tuple[Region, ...]:
    """The 29 regions in their fixed order."""
    rows = read_rows("concepts/regions.yaml", "regions")
    for row in rows:
        check_keys("concepts/regions.yaml", row, ("region",), ("parent",))
    names = [row["region"] for row in rows]
    for row in rows:
        check_value("concepts/regions.yaml", row["region"], "parent", row.get("parent"), [*names, None])  # type: ignore[list-item]
    if len(set(names)) != len(names):
        raise BadDataError("vocabulary/concepts/regions.yaml: a region is listed twice.")
    return tuple(Region(row["region"], row.get("parent")) for row in rows)


@cache
def load_findings() -> tuple[Finding, ...]:
    """Every finding in file order."""
    file = "concepts/findings.yaml"
    rows = read_rows(file, "findings")
    for row in rows:
        check_keys(file, row, ("finding", "name", "category"), ("chexpert",))
        check_value(file, row["finding"], "category", row["category"], CATEGORIES)
    keys = [row["finding"] for row in rows]
    repeated = sorted({k for k in keys if keys.count(k) > 1})
    if repeated:
        raise BadDataError(f"vocabulary/{file}: {repeated} are listed twice; merge the rows.")
    return tuple(Finding(row["finding"], row["name"], row["category"], row.get("chexpert")) for row in rows)


@cache
def load_views() -> Mapping[str, str]:
    """View position -> projection (frontal or lateral)."""
    rows = read_rows("concepts/views.yaml", "views")
    for row in rows:
        check_keys("concepts/views.yaml", row, ("view_position", "projection"), ())
        check_value(
            "concepts/views.yaml", row["view_position"], "projection", row["projection"], ("frontal", "lateral")
        )
    return MappingProxyType({row["view_position"]: row["projection"] for row in rows})
