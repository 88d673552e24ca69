"""How marked a finding is said to be, and how it changed against an earlier study.

In: candidates and the marks around them. Out: candidates with severity and temporal, or None. The nearest word before
the finding counts ("small effusion"), else the first behind it ("the effusion is small and unchanged"), inside its
clause and not beyond another finding.
"""

from __future__ import annotations

from spacy.language import Language
from spacy.tokens import Doc

from hilum.text.reading import Candidate, Reading, reading_of

_NEAR = 6


@Language.component("hilum_qualities")
def qualify_mentions(doc: Doc) -> Doc:
    """The component that reads severity and change."""
    reading = reading_of(doc)
    for number, candidate in enumerate(reading.candidates):
        low = reading.candidates[number - 1].end if number else 0
        more = number + 1 < len(reading.candidates)
        high = reading.candidates[number + 1].start if more else len(reading.words)
        candidate.severity = _nearest(reading, candidate, "severity", low, high)
        candidate.temporal = _nearest(reading, candidate, "temporal", low, high)
        if candidate.assertion == "absent":
            candidate.severity = None
    return doc


def _nearest(reading: Reading, candidate: Candidate, kind: str, low: int, high: int) -> str | None:
    before: str | None = None
    after: str | None = None
    for start, end, mark in reading.hits.marks:
        if mark.kind != kind or start < low or end > high:
            continue
        if end <= candidate.end:
            if candidate.start - end < _NEAR and not reading.broken(end, candidate.start + 1, "hard"):
                before = mark.meaning
        elif after is None and start - candidate.end < _NEAR and not reading.broken(candidate.end, end, "hard"):
            after = mark.meaning
    return before or after
