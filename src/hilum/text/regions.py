"""Words of place into pairs of side and kind, and pairs into regions.

In: neighbouring place words; pairs. Out: pairs; the regions in which a finding lies by its row's placement. What is not
placed stays unplaced, except where the finding implies its place (findings.yaml, placement).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hilum.text.reading import Candidate, Pair
from hilum.vocabulary import REGIONS
from hilum.vocabulary.language import ELSEWHERE, PlaceWords
from hilum.vocabulary.language.terms import Placement, load_terms

_ORDER = {region: number for number, region in enumerate(REGIONS)}


@dataclass(slots=True)
class PlacePhrase:
    """Neighbouring place words. pairs: what they say."""

    start: int
    end: int
    words: list[tuple[int, int, PlaceWords]]


def read_pairs(phrase: PlacePhrase, candidate: Candidate) -> list[Pair]:
    """The pairs of side and kind that a phrase says of a finding.

    A side before a foreign place goes with it ("left humerus"), unless the place is part of the finding's own words.
    """
    reader = _PairReader()
    for number, (start, end, words) in enumerate(phrase.words):
        if words.kind is None:
            reader.say_side(["left", "right"] if words.side == "bilateral" else [words.side or ""])
        elif words.kind == ELSEWHERE:
            if not (candidate.start < end and start < candidate.end):
                reader.forget_sides()
        elif words.partial:
            heads = [w.kind for _, _, w in phrase.words[number + 1 :] if w.kind and not w.partial]
            if any(kind not in ("lung", ELSEWHERE) for kind in heads):
                reader.say_kind(words)
            elif "lung" in heads:
                reader.pending.append(words.kind)
        else:
            reader.say_kind(words)
    return reader.finish()


class _PairReader:
    """Reads a place phrase from left to right."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.pending: list[str] = []
        self._sides: list[str] = []
        self._fresh = True

    def say_side(self, sides: list[str]) -> None:
        if self.pairs and all(not is_said(side) and kind not in _ORDER for side, kind in self.pairs):
            self.pairs = [(side, kind) for _, kind in self.pairs for side in sides]
        elif self._fresh:
            self._sides = list(dict.fromkeys(self._sides + sides))
        else:
            self._sides, self._fresh = sides, True

    def forget_sides(self) -> None:
        self._sides, self._fresh = [], True

    def say_kind(self, words: PlaceWords) -> None:
        kinds = [words.kind]
        if words.kind == "lung" and self.pending:
            kinds, self.pending = list(self.pending), []
        sides: list[str | None] = [*self._sides]
        if words.side is not None:
            sides = ["left", "right"] if words.side == "bilateral" else [words.side]
        elif words.implied is not None and not sides:
            sides = ["?both" if words.implied == "bilateral" else f"?{words.implied}"]
        self.pairs.extend((side, kind) for kind in kinds for side in sides or [None])
        self._fresh = False

    def finish(self) -> list[Pair]:
        if self._fresh and self._sides:
            kinds = list(dict.fromkeys(kind for _, kind in self.pairs))
            if not kinds:
                self.pairs.extend((side, None) for side in self._sides)
            elif len(kinds) == 1:
                self.pairs.extend((side, kinds[0]) for side in self._sides)
        return merge_pairs(self.pairs)


def merge_pairs(pairs: list[Pair]) -> list[Pair]:
    """Pairs without repetition; a kind waiting for a side takes the sides said elsewhere for the same finding."""
    loose = [(side, kind) for side, kind in pairs if not is_said(side) and kind not in (None, "lung")]
    bare = [side for side, kind in pairs if is_said(side) and kind in (None, "lung")]
    merged: list[Pair] = [(side, kind) for side, kind in pairs if is_said(side) and kind not in (None, "lung")]
    merged += [(side, kind) for _, kind in loose for side in bare] if bare else loose
    covered = {side for side, _ in merged}
    merged += [(side, kind) for side, kind in pairs if is_said(side) and kind in (None, "lung") and side not in covered]
    merged += [(None, kind) for side, kind in pairs if side is None and kind == "lung"]
    return list(dict.fromkeys(merged))


def is_said(side: str | None) -> bool:
    """Whether a side is said, rather than missing or implied."""
    return side is not None and not side.startswith("?")


def settle_sides(pairs: Sequence[Pair]) -> list[tuple[str, str | None]]:
    """Pairs with a side each, the implied ones made plain; those without any are left out."""
    settled = []
    for side, kind in pairs:
        if side == "?both":
            settled += [("right", kind), ("left", kind)]
        elif side is not None:
            settled.append((side.removeprefix("?"), kind))
    return settled


def place(finding: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
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


def region_rule(finding: str, pairs: Sequence[Pair], place_words: str) -> str:
    """What decided the regions: the placement of the finding's row, and the words that were read; empty if unplaced."""
    if not place(finding, pairs):
        return ""
    rule = placements()[finding].rule
    said = place_words or ("the sentence before" if pairs else "")
    return f"{rule}: {said}" if said and rule != "fixed" else rule


def side_of(pairs: Sequence[Pair]) -> str | None:
    """left, right, bilateral, or None where no side is said."""
    sides = {side for side, _ in settle_sides(pairs)}
    return "bilateral" if len(sides) == 2 else next(iter(sides), None)


@cache
def placements() -> dict[str, Placement]:
    """Finding -> how it is placed."""
    return {f.finding: f.placement for f in load_terms()}


def _zones(pairs: Sequence[Pair], placement: Placement) -> set[str]:
    regions, edges = set(), set()
    for side, kind in settle_sides(pairs):
        named = f"{side} {kind}"
        if kind in (None, "lung") or (placement.rule == "diffuse" and kind == "hilar structures"):
            regions.add(f"{side} {placement.unit}")
        elif kind in {"hemidiaphragm", "costophrenic angle"}:
            edges.update([named] if placement.rule == "zone" else [])
        elif named in _ORDER:
            regions.add(named)
    return regions or edges or (set(placement.regions) if placement.rule == "diffuse" else set())
