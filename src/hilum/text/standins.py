"""Words that stand for a finding named before them: "a small effusion on the right, none on the left".

In: candidates. Out: one more for each word that stands for a finding and has a place behind it: "none" (absent), "that"
("... while that on the left is unchanged"), and a severity after a denial ("no effusion on the left, small on the
right"). No cue in front of the first finding reaches it.
"""

from __future__ import annotations

from hilum.text.reading import Candidate, Reading
from hilum.text.regions import placements
from hilum.vocabulary.language import load_cues
from hilum.vocabulary.language.standins import load_standins

_BETWEEN = frozenset({"the", "is", "are", "seen", "noted", "present", "identified"})
_REACH = 4
_BESIDE = frozenset({",", "and", "but", ";"})


class StandinFinder:
    """A candidate for each word that stands for one."""

    def __init__(self) -> None:
        self._claims = load_standins()
        self._prepositions = load_cues().prepositions
        self._rules = {finding: placement.rule for finding, placement in placements().items()}

    def __call__(self, reading: Reading) -> None:
        """Add the candidates of one sentence."""
        if not reading.candidates or not reading.hits.places:
            return
        claims = {at: self._claims[word] for at, word in enumerate(reading.words) if word in self._claims}
        claims |= dict.fromkeys(self._severities(reading), "same")
        places = {start for start, _, _ in reading.hits.places}
        found = [
            stands
            for at, claim in sorted(claims.items())
            if self._is_placed(reading.words, at, places) and (stands := self._stand(reading, at, claim)) is not None
        ]
        if found:
            reading.add(found)

    def _severities(self, reading: Reading) -> list[int]:
        """Severities behind a comma or "and" after a denied finding."""
        denials = [start for start, _, cue in reading.hits.cues if cue.assertion == "absent"]
        if not denials:
            return []
        denied = min(denials)
        return [
            end - 1
            for start, end, mark in reading.hits.marks
            if mark.kind == "severity" and start > denied and reading.words[start - 1] in _BESIDE
        ]

    def _is_placed(self, words: list[str], at: int, places: set[int]) -> bool:
        """Whether a preposition and a place follow: "none on the left", "none is seen at the base"."""
        preposition = False
        for ahead in range(at + 1, min(at + 1 + _REACH + 1, len(words))):
            if ahead in places:
                return preposition
            preposition = preposition or words[ahead] in self._prepositions
            if words[ahead] not in _BETWEEN and words[ahead] not in self._prepositions:
                return False
        return False

    def _stand(self, reading: Reading, at: int, claim: str) -> Candidate | None:
        before = next((c for c in reversed(reading.candidates) if c.end <= at), None)
        inside = any(c.start <= at < c.end for c in reading.candidates)
        if before is None or inside or before.term.normal or self._rules[before.finding] not in {"zone", "sided"}:
            return None
        stands = Candidate(at, at + 1, (at,), before.term, 1, stands_for=before)
        if claim == "absent":
            stands.assertion, stands.cue = "absent", reading.words[at]
        return stands
