"""Every row of the vocabulary in one phrase matcher: one pass over a sentence finds all the words that matter.

In: the vocabulary and a spaCy tokenizer. Out: hits, grouped by what they are. Patterns with gaps are rows too: their
parts are matched here and put together in `mentions`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from hilum.text.sentences import plain
from hilum.text.spelling import Speller
from hilum.vocabulary.language import Cue, PlaceWords, load_cues, load_places
from hilum.vocabulary.language.phrases import expand, split_parts
from hilum.vocabulary.language.qualities import load_qualities
from hilum.vocabulary.language.terms import load_terms


@dataclass(frozen=True, slots=True)
class Term:
    """One pattern of a finding. finding None: a false friend. normal: it says that the finding is absent."""

    finding: str | None
    pattern: str
    n_parts: int
    normal: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pattern with gaps."""

    term: Term
    index: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A word of one meaning: a boundary, a link, a severity, a change."""

    kind: str
    meaning: str


Entry = Term | Part | Cue | PlaceWords | Mark
Row = TypeVar("Row")


@dataclass(slots=True)
class Hits:
    """What stands in a sentence: (first token, one past the last, row) in order of the first token."""

    terms: list[tuple[int, int, Term]] = field(default_factory=list)
    parts: list[tuple[int, int, Part]] = field(default_factory=list)
    cues: list[tuple[int, int, Cue]] = field(default_factory=list)
    places: list[tuple[int, int, PlaceWords]] = field(default_factory=list)
    marks: list[tuple[int, int, Mark]] = field(default_factory=list)


_KINDS: dict[type, str] = {Term: "terms", Part: "parts", Cue: "cues", PlaceWords: "places", Mark: "marks"}


class Lexicon:
    """The vocabulary compiled for one tokenizer."""

    def __init__(self, nlp: Language) -> None:
        rows: dict[str, list[Entry]] = {}
        for phrase, entry in _entries():
            rows.setdefault(plain(phrase), []).append(entry)
        self._matcher = PhraseMatcher(nlp.vocab, attr="ORTH")
        self._entries: dict[int, list[Entry]] = {}
        words: set[str] = set(load_cues().own_words)
        mended: set[str] = set()
        for number, (phrases, entries) in enumerate(_grouped(rows)):
            key, tokens = f"row{number}", set[str]()
            for phrase in phrases:  # one at a time: forty thousand Docs held at once cost four times as much
                doc = nlp.make_doc(phrase)
                tokens.update(token.text for token in doc)
                self._matcher.add(key, [doc])
            words |= tokens
            if any(isinstance(entry, (Term, Part, PlaceWords)) for entry in entries):
                mended |= tokens
            self._entries[nlp.vocab.strings[key]] = entries
        self.speller = Speller(words, mended)

    def find(self, doc: Doc) -> Hits:
        """All hits of one sentence in plain form."""
        return self.find_all(doc, [0])[0]

    def find_all(self, doc: Doc, firsts: list[int]) -> list[Hits]:
        """All hits of each sentence of a Doc, in tokens from its first; cues and places are freed of shorter ones."""
        found = [Hits() for _ in firsts]
        for key, start, end in sorted(self._matcher(doc), key=lambda m: (m[1], -m[2])):
            number = bisect_right(firsts, start) - 1
            first = firsts[number]
            for entry in self._entries[key]:
                getattr(found[number], _KINDS[type(entry)]).append((start - first, end - first, entry))
        for hits in found:
            if len(hits.cues) > 1:
                hits.cues = _freed(hits.cues)
            hits.places = longest(hits.places)
        return found


def _freed(cues: list[tuple[int, int, Cue]]) -> list[tuple[int, int, Cue]]:
    """Cues that lie in no longer one of their direction; those that say nothing silence both."""
    forward = longest([hit for hit in cues if hit[2].direction == "forward" or hit[2].assertion == "none"])
    backward = longest([hit for hit in cues if hit[2].direction == "backward" or hit[2].assertion == "none"])
    return forward + [hit for hit in backward if hit[2].direction == "backward"]


def longest(hits: list[tuple[int, int, Row]]) -> list[tuple[int, int, Row]]:
    """The hits that lie inside no longer hit of the same kind and overlap none kept before."""
    if len(hits) < 2:
        return hits
    kept: list[tuple[int, int, Row]] = []
    taken: dict[int, tuple[int, int]] = {}
    for hit in sorted(hits, key=lambda h: (h[0] - h[1], h[0])):
        span = hit[:2]
        if all(taken.get(token, span) == span for token in range(*span)):
            taken.update(dict.fromkeys(range(*span), span))
            kept.append(hit)
    return sorted(kept, key=lambda h: h[:2])


def _grouped(rows: dict[str, list[Entry]]) -> Iterable[tuple[list[str], list[Entry]]]:
    """Phrases that mean the same under one key: each key costs the matcher more than a phrase."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for phrase, entries in rows.items():
        groups.setdefault(tuple(id(entry) for entry in entries), []).append(phrase)
    return ((phrases, rows[phrases[0]]) for phrases in groups.values())


def _entries() -> Iterable[tuple[str, Entry]]:
    for finding in load_terms():
        for pattern in finding.terms:
            yield from _term_entries(finding.finding, pattern, False)
        for pattern in finding.normal:
            yield from _term_entries(finding.finding, pattern, True)
        for pattern in finding.not_terms:
            yield from _term_entries(None, pattern, False)
    for place in load_places():
        yield from ((phrase, place) for pattern in place.phrases for phrase in expand(pattern))
    cues = load_cues()
    for cue in cues.assertions:
        yield from ((phrase, cue) for pattern in cue.phrases for phrase in expand(pattern))
    marks = [(row.phrases, Mark("boundary", row.meaning)) for row in cues.boundaries]
    qualities = load_qualities()
    marks += [(row.phrases, Mark("severity", row.meaning)) for row in qualities.severities]
    marks += [(row.phrases, Mark("temporal", row.meaning)) for row in qualities.temporals]
    marks += [(cues.links, Mark("link", "link")), (cues.beside, Mark("beside", "beside"))]
    marks += [(cues.backrefs, Mark("backref", "backref"))]
    marks += [(row.phrases, Mark("subject", row.meaning)) for row in cues.subjects]
    for phrases, mark in marks:
        yield from ((phrase, mark) for pattern in phrases for phrase in expand(pattern))


def _term_entries(finding: str | None, pattern: str, normal: bool) -> Iterable[tuple[str, Entry]]:
    parts = split_parts(pattern)
    term = Term(finding, pattern, len(parts), normal)
    if len(parts) == 1:
        yield from ((phrase, term) for phrase in parts[0])
    else:
        for index, phrases in enumerate(parts):
            part = Part(term, index)
            yield from ((phrase, part) for phrase in phrases)
