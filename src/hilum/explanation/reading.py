"""Findings claimed in sentences that hilum or a language model wrote, read by the rules that read reports.

In: sentences and the region they are asked to be about. Out: of each, the findings and what is claimed of them there. A
finding without a place is of the region asked about; so is one that is implied in what holds the region (an edema, that
is of both lungs); one placed elsewhere is not. Each sentence is read alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilum.explanation.cases import ABSENT, PRESENT, UNCERTAIN, lies_in, settle
from hilum.text.reader import ReportReader
from hilum.text.sentences import split_sentences


class ClaimReader:
    """One pipeline for all sentences."""

    def __init__(self) -> None:
        self._reader = ReportReader()

    def read(self, sentences: Sequence[str], region: str) -> list[dict[str, str]]:
        """Finding -> present, uncertain or absent, of each sentence."""
        reports = self._reader.read(enumerate(sentences))
        return [settle(pair for row in report.mentions if (pair := _claim(row, region))) for report in reports]


def cut_sentences(line: str) -> list[str]:
    """The sentences of a line."""
    return [line[start:end] for start, end in split_sentences(line, 0, len(line))]


def _claim(row: Mapping[str, Any], region: str) -> tuple[str, str] | None:
    """What a mention claims of its finding in the region; None if nothing. A finding that explains one is possible."""
    label = UNCERTAIN if row["assertion"] == "hypothetical" and row["explains"] is not None else row["assertion"]
    implied = row["region_rule"].endswith(", implied")
    here = not row["regions"] or any(
        lies_in(place, region) or (implied and lies_in(region, place)) for place in row["regions"]
    )
    return (row["finding"], label) if here and label in (PRESENT, UNCERTAIN, ABSENT) else None
