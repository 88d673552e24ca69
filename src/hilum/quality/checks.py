"""What a check is, and how failing rows are named.

In: frames of failing rows. Out: `Check` records, from which validation.json, the data page and the message of a
red verdict are made. A check names rows by their keys and never carries another value of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

N_EXAMPLES = 10  # failing rows named per check; their number is always given in full

Severity = Literal["critical", "warning", "info"]
Verdict = Literal["green", "amber", "red"]
Key = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. n_rows: rows (or groups, for a check of groups) looked at; examples: keys."""

    table: str
    check: str
    columns: tuple[str, ...]
    severity: Severity
    expected: str
    next_move: str
    n_rows: int
    n_unexpected: int
    examples: tuple[Key, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing unexpected was found."""
        return self.n_unexpected == 0


def judge(checks: Sequence[Check]) -> Verdict:
    """red if a critical check failed, amber if only a warning did, else green; info never changes a verdict."""
    failed = {check.severity for check in checks if not check.passed}
    if "critical" in failed:
        return "red"
    return "amber" if "warning" in failed else "green"


def name_rows(failing: pd.DataFrame, key: Sequence[str], limit: int = N_EXAMPLES) -> tuple[Key, ...]:
    """The keys of the first failing rows, in key order; a null part of a key stays null."""
    keys = failing[list(key)].drop_duplicates()
    rows = [{name: _plain(value) for name, value in zip(key, row)} for row in keys.itertuples(index=False)]
    rows.sort(key=lambda row: [_order(value) for value in row.values()])
    return tuple(rows[:limit])


def describe_key(key: Key) -> str:
    """A key as words: `study_id 50000001, region right lung`."""
    return ", ".join(f"{name} {'null' if value is None else value}" for name, value in key.items())


def _plain(value: object) -> str | int | None:
    """A key's value as JSON holds it. pd.NA, NaN and None are one: null."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return int(number) if number.is_integer() else str(number)


def _order(value: str | int | None) -> tuple[int, int, str]:
    if value is None:
        return (0, 0, "")
    return (1, value, "") if isinstance(value, int) else (2, 0, value)
