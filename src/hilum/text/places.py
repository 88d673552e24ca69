"""Where a sentence places each finding.

In: candidates and place words. Out: candidates with regions. Neighbouring place words make a phrase ("right upper and
left lower lobe"), read into pairs of side and kind; each phrase goes to one finding: the one it stands before
("left basilar atelectasis"), the one it follows ("opacity at the left base"), or the first one of a clause that opens
with it ("The right base shows an opacity"). Findings joined by "and" share a place unless they are denied; "X may
represent Y" puts Y where X is; "with adjacent" hands on the side alone. What is not placed stays unplaced, except
where the finding implies its place (findings.yaml, placement).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from spacy.language import Language
from spacy.tokens import Doc

from hilum.text.lexicon import Mark
from hilum.text.reading import Candidate, Pair, Reading, reading_of
from hilum.vocabulary import REGIONS
from hilum.vocabulary.language import ELSEWHERE, PlaceWords, load_cues
from hilum.vocabulary.loader import Placement, load_findings

_SEPARATORS = frozenset({",", "and", "or", "with", "without", "no", ":", "of"})
_ORDER = {region: number for number, region in enumerate(REGIONS)}


@dataclass(slots=True)
class PlacePhrase:
    """Neighbouring place words. pairs: what they say."""

    start: int
    end: int
    words: list[tuple[int, int, PlaceWords]]


@Language.factory("hilum_regions")
def make_regions(nlp: Language, name: str) -> RegionFinder:
    """The component that places findings."""
    return RegionFinder()


class RegionFinder:
    """Place phrases to findings, and findings to regions."""

    def __init__(self) -> None:
        cues = load_cues()
        self._verbs = cues.verbs
        self._prepositions = cues.prepositions
        self._glue = cues.glue
        self._placements = placements()
        self._signs = {f.finding for f in load_findings() if f.sign}

    def __call__(self, doc: Doc) -> Doc:
        """Place every candidate of the sentence."""
        reading = reading_of(doc)
        if not reading.candidates:
            return doc
        for phrase in self._phrases(reading):
            self._attach(reading, phrase)
        self._share(reading)
        self._look_back(reading)
        return doc

    def _phrases(self, reading: Reading) -> list[PlacePhrase]:
        phrases: list[PlacePhrase] = []
        starts = {c.start for c in reading.candidates}
        for start, end, words in reading.hits.places:
            last = phrases[-1] if phrases else None
            if last is not None and self._continues(reading, last, start, starts):
                last.words.append((start, end, words))
                last.end = max(last.end, end)
            else:
                phrases.append(PlacePhrase(start, end, [(start, end, words)]))
        return phrases

    def _continues(self, reading: Reading, phrase: PlacePhrase, start: int, starts: set[int]) -> bool:
        between = reading.words[phrase.end : start]
        if any(phrase.end <= s < start for s in starts) or reading.broken(phrase.end, start + 1, "hard", "exception"):
            return False
        return len(between) <= 4 and all(
            w in self._glue or (w == "," and i == 0 and len(between) <= 2) for i, w in enumerate(between)
        )

    def _attach(self, reading: Reading, phrase: PlacePhrase) -> None:
        inside = [c for c in reading.candidates if c.start < phrase.end and phrase.start < c.end]
        if inside:
            self._give(inside[0], phrase, leads=phrase.start < inside[0].start)
            return
        before = [
            c for c in reading.candidates if c.end <= phrase.start and not self._cut(reading, c.end, phrase.start)
        ]
        after = [c for c in reading.candidates if c.start >= phrase.end and not self._cut(reading, phrase.end, c.start)]
        if before and after and self._leads(reading, phrase, after[0].start):
            head, tail = self._split(reading, phrase, before[-1])
            if head is not None:
                self._give(before[-1], head, leads=False)
            self._give(after[0], tail, leads=True)
        elif before:
            self._give(before[-1], phrase, leads=False)
        elif after:
            self._give(after[0], phrase, leads=True)

    @staticmethod
    def _cut(reading: Reading, start: int, end: int) -> bool:
        return reading.broken(start, end + 1, "hard", "exception")

    def _leads(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether only words that describe stand between the phrase and the finding at `start`."""
        between = reading.words[phrase.end : start]
        if len(between) > 5 or any(m.kind in {"link", "boundary"} for m in _marks(reading, phrase.end, start)):
            return False
        if between[1:2] == ["of"]:  # "bibasilar areas of atelectasis"
            between = between[2:]
        return not any(w in self._verbs or w in self._prepositions or w in _SEPARATORS for w in between)

    def _split(
        self, reading: Reading, phrase: PlacePhrase, before: Candidate
    ) -> tuple[PlacePhrase | None, PlacePhrase]:
        """Part a phrase between two findings: "in the left base and right apical nodule"."""
        ahead = phrase.start - 1
        while ahead >= before.end and reading.words[ahead] in {"the", "a", "an"}:
            ahead -= 1
        if ahead < before.end or reading.words[ahead] not in self._prepositions:
            return None, phrase
        for number in range(len(phrase.words) - 1, 0, -1):
            if {"and", ","} & set(reading.words[phrase.words[number - 1][1] : phrase.words[number][0]]):
                cut = phrase.words[number][0]
                return (
                    PlacePhrase(phrase.start, phrase.words[number - 1][1], phrase.words[:number]),
                    PlacePhrase(cut, phrase.end, phrase.words[number:]),
                )
        return None, phrase

    @staticmethod
    def _give(candidate: Candidate, phrase: PlacePhrase, *, leads: bool) -> None:
        pairs = read_pairs(phrase, candidate)
        if pairs:
            candidate.leads = leads if not candidate.own_place else candidate.leads
            candidate.own_place = True
            candidate.pairs = merge_pairs(candidate.pairs + pairs)

    def _share(self, reading: Reading) -> None:
        candidates = reading.candidates
        for first, second in pairwise(candidates):
            if second.own_place and any(side for side, _ in second.pairs):
                continue
            relation = self._relation(reading, first, second)
            if relation is None or not first.pairs or not self._may_share(first, second, relation):
                continue
            sides = list(dict.fromkeys(side for side, _ in first.pairs if side))
            if second.own_place:
                if sides:
                    second.pairs = merge_pairs([(side, kind) for _, kind in second.pairs for side in sides])
            elif relation == "beside" and self._placements[first.finding].rule == "sided":
                second.pairs = [(side, None) for side in sides]
            elif relation in {"link", "beside"} or first.leads or not first.own_place:
                second.pairs = list(first.pairs)
                second.leads = first.leads
        for first, second in reversed(list(pairwise(candidates))):
            if first.pairs or not second.own_place or second.leads or second.term.n_parts > 1:
                continue
            if self._relation(reading, first, second) == "list" and self._may_share(first, second, "list"):
                first.pairs = list(second.pairs)

    def _may_share(self, first: Candidate, second: Candidate, relation: str) -> bool:
        if "absent" in (first.assertion, second.assertion):
            return False
        rules = {self._placements[c.finding].rule for c in (first, second)}
        if relation == "link":
            return not rules & {"tip", "none"}
        units = {
            self._placements[c.finding].unit for c in (first, second) if self._placements[c.finding].rule == "sided"
        }
        return rules <= {"zone", "sided"} and units <= {"costophrenic angle"}

    def _relation(self, reading: Reading, first: Candidate, second: Candidate) -> str | None:
        """How two neighbouring findings are joined: link, beside, list, or not at all."""
        if reading.broken(first.end, second.start + 1, "hard", "exception"):
            return None
        between = reading.words[first.end : second.start]
        links = [e for s, e, m in reading.hits.marks if m.kind == "link" and first.end <= s and e <= second.start]
        if links and not {"and", ","} & set(reading.words[max(links) : second.start]):
            return "link"
        if self._is_gloss(first, second, between):
            return "link"
        if any(m.kind == "beside" for m in _marks(reading, first.end, second.start)) and "with" in between:
            return "beside"
        if len(between) > 7 or any(w in self._verbs or w in {"with", ":"} for w in between):
            return None
        return "list" if not between or {"and", "or", ",", "versus", "vs"} & set(between) else None

    def _is_gloss(self, first: Candidate, second: Candidate, between: list[str]) -> bool:
        """A sign with its explanation behind a comma or a removed word: "opacity, ___ atelectasis"."""
        if first.finding not in self._signs or second.finding in self._signs:
            return False
        if self._placements[second.finding].rule != "zone":
            return is_gap(between[-1] if between else "") or is_gap(between[-2] if len(between) > 1 else "")
        behind = between[len(between) - between[::-1].index(",") :] if "," in between else None
        gap = any(is_gap(word) for word in between[-3:])
        return gap or (
            behind is not None and len(behind) <= 2 and not {"and", "or", "nor", "with", "no", "without"} & set(behind)
        )

    def _look_back(self, reading: Reading) -> None:
        """Mark findings without a place in a sentence that goes on with the one before it ("This may be ...")."""
        if not any(s == 0 and m.kind == "backref" for s, _, m in reading.hits.marks):
            return
        if any(c.pairs for c in reading.candidates[:1]):
            return
        for candidate in reading.candidates:
            rule = self._placements[candidate.finding].rule
            candidate.refers_back = (
                not candidate.pairs and candidate.assertion != "absent" and rule in {"zone", "sided"}
            )


