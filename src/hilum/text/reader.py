"""Reports in, rows of the tables `sections` and `mentions` out.

In: (study_id, text) in any order. Out: rows in the same order. A sentence's mentions depend on its plain form alone, so
each distinct sentence is read once and remembered, up to MEMO_SIZE of them; what a section makes of them is added here.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from hilum.text.pipeline import build_pipeline, read_sentences
from hilum.text.reading import Mention
from hilum.text.regions import place, region_rule, side_of
from hilum.text.sections import SectionSpan, split_sections
from hilum.text.sentences import RawOffsets, plain, split_sentences
from hilum.vocabulary.language import load_sections
from hilum.vocabulary.language.terms import signs_of_others

MEMO_SIZE = 200_000
LINES = 256  # sentences that spaCy sees at once


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """One report's rows: sections, and mentions as dicts with the columns of MENTIONS."""

    study_id: int | str
    sections: list[SectionSpan]
    mentions: list[dict[str, Any]]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No search for cycles while a batch is read, which makes many objects and few cycles: a third of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class ReportReader:
    """Reads reports with one pipeline and a memory of up to `memo_size` sentences (0: of one batch alone)."""

    def __init__(self, batch_size: int = 64, memo_size: int = MEMO_SIZE) -> None:
        self._nlp = build_pipeline()
        self._batch_size = batch_size
        self._memo_size = memo_size
        self._memo: dict[str, tuple[Mention, ...]] = {}
        self._readings = load_sections().readings

    def read(self, reports: Iterable[tuple[int | str, str]]) -> Iterator[ParsedReport]:
        """Parse reports, a batch at a time; never raises for any text."""
        reports = iter(reports)
        while batch := list(islice(reports, self._batch_size)):
            cut = [(study_id, text, split_sections(text)) for study_id, text in batch]
            spans = [self._sentences(text, sections) for _, text, sections in cut]
            self._learn(plain_form for report in spans for _, _, _, plain_form in report)
            for (study_id, text, sections), report in zip(cut, spans, strict=True):
                with _collector_paused():
                    rows = self._rows(study_id, text, report)
                yield ParsedReport(study_id, sections, rows)

    def _sentences(self, text: str, sections: list[SectionSpan]) -> list[tuple[str, int, int, str]]:
        """(section, start, end, plain form) of every sentence that is to be read."""
        return [
            (span.section, start, end, plain(text[start:end]))
            for span in sections
            if self._readings[span.section] != "skip"
            for start, end in split_sentences(text, span.start, span.end)
        ]

    def _learn(self, sentences: Iterable[str]) -> None:
        if len(self._memo) > self._memo_size:
            self._memo.clear()
        new = list(dict.fromkeys(s for s in sentences if s not in self._memo))
        with _collector_paused():
            for first in range(0, len(new), LINES):
                lines = new[first : first + LINES]
                self._memo.update(zip(lines, read_sentences(self._nlp, lines), strict=True))

    def _rows(self, study_id: int | str, text: str, sentences: list[tuple[str, int, int, str]]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        spoken_of: tuple[str, Mention | None] = ("", None)
        for number, (section, start, end, plain_form) in enumerate(sentences):
            mentions = self._memo[plain_form]
            if not mentions:
                continue
            offsets = RawOffsets(text[start:end], plain_form)
            first = len(rows)
            for mention in mentions:
                row = self._row(_placed(mention, spoken_of[1] if spoken_of[0] == section else None), section)
                char_start, char_end = offsets.span(mention.start, mention.end)
                row |= {"study_id": study_id, "mention_id": len(rows), "section": section, "sentence": number}
                row |= {"sentence_start": start, "sentence_end": end}
                self._explain(row, mention, rows, first)
                row |= {"char_start": start + char_start, "char_end": start + char_end}
                rows.append(row)
            claimed = [m for m in mentions if m.assertion != "absent" and not m.refers_back]
            located = [m for m in claimed if m.pairs]
            if claimed:
                spoken_of = (section, located[-1] if located else None)
        return rows

    def _explain(self, row: dict[str, Any], mention: Mention, rows: list[dict[str, Any]], first: int) -> None:
        """Say which mention a row explains. Sections that make no label explain nothing."""
        row["explains"] = None
        if self._readings[row["section"]] != "labels":
            return
        if mention.explains is not None:
            row["explains"] = first + mention.explains
        elif mention.explains_back and (sign := _last_sign(rows, first, row)) is not None:
            row["explains"], row["assertion"] = sign, "hypothetical"

    def _row(self, mention: Mention, section: str) -> dict[str, Any]:
        reading = self._readings[section]
        return {
            "finding": mention.finding,
            "regions": place(mention.finding, mention.pairs),
            "side": side_of(mention.pairs),
            "assertion": mention.assertion if reading == "labels" else reading,
            "severity": mention.severity,
            "temporal": mention.temporal,
            "size_mm": mention.size_mm,
            "finding_rule": mention.finding_rule,
            "assertion_rule": mention.assertion_rule if reading == "labels" else f"section {section}",
            "region_rule": region_rule(mention.finding, mention.pairs, mention.placed_by, mention.place_words),
        }


def _placed(mention: Mention, before: Mention | None) -> Mention:
    """A mention that refers back, with the place of what the sentence before spoke of."""
    if not mention.refers_back or before is None:
        return mention
    return mention._replace(pairs=before.pairs, placed_by="sentence before", place_words=before.place_words)


def _last_sign(rows: list[dict[str, Any]], first: int, row: dict[str, Any]) -> int | None:
    """What the sentence before leaves to be explained: the sign that it explains itself, or the last that it saw.

    Of what it saw, findings that are often explained by another stand above the rest ("opacity and small effusion").
    """
    latest = (rows[at] for at in range(first - 1, -1, -1))
    before = list(takewhile(lambda r: r["sentence"] == row["sentence"] - 1, latest))
    before = [r for r in reversed(before) if r["section"] == row["section"]]
    explained = [int(r["explains"]) for r in before if r["explains"] is not None]
    seen = [r for r in before if r["assertion"] in {"present", "uncertain"}]
    signs = [r for r in seen if r["finding"] in signs_of_others()]
    return max(explained or [int(r["mention_id"]) for r in signs or seen], default=None)
