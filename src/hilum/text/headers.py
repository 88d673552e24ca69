"""What in a report may be a header, and which section a title names.

In: a report's text in its even form (see `sentences.evened`). Out: titles in order, and for a title its section.
Whether it opens that section depends on where it stands, which `sections` decides.
A title is looked up in this order: the names of sections.yaml as written; the headings inside findings; parts of names;
view words; and once more with each word's spelling mended, where one letter is lost, doubled, replaced or misplaced.
Mending looks up a table of the common names with one letter left out, so its cost does not grow with the vocabulary.
Known to be imperfect: a word two letters off is unknown, and a title broken over two lines is read by its second line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from hilum.vocabulary.language import load_sections


class Title(NamedTuple):
    """Something that may be a header: its words, where they start, and where the body behind them starts.

    standing: line (begins a line and ends in a colon), inline (stands behind other text), bare (has no colon).
    """

    words: str
    start: int
    end: int
    standing: str


MAX_TITLE = 90  # the longest known in MIMIC-CXR, one of the view-like ones, has 74 characters
# Names that are headers wherever they stand in capitals before a colon, so in the middle of a line as well.
_PLAIN = (
    r"FINDINGS?(?: ?(?:AND|&|/) ?IMPRESSION)?|IMPRESSIONS?|CONCLUSIONS?|INDICATIONS?|COMPARISONS?|HISTORY|TECHNIQUE"
    r"|RECOMMENDATIONS?(?:\(S\))?|NOTIFICATIONS?|EXAMINATION|ADDENDUM|WET READ"
)
_LINE = re.compile(rf"^(?:[^\w\n]|_)*+(?:\d{{1,2}}[.)] *+)?([A-Za-z0-9][^:\n]{{0,{MAX_TITLE}}}+):", re.MULTILINE)
_CAPITALS = re.compile(r"[A-Z0-9][A-Z0-9 ,&/()'-]{2,}+:?")
_PLAIN_END = re.compile(rf"(?<![A-Z])(?:{_PLAIN})\Z")
_CAPITALISED = re.compile(r"(?:Findings|Impression|Conclusion|Indication|Comparison|Technique|History|Examination) *+:")
_BARE = re.compile(
    rf"^ *+(?:({_PLAIN})[ .;-]*+$|(FINDINGS|IMPRESSION|CONCLUSION|ADDENDUM) [ -]*+(?=[A-Z][a-z]|\d[.)]))", re.MULTILINE
)
_UPPER_NAME = re.compile(r"[A-Z]{2}")
_COMMON = re.findall(
    r"\w+",
    """findings impression impressions indication indications comparison comparisons conclusion history technique
    examination recommendation recommendations notification addendum""",
)
# The words of which a view-like title in small letters consists ("Chest, two views:").
_VIEW_TITLE = frozenset(
    re.findall(
        r"\S+",
        """chest portable ap pa lateral lat frontal view views radiograph radiographs x-ray single one two three upright
        erect supine semi-upright semi-erect of the and with 1 2 3""",
    )
)


def find_titles(text: str, start: int, end: int) -> list[Title]:
    """Everything in text[start:end] that may be a header, in order of start; titles may overlap."""
    titles, taken = [], set()
    for match in _LINE.finditer(text, start, end):
        if not _is_time(text, match.end()):
            titles.append(Title(match[1].rstrip(), match.start(), match.end(), "line"))
            taken.add(match.start(1))
    titles += _inline(text, start, end, taken)
    for match in _BARE.finditer(text, start, end):
        group = 1 if match[1] else 2
        titles.append(Title(match[group], match.start(group), match.end(), "bare"))
    return sorted(titles, key=lambda title: title.start)


def _inline(text: str, start: int, end: int, taken: set[int]) -> Iterator[Title]:
    """Titles behind other text; taken: where those that begin a line start."""
    for match in _CAPITALS.finditer(text, start, end):
        if match[0][-1] != ":" or match.start() in taken or _is_time(text, match.end()):
            continue
        run = match[0][:-1].rstrip()
        plain = _PLAIN_END.search(run, max(0, len(run) - 30))
        if " " in run and len(run) <= MAX_TITLE and _folded(run) in load_sections().by_name:
            yield Title(run, match.start(), match.end(), "inline")
        elif plain is not None:
            yield Title(plain[0], match.start() + plain.start(), match.end(), "inline")
        elif len(run) <= MAX_TITLE and is_view(run):
            yield Title(run, match.start(), match.end(), "inline")
    for match in _CAPITALISED.finditer(text, start, end):
        if (text[max(start, match.start() - 3) : match.start()].rstrip(" ") or "\n")[-1] in ".;!?_\n":
            yield Title(match[0].rstrip(" :"), match.start(), match.end(), "inline")


def _is_time(text: str, after: int) -> bool:
    """Whether the colon before this offset is that of a time ("10:32")."""
    return text[after - 2].isdigit() and text[after : after + 1].isdigit()


def in_capitals(words: str) -> bool:
    """Whether a title is written as MIMIC writes its headers."""
    return words.upper() == words and _UPPER_NAME.search(words) is not None


@lru_cache(maxsize=4096)
def section_named(words: str) -> str | None:
    """The section that a title names; `other` for an unknown title in capitals; None for no header, or a subheading."""
    rows = load_sections()
    name = _folded(words)
    if name in rows.by_name:
        return rows.by_name[name]
    if not in_capitals(words):
        if set(name.replace(",", " ").split()) <= _VIEW_TITLE and is_view(words):
            return "findings"
        return rows.by_name.get(_mended(name)) if words[0].isupper() else None
    if name in rows.subheads:
        return None
    section = _by_parts(name)
    if section is None and (mended := _mended(name)) != name:
        section = rows.by_name.get(mended) or _by_parts(mended)
    return section or "other"


def is_view(words: str) -> bool:
    """Whether a title says how the chest was seen ("PORTABLE AP CHEST")."""
    return _view_words().search(_folded(words)) is not None


def _folded(words: str) -> str:
    return " ".join(words.lower().split())


def _by_parts(name: str) -> str | None:
    if _parts().search(name):
        return next(row.section for row in load_sections().rows if any(part in name for part in row.contains))
    return "findings" if _view_words().search(name) else None


def _mended(name: str) -> str:
    """The name with every long word that is one letter away from a common name's replaced by it."""
    return re.sub("[a-z]{6,19}", lambda word: _mended_word(word[0]), name.replace("_", ""))


def _mended_word(word: str) -> str:
    shortened = _shortened()
    return next((shortened[form] for form in _without_a_letter(word) if form in shortened), word)


@cache
def _shortened() -> dict[str, str]:
    return {form: name for name in reversed(_COMMON) for form in _without_a_letter(name)}


def _without_a_letter(word: str) -> list[str]:
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


@cache
def _parts() -> re.Pattern[str]:
    """Any part of a name that decides; which one it is, the order of the rows says."""
    return re.compile("|".join(re.escape(part) for row in load_sections().rows for part in row.contains))


@cache
def _view_words() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in load_sections().view_words)
    return re.compile(rf"(?<![a-z])(?:{words})(?![a-z])")
