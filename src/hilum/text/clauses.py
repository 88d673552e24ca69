"""Where a clause of a sentence ends, and with it the reach of a cue or a place.

In: the words of a sentence and their vocabulary hits. Out: token -> strength of the boundary in front of it. Without
grammar: a comma or "and" begins a clause where a subject and a verb follow and what stands before is whole by itself.
Known to be imperfect: a comma between two findings that no verb tells apart is read as a list.
"""

from __future__ import annotations

from hilum.text.reading import Reading
from hilum.vocabulary.language import load_cues

_AHEAD = 9
_STOPS = frozenset({",", "and", "or", ";"})
_ALTERNATIVE = frozenset({"or", "nor"})
_DENIALS = frozenset({"no", "without"})
_NEVER_FIRST = frozenset({"which", "that", "likely", "possibly", "this", "or"})


class ClauseFinder:
    """The boundaries of a sentence."""

    def __init__(self) -> None:
        cues = load_cues()
        self._verbs = cues.verbs
        self._modifiers = cues.modifiers
        self._participles = cues.participles

    def find(self, reading: Reading) -> dict[int, str]:
        """Token -> strength: words that are boundaries, colons, commas that begin anew, and clauses with a verb."""
        breaks: dict[int, str] = {}
        boundaries = [(start, end, mark.meaning) for start, end, mark in reading.hits.marks if mark.kind == "boundary"]
        if boundaries:
            ends, inside = _cue_words(reading)
            breaks = {s: meaning for s, e, meaning in boundaries if s not in inside and ends.get(s, 0) <= e}
        fresh = {start for start, _, mark in reading.hits.marks if mark.kind in {"severity", "temporal"}}
        last = max((at for at, word in enumerate(reading.words) if word in _ALTERNATIVE), default=-1)
        for at, word in enumerate(reading.words):
            if word == ":" or (word == "," and at > last and self._restarts(reading.words, at, fresh)):
                breaks.setdefault(at + 1, "soft")
            if word == "," and last < 0 and self._ends_denial(reading.words, at):
                breaks[at + 1] = "hard"
            if word in {",", "and"} and self._begins_clause(reading, at) and self._is_whole(reading, at, breaks):
                breaks[at + 1] = "hard"
        return breaks

    def _begins_clause(self, reading: Reading, at: int) -> bool:
        """A comma or "and" with a subject and a verb behind it; a verb of suggesting may have two subjects."""
        words = reading.words
        joined = False
        for ahead in range(at + 1, min(at + 1 + _AHEAD, len(words))):
            word = words[ahead]
            if word in self._verbs and words[ahead - 1] != "to":
                suggests = any(s == ahead and cue.strength == "link" for s, _, cue in reading.hits.cues)
                return ahead > at + 1 and words[at + 1] not in _NEVER_FIRST and (suggests or not joined)
            if word in _STOPS:
                if word != "and" or joined:
                    return False
                joined = True
        return False

    def _is_whole(self, reading: Reading, at: int, breaks: dict[int, str]) -> bool:
        """Whether what stands before `at` can be a clause by itself: a verb, a denial of something, a finding."""
        start = max((b for b, strength in breaks.items() if b <= at and strength == "hard"), default=0)
        before = reading.words[start:at]
        if any(word in self._verbs for word in before):
            return True
        if not _DENIALS.isdisjoint(before):
            first = min(before.index(word) for word in _DENIALS if word in before)
            return any(word not in self._modifiers for word in before[first + 1 :])
        return reading.words[at] == "," and any(start <= s and e <= at for s, e, _ in reading.hits.terms)

    def _restarts(self, words: list[str], at: int, fresh: set[int]) -> bool:
        """A comma before "stable", "and a small" ... begins anew, unless the list it stands in is closed by "or"."""
        first = at + 1
        for skipped in ({"and"}, {"a", "an"}):
            first += first < len(words) and words[first] in skipped
        return first in fresh and words[first] not in self._modifiers

    def _ends_denial(self, words: list[str], at: int) -> bool:
        """Whether a participle closes a denial: "no effusion seen, left basilar opacity"."""
        return at > 0 and words[at - 1] in self._participles and not _DENIALS.isdisjoint(words[:at])


def _cue_words(reading: Reading) -> tuple[dict[int, int], set[int]]:
    """Where the longest cue from a token on ends, and the tokens inside cues, whose words are no boundaries.

    "due to" of "may be due to", "with" of "possibly with".
    """
    ends: dict[int, int] = {}
    inside: set[int] = set()
    for start, end, _ in reading.hits.cues:
        ends[start] = max(end, ends.get(start, 0))
        inside.update(range(start + 1, end))
    return ends, inside
