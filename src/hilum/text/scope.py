"""To which finding a word of quality belongs.

In: a sentence's candidates, and its words of severity and change. Out: for each of these words, and for each length,
the findings that it qualifies: the one it stands before with only describing words between ("small left effusion"),
else the one it is said of ("effusion, now small"), else the one of a clause that opens with it ("again seen is ...").
"""

from __future__ import annotations

from bisect import bisect_left

from hilum.text.reading import Candidate, Reading
from hilum.vocabulary.language import load_cues

_AHEAD, _BEHIND = 10, 14
_LIST = frozenset({"and", "or", ","})
_STOPS = frozenset({":", "with", "without", "no"})
_PLURALS = frozenset({"are", "have", "were", "remain", "appear", "both"})
_ASIDE = frozenset({"now", "also", "not", "been", "be", "quite", "very", "this", "time", "overall", "stable"})

Hit = tuple[int, int, str, str]
"""First token, one past the last, severity or temporal, and the meaning; empty where the words say nothing."""


class Scope:
    """To which findings a word of quality belongs."""

    def __init__(self, reading: Reading, hits: list[Hit]) -> None:
        cues = load_cues()
        self._reading = reading
        self._verbs = cues.verbs
        self._prepositions = cues.prepositions
        self._glue = cues.glue
        self._starts = [c.start for c in reading.candidates]
        self._said = {at for start, end, _, meaning in hits if meaning for at in range(start, end)}
        self._light = self._said | {at for start, end, _ in reading.hits.places for at in range(start, end)}

    def owners(self, start: int, end: int, kind: str) -> list[Candidate]:
        """The findings that the words in [start, end) qualify; none where they are part of a finding's own."""
        candidates = self._reading.candidates
        following = bisect_left(self._starts, end)
        after = following if following < len(candidates) and self._near(end, self._starts[following], _AHEAD) else None
        inside = next((n for n, c in enumerate(candidates[:following]) if c.end > start), None)
        if inside is not None:
            if after is not None and candidates[after].start < candidates[inside].end and self._leads(end, after, kind):
                return [candidates[after]]
            return self._within(candidates[inside], start, end, kind)
        before = following - 1 if following and self._reaches(candidates[following - 1].end, start) else None
        if after is not None and self._leads(end, after, kind):
            return self._opened(after, kind)
        if before is not None and (kind == "size" or self._is_said_of(candidates[before].end, start)):
            return self._closed(before, start, kind)
        if after is not None and self._leads(end, after, kind, listed=True):
            return self._opened(after, kind)
        if before is not None:
            article = self._reading.words[start - 1] in {"a", "an", "the"}
            return self._closed(before, start, kind) if kind == "temporal" and not article else []
        return self._opened(after, kind) if after is not None and kind == "temporal" else []

    def _near(self, start: int, end: int, reach: int) -> bool:
        return end - start <= reach and not self._reading.broken(start, end + 1, "hard", "exception")

    def _reaches(self, start: int, end: int) -> bool:
        """Whether words that end a clause can be said of a finding: also "has decreased but remains large"."""
        if self._near(start, end, _BEHIND):
            return True
        hard = [at for at, strength in self._reading.breaks.items() if strength == "hard" and start <= at < end]
        if len(hard) != 1 or end - start > _BEHIND:
            return False
        first = self._reading.words[hard[0] + 1]
        return hard[0] + 1 == end or first in self._verbs or first in _ASIDE or first.endswith("ly")

    def _within(self, candidate: Candidate, start: int, end: int, kind: str) -> list[Candidate]:
        own = set(range(start, end)) <= set(candidate.tokens)
        return [] if own and candidate.stands_for is None and (kind != "temporal" or end - start == 1) else [candidate]

    def _leads(self, end: int, after: int, kind: str, *, listed: bool = False) -> bool:
        """Whether only words that describe stand before a finding; `listed`: qualities and places joined by "and"."""
        through = {"of"} if kind == "severity" else {"of", "in", "to"}
        for at in range(end, self._starts[after]):
            word = self._reading.words[at]
            if word in self._verbs or word in _STOPS or (word in self._prepositions and word not in through):
                return False
            if not listed and word in _LIST:
                return False
            if listed and not (word in _LIST or at in self._light or word in self._glue):
                return False
        return True

    def _is_said_of(self, start: int, end: int) -> bool:
        """Whether words behind a finding that ends at `start` are said of it: "effusion, now small"."""
        words = self._reading.words
        for at in range(end - 1, start - 1, -1):
            word = words[at]
            if word in self._verbs or word in {",", ":"}:
                return True
            if word == "and" and at == end - 1 and self._said.isdisjoint(range(start, at)):
                return any(w in self._verbs for w in words[start:at])
            if not (at in self._light or word in self._glue or word in _ASIDE or word.endswith("ly")):
                return False
        return True

    def _opened(self, after: int, kind: str) -> list[Candidate]:
        """A finding and, for a change, those that are joined to it without words of their own."""
        candidates = self._reading.candidates
        found = [candidates[after]]
        for first, second in zip(candidates[after:], candidates[after + 1 :], strict=False):
            gap = range(first.end, second.start)
            joined = [self._reading.words[at] for at in gap if at not in self._light]
            if kind != "temporal" or not joined or not _LIST.issuperset(joined) or not self._said.isdisjoint(gap):
                break
            found.append(second)
        return found

    def _closed(self, before: int, start: int, kind: str) -> list[Candidate]:
        """A finding and, for a change behind a plural verb, the list that ends with it; "both" are two."""
        candidates = self._reading.candidates
        found = [candidates[before]]
        if kind != "temporal" or _PLURALS.isdisjoint(self._reading.words[found[0].end : start]):
            return found
        both = "both" in self._reading.words[found[0].end : start]
        first = max(before - 1, 0) if both else 0
        for number in range(before - 1, first - 1, -1):
            between = self._reading.words[candidates[number].end : candidates[number + 1].start]
            listed = not _LIST.isdisjoint(between) and _STOPS.isdisjoint(between)
            if not (listed or both) or not self._verbs.isdisjoint(between):
                break
            if self._reading.broken(candidates[number].end, start, "hard", "exception"):
                break
            found.append(candidates[number])
        return found
