"""An answer in words, cut into statements, each with the cases that it cites, and which of them stand.

In: text as the prompt asks for it, findings read in each statement, the cases shown. Out: statements, the dropped ones
with the reason. A statement stands if it cites cases that were shown and, for each finding it speaks of in the region,
one of them says the same there: present for present, present or uncertain for uncertain, absent for absent.
Known to be imperfect: a finding counts only under its own name, so a consolidation supports no opacity.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hilum.explanation.cases import ABSENT, PRESENT, UNCERTAIN, Case

EXPLANATION, IMPRESSION = "explanation", "impression"
NO_CITATION, UNKNOWN_CASE, NO_FINDING, UNSUPPORTED = "no_citation", "unknown_case", "no_finding", "unsupported"
DROPS = (NO_CITATION, UNKNOWN_CASE, NO_FINDING, UNSUPPORTED)
MAX_STATEMENTS = 60  # of an answer; a model that has lost its thread repeats itself

Read = Callable[[Sequence[str], str], list[dict[str, str]]]
"""Sentences and a region -> of each, finding -> what is claimed of it in the region."""
Cut = Callable[[str], list[str]]
"""A line -> its sentences."""

_HEAD = re.compile(r"^[\s#*_]*(?:preliminary\s+)?(explanation|impression)[\s*_]*(?::[\s*_]*|$)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+")
_ONE = r"(?:cases?\s*)?#?\d{1,3}"
_CITATION = re.compile(rf"[\[(]\s*{_ONE}(?:\s*(?:,|;|and|&|-|\u2013)\s*{_ONE})*\s*[\])]", re.IGNORECASE)
_LATE = re.compile(rf"([.!?])((?:\s*{_CITATION.pattern})+)", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,3})\s*[-\u2013]\s*(?:cases?\s*)?(\d{1,3})", re.IGNORECASE)
_SUPPORT = {PRESENT: {PRESENT}, UNCERTAIN: {PRESENT, UNCERTAIN}, ABSENT: {ABSENT}}


@dataclass(frozen=True)
class Statement:
    """One sentence. text: without its citations. cites: case numbers, sorted.

    findings: what it claims in the region. dropped: why it does not stand, one of DROPS; None if it does.
    """

    section: str
    text: str
    cites: tuple[int, ...]
    findings: Mapping[str, str]
    dropped: str | None


def check_answer(text: str, region: str, cases: Sequence[Case], read: Read, cut: Cut) -> list[Statement]:
    """The statements of an answer, in its order."""
    rows = [row for row in cut_statements(text, cut) if row[1]][:MAX_STATEMENTS]
    claims = read([sentence for _, sentence, _ in rows], region)
    return [
        Statement(section, sentence, cites, found, judge(cites, found, cases))
        for (section, sentence, cites), found in zip(rows, claims, strict=True)
    ]


def cut_statements(text: str, cut: Cut) -> list[tuple[str, str, tuple[int, ...]]]:
    """(section, sentence without citations, cited numbers) of each sentence; a citation behind the full stop counts."""
    section, rows = EXPLANATION, []
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            section, line = head[1].lower(), line[head.end() :]
        line = _LATE.sub(r"\2\1", _BULLET.sub("", line))
        for sentence in cut(line):
            bare = re.sub(r"\s+([.,;:!?])", r"\1", _CITATION.sub("", sentence))
            rows.append((section, " ".join(bare.split()), cited(sentence)))
    return rows


def cited(sentence: str) -> tuple[int, ...]:
    """The case numbers in a sentence's brackets, ranges filled."""
    numbers: set[int] = set()
    for match in _CITATION.finditer(sentence):
        for first, last in _RANGE.findall(match[0]):
            numbers.update(range(int(first), int(last) + 1))
        numbers.update(map(int, re.findall(r"\d+", match[0])))
    return tuple(sorted(numbers))


def judge(cites: Sequence[int], findings: Mapping[str, str], cases: Sequence[Case]) -> str | None:
    """Why a statement does not stand; None if it does."""
    shown = {case.number: case for case in cases}
    if not cites:
        return NO_CITATION
    if any(number not in shown for number in cites):
        return UNKNOWN_CASE
    if not findings:
        return NO_FINDING
    named = [shown[number] for number in cites]
    for finding, claim in findings.items():
        if not any(case.labels.get(finding) in _SUPPORT[claim] for case in named):
            return UNSUPPORTED
    return None


def said(statements: Sequence[Statement]) -> tuple[str, ...]:
    """The findings that the standing statements claim in the region, as present or as possible, sorted."""
    kept = [statement.findings for statement in statements if statement.dropped is None]
    return tuple(sorted({name for found in kept for name, claim in found.items() if claim != ABSENT}))


def count_drops(statements: Sequence[Statement]) -> dict[str, int]:
    """How many were dropped for each reason, all reasons named."""
    counts = Counter(statement.dropped for statement in statements)
    return {reason: counts[reason] for reason in DROPS}


def render(statements: Sequence[Statement]) -> str:
    """The standing statements as text, by section, each with its citations."""
    parts = []
    for section in (EXPLANATION, IMPRESSION):
        kept = [row for row in statements if row.section == section and row.dropped is None]
        if kept:
            lines = [f"- {row.text} {''.join(f'[{number}]' for number in row.cites)}" for row in kept]
            parts.append("\n".join([f"{section.capitalize()}:", *lines]))
    return "\n".join(parts)
