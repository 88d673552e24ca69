"""Pairs of side and kind into regions.

In: a finding and the pairs said of it. Out: the regions in which it lies by its row's placement, and what decided them.
What is not placed stays unplaced, except where the finding implies its place (terms.yaml, placement).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from hilum.text.pairs import ZONES, settle_sides
from hilum.text.reading import Pair
from hilum.vocabulary import REGIONS
from hilum.vocabulary.language.terms import Placement, load_terms

_ORDER = {region: number for number, region in enumerate(REGIONS)}
_TIPS = frozenset({"svc", "cavoatrial junction", "right atrium"})


@lru_cache(maxsize=65_536)
def place(finding: str, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """The regions of a finding that is said to lie at these pairs of side and kind, by its row's placement."""
    placement = placements()[finding]
    if placement.rule == "fixed":
        regions = set(placement.regions)
    elif placement.rule == "none":
        regions = set()
    elif placement.rule == "sided":
        regions = {f"{side} {placement.unit}" for side, _ in settle_sides(pairs)}
    elif placement.rule == "tip":
        regions = {kind for _, kind in pairs if kind in _TIPS} or set(placement.regions)
    else:
        regions = _zones(pairs, placement)
    return tuple(sorted(regions, key=_ORDER.__getitem__))


@lru_cache(maxsize=65_536)
def region_rule(finding: str, pairs: tuple[Pair, ...], placed_by: str, place_words: str) -> str:
    """What decided the regions, for an auditor; empty if unplaced.

    The placement of the finding's row, how the words came to the finding (see sharing.py), and the words in the order
    of the text: "zone, said: left lower lobe", "sided, side of consolidation: left lower lobe"; where no words did:
    "diffuse, implied".
    """
    regions = place(finding, pairs)
    if not regions:
        return ""
    rule = placements()[finding].rule
    if rule == "fixed" or not place_words or (rule in {"diffuse", "tip"} and not _decided(finding, pairs)):
        return f"{rule}, implied"
    return f"{rule}, {placed_by}: {place_words}"


def _decided(finding: str, pairs: tuple[Pair, ...]) -> bool:
    """Whether the words that were read count for a finding that has a region without any."""
    placement = placements()[finding]
    if placement.rule == "tip":
        return any(kind in _TIPS for _, kind in pairs)
    return bool(_named(pairs, placement))


@lru_cache(maxsize=4_096)
def side_of(pairs: tuple[Pair, ...]) -> str | None:
    """left, right, bilateral, or None where no side is said."""
    sides = {side for side, _ in settle_sides(pairs)}
    return "bilateral" if len(sides) == 2 else next(iter(sides), None)


@cache
def placements() -> dict[str, Placement]:
    """Finding -> how it is placed."""
    return {f.finding: f.placement for f in load_terms()}


def _zones(pairs: Sequence[Pair], placement: Placement) -> set[str]:
    return _named(pairs, placement) or (set(placement.regions) if placement.rule == "diffuse" else set())


def _named(pairs: Sequence[Pair], placement: Placement) -> set[str]:
    """The regions that pairs name for a finding placed by zone; for a diffuse one a zone without a side is both."""
    diffuse = placement.rule == "diffuse"
    regions, edges = set(), set()
    for side, kind in settle_sides(pairs):
        named = f"{side} {kind}"
        if kind in (None, "lung") or (diffuse and kind == "hilar structures"):
            regions.add(f"{side} {placement.unit}")
        elif kind in {"hemidiaphragm", "costophrenic angle"}:
            edges.update([] if diffuse else [named])
        elif named in _ORDER:
            regions.add(named)
    if diffuse and not regions:
        regions = {f"{side} {kind}" for _, kind in pairs for side in ("right", "left") if kind in ZONES}
    elif not diffuse:
        regions |= {kind for _, kind in pairs if kind in placement.regions}
    return regions or edges
