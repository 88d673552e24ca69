"""Sentences of a section as spans of the raw text, and the plain form in which rules read them.

In: raw text and a span. Out: spans; and for one sentence its normal form with a way back to the raw offsets.
A sentence ends at a full stop, question or exclamation mark before white space, at a full stop glued between a small
and a capital letter, at a blank line, and before a number that starts a list item. It does not end after a title
("Dr."), a short form ("vs."), inside a number ("3.5 cm") or at a line's end. What is longer than MAX_LENGTH is no
sentence of a report and is cut, so that the cost of any text stays in proportion to its length.
Known to be imperfect: a line's end without a full stop is taken for a wrapped line.
"""

from __future__ import annotations

import re
from bisect import bisect_right

MAX_LENGTH = 400
_BREAK = re.compile(
    r"\n[ \t]*(?:\n\s*)+"  # a blank line
    r"|[.?!]+[)\]\"']*(?=\s|\Z)"  # a full stop before white space
    r"|(?<=[a-z)])\.(?=[A-Z])"  # a full stop glued to the next sentence
    r"|(?:(?<=[.:;?!_]\s)|(?<=\n)|(?<=\n )|\A)\s*\(?\d{1,2}[.)](?=\s)"  # "2." of a list
    r"|(?<=\n)[ \t]*[-*\u2022]\s"  # a bullet
)
_TITLE = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|vs|approx|ca|cf|e\.g|i\.e|fig|st|dept|jr|sr)|\b[B-HJ-Z])\.\Z", re.IGNORECASE
)

_BLANKED = str.maketrans(
    dict.fromkeys("/-–—<>\"'()[]{}*•|=+~^", " ") | {"_": "\u00a4"} | {chr(c): chr(c + 32) for c in range(65, 91)}
)
_WORD = re.compile(r"\S+")


def split_sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the sentences in text[start:end], without white space around them, empty ones left out."""
    spans: list[tuple[int, int]] = []
    at = start
    for match in _BREAK.finditer(text, start, end):
        stop = match.end()
        if text[match.start()] == "." and _TITLE.search(text, max(at, stop - 8), stop):
            continue
        item = text[stop - 1] in ".)" and any(c.isdigit() for c in match[0])
        _append(spans, text, at, match.start() if item else stop)
        at = stop
    _append(spans, text, at, end)
    return spans


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while end - start > MAX_LENGTH:
        cut = text.rfind(" ", start + MAX_LENGTH // 2, start + MAX_LENGTH) + 1 or start + MAX_LENGTH
        _append(spans, text, start, cut)
        start = cut
    body = text[start:end]
    stripped = body.strip()
    if any(c.isalpha() for c in stripped):
        start += len(body) - len(body.lstrip())
        spans.append((start, start + len(stripped)))


def plain(sentence: str) -> str:
    """The form in which rules read a sentence: small ASCII letters, no brackets, hyphens or slashes, single spaces.

    Runs of underscores, the gaps of de-identification, become runs of one sign that is no word.
    """
    return " ".join(sentence.translate(_BLANKED).split())


class RawOffsets:
    """From offsets in a sentence's plain form back to offsets in the raw sentence."""

    def __init__(self, sentence: str) -> None:
        self._raw: list[int] = []
        self._plain: list[int] = []
        at = 0
        for match in _WORD.finditer(sentence.translate(_BLANKED)):
            self._raw.append(match.start())
            self._plain.append(at)
            at += len(match[0]) + 1

    def raw(self, offset: int) -> int:
        """The raw offset of the character at a plain offset."""
        word = bisect_right(self._plain, offset) - 1
        return self._raw[word] + offset - self._plain[word]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The raw span of plain[start:end], which is not empty."""
        return self.raw(start), self.raw(end - 1) + 1
