"""Sentences of a section as spans of the raw text, and the plain form in which rules read them.

In: raw text and a span. Out: spans; and for one sentence its normal form with a way back to the raw offsets.

what stands there                        ends a sentence?
. ? ! before white space                 yes, before a small letter too ("no effusion. no edema")
" ?" or "(?" before a word               no: a doubt about the word behind it
full stop between letters ("Clear.The")  yes, if the second is a capital, or a list's number follows
"Dr." "St." "vs." "approx." "e.g."       never
"a.m." "cm." "Rt." "C." "etc."           only before a capital or a gap
"No. 3", "3.5", "10:32"                  no
"T12." "L1." "___."                      yes
"1." "2)" "(3)", bullets                 begin one where a section or line begins and behind a stop, and are left out;
                                         "2." after item 1 also where the stop before it is missing
"I." "A."                                yes; a sentence of its own, so that no letter is lost
blank line                               yes
line's end without a stop                only if the next line begins with a capitalised word that would have fitted:
                                         text is wrapped at 79, and in 6,526 wrapped lines of real reports none looks so
"The", "There", "No" before a small      yes: a stop is missing (9 of 9 in real reports), or a gap ___ has swallowed it
  letter, behind a small letter or gap
comma, semicolon, colon                  no; clauses are the reader's
400 characters without any of these      at a semicolon, a comma or a space, so that the cost of any text stays in
                                         proportion to its length
Known to be imperfect: a stop missing within a line before any other word ("Clear lungs Heart normal") is not seen.
"""

from __future__ import annotations

import re
from bisect import bisect_right

MAX_LENGTH = 400
WRAPPED_AT = 70  # a writer who breaks a line so that more than this would have fitted means to; reports wrap at 79

_UNEVEN = re.compile(r"[^\n -~]")
_EVEN = {
    **dict.fromkeys(map(ord, "\t\u00a0\u1680\u202f\u205f\u3000\ufeff\u200b"), " "),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys(map(ord, "\f\v\x1c\x1d\x1e\x85\u2028\u2029"), "\n"),
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201b"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d"), '"'),
    ord("\uff1a"): ":",
}
# One character class in front lets the search skip what can end nothing; a lookbehind then says which one it was. A run
# of stops is looked at from its first alone: twenty thousand of them would take a fifth of a second.
_BREAK = re.compile(
    r"[.!?\n(\d*TN\-\u2022\u00b7\u25aa\u25e6](?:"
    r"(?<=[.!?])(?:(?<![.!?].)[.?!]*+[)\]\"']*+(?=\s|\Z)(?P<stop>)"
    r"|(?<=[a-z)_]\.)(?=[A-Z][a-zA-Z ]|\d{1,2}[.)]\s)(?P<glued>))"
    r"|(?<=\n)(?:(?: *+\n)++(?P<blank>)| *+(?=[A-Z][a-z])(?P<line>))"
    r"|(?<=[(\d])(?<!\S.)\d{0,2}[.)](?=\s)(?P<number>)"
    r"|(?<=[TN])(?<!\S.)(?:here|he|o) ++(?=[a-z])(?P<opener>)"
    r"|(?<=[*\-\u2022\u00b7\u25aa\u25e6])(?<!\S.)(?=\s)(?P<bullet>))"
)
# Short forms with a full stop of their own, which never or only perhaps ends the sentence too; and "No." of a number.
_SHORT = re.compile(
    r"(?<![A-Za-z])(?:(?P<never>drs?|mrs?|ms|prof|vs|approx|cf|e\.g|i\.e|fig|st)"
    r"|(?P<may>[ap]\.m|[cm]m|rt|lt|pt|pts|bilat|ca|jr|sr|etc|hx|max|min|[a-z])|(?P<no>no))\.\Z",
    re.IGNORECASE,
)

_BLANKED = {
    **_EVEN,
    **{code: " " for code, sign in _EVEN.items() if sign in "-'\""},
    **dict.fromkeys(map(ord, "/-<>\"'()[]{}*\u2022|=+~^"), " "),
    ord("_"): "\u00a4",
    **{code: chr(code + 32) for code in range(65, 91)},
}
_REMOVED = re.compile("XXX+")
# No line is taken for broken on purpose behind one of these.
_HANGING = re.compile(r"\b(?:a|an|the|of|in|at|on|to|by|with|and|or|from|for|as|is|are|no|than|via)\Z", re.IGNORECASE)
_WORD = re.compile(r"\S+")


def evened(text: str) -> str:
    """The text with one kind of space, line end, dash, quote and colon, character for character."""
    if _UNEVEN.search(text) is None:
        return text
    return text.translate({**_EVEN, 13: " " if "\n" in text else "\n"})


