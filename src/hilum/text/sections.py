"""Where each section of a report lies, as spans of the raw text.

In: a report file's text. Out: sections in order, empty ones left out; raw[start:end] is a body without the white space
around it, and no two overlap. Beside MIT-LCP's parser (mimic-cxr, txt/section_parser.py):
trap -> what it does -> what we do.

- header on the first line, not indented, or with a digit ("CHEST 2 VIEWS:") -> no header, its text is lost or joins
  another section -> a header is a line's beginning up to a colon.
- header right below a header -> swallowed into the upper one -> both are headers; the upper one is empty and left out.
- "FINDINGS:Clear", "FINDINGS : Clear" -> no header -> a header.
- second header on a line -> no header -> a header in capitals: a plain name, a known one of several words, or behind a
  stop a view-like one; "Impression:" behind a stop too.
- no colon -> no header -> a plain name in capitals alone on its line, or before a sentence ("IMPRESSION Normal chest").
- small letters -> no header -> a known name, or nothing but view words, where the text above has come to an end, and
  "Impression:" and its like at any line's beginning; any other colon is that of a sentence.
- typing errors -> some forty listed, and "NDICATION" listed as an impression -> one letter lost, doubled, replaced or
  misplaced in a common name is mended; "NDICATION" is an indication.
- "FINDINGS AND IMPRESSION" -> impression -> impression.
- "PFI" -> history, or written out an impression -> wet_read: a provisional reading, which the report replaces.
- "CHEST, TWO VIEWS:" -> findings -> findings; inside an impression a heading ("AP CHEST:" opens no findings there).
- unknown name in capitals -> a section of its own -> before the findings `other`, which is not read; after them a
  heading inside them ("LUNGS:"), so that no finding is lost.
- "10:32" at a line's beginning -> no header -> no header: a colon between digits.
- empty section -> left out if findings or impression -> left out.
- several impressions -> the last is the conclusion -> all are read: a second one goes on with the first or is of
  another examination, and does not say that it replaces it; a preliminary one is a wet_read.
- neither findings nor impression -> all after the last section's first paragraph, its offset too small -> the same with
  exact offsets, a header alone on its line being a paragraph; failing that, of an earlier section if only notes
  (recommendation, notification) follow; failing that, the last section from its first statement on.
- impression, and findings without header -> the findings are lost -> what stands before the impression, below the
  first paragraph of the section before it or above all headers, is findings if it states something.
- "WET READ: ___ 10:32 AM" -> joins the preamble or an impression -> a block to the line of underscores or FINAL REPORT,
  or else to the next header; its stamp is no text.
- "FINAL ADDENDUM" -> its impression may pass for the report's -> a block likewise; headers in it of sections that are
  read stay addendum, others (NOTIFICATION) are themselves. With no line below it, it ends at a header like INDICATION.
- dictated notes without header ("Dr. ___ was paged at ...") -> part of their section -> the same: they state nothing.
- 54 studies -> listed by hand -> no study is listed; the rules above are for all.
- CRLF, CR, form feed, tab, no-break space, byte-order mark, full-width colon, dash -> no header -> what it looks like.

Known to be imperfect: text under another section's header ("TECHNIQUE: ... The heart is large.") is not read where the
report has findings or an impression elsewhere; a wet read without a final report is only ever historical.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hilum.text.headers import Title, find_titles, in_capitals, is_view, section_named
from hilum.text.sentences import evened, split_sentences
from hilum.vocabulary.language import load_sections


@dataclass(frozen=True, slots=True)
class SectionSpan:
    """One section's body: raw[start:end], without white space around it."""

    section: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a file between banners. closed: a banner or a line of underscores ends it, not the file."""

    kind: str
    start: int
    end: int
    closed: bool


_BLOCK = re.compile(
    r"^ *+(?:(?P<rule>_{10,}+) *+$|(?P<final>(?:FINAL|MAIN) REPORT)\b[ :]*+"
    r"|(?P<addendum>\**+ *+(?:FINAL )?ADDENDUM[ *]*+(?:ADDENDUM[ *]*+)?)$"
    r"|(?P<wet>WET (?:READ(?:ING)?|_{2,}+) *+(?:VERSION *+#? *+[\d_]{1,9}+ *+:?|:|$)"
    r"|PRELIMINARY (?:REPORT|READ) *+(?::|$))"
    r"(?:(?:[ _,/\d:#-]|[A-Z][A-Za-z]{2}\b){0,40}?[AP]\.?M\b\.?)?)",
    re.MULTILINE,
)
_PARAGRAPH_END = re.compile(r"\n[ \n]*\n *")
_FRONT = frozenset({"examination", "indication", "history", "technique", "comparison"})
_NOTES = frozenset({"recommendation", "notification"})
# Below these, after a blank line, findings are typed without a header of their own.
_OVERRUN = _FRONT | {"preamble"}
_STATES = re.compile(
    r"\b(?:is|are|has|have|remains?|shows?|demonstrates?|there|seen|normal|clear|unchanged|stable|enlarged|increased"
    r"|decreased|improved|within)\b",
    re.IGNORECASE,
)


def split_sections(text: str) -> list[SectionSpan]:
    """Cut a report into its sections, in the order they stand."""
    text = evened(text)
    spans: list[SectionSpan] = []
    for block in _blocks(text):
        spans += _cut(text, block)
    return _with_unheaded(text, spans)


def _blocks(text: str) -> list[_Block]:
    blocks: list[_Block] = []
    kind, start = "report", 0
    for match in _BLOCK.finditer(text):
        if kind == "wet_read" and match["wet"]:
            continue
        before = "preamble" if kind == "report" and match["final"] else kind
        blocks.append(_Block(before, start, match.start(), closed=True))
        start = match.end()
        kind = "addendum" if match["addendum"] else "wet_read" if match["wet"] else "report"
    blocks.append(_Block(kind, start, len(text), closed=False))
    return blocks


def _cut(text: str, block: _Block) -> Iterator[SectionSpan]:
    """The sections of one block."""
    if block.kind == "wet_read" and block.closed:
        yield from _trimmed(text, "wet_read", block.start, block.end)
        return
    readings = load_sections().readings
    current, body, read = block.kind, block.start, False
    added = block.kind == "addendum"
    for title in find_titles(text, block.start, block.end):
        section = _opened(text, title, block, current, read) if title.start >= body else None
        if section is None:
            continue
        added = section == "addendum" or (added and (block.closed or section not in _FRONT))
        yield from _trimmed(text, "preamble" if current == "report" else current, body, title.start)
        current = "addendum" if added and readings[section] == "labels" else section
        body, read = title.end, read or readings[section] == "labels"
    yield from _trimmed(text, "full_report" if current == "report" else current, body, block.end)


def _opened(text: str, title: Title, block: _Block, current: str, read: bool) -> str | None:
    """The section that a title opens where it stands; None if it opens none. read: one that is read stands above."""
    section = section_named(title.words)
    if section is None or (section == "other" and (read or title.standing != "line")):
        return None
    if title.standing == "line" and not in_capitals(title.words) and not _text_ended(text, title.start, block.start):
        return None
    if section == "findings" and is_view(title.words):
        behind = title.standing == "inline" and text[title.start - 2 : title.start].strip()[-1:] not in tuple(".;!?_")
        return None if behind or current == "impression" else section
    return section


def _text_ended(text: str, at: int, start: int) -> bool:
    """Whether what stands before has come to an end: nothing, a stop, or a blank line."""
    last = at
    while last > start and text[last - 1].isspace():
        last -= 1
    return last == start or text[last - 1] in ".:;!?_" or text.count("\n", last, at) > 1


def _with_unheaded(text: str, spans: list[SectionSpan]) -> list[SectionSpan]:
    """The spans, with findings that stand below another section's header taken out of it."""
    readings = load_sections().readings
    said = [span for span in spans if any(map(str.isalpha, text[span.start : span.end]))]
    read = {span.section for span in said if readings[span.section] == "labels" and span.section != "addendum"}
    if not read:
        own = [at for at, span in enumerate(spans) if span.section not in ("addendum", "wet_read")]
        return _with_last_paragraph(text, spans, own)
    first = next(at for at, span in enumerate(spans) if span.section in read)
    if read != {"impression"} or first == 0 or spans[first - 1].section not in _OVERRUN:
        return spans
    before = spans[first - 1]
    at = _second_paragraph(text, before, empty_first=False)
    stated = _statement(text, before, at)
    if before.section == "preamble" or stated is None:
        at = stated
    return _parted(text, spans, first - 1, at, "findings")


