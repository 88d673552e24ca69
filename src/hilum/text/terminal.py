"""A shown report as lines for a terminal.

In: a ShownReport. Out: text. A mention stands in square brackets with its number behind them, `[[right]1 ... ]2` where
mentions share words, and below its sentence what was made of it and by which rules. Where colours are allowed they say
the assertion once more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import click

from hilum.text.show import Piece, ShownMention, ShownReport, ShownSection, ShownSentence, abbreviated

COLOURS: dict[str, str] = {
    "present": "cyan",
    "absent": "green",
    "uncertain": "yellow",
    "historical": "magenta",
    "hypothetical": "blue",
}
QUIET = "quiet"
_INDENT = "  "
_MARGIN = _INDENT * 4
_LONGEST_WORDS = 60
_WORD = re.compile(r"\S+\s*")
Styled = list[tuple[str, str]]
"""Stretches of text, each with an assertion, QUIET, or "" for the plain report."""


def write_report(report: ShownReport, colours: bool, width: int) -> str:
    """The report as lines of at most `width` characters, single longer words excepted."""
    counts = [(a, sum(m.assertion == a for m in report.mentions)) for a in COLOURS]
    said = ", ".join(f"{n} {assertion}" for assertion, n in counts if n)
    writer = _Writer(colours, max(40, width))
    lines = writer.wrapped([(f"{report.name}: {len(report.mentions)} mentions{f' ({said})' if said else ''}", "")], "")
    for section in report.sections:
        lines.append("")
        lines += writer.section(section)
    lines += [line for text in report.tail for line in ["", *writer.wrapped([(text, QUIET)], "")]]
    return "\n".join(lines)


class _Writer:
    """Lines of one width, with or without colours."""

    def __init__(self, colours: bool, width: int) -> None:
        self._colours = colours
        self._width = width

    def section(self, section: ShownSection) -> list[str]:
        """Its head as it stands in the report, what hilum takes it for, and its sentences."""
        *above, head = section.head or ("",)
        lines = [line for text in above for line in self.wrapped([(text, QUIET)], "")]
        lines += self.wrapped([(f"{head} ".lstrip(), "head"), (f"<{section.name}: {section.reading}>", QUIET)], "")
        for sentence in section.sentences:
            lines += self._sentence(sentence)
        return lines

    def _sentence(self, sentence: ShownSentence) -> list[str]:
        lead: Styled = [(f"{sentence.lead} ", QUIET)] if sentence.lead else []
        lines = self.wrapped([*lead, *marked(sentence.pieces)], _INDENT)
        for mention in sentence.mentions:
            lines += self._mention(mention)
        return lines

    def _mention(self, mention: ShownMention) -> list[str]:
        words = mention.words if len(mention.words) <= _LONGEST_WORDS else f"{mention.words[: _LONGEST_WORDS - 3]}..."
        first = self.wrapped([(f'"{words}" -> ', ""), (mention.claim, mention.assertion)], _MARGIN)
        first[0] = f"{mention.number:>{len(_MARGIN) - 1}} {first[0][len(_MARGIN) :]}"
        rules = ", ".join(f'{what} "{abbreviated(rule, words)}"' for what, rule in mention.rules)
        lines = [*first, *self.wrapped([(f"by {rules}", QUIET)], _MARGIN)]
        if mention.explains is not None:
            lines += self.wrapped([(f"offered to explain {mention.explains}", QUIET)], _MARGIN)
        return lines

    def wrapped(self, parts: Styled, indent: str) -> list[str]:
        """Parts as lines, broken between words."""
        plain = "".join(text for text, _ in parts)
        styles = [style for text, style in parts for _ in text]
        lines = []
        for start, end in _breaks(plain, self._width - len(indent)):
            runs = groupby(zip(plain[start:end], styles[start:end], strict=True), key=lambda pair: pair[1])
            lines.append(indent + "".join(self._styled("".join(c for c, _ in run), style) for style, run in runs))
        return lines

    def _styled(self, text: str, style: str) -> str:
        if not self._colours or not style:
            return text
        if style == QUIET:
            return click.style(text, dim=True)
        if style == "head":
            return click.style(text, bold=True)
        return click.style(text, fg=COLOURS[style], bold=True)


def marked(pieces: Sequence[Piece]) -> Styled:
    """A sentence's pieces with brackets where mentions begin and end; words of several take the last one's style."""
    parts: Styled = []
    for at, piece in enumerate(pieces):
        before = pieces[at - 1].mentions if at else ()
        after = pieces[at + 1].mentions if at + 1 < len(pieces) else ()
        style = piece.mentions[-1].assertion if piece.mentions else ""
        opening = "[" * sum(m not in before for m in piece.mentions)
        closing = "".join(f"]{m.number}" for m in reversed(piece.mentions) if m not in after)
        parts += [(opening, style), (piece.text, style), (closing, style)]
    return [part for part in parts if part[0]]


def _breaks(plain: str, width: int) -> list[tuple[int, int]]:
    """Start and end of each line, the spaces between lines left out."""
    lines: list[tuple[int, int]] = []
    start = end = 0
    for word in _WORD.finditer(plain):
        stop = word.start() + len(word[0].rstrip())
        if lines and end > start and stop - start > width:
            lines[-1] = (start, end)
            start = word.start()
            lines.append((start, stop))
        elif not lines:
            start = word.start()
            lines.append((start, stop))
        end = stop
        lines[-1] = (start, end)
    return lines
