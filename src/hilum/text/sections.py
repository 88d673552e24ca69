"""Where each section of a report lies, as spans of the raw text.

In: a report file's text. Out: sections in order, empty ones left out. Decided on purpose, trap by trap of MIT-LCP's
parser (science.md 5.4): a header is a line's beginning up to a colon, on the first line too, with or without the
leading space, right below another header, with digits, with text glued to the colon, or second on its line if it is
one of the plain names in capitals. In small letters only a known name counts, and only where a sentence ended above.
An unknown name in capitals opens a section only before the first section that makes labels; after it, it is a heading
inside that section ("LUNGS:"). Wet reads and addenda above a line of underscores are blocks of their own, with the
headers inside them. Where neither findings nor impression is, what follows the first paragraph of the last section is
`last_paragraph`, and a report without headers is `full_report`.
Known to be imperfect: a header in small letters in the middle of a line is not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from hilum.vocabulary.language import Sections, load_sections


@dataclass(frozen=True, slots=True)
class SectionSpan:
    """One section's body: raw[start:end], without white space around it."""

    section: str
    start: int
    end: int


_LINE_HEADER = re.compile(r"^[ \t]*([A-Za-z0-9][A-Za-z0-9 ()/,.&+'_-]{0,70}?)[ \t]*:", re.MULTILINE)
_INLINE_HEADER = re.compile(
    r"(?<=[\s.])(FINDINGS(?: AND IMPRESSION|/IMPRESSION)?|IMPRESSION|CONCLUSION|INDICATION|COMPARISON|HISTORY|TECHNIQUE"
    r"|RECOMMENDATIONS?|RECOMMENDATION\(S\)|NOTIFICATION|EXAMINATION|ADDENDUM|WET READ"
    r"|[A-Z0-9][A-Z0-9 ,&/()-]{3,50}(?:CHEST|VIEWS?|RADIOGRAPHS?)(?: [A-Z ]{2,20})?)[ \t]*:"
)
_BLOCK = re.compile(
    r"^[ \t]*(?:(?P<line>_{10,})[ \t]*$|(?P<final>FINAL REPORT)\b[ \t:]*"
    r"|(?P<addendum>(?:FINAL )?ADDENDUM)[ \t]*$|(?P<wet>WET READ|PRELIMINARY REPORT)\b[^\n]*)",
    re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def split_sections(text: str) -> list[SectionSpan]:
    """Cut a report into its sections, in the order they stand."""
    spans: list[SectionSpan] = []
    last_end = 0
    for kind, start, end in _blocks(text):
        if kind == "report":
            spans.extend(_sections_of(text, start, end))
            last_end = len(spans)
        else:
            spans.extend(_trimmed(text, kind, start, end))
    rows = load_sections()
    if not any(rows.readings[s.section] == "labels" and s.section != "addendum" for s in spans) and last_end:
        spans[last_end - 1 : last_end] = _last_paragraph(text, spans[last_end - 1])
    return spans


def _blocks(text: str) -> list[tuple[str, int, int]]:
    """(report, addendum or wet_read; start; end) for each part between banners and full lines of underscores."""
    blocks: list[tuple[str, int, int]] = []
    kind, start = "report", 0
    for match in _BLOCK.finditer(text):
        if kind == "wet_read" and match["wet"]:
            continue
        blocks.append((kind, start, match.start()))
        start = match.end()
        kind = "addendum" if match["addendum"] else "wet_read" if match["wet"] else "report"
    blocks.append((kind, start, len(text)))
    return blocks


def _sections_of(text: str, start: int, end: int) -> list[SectionSpan]:
    rows = load_sections()
    spans: list[SectionSpan] = []
    name, body, n_headers = "preamble", start, 0
    labelled = False
    for head_start, head_end, header in _headers(text, start, end):
        section = _section_named(header, labelled, rows)
        if section is None or (not header.isupper() and not _may_be_header(text, head_start, start)):
            continue
        spans.extend(_trimmed(text, name, body, head_start))
        name, body, n_headers = section, head_end, n_headers + 1
        labelled = labelled or rows.readings[section] == "labels"
    spans.extend(_trimmed(text, name if n_headers else "full_report", body, end))
    return spans


def _headers(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    found = {m.start(1): (m.start(1), m.end(), m[1]) for m in _LINE_HEADER.finditer(text, start, end)}
    for match in _INLINE_HEADER.finditer(text, start, end):
        found.setdefault(match.start(1), (match.start(1), match.end(), match[1]))
    return [found[key] for key in sorted(found)]


def _may_be_header(text: str, head_start: int, start: int) -> bool:
    """A name in small letters is a header only where the text before it has come to an end."""
    before = text[start:head_start]
    words = before.rstrip()
    return not words or words[-1] in ".:;!?_" or before.count("\n", len(words)) > 1


def _section_named(header: str, labelled: bool, rows: Sections) -> str | None:
    """The section that a header opens; None if it opens none."""
    return _named(header, rows) if header.upper() != header else _named_upper(header, labelled)


def _named(header: str, rows: Sections) -> str | None:
    return rows.by_name.get(" ".join(header.lower().split()))


@cache
def _named_upper(header: str, labelled: bool) -> str | None:
    rows = load_sections()
    name = " ".join(header.lower().split())
    if name in rows.by_name:
        return rows.by_name[name]
    if name in rows.subheads:
        return None
    for row in rows.rows:
        if any(part in name for part in row.contains):
            return row.section
    if any(word in name for word in rows.view_words):
        return "findings"
    meant = get_close_matches(name, rows.by_name, n=1, cutoff=0.82) if len(name) > 6 else []
    if meant:
        return rows.by_name[meant[0]]
    return None if labelled else "other"


def _trimmed(text: str, section: str, start: int, end: int) -> list[SectionSpan]:
    body = text[start:end]
    stripped = body.strip()
    if not stripped:
        return []
    start += len(body) - len(body.lstrip())
    return [SectionSpan(section, start, start + len(stripped))]


def _last_paragraph(text: str, span: SectionSpan) -> list[SectionSpan]:
    blank = _BLANK_LINE.search(text, span.start, span.end)
    if blank is None:
        return [span]
    return [
        *_trimmed(text, span.section, span.start, blank.start()),
        *_trimmed(text, "last_paragraph", blank.end(), span.end),
    ]
