"""The words for how marked a finding is, how it changed, and what its lengths are not.

In: qualities.yaml. Out: frozen records, read once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hilum.schema import SEVERITIES, TEMPORALS
from hilum.vocabulary.rows import check_keys, check_value, read_rows, words

FILE = "language/qualities.yaml"


@dataclass(frozen=True)
class QualityRow:
    """Words of one meaning. meaning: a severity or a change; empty where they say neither and silence shorter words."""

    meaning: str
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Qualities:
    """Everything in qualities.yaml."""

    severities: tuple[QualityRow, ...]
    temporals: tuple[QualityRow, ...]
    changes: frozenset[str]
    distances: frozenset[str]
    earlier: frozenset[str]


@cache
def load_qualities() -> Qualities:
    """The rows of qualities.yaml."""
    return Qualities(
        severities=_rows("severities", "severity", SEVERITIES),
        temporals=_rows("temporals", "temporal", TEMPORALS),
        changes=_words("changes"),
        distances=_words("distances"),
        earlier=_words("earlier"),
    )


def _rows(key: str, meaning: str, allowed: tuple[str, ...]) -> tuple[QualityRow, ...]:
    rows = []
    for row in read_rows(FILE, key):
        check_keys(FILE, row, ("words",), (meaning,))
        if meaning in row:
            check_value(FILE, key, meaning, row[meaning], allowed)
        said = row.get(meaning, "")
        rows.append(QualityRow(said, words(FILE, said or key, row["words"])))
    return tuple(rows)


def _words(key: str) -> frozenset[str]:
    return frozenset(words(FILE, key, [word for row in read_rows(FILE, key) for word in row["words"]]))
