"""The words around a finding: places, cues, boundaries, and the sections of a report.

The words of the findings themselves are in `terms`, those for severity and change in `qualities`.

In: places.yaml, cues.yaml, sections.yaml. Out: frozen records, read once. Only `text` needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from hilum.schema import ASSERTIONS, SIDES
from hilum.vocabulary.concepts import load_regions
from hilum.vocabulary.rows import check_keys, check_value, read_rows, words

READINGS = ("labels", "historical", "hypothetical", "skip")
ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class PlaceWords:
    """Words that say where. side: said by the words themselves; implied: the side if no other is said."""

    phrases: tuple[str, ...]
    kind: str | None = None
    side: str | None = None
    implied: str | None = None
    partial: bool = False


@dataclass(frozen=True)
class Cue:
    """Words that change what is claimed. assertion `none`: no claim, and shorter cues inside are silenced."""

    assertion: str
    phrases: tuple[str, ...]
    direction: str = "forward"
    strength: str = "own"


@dataclass(frozen=True)
class WordRow:
    """Words of one meaning: a boundary's strength, what a subject is."""

    meaning: str
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Cues:
    """Everything in cues.yaml."""

    assertions: tuple[Cue, ...]
    boundaries: tuple[WordRow, ...]
    own_words: frozenset[str]
    verbs: frozenset[str]
    modifiers: frozenset[str]
    participles: frozenset[str]
    prepositions: frozenset[str]
    glue: frozenset[str]
    links: tuple[str, ...]
    beside: tuple[str, ...]
    backrefs: tuple[str, ...]
    subjects: tuple[WordRow, ...]


@dataclass(frozen=True)
class SectionRow:
    """One section: the headers that open it, and what is done with its text."""

    section: str
    reading: str
    names: tuple[str, ...]
    contains: tuple[str, ...]


@dataclass(frozen=True)
class Sections:
    """Everything in sections.yaml. by_name: header in lower case -> section."""

    rows: tuple[SectionRow, ...]
    view_words: tuple[str, ...]
    subheads: frozenset[str]
    by_name: Mapping[str, str]
    readings: Mapping[str, str]


@cache
def load_places() -> tuple[PlaceWords, ...]:
    """The rows that say which words mean which place."""
    file = "language/places.yaml"
    names = [r.region for r in load_regions()]
    kinds = [n.removeprefix("left ") for n in names if n.startswith("left ")] + names + [ELSEWHERE, None]
    rows = []
    for row in read_rows(file, "places"):
        check_keys(file, row, ("words",), ("kind", "side", "implied", "partial"))
        phrases = words(file, str(row["words"]), row["words"])
        check_value(file, phrases[0], "kind", row.get("kind"), kinds)  # type: ignore[arg-type]
        for key in ("side", "implied"):
            check_value(file, phrases[0], key, row.get(key), (*SIDES, None))  # type: ignore[arg-type]
        rows.append(
            PlaceWords(phrases, row.get("kind"), row.get("side"), row.get("implied"), row.get("partial", False))
        )
    return tuple(rows)


@cache
def load_cues() -> Cues:
    """The rows of cues.yaml."""
    return Cues(
        assertions=tuple(_cue(row) for row in read_rows("language/cues.yaml", "assertions")),
        boundaries=_word_rows("boundaries", "strength", ("hard", "soft", "exception")),
        verbs=frozenset(_word_list("language/cues.yaml", "verbs")),
        own_words=frozenset(_word_list("language/cues.yaml", "own_words")),
        modifiers=frozenset(_word_list("language/cues.yaml", "modifiers")),
        participles=frozenset(_word_list("language/cues.yaml", "participles")),
        prepositions=frozenset(_word_list("language/cues.yaml", "prepositions")),
        glue=frozenset(_word_list("language/cues.yaml", "glue")),
        links=_word_list("language/cues.yaml", "links"),
        beside=_word_list("language/cues.yaml", "beside"),
        backrefs=_word_list("language/cues.yaml", "backrefs"),
        subjects=_word_rows("subjects", "subject", ("seen", "generic")),
    )


def _cue(row: Mapping[str, Any]) -> Cue:
    file = "language/cues.yaml"
    check_keys(file, row, ("assertion", "words"), ("direction", "strength"))
    cue = Cue(
        row["assertion"],
        words(file, row["assertion"], row["words"]),
        row.get("direction", "forward"),
        row.get("strength", "own"),
    )
    check_value(file, cue.phrases[0], "assertion", cue.assertion, (*ASSERTIONS, "none"))
    check_value(file, cue.phrases[0], "direction", cue.direction, ("forward", "backward"))
    check_value(file, cue.phrases[0], "strength", cue.strength, ("own", "link", "aside"))
    return cue


def _word_rows(key: str, meaning: str, allowed: tuple[str, ...]) -> tuple[WordRow, ...]:
    rows = []
    for row in read_rows("language/cues.yaml", key):
        check_keys("language/cues.yaml", row, (meaning, "words"), ())
        check_value("language/cues.yaml", key, meaning, row[meaning], allowed)
        rows.append(WordRow(row[meaning], words("language/cues.yaml", row[meaning], row["words"])))
    return tuple(rows)


def _word_list(file: str, key: str) -> tuple[str, ...]:
    return words(file, key, [word for row in read_rows(file, key) for word in row["words"]])


@cache
def load_sections() -> Sections:
    """The rows of sections.yaml."""
    file = "language/sections.yaml"
    rows = []
    for row in read_rows(file, "sections"):
        check_keys(file, row, ("section", "reading", "names"), ("contains",))
        check_value(file, row["section"], "reading", row["reading"], READINGS)
        names = words(file, row["section"], row["names"])
        rows.append(
            SectionRow(row["section"], row["reading"], names, words(file, row["section"], row.get("contains", [])))
        )
    return Sections(
        rows=tuple(rows),
        view_words=_word_list(file, "view_words"),
        subheads=frozenset(_word_list(file, "subheads")),
        by_name=MappingProxyType({name: row.section for row in rows for name in row.names}),
        readings=MappingProxyType({row.section: row.reading for row in rows}),
    )
