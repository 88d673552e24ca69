"""Which doubted findings are offered as the cause or nature of a sign: "opacity, which may be atelectasis".

In: candidates with assertions. Out: those that explain another become hypothetical and name it. A doubt about the
finding itself ("possible effusion", "findings suspicious for pneumonia", "pneumonia cannot be excluded") stays
uncertain. The sign is the last thing named before the words of doubt, in their clause: a finding, or something seen
that no finding names (cues.yaml, subjects); where they begin the sentence and refer back ("This may be ..."), the one
before names it.
Known to be imperfect: "X, possible Y" is read as an explanation where X is a sign that others explain, else as a list.
"""

from __future__ import annotations

from hilum.text.reading import Candidate, CueHit, Reading
from hilum.vocabulary import finding_category
from hilum.vocabulary.language.terms import signs_of_others

_JOINS = frozenset({"or", "and", "versus", "vs", "vs.", ",", "alternatively", "than"})
_APART = frozenset({"with", "without", "no", "there", "which", "cannot", "not", "but"})
_BESIDE = frozenset({"and", "or", "with", "without", "no", "nor", "there", "versus", "vs"})
_COPULAS = frozenset({"is", "are", "was", "were", "be", "which", "that", "also", "seems", "appears"})
_REACH = 8


class ExplanationFinder:
    """Signs and what they are taken for."""

    def __init__(self) -> None:
        self._signs = signs_of_others()

    def __call__(self, reading: Reading) -> None:
        """Settle every doubted candidate in order: a list goes on with what its first member explains."""
        for number, candidate in enumerate(reading.candidates):
            if candidate.assertion == "uncertain":
                self._settle(reading, candidate, reading.candidates[number - 1] if number else None)

    def _settle(self, reading: Reading, candidate: Candidate, before: Candidate | None) -> None:
        if before is not None and _goes_on(reading, before, candidate):
            candidate.explains_back = before.explains_back
            candidate.explains = candidate if before.explains is before else before.explains
        elif candidate.decided is not None and candidate.decided[2].strength != "own":
            candidate.explains, candidate.explains_back = self._find_sign(reading, candidate, candidate.decided)
        if candidate.explains is not None:
            candidate.assertion = "hypothetical"

    def _find_sign(self, reading: Reading, candidate: Candidate, hit: CueHit) -> tuple[Candidate | None, bool]:
        """The sign before the words of doubt, and whether to look for it in the sentence before."""
        start, _, cue = hit
        before = [c for c in reading.candidates if c.end <= start and c.start < candidate.start]
        seen = [c for c in before if c.assertion in {"present", "uncertain"}]
        nouns = [(e, m.meaning) for s, e, m in reading.hits.marks if m.kind == "subject" and e <= start]
        sign = seen[-1] if seen else None
        if reading.words[start] == "differential":  # "opacity, nonspecific in appearance, differential includes ..."
            nouns = [noun for noun in nouns if noun[1] == "seen"]
        noun = next(((e, meaning) for e, meaning in reversed(nouns) if sign is None or e > sign.end), None)
        if noun is not None and sign is not None and "with" in reading.words[sign.end : noun[0]]:
            noun = None  # "opacity with volume loss suggests ...": the opacity is what is explained
        if noun is not None and not _parted(reading, noun[0], start):
            return (candidate if noun[1] == "seen" else None), noun[1] == "generic" and _refers_back(reading, start)
        if sign is None or _parted(reading, sign.end, start):
            return None, _refers_back(reading, start)
        if cue.strength == "aside" and not self._is_aside(reading, sign, start, candidate):
            return None, False
        return sign, False

    def _is_aside(self, reading: Reading, sign: Candidate, start: int, candidate: Candidate) -> bool:
        between = reading.words[sign.end : start]
        if not _BESIDE.isdisjoint(between) or candidate.finding == sign.finding:
            return False
        if between and between[-1] in _COPULAS:
            return True
        return sign.finding in self._signs or finding_category(candidate.finding) == "disease"


def _goes_on(reading: Reading, before: Candidate, candidate: Candidate) -> bool:
    """Whether a candidate is the next member of a list of explanations."""
    if before.explains is None and not before.explains_back:
        return False
    between = reading.words[before.end : candidate.start]
    start = candidate.decided[0] if candidate.decided else 0
    if reading.words[before.end : start] in (["but"], [",", "but"]):  # "is likely atelectasis but could be pneumonia"
        return True
    if len(between) > _REACH or _JOINS.isdisjoint(between) or not _APART.isdisjoint(between):
        return before.decided is not None and before.decided == candidate.decided
    return not reading.broken(before.end, candidate.start + 1, "hard", "soft", "exception")


def _parted(reading: Reading, start: int, end: int) -> bool:
    """Whether a sign and the words of doubt stand in two clauses."""
    return "there" in reading.words[start:end] or reading.broken(start, end + 1, "hard", "exception")


def _refers_back(reading: Reading, start: int) -> bool:
    """Whether a sentence that goes on with the one before it begins with the words of doubt, or nearly so."""
    refers = any(s == 0 and m.kind == "backref" for s, _, m in reading.hits.marks)
    return refers and start <= _REACH and "of" not in reading.words[:start] and not _parted(reading, 1, start)
