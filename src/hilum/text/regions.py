"""Words of place into pairs of side and kind, and pairs into regions.

In: neighbouring place words; pairs. Out: pairs; the regions in which a finding lies by its row's placement. What is not
placed stays unplaced, except where the finding implies its place (findings.yaml, placement).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from hilum.text.reading import Candidate, Pair
from hilum.vocabulary import REGIONS
from hilum.vocabulary.language import ELSEWHERE, PlaceWords
from hilum.vocabulary.language.terms import Placement, load_terms

_ORDER = {region: number for number, region in enumerate(REGIONS)}


@dataclass(slots=True)
class PlacePhrase:
    """Neighbouring place words: first token, one past the last, and each hit."""

    start: int
    end: int
    words: list[tuple[int, int, PlaceWords]]


def read_pairs(phrase: PlacePhrase, candidate: Candidate) -> list[Pair]:
    """The pairs of side and kind that a phrase says of a finding.

    A side before a foreign place goes with it ("left humerus"), unless the place is part of the finding's own words.
    """
    reader = _PairReader()
    heads = [words.kind for _, _, words in phrase.words if words.kind and not words.partial]
    for start, end, words in phrase.words:
        if words.kind is not None and not words.partial:
            heads = heads[1:]
        if words.kind is None:
            reader.say_side(["left", "right"] if words.side == "bilateral" else [words.side or ""])
        elif words.kind == ELSEWHERE:
            if not (candidate.start < end and start < candidate.end):
                reader.forget_sides()
        elif not words.partial or any(kind not in ("lung", ELSEWHERE) for kind in heads):
            reader.say_kind(words)
        elif "lung" in heads:
            reader.pending.append(words.kind)
    return reader.finish()


class _PairReader:
    """Reads a place phrase from left to right.

    pairs: what was read. pending: zones that wait for their "lung" ("lower left lung"). A side is fresh until a place
    has taken it; then it still holds for the places that follow ("left upper and lower lobes") until another is said.
    """

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.pending: list[str] = []
        self._sides: list[str] = []
        self._fresh = True

    def say_side(self, sides: list[str]) -> None:
        """Take in left, right or both: for the places before it if they have none ("at the base on the left")."""
        if self.pairs and all(not is_said(side) and kind not in _ORDER for side, kind in self.pairs):
            self.pairs = [(side, kind) for _, kind in self.pairs for side in sides]
        elif self._fresh:
            self._sides = list(dict.fromkeys(self._sides + sides))
        else:
            self._sides, self._fresh = sides, True

    def forget_sides(self) -> None:
        """Drop the side that belongs to a place outside the regions."""
        self._sides, self._fresh = [], True

    def say_kind(self, words: PlaceWords) -> None:
        """Take in a place, with the side in its own words, else the one said before it, else the one it implies.

        A place that one side alone has ("middle lobe") does not take the side of the place before it.
        """
        kinds = [words.kind]
        if words.kind == "lung" and self.pending:
            kinds, self.pending = list(self.pending), []
        sides: list[str | None] = [*self._sides]
        if words.side is not None:
            sides = ["left", "right"] if words.side == "bilateral" else [words.side]
        elif words.implied == "bilateral" and not sides:
            sides = ["?both"]
        elif words.implied in {"left", "right"} and not (sides and self._fresh):
            sides = [f"?{words.implied}"]
        self.pairs.extend((side, kind) for kind in kinds for side in sides or [None])
        self._fresh = False

    def finish(self) -> list[Pair]:
        """What was read; a side that no place took goes to the one place there is, or stands alone."""
        if self._fresh and self._sides:
            kinds = list(dict.fromkeys(kind for _, kind in self.pairs))
            if not kinds:
                self.pairs.extend((side, None) for side in self._sides)
            elif len(kinds) == 1:
                self.pairs.extend((side, kinds[0]) for side in self._sides)
        return merge_pairs(self.pairs)


def merge_pairs(pairs: list[Pair]) -> list[Pair]:
    """Pairs without repetition; a kind waiting for a side takes the side said elsewhere for the same finding.

    The bare sides come first ("on the left"); failing these, the one side that other places have ("left perihilar
    scarring in the upper lobe"). Single regions take none.
    """
    single: list[Pair] = [(side, kind) for side, kind in pairs if kind in _ORDER]
    pairs = [(side, kind) for side, kind in pairs if kind not in _ORDER]
    loose = [(side, kind) for side, kind in pairs if not is_said(side) and kind not in (None, "lung")]
    bare = [side for side, kind in pairs if is_said(side) and kind in (None, "lung")]
    merged: list[Pair] = [(side, kind) for side, kind in pairs if is_said(side) and kind not in (None, "lung")]
    others = {side for side, _ in merged}
    if bare:
        merged += [(side, kind) for _, kind in loose for side in bare]
    elif len(others) == 1:
        merged += [(next(iter(others)) if side is None else side, kind) for side, kind in loose]
    else:
        merged += loose
    covered = {side for side, _ in merged}
    merged += [(side, kind) for side, kind in pairs if is_said(side) and kind in (None, "lung") and side not in covered]
    merged += [(None, kind) for side, kind in pairs if side is None and kind == "lung"]
    return list(dict.fromkeys(merged + single))


def is_said(side: str | None) -> bool:
    """Whether a side is said, rather than missing or implied."""
    return side is not None and not side.startswith("?")


def has_side(side: str | None) -> bool:
    """Whether a side is said, or implied by a place that one side alone has; not where both are ("basilar")."""
    return side is not None and side != "?both"


def settle_sides(pairs: Sequence[Pair]) -> list[tuple[str, str | None]]:
    """Pairs with a side each, the implied ones made plain; those without any are left out."""
    settled = []
    for side, kind in pairs:
        if side == "?both":
            settled += [("right", kind), ("left", kind)]
        elif side is not None:
            settled.append((side.removeprefix("?"), kind))
    return settled


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
        regions = {kind for _, kind in pairs if kind in _ORDER} or set(placement.regions)
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
        return any(kind in _ORDER for _, kind in pairs)
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
        regions = {
            f"{side} {kind}" for _, kind in pairs for side in ("right", "left") if kind and kind.endswith("zone")
        }
    elif not diffuse:
        regions |= {kind for _, kind in pairs if kind in placement.regions}
    return regions or edges
