"""What a sentence claims of each finding: present, absent, uncertain, historical or hypothetical.

In: candidates and cues. Out: candidates with an assertion and the cue that made it. A cue reaches forward to the next
boundary, or back over the list that ends at it ("pneumonia or aspiration cannot be excluded"). Of several, the nearest
decides, except that a denial in front of "X to suggest Y" denies both. Two findings joined by "or", neither denied, are
a differential: both uncertain.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from operator import itemgetter

from hilum.text.reading import Candidate, CueHit, Reading
from hilum.vocabulary.language import Cue

_GLUE = frozenset({",", "and", "or", "nor", "a", "an", "the", "of", "any", "either", "as", "well"})
_REACH_BACK = 14
_DIFFERENTIAL = frozenset({"or", "versus", "vs", "vs."})


def assert_mentions(reading: Reading) -> None:
    """Decide what is claimed of every candidate."""
    forward = [hit for hit in reading.hits.cues if hit[2].direction == "forward" and hit[2].assertion != "none"]
    for candidate in reading.candidates:
        _decide(reading, candidate, forward)
    for start, end, cue in reading.hits.cues:
        if cue.direction == "backward":
            _reach_back(reading, start, end, cue)
    _find_differentials(reading)


def _decide(reading: Reading, candidate: Candidate, cues: list[CueHit]) -> None:
    if candidate.term.normal:
        candidate.assertion, candidate.cue = "absent", "normal"
    clause = reading.last_break(candidate.start)
    first = bisect_right(cues, clause, key=itemgetter(1))  # cues overlap only where they are the same words
    last = bisect_right(cues, candidate.tokens[-1], key=itemgetter(0))
    reached = [hit for hit in cues[first:last] if _reaches(reading, *hit, candidate)]
    if not reached:
        return
    start, end, cue = reached[-1]
    for at, until, earlier in reached[:-1]:
        denies_both = cue.strength == "link" and earlier.assertion == "absent"
        if denies_both or earlier.assertion in {"hypothetical", "historical"}:
            start, end, cue = at, until, earlier
    candidate.assertion, candidate.cue = cue.assertion, " ".join(reading.words[start:end])
    candidate.decided = (start, end, cue)


def _reaches(reading: Reading, start: int, end: int, cue: Cue, candidate: Candidate) -> bool:
    """Whether a cue in the candidate's clause, or between its words, bears on it."""
    begin = candidate.start
    if end > begin:
        begin = candidate.tokens[-1]
        if start in candidate.tokens and not (cue.assertion == "uncertain" and reading.words[start] == "borderline"):
            return False
        if reading.broken(end, begin + 1, "hard", "soft", "exception"):
            return False
    return not (cue.assertion == "historical" and "," in reading.words[end:begin])


def _reach_back(reading: Reading, start: int, end: int, cue: Cue) -> None:
    """Apply a cue behind a finding to it, and to the list that it closes."""
    if cue.assertion == "uncertain" and reading.words[end - 1] != "over" and _leads_on(reading, end):
        return
    at = start
    listed = False
    for candidate in reversed([c for c in reading.candidates if c.end <= start]):
        if reading.broken(candidate.start + 1, start + 1, "hard", "exception"):
            return
        between = reading.words[candidate.end : at]
        if "with" in between or len(between) > _REACH_BACK:
            return
        if at != start and not _is_list(between):
            return
        if at != start and not (listed or _joins(between)):
            return
        listed = listed or _joins(between)
        if _has_say(cue, candidate):
            candidate.assertion, candidate.cue = cue.assertion, " ".join(reading.words[start:end])
            candidate.decided = None
        at = candidate.start


def _has_say(cue: Cue, candidate: Candidate) -> bool:
    """Whether a cue behind decides: not over a denial, a condition or a history in front, save that of a change."""
    denied = candidate.assertion == "absent" and candidate.cue != "normal"
    if cue.assertion == "present":
        return denied
    return cue.assertion != "none" and not denied and candidate.assertion not in {"hypothetical", "historical"}


def _leads_on(reading: Reading, end: int) -> bool:
    """Whether a finding follows a doubt that could also look back: "the opacity is likely atelectasis"."""
    following = [c for c in reading.candidates if end <= c.start <= end + 6]
    return bool(following) and not reading.broken(end, following[0].start + 1, "hard", "soft", "exception")


def _is_list(between: list[str]) -> bool:
    return len(between) <= 5 and ":" not in between


def _joins(between: list[str]) -> bool:
    return "or" in between or "and" in between or "nor" in between


def _find_differentials(reading: Reading) -> None:
    for first, second in pairwise(reading.candidates):
        between = reading.words[first.end : second.start]
        if len(between) > 5 or _DIFFERENTIAL.isdisjoint(between) or reading.broken(first.end, second.start + 1, "hard"):
            continue
        for candidate in (first, second):
            if candidate.assertion == "present" and not {first.assertion, second.assertion} & {"absent"}:
                candidate.assertion, candidate.cue = "uncertain", "or"
