"""Words of place into pairs of side and kind.

In: neighbouring place words. Out: pairs: "left upper and lower lobes" is (left, upper lung zone) and (left, lower lung
zone). A side that is not said but implied by the place alone is marked so; regions.py makes it plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hilum.text.reading import Candidate, Pair
from hilum.vocabulary import REGIONS
from hilum.vocabulary.language import ELSEWHERE, PlaceWords

ZONES = frozenset({"upper lung zone", "mid lung zone", "lower lung zone", "apical zone"})
SINGLE = frozenset(REGIONS)
"""Kinds that are regions by themselves (svc, spine, ...): the paired ones are regions only with a side in front."""

PlaceHit = tuple[int, int, PlaceWords]
"""First token, one past the last, and what the words mean."""


@dataclass(slots=True)
class PlacePhrase:
    """Neighbouring place words: first token, one past the last, and each hit."""

    start: int
    end: int
    words: list[PlaceHit]


def read_pairs(phrase: PlacePhrase, candidate: Candidate, *, diffuse: bool) -> list[Pair]:
    """The pairs of side and kind that a phrase says of a finding.

    A side before a foreign place goes with it ("left humerus"), unless the place is part of the finding's own words.
    A diffuse finding has no place in its own words ("lower lung volumes").
    """
    reader = _PairReader()
    heads = [words.kind for _, _, words in phrase.words if words.kind and not words.partial]
    for start, end, words in phrase.words:
        if words.kind is not None and not words.partial:
            heads = heads[1:]
        if diffuse and words.kind is not None and set(range(start, end)) <= set(candidate.tokens):
            continue
        if words.kind is None:
            reader.say_side(["left", "right"] if words.side == "bilateral" else [words.side or ""])
        elif words.kind == ELSEWHERE:
            if not (candidate.start < end and start < candidate.end):
                reader.forget_sides()
        elif not words.partial or any(kind not in ("lung", ELSEWHERE) for kind in heads):
            reader.say_kind(words)
        elif "lung" in heads:
            reader.wait(words.kind)
    return reader.finish()


class _PairReader:
    """Reads a place phrase from left to right.

    pairs: what was read. _pending: zones that wait for their "lung" ("lower left lung"), with the sides so far. A side
    is fresh until a place has taken it; then it still holds for the places that follow ("left upper and lower lobes")
    until another is said.
    """

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self._pending: list[tuple[list[str], str]] = []
        self._sides: list[str] = []
        self._fresh = True

    def say_side(self, sides: list[str]) -> None:
        """Take in left, right or both: for the places before it if they have none ("at the base on the left")."""
        if self.pairs and all(not is_said(side) and kind not in SINGLE for side, kind in self.pairs):
            self.pairs = [(side, kind) for _, kind in self.pairs for side in sides]
        elif self._fresh:
            self._sides = list(dict.fromkeys(self._sides + sides))
        else:
            self._sides, self._fresh = sides, True

    def wait(self, kind: str) -> None:
        """Take in a zone whose "lung" or "lobes" is still to come."""
        self._pending.append(([*self._sides], kind))
        self._fresh = not self._sides

    def forget_sides(self) -> None:
        """Drop the side that belongs to a place outside the regions."""
        self._sides, self._fresh = [], True

    def say_kind(self, words: PlaceWords) -> None:
        """Take in a place, with the side in its own words, else the one said before it, else the one it implies.

        A place that one side alone has ("middle lobe") does not take the side of the place before it.
        """
        if words.kind == "lung" and self._pending:
            for before, kind in self._pending:
                self.pairs.extend((side, kind) for side in _or_none(before or self._sides))
            self._pending, self._fresh = [], False
            return
        sides = self._sides
        if words.side is not None:
            sides = ["left", "right"] if words.side == "bilateral" else [words.side]
        elif words.implied == "bilateral" and not sides:
            sides = ["?both"]
        elif words.implied in {"left", "right"} and not (sides and self._fresh):
            sides = [f"?{words.implied}"]
        self.pairs.extend((side, words.kind) for side in _or_none(sides))
        self._fresh = False

    def finish(self) -> list[Pair]:
        """What was read; a side that no place took goes to the one place there is, or stands alone.

        A zone in front of a plural is plural too: "the mid and lower lungs".
        """
        if "?both" in {side for side, _ in self.pairs}:
            self.pairs = [("?both" if side is None and kind in ZONES else side, kind) for side, kind in self.pairs]
        if self._fresh and self._sides:
            kinds = list(dict.fromkeys(kind for _, kind in self.pairs))
            if not kinds:
                self.pairs.extend((side, None) for side in self._sides)
            elif len(kinds) == 1:
                self.pairs.extend((side, kinds[0]) for side in self._sides)
        return merge_pairs(self.pairs)


def _or_none(sides: list[str]) -> list[str | None]:
    return [*sides] or [None]


def merge_pairs(pairs: list[Pair]) -> list[Pair]:
    """Pairs without repetition; a kind waiting for a side takes the side said elsewhere for the same finding.

    The bare sides come first ("on the left"); failing these, the one side that other places have ("left perihilar
    scarring in the upper lobe"). Single regions take none.
    """
    return list(_merged(tuple(pairs)))


@lru_cache(maxsize=4_096)
def _merged(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    single: list[Pair] = [(side, kind) for side, kind in pairs if kind in SINGLE]
    pairs = tuple((side, kind) for side, kind in pairs if kind not in SINGLE)
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
    said = set(merged)
    merged = [(side, kind) for side, kind in merged if is_said(side) or ((side or "").lstrip("?"), kind) not in said]
    covered = {side for side, _ in merged}
    merged += [(side, kind) for side, kind in pairs if is_said(side) and kind in (None, "lung") and side not in covered]
    merged += [(None, kind) for side, kind in pairs if side is None and kind == "lung"]
    return tuple(dict.fromkeys(merged + single))


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
