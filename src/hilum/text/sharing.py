"""What findings take from each other's places.

In: candidates with the places said of each. Out: the same, with those that are shared. `placed_by` says how:
- shared: findings joined by "and" share a place unless they are denied; "X may represent Y" puts Y where X is.
- side: "effusion with adjacent Y" hands on the side alone; so does a finding that has only a side, and a chest tube, in
  either direction: it is put in on the side of the air or the fluid that it drains, and on no other side. No other
  device says where a finding is.
- sentence before: a sentence that goes on with what the one before it spoke of ("This may be ...", "There is adjacent
  atelectasis") has its place; the reader, who knows that sentence, fills it in.
"""

from __future__ import annotations

from itertools import pairwise

from hilum.text.pairs import has_side, merge_pairs, settle_sides
from hilum.text.reading import Candidate, Pair, Reading
from hilum.text.regions import placements
from hilum.vocabulary import finding_category
from hilum.vocabulary.language import load_cues
from hilum.vocabulary.language.standins import load_nearby
from hilum.vocabulary.language.terms import Placement, load_terms

_LIST = frozenset({"and", "or", ",", "versus", "vs"})
_JOINS = frozenset({"and", "or", "nor", "with", "no", "without"})
_PLEURAL = frozenset({"apical zone", "costophrenic angle"})
_NEAR = 4


