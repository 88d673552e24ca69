"""What holds of the reading of any text whatever. Used by the fuzz, and by the tests of any text.

In: a text and what the reader made of it. Out: the laws that are broken, in words without a word of the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from hilum.schema import ASSERTIONS, MENTIONS, SEVERITIES, SIDES, TEMPORALS
from hilum.text.reader import ParsedReport
from hilum.text.sentences import plain
from hilum.text.spelling import SHORTEST
from hilum.vocabulary import FINDINGS, REGIONS
from hilum.vocabulary.language.phrases import expand, split_parts
from hilum.vocabulary.language.qualities import load_qualities
from hilum.vocabulary.language.standins import load_standins

_LISTS = {
    "finding": FINDINGS,
    "assertion": ASSERTIONS,
    "severity": (*SEVERITIES, None),
    "temporal": (*TEMPORALS, None),
    "side": (*SIDES, None),
}
_REGION_ORDER = {region: number for number, region in enumerate(REGIONS)}
_WORD = re.compile(r"\w+")


def broken_laws(text: str, report: ParsedReport) -> list[str]:
    """The laws that this reading breaks; empty if it is sound."""
    return [
        *_sections(text, report),
        *_order(report),
        *(law for m in report.mentions for law in _mention(text, m, report)),
    ]


def _sections(text: str, report: ParsedReport) -> Iterator[str]:
    last = 0
    for span in report.sections:
        if not last <= span.start < span.end <= len(text):
            yield "sections lie in order inside the text, and none is empty"
        elif text[span.start : span.end].strip() != text[span.start : span.end]:
            yield "a section has no white space around it"
        last = span.end


def _order(report: ParsedReport) -> Iterator[str]:
    if [m["mention_id"] for m in report.mentions] != list(range(len(report.mentions))):
        yield "mention ids count up from 0"
    for key in ("sentence", "sentence_start"):
        values = [m[key] for m in report.mentions]
        if values != sorted(values):
            yield f"{key} never falls"


def _mention(text: str, mention: dict[str, Any], report: ParsedReport) -> Iterator[str]:
    start, end = mention["char_start"], mention["char_end"]
    if set(mention) != set(MENTIONS.column_names):
        yield "a mention has the columns of MENTIONS"
    if not 0 <= mention["sentence_start"] <= start < end <= mention["sentence_end"] <= len(text):
        yield "a mention lies in its sentence, and that in the text"
    sentence = (mention["sentence_start"], mention["sentence_end"])
    if not any(
        s.start <= sentence[0] and sentence[1] <= s.end and s.section == mention["section"] for s in report.sections
    ):
        yield "a sentence lies in its section"
    for key, values in _LISTS.items():
        if mention[key] not in values:
            yield f"{key} is one of its list"
    regions = list(mention["regions"])
    if regions != sorted(set(regions), key=lambda region: _REGION_ORDER.get(region, -1)) or not set(regions) <= set(
        REGIONS
    ):
        yield "regions are known, each once, in the vocabulary's order"
    if mention["explains"] is not None and not 0 <= mention["explains"] < len(report.mentions):
        yield "what explains points at a mention of the report"
    if mention["size_mm"] is not None and not (math.isfinite(mention["size_mm"]) and mention["size_mm"] > 0):
        yield "a size is a number above 0"
    words = _WORD.findall(plain(text[start:end]))
    if not any(_says(words, phrase) for phrase in _phrases(mention["finding_rule"])) and not _stands_for(words):
        yield "the span holds the words of a part of the mention's rule, or one that stands for the finding"


def _says(words: list[str], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(all(map(_meant, words[at : at + size], phrase)) for at in range(len(words) - size + 1))


def _meant(word: str, wanted: str) -> bool:
    """The same word, or a long one with a slip of one letter inside it."""
    if word == wanted:
        return True
    ends = (word[0], word[-1]) == (wanted[0], wanted[-1])
    return len(wanted) >= SHORTEST and ends and abs(len(word) - len(wanted)) <= 1


def _stands_for(words: list[str]) -> bool:
    """ "None", "that", or a severity: "no effusion on the left, small on the right"."""
    return len(words) == 1 and (words[0] in load_standins() or words[0] in _severities())


@cache
def _severities() -> frozenset[str]:
    return frozenset(
        phrase.split()[-1] for row in load_qualities().severities for p in row.phrases for phrase in expand(p)
    )


@cache
def _phrases(rule: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_WORD.findall(plain(phrase))) for part in split_parts(rule) for phrase in part)
