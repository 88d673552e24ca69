"""Phrases of place: place words with nothing between them but words that join them.

In: the place words of a sentence. Out: phrases ("right upper and left lower lobe"). Words in between belong to the
phrase if they are glue (cues.yaml), or tell of two sides how much is on each ("moderate right and small left"). Left
out is where a finding is said not to be ("sparing the apex"), and "both" where it means two findings.
"""

from __future__ import annotations

from bisect import bisect_left

from hilum.text.pairs import PlaceHit, PlacePhrase
from hilum.text.reading import Reading
from hilum.vocabulary.language import load_cues
from hilum.vocabulary.language.standins import load_emphasis, load_sparing

_ARTICLES = frozenset({"the", "a", "an"})


class PhraseFinder:
    """Place words to phrases."""

    def __init__(self) -> None:
        cues = load_cues()
        self._verbs = cues.verbs
        self._glue = cues.glue
        self._emphasis = load_emphasis()
        self._sparing = load_sparing()

    def find(self, reading: Reading) -> list[PlacePhrase]:
        """The phrases of a sentence that say where a finding is."""
        phrases: list[PlacePhrase] = []
        starts = [c.start for c in reading.candidates]
        for hit in reading.hits.places:
            last = phrases[-1] if phrases else None
            if last is not None and self._continues(reading, last, hit, starts):
                last.words.append(hit)
                last.end = max(last.end, hit[1])
            else:
                phrases.append(PlacePhrase(hit[0], hit[1], [hit]))
        return [p for p in phrases if not (self._is_spared(reading, p) or self._is_pronoun(reading, p))]

    def _continues(self, reading: Reading, phrase: PlacePhrase, hit: PlaceHit, starts: list[int]) -> bool:
        start, _, words = hit
        before = phrase.words[-1][2].kind
        between = reading.words[phrase.end : start]
        if len(between) > 4 or bisect_left(starts, phrase.end) < bisect_left(starts, start):
            return False
        if reading.broken(phrase.end, start + 1, "hard", "exception"):
            return False
        if words.kind is None and before is not None and not self._emphasis.isdisjoint(between):
            return False  # "at the bases, greater on the left"
        if words.kind is None and before is None and between[:1] == ["and"]:
            between = _undescribed(reading, phrase.end, start)
        return all(w in self._glue or (w == "," and i == 0 and len(between) <= 2) for i, w in enumerate(between))

    def _is_spared(self, reading: Reading, phrase: PlacePhrase) -> bool:
        """Whether it is said that the finding is not there: "with sparing of the apices"."""
        ahead = word_ahead(reading, phrase.start, 0)
        ahead -= ahead > 0 and reading.words[ahead] == "of"
        return ahead >= 0 and reading.words[ahead] in self._sparing

    def _is_pronoun(self, reading: Reading, phrase: PlacePhrase) -> bool:
        """Whether "both" is said of two findings and not of two sides: "effusion and atelectasis, both unchanged"."""
        if reading.words[phrase.start : phrase.end] != ["both"] or phrase.end == len(reading.words):
            return False
        changes = {
            start for start, _, mark in reading.marks_in(phrase.end, len(reading.words)) if mark.kind == "temporal"
        }
        return reading.words[phrase.end] in self._verbs | {"of"} or phrase.end in changes


def _undescribed(reading: Reading, start: int, end: int) -> list[str]:
    """The words of [start, end) but those of severity, change and doubt: "moderate right and possible small left"."""
    said = [hit[:2] for hit in reading.marks_in(start, end) if hit[2].kind in {"severity", "temporal"}]
    said += [(s, e) for s, e, cue in reading.hits.cues if start <= s and e <= end and cue.assertion == "uncertain"]
    return [reading.words[at] for at in range(start, end) if not any(s <= at < e for s, e in said)]


def word_ahead(reading: Reading, start: int, low: int) -> int:
    """The token in front of `start` and the articles there; low - 1 if there is none from `low` on."""
    ahead = start - 1
    while ahead >= low and reading.words[ahead] in _ARTICLES:
        ahead -= 1
    return ahead
