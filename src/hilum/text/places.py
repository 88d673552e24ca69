"""Which words of place belong to which finding.

In: candidates and place words. Out: candidates with pairs of side and kind; regions.py makes regions of them.
Neighbouring place words make a phrase ("right upper and left lower lobe"). Each phrase goes to one finding: the one it
stands before ("left basilar atelectasis"), the one it follows ("opacity at the left base"), or the first one of a
clause that opens with it ("The right base shows an opacity"). A bare side that describes a word unknown to the
vocabulary ("left mastectomy and a nodule") goes to nothing. What findings take from each other is in sharing.py.
Known to be imperfect: a place between two findings goes to one of them by the words around it, without grammar.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise

from hilum.text.pairs import PlacePhrase, has_side, merge_pairs, read_pairs
from hilum.text.place_phrases import PhraseFinder, word_ahead
from hilum.text.reading import Candidate, Reading
from hilum.text.regions import placements
from hilum.text.sharing import PlaceSharer
from hilum.vocabulary.language import load_cues
from hilum.vocabulary.language.standins import load_emphasis

_SEPARATORS = frozenset({",", "and", "or", "with", "without", "no", ":", "of"})
_EMPHASIS = 4
_LONGEST = 6
_OPENS = frozenset({",", ":", "there"})


class RegionFinder:
    """Place phrases to findings."""

    def __init__(self) -> None:
        cues = load_cues()
        self._verbs = cues.verbs
        self._prepositions = cues.prepositions
        self._glue = cues.glue
        self._emphasis = load_emphasis()
        self._phrases = PhraseFinder()
        self._sharer = PlaceSharer()

    def __call__(self, reading: Reading) -> None:
        """Place every candidate of the sentence."""
        near = _Neighbours(reading.candidates)
        phrases = self._phrases.find(reading)
        weak = [hit for phrase in phrases if (hit := self._attach(reading, phrase, near)) is not None]
        for candidate, phrase in weak:
            if not any(has_side(side) for side, _ in candidate.pairs):
                _give(candidate, phrase, leads=True)
        self._sharer.share(reading)
        for candidate in reading.candidates:
            candidate.place_words = _words(reading, candidate)

    def _attach(self, reading: Reading, phrase: PlacePhrase, near: _Neighbours) -> tuple[Candidate, PlacePhrase] | None:
        """Give a phrase to its finding; returned where it is that finding's only if it has no place of its own."""
        before, inside, after = near.of(phrase)
        if inside is not None:
            _give(inside, phrase, leads=phrase.start < inside.start)
            return None
        if before is not None and _cut(reading, before.end, phrase.start):
            before = None
        if after is not None and _cut(reading, phrase.end, after.start):
            after = None
        if after is not None and self._leads(reading, phrase, after.start):
            head, tail = self._split(reading, phrase, before) if before is not None else (None, phrase)
            if head is not None and before is not None:
                _give(before, head, leads=False)
            _give(after, tail, leads=True)
        elif before is not None and self._is_emphasis(reading, phrase, before):
            before.place_spans.append((phrase.start, phrase.end))
        elif before is not None and not self._is_others(reading, phrase, before.end):
            _give(before, phrase, leads=False)
        elif before is not None:  # "right apical irregularities compatible with scarring"
            if after is not None and reading.is_marked(phrase.end, after.start, "link"):
                _give(after, phrase, leads=True)
        elif after is not None and self._opens(reading, phrase, after):
            if self._is_listed(reading, phrase.end, after.start):
                return after, phrase
            _give(after, phrase, leads=True)
        return None

    def _leads(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether only words that describe stand between the phrase and the finding at `start`."""
        between = reading.words[phrase.end : start]
        if len(between) > 5 or reading.is_marked(phrase.end, start, "link", "boundary"):
            return False
        if between[1:2] == ["of"]:  # "bibasilar areas of atelectasis"
            between = between[2:]
        return not any(w in self._verbs or w in self._prepositions or w in _SEPARATORS for w in between)

    def _opens(self, reading: Reading, phrase: PlacePhrase, after: Candidate) -> bool:
        """Whether a clause that opens with the phrase speaks of it: "on the left there is", "the left shows".

        What is denied behind a statement of its own is not ("the right lung is clear, with no effusion").
        """
        between = reading.words[phrase.end + 1 : after.start]
        if after.assertion == "absent" and ("without" in between or ("with", "no") in pairwise(between)):
            return False
        if any(words.kind is not None for _, _, words in phrase.words):
            return True
        words = reading.words
        ahead = word_ahead(reading, phrase.start, 0)
        if ahead >= 0 and words[ahead] in self._prepositions and phrase.start - ahead > 1:
            return True
        behind = words[phrase.end]
        return behind in _OPENS or behind in self._verbs or reading.is_marked(phrase.end, after.start, "link")

    def _is_emphasis(self, reading: Reading, phrase: PlacePhrase, before: Candidate) -> bool:
        """Whether a side tells where more is of what lies on both: "at the bases, more so on the left"."""
        if any(words.kind is not None for _, _, words in phrase.words):
            return False
        near = reading.words[max(before.end, phrase.start - _EMPHASIS) : phrase.start]
        return not self._emphasis.isdisjoint(near) and any(side == "?both" for side, _ in before.pairs)

    def _is_listed(self, reading: Reading, start: int, end: int) -> bool:
        """Whether something unknown stands in a list before a finding: "left hilar calcifications and a nodule"."""
        between = reading.words[start:end]
        return between[1:] != [] and "and" in between[1:] and self._verbs.isdisjoint(between)

    def _is_others(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether a phrase behind a finding describes something unknown: "granuloma and right hilar lymph nodes"."""
        words = reading.words
        if (
            phrase.end >= len(words)
            or not words[phrase.end].isalpha()
            or words[phrase.end].endswith(("ly", "ing", "ed"))
        ):
            return False
        behind = words[phrase.end]
        if behind in self._verbs or behind in self._prepositions or behind in self._glue or behind in _SEPARATORS:
            return False
        known = [
            first for first, _, mark in reading.marks_in(phrase.end, phrase.end + _LONGEST) if mark.kind != "subject"
        ]
        if phrase.end in known or any(first == phrase.end for first, _, _ in reading.hits.cues):
            return False
        for ahead in range(phrase.start - 1, start - 1, -1):
            if words[ahead] in {",", "and"}:
                return True
            if words[ahead] in self._prepositions or words[ahead] in self._verbs:
                return False
        return False

    def _split(
        self, reading: Reading, phrase: PlacePhrase, before: Candidate
    ) -> tuple[PlacePhrase | None, PlacePhrase]:
        """Part a phrase between two findings: "in the left base and right apical nodule"."""
        ahead = word_ahead(reading, phrase.start, before.end)
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


class _Neighbours:
    """The findings around a phrase, without a look at all of them."""

    def __init__(self, candidates: list[Candidate]) -> None:
        self._candidates = candidates
        self._starts = [c.start for c in candidates]
        self._ends = list(accumulate((c.end for c in candidates), max))

    def of(self, phrase: PlacePhrase) -> tuple[Candidate | None, Candidate | None, Candidate | None]:
        """The last that ends before the phrase, the first that shares words with it, the first that begins behind."""
        behind = bisect_left(self._starts, phrase.end)
        after = self._candidates[behind] if behind < len(self._candidates) else None
        reached = bisect_right(self._ends, phrase.start)
        inside = self._candidates[reached] if reached < behind else None
        before = next((c for c in reversed(self._candidates[:behind]) if c.end <= phrase.start), None)
        return before, inside, after


def _give(candidate: Candidate, phrase: PlacePhrase, *, leads: bool) -> None:
    pairs = read_pairs(phrase, candidate, diffuse=placements()[candidate.finding].rule == "diffuse")
    if pairs:
        candidate.leads = leads if not candidate.own_place else candidate.leads
        candidate.own_place = True
        candidate.placed_by = "said"
        candidate.place_spans.append((phrase.start, phrase.end))
        candidate.pairs = merge_pairs(candidate.pairs + pairs)


def _cut(reading: Reading, start: int, end: int) -> bool:
    return reading.broken(start, end + 1, "hard", "exception")


def _words(reading: Reading, candidate: Candidate) -> str:
    """The words that placed a candidate, in the order of the text."""
    spans = sorted(set(candidate.place_spans))
    return (
        " .. ".join(" ".join(reading.words[start:end]) for start, end in spans)
        .replace(" ,", ",")
        .replace("\u00a4", "_")
    )