def is_gap(word: str) -> bool:
    """Whether a token stands for words removed by de-identification."""
    return word.startswith("\u00a4") or (len(word) > 2 and not word.strip("x"))


def _marks(reading: Reading, start: int, end: int) -> list[Mark]:
    return [m for s, e, m in reading.hits.marks if start <= s and e <= end]


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
        if self.pairs and all(side is None and kind not in _ORDER for side, kind in self.pairs):
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
        said = words.side or (None if self._sides else words.implied)
        sides: list[str | None] = ["left", "right"] if said == "bilateral" else [said] if said else [*self._sides]
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
    loose = [kind for side, kind in pairs if side is None and kind not in (None, "lung")]
    bare = [side for side, kind in pairs if side is not None and kind in (None, "lung")]
    sided = [(side, kind) for side, kind in pairs if side is not None and kind not in (None, "lung")]
    if loose and bare:
        sided += [(side, kind) for kind in loose for side in bare]
        loose = []
    merged: list[Pair] = list(sided)
    merged += [(None, kind) for kind in loose]
    covered = {side for side, _ in sided}
    merged += [
        (side, kind) for side, kind in pairs if side is not None and kind in (None, "lung") and side not in covered
    ]
    merged += [(None, kind) for side, kind in pairs if side is None and kind == "lung"]
    return list(dict.fromkeys(merged))