class PlaceSharer:
    """Hands places on between the findings of one sentence."""

    def __init__(self) -> None:
        self._verbs = load_cues().verbs
        self._nearby = load_nearby()
        self._placements = placements()
        self._signs = {f.finding for f in load_terms() if f.sign}
        self._tubes = {
            f.finding
            for f in load_terms()
            if f.placement.rule == "zone" and finding_category(f.finding) == "tubesandlines"
        }

    def share(self, reading: Reading) -> None:
        """Share places among a sentence's candidates, and mark those that the sentence before places."""
        relations = [(a, b, self._relation(reading, a, b)) for a, b in pairwise(reading.candidates)]
        for first, second, relation in relations:
            if relation is not None and first.pairs and self._may_share(first, second, relation):
                self._hand_on(first, second, relation)
        for candidate in reading.candidates:
            if candidate.stands_for is not None and candidate.assertion != "absent":
                _complete(candidate, candidate.stands_for)
        for candidate in reading.candidates:  # an explanation further on: "opacity, likely X but could be Y"
            sign = candidate.explains or candidate
            if sign.pairs and not candidate.pairs and self._may_share(sign, candidate, "link"):
                _take(candidate, sign, list(sign.pairs), f"shared with {sign.finding}")
        taken: set[int] = set()
        for first, second, relation in reversed(relations):
            gives = (second.own_place and not second.leads and second.term.n_parts == 1) or id(second) in taken
            if relation in {"list", "link"} and gives and not first.pairs and self._may_share(first, second, "list"):
                _take(first, second, list(second.pairs), f"shared with {second.finding}")
                taken.add(id(first))
        self._look_back(reading)

    def _hand_on(self, first: Candidate, second: Candidate, relation: str) -> None:
        if second.own_place and any(has_side(side) for side, _ in second.pairs):
            return
        sides = list(dict.fromkeys(side for side, _ in settle_sides(first.pairs)))
        if second.own_place:
            if sides:
                pairs: list[Pair] = [(side, kind) for _, kind in second.pairs for side in sides]
                _take(second, first, pairs, f"said, side of {first.finding}")
        elif {first.finding, second.finding} & self._tubes or (
            relation == "beside" and self._placements[first.finding].rule == "sided"
        ):
            _take(second, first, [(side, None) for side in sides], f"side of {first.finding}")
        elif relation in {"link", "beside"} or first.leads or not first.own_place:
            _take(second, first, list(first.pairs), f"shared with {first.finding}")
            second.leads = first.leads

    def _may_share(self, first: Candidate, second: Candidate, relation: str) -> bool:
        if "absent" in (first.assertion, second.assertion):
            return False
        placed = [self._placements[c.finding] for c in (first, second)]
        rules = {p.rule for p in placed}
        if relation == "link":
            return not rules & {"tip", "none"}
        if {first.finding, second.finding} & self._tubes:
            return all(
                c.finding in self._tubes or p.unit in _PLEURAL for c, p in zip((first, second), placed, strict=True)
            )
        if relation == "beside" and placed[0].unit == "hemidiaphragm":
            return placed[1].rule == "zone"
        spread = placed[0].rule == "diffuse" and placed[1].rule == "zone" and bool(first.place_spans)
        sided = {p.unit for p in placed if p.rule == "sided"}
        return (rules <= {"zone", "sided"} or spread) and sided <= {"costophrenic angle"}

    def _relation(self, reading: Reading, first: Candidate, second: Candidate) -> str | None:
        """How two neighbouring findings are joined: link, beside, list, or not at all."""
        if reading.broken(first.end, second.start + 1, "hard", "exception"):
            return None
        if second.explains is first:
            return "link"
        between = reading.words[first.end : second.start]
        marks = reading.marks_in(first.end, second.start)
        links = [end for _, end, mark in marks if mark.kind == "link"]
        if links and not {"and", ","} & set(reading.words[max(links) : second.start]):
            return "link"
        if self._is_gloss(first, second, between):
            return "link"
        if "with" in between and any(mark.kind == "beside" for _, _, mark in marks):
            return "beside"
        if len(between) > 7 or any(w in self._verbs or w in {"with", ":"} for w in between):
            return None
        return "list" if not between or not _LIST.isdisjoint(between) else None

    def _is_gloss(self, first: Candidate, second: Candidate, between: list[str]) -> bool:
        """A sign with its explanation behind a comma or a removed word: "opacity, ___ atelectasis"."""
        if first.finding not in self._signs or second.finding in self._signs:
            return False
        if self._placements[second.finding].rule != "zone":
            return any(is_gap(word) for word in between[-2:])
        behind = between[len(between) - between[::-1].index(",") :] if "," in between else None
        gap = any(is_gap(word) for word in between[-3:])
        return gap or (behind is not None and len(behind) <= 2 and _JOINS.isdisjoint(behind))

    def _look_back(self, reading: Reading) -> None:
        """Mark findings without a place in a sentence that goes on with the one before it ("This may be ...")."""
        first = reading.candidates[0]
        if first.pairs:
            return
        goes_on = any(start == 0 and mark.kind == "backref" for start, _, mark in reading.hits.marks)
        if not goes_on and self._nearby.isdisjoint(reading.words[max(0, first.start - _NEAR) : first.start]):
            return
        for candidate in reading.candidates:
            placed: Placement = self._placements[candidate.finding]
            candidate.refers_back = (
                not candidate.pairs and candidate.assertion != "absent" and placed.rule in {"zone", "sided"}
            )


def _complete(candidate: Candidate, named: Candidate) -> None:
    """Give a side alone the places of what it stands for: "the opacity at the right base, and that on the left"."""
    kinds = list(dict.fromkeys(kind for _, kind in named.pairs if kind is not None))
    if kinds and all(kind is None for _, kind in candidate.pairs):
        _take(
            candidate,
            named,
            [(side, kind) for side, _ in candidate.pairs for kind in kinds],
            f"said, place of {named.finding}",
        )


def _take(candidate: Candidate, giver: Candidate, pairs: list[Pair], how: str) -> None:
    candidate.pairs = merge_pairs(pairs)
    candidate.place_spans = [*giver.place_spans, *candidate.place_spans]
    candidate.placed_by = how


def is_gap(word: str) -> bool:
    """Whether a token stands for words removed by de-identification."""
    return word.startswith("\u00a4") or (len(word) > 2 and not word.strip("x"))