def split_sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the sentences in text[start:end], without white space around them, empty ones left out."""
    body = evened(text[start:end])
    column = start - max(text.rfind("\n", max(0, start - WRAPPED_AT), start) + 1, start - WRAPPED_AT)
    spans: list[tuple[int, int]] = []
    at = listed = 0
    for match in _BREAK.finditer(body):
        kind, first, after = match.lastgroup, match.start(), match.end()
        if kind == "number":
            number = int(match[0].strip("(.)") or 0)
            if _begins_item(body, at, first) or (number == listed + 1 > 1 and _may_begin(body, after)):
                listed, cut = number, first
            elif match[0][-1] == ".":
                cut = after
            else:
                continue
        elif kind == "stop":
            if (body[first] == "?" or body[first - 1] != " ") and _stops_nothing(body, at, first, after):
                continue
            cut = after
        elif kind == "bullet" or kind == "opener":
            if not (_begins_item(body, at, first) if kind == "bullet" else _lacks_stop(body, first)):
                continue
            cut, after = first, after if kind == "bullet" else first
        elif kind == "line":
            if not _broken(body, first, after, column):
                continue
            cut = after
        else:
            cut = after
        _append(spans, body, at, cut)
        at = after
    _append(spans, body, at, len(body))
    return [(start + a, start + b) for a, b in spans]


def _before(body: str, at: int) -> int:
    """The offset after the last character that is no white space before an offset."""
    while at and body[at - 1].isspace():
        at -= 1
    return at


def _begins_item(body: str, at: int, first: int) -> bool:
    """Whether a number or bullet stands where an item of a list may begin."""
    end = _before(body, first)
    return end <= at or body[end - 1] in ".:;?!_" or body[first] == "\u2022" or "\n" in body[end:first]


def _may_begin(body: str, after: int) -> bool:
    follows = body[after : after + 3].lstrip()[:1]
    return follows == "_" or follows.isupper()


def _stops_nothing(body: str, at: int, first: int, after: int) -> bool:
    """Whether this stop is a doubt about the word behind it or belongs to a short form."""
    if body[first] != ".":
        return body[first] == "?" and after < len(body) and (first == 0 or body[first - 1] in " \n(")
    short = _SHORT.search(body, max(at, first - 8), first + 1)
    if short is None:
        return False
    follows = body[after : after + 3].lstrip()[:1]
    return short["never"] is not None or (follows.islower() if short["may"] else follows.isdigit())


def _lacks_stop(body: str, first: int) -> bool:
    """Whether a word that only begins sentences stands behind one that is not ended."""
    end = _before(body, first)
    return end > 0 and (body[end - 1].islower() or body[end - 1] in ")_%" or body[end - 1].isdigit())


def _broken(body: str, newline: int, after: int, column: int) -> bool:
    """Whether a line ends here on purpose: what follows begins with a capital, and its first word would have fitted."""
    end = _before(body, newline)
    if end == 0 or not (body[end - 1].islower() or body[end - 1].isdigit() or body[end - 1] in ")%"):
        return False
    line = body.rfind("\n", max(0, end - WRAPPED_AT), end)
    if line < 0 and end > WRAPPED_AT:
        return False
    length = end - line - 1 + (column if line < 0 else 0)
    word = _WORD.match(body, after, after + WRAPPED_AT)
    fits = word is not None and length + 1 + len(word[0]) <= WRAPPED_AT
    return fits and _HANGING.search(body, max(0, end - 8), end) is None


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """The span without white space, cut where it is too long; nothing if it has no letter."""
    while end - start > MAX_LENGTH:
        cut = _clause_end(text, start)
        _append(spans, text, start, cut)
        start = cut
    body = text[start:end]
    stripped = body.strip()
    if stripped and any(map(str.isalpha, stripped)):
        start += len(body) - len(body.lstrip())
        spans.append((start, start + len(stripped)))


def _clause_end(text: str, start: int) -> int:
    low, high = start + MAX_LENGTH // 2, start + MAX_LENGTH
    for sign in ("; ", ", ", " ", "\n"):
        found = text.rfind(sign, low, high)
        if found >= 0:
            return found + len(sign)
    return high


def plain(sentence: str) -> str:
    """The form in which rules read a sentence: small ASCII letters, no brackets, hyphens or slashes, single spaces.

    Runs of underscores or of XXX, the gaps of de-identification, become runs of one sign that is no word.
    """
    if "XXX" in sentence:
        sentence = _REMOVED.sub(lambda run: "_" * len(run[0]), sentence)
    return " ".join(sentence.translate(_BLANKED).split())


class RawOffsets:
    """From offsets in a sentence's plain form back to offsets in the raw sentence."""

    def __init__(self, sentence: str, plain_form: str) -> None:
        self._raw = [0]
        self._plain = [0]
        if len(plain_form) == len(sentence):  # no white space was dropped: the offsets are the same
            return
        self._raw, self._plain = [], []
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