def place(finding: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The regions of a finding that is said to lie at these pairs of side and kind, by its row's placement."""
    placement = placements()[finding]
    if placement.rule == "fixed":
        regions = set(placement.regions)
    elif placement.rule == "none":
        regions = set()
    elif placement.rule == "sided":
        regions = {f"{side} {placement.unit}" for side, _ in pairs if side}
    elif placement.rule == "tip":
        regions = {kind for _, kind in pairs if kind in _ORDER} or set(placement.regions)
    else:
        regions = _zones(pairs, placement)
    return tuple(sorted(regions, key=_ORDER.__getitem__))


def side_of(pairs: Sequence[Pair]) -> str | None:
    """left, right, bilateral, or None where no side is said."""
    sides = {side for side, _ in pairs if side}
    return "bilateral" if len(sides) == 2 else next(iter(sides), None)


@cache
def placements() -> dict[str, Placement]:
    """Finding -> how it is placed."""
    return {f.finding: f.placement for f in load_findings()}


def _zones(pairs: Sequence[Pair], placement: Placement) -> set[str]:
    regions, edges = set(), set()
    for side, kind in pairs:
        if side is None:
            continue
        named = f"{side} {kind}"
        if kind in (None, "lung") or (placement.rule == "diffuse" and kind == "hilar structures"):
            regions.add(f"{side} {placement.unit}")
        elif kind in {"hemidiaphragm", "costophrenic angle"}:
            edges.update([named] if placement.rule == "zone" else [])
        elif named in _ORDER:
            regions.add(named)
    return regions or edges or (set(placement.regions) if placement.rule == "diffuse" else set())
