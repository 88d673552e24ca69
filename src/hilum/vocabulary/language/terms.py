"""The words for each finding, and how words of place around it become regions.

In: terms.yaml. Out: frozen records, read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hilum.errors import BadDataError
from hilum.vocabulary.concepts import load_findings, load_regions
from hilum.vocabulary.rows import check_keys, check_value, read_rows, words

FILE = "language/terms.yaml"
RULES = ("fixed", "sided", "tip", "diffuse", "zone", "none")


@dataclass(frozen=True)
class Placement:
    """How the words of place around a finding become regions; see the head of terms.yaml.

    rule: one of RULES. regions: of `fixed`; of `tip` and `diffuse` where no place is said; of `zone` the single regions
    that it may lie in. unit: the kind of
    paired region that a bare side means.
    """

    rule: str = "zone"
    regions: tuple[str, ...] = ()
    unit: str = "lung"


@dataclass(frozen=True)
class FindingTerms:
    """The words of one finding, and where it can lie. Terms are patterns; see `phrases.expand`."""

    finding: str
    placement: Placement
    terms: tuple[str, ...]
    normal: tuple[str, ...]
    not_terms: tuple[str, ...]
    sign: bool = False


@cache
def load_terms() -> tuple[FindingTerms, ...]:
    """The words of every finding, in file order. Raises BadDataError unless each finding has one row."""
    rows = tuple(_terms(row) for row in read_rows(FILE, "terms"))
    listed = [row.finding for row in rows]
    known = [f.finding for f in load_findings()]
    wrong = sorted({k for k in listed if listed.count(k) > 1} | set(known) ^ set(listed))
    if wrong:
        raise BadDataError(f"vocabulary/{FILE}: {wrong} need exactly one row here and one in concepts/findings.yaml.")
    return rows


@cache
def signs_of_others() -> frozenset[str]:
    """The findings that are often explained by another."""
    return frozenset(row.finding for row in load_terms() if row.sign)


def _terms(row: Mapping[str, Any]) -> FindingTerms:
    check_keys(FILE, row, ("finding", "terms"), ("placement", "normal", "not", "sign"))
    key = row["finding"]
    return FindingTerms(
        finding=key,
        placement=_placement(key, row.get("placement", {})),
        terms=words(FILE, key, row["terms"]),
        normal=words(FILE, key, row.get("normal", [])),
        not_terms=words(FILE, key, row.get("not", [])),
        sign=bool(row.get("sign", False)),
    )


def _placement(key: str, row: Mapping[str, Any]) -> Placement:
    if row:
        check_keys(FILE, row, ("rule",), ("regions", "unit"))
    placement = Placement(row.get("rule", "zone"), tuple(row.get("regions", ())), row.get("unit", "lung"))
    check_value(FILE, key, "rule", placement.rule, RULES)
    names = [r.region for r in load_regions()]
    for region in placement.regions:
        check_value(FILE, key, "region", region, names)
    check_value(FILE, key, "unit", f"left {placement.unit}", names)
    return placement
