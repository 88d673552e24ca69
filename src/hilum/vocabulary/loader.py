"""Read the vocabulary's YAML rows, each file once, and say plainly which row is wrong.

In: the .yaml files beside this module. Out: frozen records. Light on purpose (no pydantic): every verb imports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from hilum.errors import BadDataError

CATEGORIES = ("anatomicalfinding", "disease", "tubesandlines", "device", "technicalassessment")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Region:
    """One region; parent: the region that holds it, if any."""

    region: str
    parent: str | None = None


RULES = ("fixed", "sided", "tip", "diffuse", "zone", "none")


@dataclass(frozen=True)
class Placement:
    """How the words of place around a finding become regions; see the head of findings.yaml.

    rule: one of RULES. regions: of `fixed`, and of `tip` and `diffuse` where no place is said. unit: the kind of
    paired region that a bare side means.
    """

    rule: str = "zone"
    regions: tuple[str, ...] = ()
    unit: str = "lung"


@dataclass(frozen=True)
class Finding:
    """One finding: its words, and where it can lie. Terms are patterns; see `phrases.expand`."""

    finding: str
    name: str
    category: str
    chexpert: str | None
    placement: Placement
    terms: tuple[str, ...]
    normal: tuple[str, ...]
    not_terms: tuple[str, ...]
    sign: bool = False


def read_rows(name: str, key: str) -> list[dict[str, Any]]:
    """The rows under `key` of one vocabulary file. Raises BadDataError naming the file."""
    text = files("hilum.vocabulary").joinpath(name).read_text(encoding="utf-8")
    try:
        rows = yaml.load(text, Loader=_Loader)[key]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise BadDataError(f"vocabulary/{name} cannot be read: {error}. It needs a list under '{key}'.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadDataError(f"vocabulary/{name}: '{key}' is not a list of rows.")
    return rows


def check_keys(name: str, row: Mapping[str, Any], needed: Sequence[str], allowed: Sequence[str]) -> None:
    """Raise BadDataError if a row lacks a key or has one that is not known."""
    missing = [k for k in needed if k not in row]
    unknown = [k for k in row if k not in needed and k not in allowed]
    if missing or unknown:
        raise BadDataError(
            f"vocabulary/{name}: row {next(iter(row.values()), '(empty)')!r} lacks {missing or 'nothing'} and has "
            f"unknown keys {unknown or 'none'}; allowed are {[*needed, *allowed]}."
        )


def check_value(name: str, row: str, what: str, value: object, allowed: Sequence[str]) -> None:
    """Raise BadDataError if `value` is not one of `allowed`."""
    if value not in allowed:
        raise BadDataError(
            f"vocabulary/{name}: row {row!r} has {what} {value!r}; allowed are {list(allowed)}. Correct the row."
        )


def words(name: str, row: str, value: object) -> tuple[str, ...]:
    """A list of lower-case, non-empty phrases. Raises BadDataError: an empty phrase would match everywhere."""
    phrases = value if isinstance(value, list) else [value]
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.strip() or phrase != phrase.lower():
            raise BadDataError(
                f"vocabulary/{name}: row {row!r} has the phrase {phrase!r}; phrases are lower-case text, never empty "
                f"(quote words that YAML reads as true, false or a number)."
            )
    return tuple(phrases)


@cache
def load_regions() -> tuple[Region, ...]:
    """The 29 regions in their fixed order."""
    rows = read_rows("regions.yaml", "regions")
    for row in rows:
        check_keys("regions.yaml", row, ("region",), ("parent",))
    names = [row["region"] for row in rows]
    for row in rows:
        check_value("regions.yaml", row["region"], "parent", row.get("parent"), [*names, None])  # type: ignore[list-item]
    if len(set(names)) != len(names):
        raise BadDataError("vocabulary/regions.yaml: a region is listed twice.")
    return tuple(Region(row["region"], row.get("parent")) for row in rows)


@cache
def load_findings() -> tuple[Finding, ...]:
    """Every finding in file order."""
    rows = read_rows("findings.yaml", "findings")
    findings = tuple(_finding(row) for row in rows)
    keys = [f.finding for f in findings]
    repeated = sorted({k for k in keys if keys.count(k) > 1})
    if repeated:
        raise BadDataError(f"vocabulary/findings.yaml: {repeated} are listed twice; merge the rows.")
    return findings


def _finding(row: Mapping[str, Any]) -> Finding:
    file = "findings.yaml"
    check_keys(file, row, ("finding", "name", "category", "terms"), ("chexpert", "placement", "normal", "not", "sign"))
    key = row["finding"]
    check_value(file, key, "category", row["category"], CATEGORIES)
    return Finding(
        finding=key,
        name=row["name"],
        category=row["category"],
        chexpert=row.get("chexpert"),
        placement=_placement(key, row.get("placement", {})),
        terms=words(file, key, row["terms"]),
        normal=words(file, key, row.get("normal", [])),
        not_terms=words(file, key, row.get("not", [])),
        sign=bool(row.get("sign", False)),
    )


def _placement(key: str, row: Mapping[str, Any]) -> Placement:
    file = "findings.yaml"
    if row:
        check_keys(file, row, ("rule",), ("regions", "unit"))
    placement = Placement(row.get("rule", "zone"), tuple(row.get("regions", ())), row.get("unit", "lung"))
    check_value(file, key, "rule", placement.rule, RULES)
    names = [r.region for r in load_regions()]
    for region in placement.regions:
        check_value(file, key, "region", region, names)
    check_value(file, key, "unit", f"left {placement.unit}", names)
    return placement


@cache
def load_views() -> Mapping[str, str]:
    """View position -> projection (frontal or lateral)."""
    rows = read_rows("views.yaml", "views")
    for row in rows:
        check_keys("views.yaml", row, ("view_position", "projection"), ())
        check_value("views.yaml", row["view_position"], "projection", row["projection"], ("frontal", "lateral"))
    return MappingProxyType({row["view_position"]: row["projection"] for row in rows})
