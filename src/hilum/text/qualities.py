"""How marked a finding is said to be, how large, and how it changed against an earlier study.

In: candidates, and the words of severity and change and the lengths around them. Out: candidates with severity,
temporal and size_mm, or None. Each word goes to one finding: the one it describes ("small left effusion"), else the one
that it is said of ("the effusion is small and unchanged"), in its clause. A change also goes to the list that it opens
("stable cardiomegaly and effusion") or closes with a plural verb. Of several severities the greatest counts, so also of
two sides ("small left and moderate right effusions"); of several lengths the largest; of several changes the first of
_CHANGES ("stable to slightly improved" is improved). What is denied has no severity and no change but `resolved`.
"""

from __future__ import annotations

from bisect import bisect_left

from hilum.schema import SEVERITIES
from hilum.text.reading import Candidate, Reading
from hilum.text.scope import Hit, Scope
from hilum.text.sizes import find_sizes
from hilum.vocabulary import finding_category
from hilum.vocabulary.language.qualities import load_qualities

_CHANGES = ("new", "worsened", "improved", "resolved", "unchanged")
_TUBES = frozenset({"tubesandlines", "device"})


class QualityFinder:
    """Words of severity and change, and lengths, to findings."""

    def __init__(self) -> None:
        self._changes = load_qualities().changes

    def __call__(self, reading: Reading) -> None:
        """Qualify every candidate of the sentence."""
        hits = _hits(reading)
        sizes = _sizes(reading)
        if hits or sizes:
            scope = Scope(reading, hits)
            for number, (start, end, kind, meaning) in enumerate(hits):
                if meaning and not (kind == "severity" and self._is_degree(reading.words, hits, number)):
                    for candidate in scope.owners(start, end, kind):
                        _qualify(candidate, kind, meaning)
            for start, end, size_mm in sizes:
                for candidate in scope.owners(start, end, "size"):
                    if finding_category(candidate.finding) not in _TUBES:
                        candidate.size_mm = max(size_mm, candidate.size_mm or 0.0)
        for candidate in reading.candidates:
            if candidate.assertion == "absent":
                candidate.severity = None
                candidate.temporal = "resolved" if candidate.temporal == "resolved" else None

    def _is_degree(self, words: list[str], hits: list[Hit], number: int) -> bool:
        """Whether a severity measures a change: "slight interval increase", "markedly improved"."""
        _, end, _, _ = hits[number]
        if end < len(words) and words[end] in self._changes:
            return True
        follows = hits[number + 1] if number + 1 < len(hits) else None
        return (
            words[end - 1].endswith("ly") and follows is not None and follows[:1] == (end,) and follows[2] == "temporal"
        )


def _hits(reading: Reading) -> list[Hit]:
    """The words of severity and change; where they overlap, the first and then the longest."""
    hits: list[Hit] = []
    reached = 0
    for start, end, mark in reading.hits.marks:
        if mark.kind in {"severity", "temporal"} and start >= reached:
            hits.append((start, end, mark.kind, mark.meaning))
            reached = end
    return hits


def _sizes(reading: Reading) -> list[tuple[int, int, float]]:
    """The lengths of a sentence, by token."""
    sizes = find_sizes(reading.text)
    if not sizes:
        return []
    starts = [start for start, _ in reading.spans]
    return [(bisect_left(starts, start), bisect_left(starts, end), size_mm) for start, end, size_mm in sizes]


def _qualify(candidate: Candidate, kind: str, meaning: str) -> None:
    if kind == "severity":
        known = [candidate.severity, meaning]
        candidate.severity = max((s for s in known if s is not None), key=SEVERITIES.index)
    else:
        said = [candidate.temporal, meaning]
        candidate.temporal = min((t for t in said if t is not None), key=_CHANGES.index)
