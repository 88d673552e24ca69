"""Findings named in a sentence.

In: the vocabulary hits of a sentence. Out: candidates in order. Patterns without gaps come from the matcher as they
are; patterns with gaps are put together from their parts, nearest first, inside one clause. Where candidates share
words, the one that matched more words wins, then the one without a gap, then the tighter one; the same words may name
two findings ("interstitial opacities").
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from hilum.text.lexicon import Term
from hilum.text.reading import Candidate, Reading

MAX_GAP = 6
MAX_NORMAL_GAP = 9
_LEND = 4
_ASIDE = 8
_LONGEST = 5
_LIGHT = frozenset({"the", "a", "an", "of", "left", "right", "both"})  # words that a gap does not count
_CONJUNCTIONS = frozenset({"and", "or", "nor", ","})


def find_mentions(reading: Reading) -> None:
    """Settle which findings the sentence names."""
    found = [Candidate(s, e, tuple(range(s, e)), term, e - s) for s, e, term in reading.hits.terms]
    found.extend(_joined(reading))
    found.sort(key=lambda c: (-c.weight, c.term.n_parts, c.end - c.start, c.start))
    owners: dict[int, Candidate] = {}
    kept: list[Candidate] = []
    for candidate in found:
        owner = owners.get(candidate.tokens[0])
        free = [token for token in candidate.tokens if token not in owners]
        if len(free) == len(candidate.tokens) or _lends(reading, owners, candidate, free):
            _claim(owners, candidate, free)
            kept.append(candidate)
        elif owner is not None and _is_twin(owner, candidate):
            owner.twins.append(candidate.term)
    reading.candidates = sorted((c for c in kept if c.term.finding is not None), key=lambda c: (c.start, c.end))


def _claim(owners: dict[int, Candidate], candidate: Candidate, free: list[int]) -> None:
    """Give a candidate its words; one that borrows the rest stands where its own words stand."""
    if len(free) < len(candidate.tokens):
        candidate.start, candidate.end, candidate.tokens = free[0], free[-1] + 1, tuple(free)
    owners.update(dict.fromkeys(free, candidate))


def _lends(reading: Reading, owners: dict[int, Candidate], candidate: Candidate, free: list[int]) -> bool:
    """Whether another finding lends a candidate its first or last part: "pleural or pericardial effusion".

    A false friend takes what is left: "sternotomy wire is fractured".
    """
    if not free or candidate.term.n_parts != 2 or candidate.term.normal or free[-1] - free[0] >= len(free):
        return False
    if candidate.term.finding is None:
        return True
    owner = next(owners[token] for token in candidate.tokens if token in owners)
    if owner.term.normal or owner.term.finding in {None, candidate.term.finding}:
        return False
    start, end = (owner.end, free[0]) if owner.start < free[0] else (free[-1] + 1, owner.start)
    between = reading.words[start:end]
    return 0 < len(between) <= _LEND and not _CONJUNCTIONS.isdisjoint(between)


def _is_twin(owner: Candidate, candidate: Candidate) -> bool:
    """Whether a candidate names another finding by the very words of one that is kept."""
    if owner.tokens != candidate.tokens or not owner.term.finding or not candidate.term.finding:
        return False
    return all(term.finding != candidate.term.finding for term in (owner.term, *owner.twins))


def _skip_aside(words: list[str], at: int) -> int:
    """Where a pattern goes on after words between two commas: "the heart, as before, is enlarged"."""
    if words[at : at + 1] == [","] and "," in words[at + 1 : at + 1 + _ASIDE]:
        return words.index(",", at + 1) + 1
    return at


def _joined(reading: Reading) -> Iterator[Candidate]:
    """Candidates made of parts with gaps between them."""
    by_term: dict[Term, dict[int, list[tuple[int, int]]]] = {}
    for start, end, part in reading.hits.parts:
        by_term.setdefault(part.term, {}).setdefault(part.index, []).append((start, end))
    for term, parts in by_term.items():
        if len(parts) == term.n_parts:
            yield from _chains(reading, term, [sorted(parts[index]) for index in range(term.n_parts)])


def _chains(reading: Reading, term: Term, parts: list[list[tuple[int, int]]]) -> Iterator[Candidate]:
    for first in parts[0]:
        chain = [first]
        for spans in parts[1:]:
            following = _next(reading, term, spans, chain[-1][1])
            if following is None:
                break
            chain.append(following)
        else:
            tokens = tuple(i for start, end in chain for i in range(start, end))
            own = tokens[: first[1] - first[0]] if term.normal else tokens
            yield Candidate(chain[0][0], chain[-1][1], own, term, len(tokens))


def _next(reading: Reading, term: Term, spans: list[tuple[int, int]], end: int) -> tuple[int, int] | None:
    """The part that goes on with a pattern after `end`: the nearest, the longest of those; an aside is skipped."""
    gap = MAX_NORMAL_GAP if term.normal else MAX_GAP
    for reach in (end, _skip_aside(reading.words, end)):
        nearest = bisect_left(spans, (reach, 0))
        light = sum(word in _LIGHT for word in reading.words[reach : reach + gap])
        if nearest == len(spans) or spans[nearest][0] > reach + gap + light:
            continue
        start = spans[nearest][0]
        last = start - 1 if reading.words[start - 1] == ";" else start + 1  # "heart size is stable; not enlarged"
        if not reading.broken(reach, last, "hard", "exception"):
            return start, max(e for s, e in spans[nearest : nearest + _LONGEST] if s == start)
    return None