def _with_last_paragraph(text: str, spans: list[SectionSpan], own: list[int]) -> list[SectionSpan]:
    for index in reversed(own):
        at = _second_paragraph(text, spans[index], empty_first=True)
        if at is not None:
            return _parted(text, spans, index, at, "last_paragraph")
        if spans[index].section not in _NOTES:
            break
    if own and spans[own[-1]].section not in ("indication", "history"):
        last = spans[own[-1]]
        return _parted(text, spans, own[-1], _statement(text, last, last.start), "last_paragraph")
    return spans


def _second_paragraph(text: str, span: SectionSpan, *, empty_first: bool) -> int | None:
    """Where what follows the first paragraph begins; a header alone on its line counts as one if empty_first."""
    if empty_first:
        head = text.rfind(":", 0, span.start) + 1
        if text[head : span.start].isspace() and text.count("\n", head, span.start) > 1:
            return span.start
    if span.section == "preamble":
        return span.start
    gap = _PARAGRAPH_END.search(text, span.start, span.end)
    return None if gap is None else gap.end()


def _statement(text: str, span: SectionSpan, at: int | None) -> int | None:
    """Where the first sentence from an offset on begins that states something; None if there is none."""
    if at is None:
        return None
    sentences = split_sentences(text, at, span.end)
    return next((start for start, end in sentences if _STATES.search(text, start, end)), None)


def _parted(text: str, spans: list[SectionSpan], index: int, at: int | None, section: str) -> list[SectionSpan]:
    if at is None:
        return spans
    whole = spans[index]
    halves = [*_trimmed(text, whole.section, whole.start, at), *_trimmed(text, section, at, whole.end)]
    return [*spans[:index], *halves, *spans[index + 1 :]]


def _trimmed(text: str, section: str, start: int, end: int) -> Iterator[SectionSpan]:
    """The span without white space around it; nothing if it is empty."""
    body = text[start:end]
    stripped = body.strip()
    if stripped:
        start += len(body) - len(body.lstrip())
        yield SectionSpan(section, start, start + len(stripped))
