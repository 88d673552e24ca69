"""One report with everything that was read in it, ready to be shown: sections, sentences, mentions and their rules.

In: a report's text and what the reader made of it. Out: plain records that a terminal (terminal.py) or a page (room
`report`) can write down. Every word of the report is in them once, in order. Line breaks within a sentence are folded;
signs that would steer a terminal, or turn the direction of the text around, are spelt out (`\\x1b`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hilum.text.reader import ParsedReport
from hilum.text.sections import SectionSpan
from hilum.text.sentences import split_sentences
from hilum.vocabulary.language import load_sections

READINGS = {
    "labels": "makes labels",
    "historical": "read as history, makes no labels",
    "hypothetical": "read as a question, makes no labels",
    "skip": "not read",
}
"""What is done with a section (sections.yaml), in words."""
UNPLACED = "unplaced"
_CHOICES = re.compile(r"\(([^()]*)\)")
_MOST_CHOICES = 3
NO_CUE = "nothing denies or doubts it"


@dataclass(frozen=True, slots=True)
class ShownMention:
    """One mention. number: from 1, in the order of the report. rules: (what it decided, which rule) three times.

    qualities: severity, change and size, as far as said. explains: the sign whose cause or nature it is said to be.
    """

    number: int
    words: str
    finding: str
    regions: tuple[str, ...]
    assertion: str
    qualities: tuple[str, ...]
    explains: str | None
    rules: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        """The regions in words."""
        return ", ".join(self.regions) or UNPLACED

    @property
    def claim(self) -> str:
        """What is claimed, in one line."""
        return f"{self.finding}: {'; '.join((self.assertion, self.place, *self.qualities))}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a sentence that lies within the same mentions, in their order."""

    text: str
    mentions: tuple[ShownMention, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """A sentence. lead: what stands between it and the one before, such as the number of a list."""

    lead: str
    pieces: tuple[Piece, ...]
    mentions: tuple[ShownMention, ...]


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section. head: the lines above its body. sentences: one without mentions where the section is not read."""

    head: tuple[str, ...]
    name: str
    reading: str
    sentences: tuple[ShownSentence, ...]


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A report. tail: the lines behind its last section."""

    study_id: int | str
    sections: tuple[ShownSection, ...]
    mentions: tuple[ShownMention, ...]
    tail: tuple[str, ...]

    @property
    def name(self) -> str:
        """The report's name as files bear it."""
        return f"s{self.study_id}" if isinstance(self.study_id, int) else visible(self.study_id)


def show_report(report: ParsedReport, text: str) -> ShownReport:
    """Everything about one report. text: the raw text that was read."""
    shown = [_mention(number, row, report.mentions, text) for number, row in enumerate(report.mentions, 1)]
    spans = [(row["char_start"], row["char_end"], mention) for row, mention in zip(report.mentions, shown, strict=True)]
    sections = []
    at = 0
    for span in report.sections:
        sections.append(_section(_lines(text[at : span.start]), span, text, spans))
        at = span.end
    return ShownReport(report.study_id, tuple(sections), tuple(shown), _lines(text[at:]))


def visible(text: str) -> str:
    """Text on one line and without signs that act: white space folded, controls and direction marks spelt out."""
    return _spelt_out(" ".join(text.split()))


def abbreviated(rule: str, words: str) -> str:
    """A pattern of the vocabulary cut to what bears on some words: of many alternatives one that they hold."""

    def cut(group: re.Match[str]) -> str:
        choices = group[1].split("|")
        if len(choices) <= _MOST_CHOICES:
            return group[0]
        held = [choice for choice in choices if choice.strip() and choice.strip() in words.lower()]
        shown = max(held, key=len) if held else "" if "" in choices else choices[0]
        return f"({shown.lstrip()}|...)" if shown else "(...|)"

    return _CHOICES.sub(cut, rule)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in map(visible, text.splitlines()) if line)


def _spelt_out(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(sign) if unicodedata.category(sign) in {"Cc", "Cf", "Cs"} else sign for sign in text)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def _mention(number: int, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], text: str) -> ShownMention:
    size = None if row["size_mm"] is None else f"{row['size_mm']:g} mm"
    explains = row["explains"]
    sign = None
    if explains is not None:
        own = explains == row["mention_id"]
        sign = "a sign without a finding of its own" if own else f"{explains + 1} {rows[explains]['finding']}"
    return ShownMention(
        number=number,
        words=visible(text[row["char_start"] : row["char_end"]]),
        finding=row["finding"],
        regions=tuple(row["regions"]),
        assertion=row["assertion"],
        qualities=tuple(q for q in (row["severity"], row["temporal"], size) if q is not None),
        explains=sign,
        rules=(
            ("finding", row["finding_rule"]),
            ("assertion", row["assertion_rule"] or NO_CUE),
            ("region", row["region_rule"] or UNPLACED),
        ),
    )


Spans = Sequence[tuple[int, int, ShownMention]]


def _section(head: tuple[str, ...], span: SectionSpan, text: str, spans: Spans) -> ShownSection:
    reading = load_sections().readings[span.section]
    if reading == "skip":
        whole = ShownSentence("", (Piece(visible(text[span.start : span.end])),), ())
        return ShownSection(head, span.section, READINGS[reading], (whole,))
    sentences = []
    at = span.start
    for start, end in split_sentences(text, span.start, span.end):
        within = [row for row in spans if start <= row[0] < end]
        pieces = _pieces(text, start, end, within)
        sentences.append(ShownSentence(visible(text[at:start]), pieces, tuple(mention for _, _, mention in within)))
        at = end
    if rest := visible(text[at : span.end]):
        sentences.append(ShownSentence(rest, (), ()))
    return ShownSection(head, span.section, READINGS[reading], tuple(sentences))


def _pieces(text: str, start: int, end: int, spans: Spans) -> tuple[Piece, ...]:
    """Cut a sentence wherever a mention begins or ends; mentions may share words, lie in one another or cross."""
    cuts = sorted({start, end, *(s for s, _, _ in spans), *(e for _, e, _ in spans)})
    pieces = []
    for low, high in pairwise(cuts):
        covering = tuple(mention for s, e, mention in spans if s <= low and high <= e)
        pieces.append(Piece(_folded(text[low:high]), covering))
    return tuple(pieces)


def _folded(text: str) -> str:
    """As `visible`, with a space kept at either end."""
    body = visible(text)
    if not body:
        return " "
    return f"{' ' if text[0].isspace() else ''}{body}{' ' if text[-1].isspace() else ''}"
