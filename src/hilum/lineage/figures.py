"""A figure named as people name it, found in the metrics files that git holds.

In: words such as `reports/metrics.json:retrieval.rra_vl.located_at_10`, with `@REVISION` or `=VALUE` behind them. Out:
its value, or the commits where it had one. The file may be left out where it is reports/metrics.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hilum.errors import UsageError, VerificationError
from hilum.lineage.revisions import commits_of
from hilum.lineage.snapshots import Commit, Snapshot

METRICS, EXPLANATIONS = "reports/metrics.json", "reports/explanations.json"
_WORDS = re.compile(r"(?:(?P<file>[^:@=]+):)?(?P<name>[^:@=]+?)(?:@(?P<revision>[^=]+))?(?:=(?P<value>.+))?")


@dataclass(frozen=True)
class Figure:
    """A figure asked for. value: only where it had this value; as it is printed, so 0.8589 means 0.85885 to 0.85895."""

    file: str
    name: str
    revision: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"

    def fits(self, found: Any) -> bool:
        """Whether a value is the one asked for, as far as that has digits."""
        if self.value is None or str(found) == self.value:
            return True
        digits = len(self.value.partition(".")[2])
        return isinstance(found, (int, float)) and f"{found:.{digits}f}" == self.value


def parse_figure(words: str) -> Figure:
    """Raises UsageError if the words name no figure."""
    match = _WORDS.fullmatch(words.strip())
    if match is None:
        raise UsageError(f"'{words}' names no figure; write FILE:NAME, as {METRICS}:retrieval.rra_vl.located_at_10.")
    return Figure(match["file"] or METRICS, match["name"], match["revision"], match["value"])


def find_value(figure: Figure, snapshot: Snapshot) -> Any:
    """The figure's value. Raises UsageError if the snapshot has no such file or figure, with those that are near."""
    text = snapshot.read(figure.file)
    if text is None:
        raise UsageError(f"{snapshot.name} has no {figure.file}; name a revision that has it by @REVISION.")
    values = dict(list_values(text, figure.file))
    if figure.name not in values:
        last = figure.name.rpartition(".")[2]
        near = [name for name in values if name.rpartition(".")[2] == last] or list(values)
        raise UsageError(f"{figure.file} has no figure {figure.name}; there is {', '.join(near[:3])}.")
    return values[figure.name]


def list_values(text: bytes, file: str) -> Iterator[tuple[str, Any]]:
    """Every figure of a metrics file: dotted name, number. Raises VerificationError if it is no JSON object."""
    try:
        read = json.loads(text)
        if not isinstance(read, dict):
            raise ValueError("no object")
    except ValueError as error:
        raise VerificationError(f"{file} is not the JSON that a stage writes ({error}).") from None
    yield from _leaves(read, "")


def find_commits(figure: Figure, root: Path) -> list[tuple[str, Any]]:
    """The commits, newest first, that gave the figure the value asked for, and the value that each gave it."""
    found = []
    for commit in commits_of(root, figure.file, figure.revision or "HEAD"):
        with Commit(root, commit) as snapshot:
            values = dict(list_values(snapshot.read(figure.file) or b"{}", figure.file))
        if figure.name in values and figure.fits(values[figure.name]):
            found.append((commit, values[figure.name]))
    return found


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif not isinstance(value, (str, list)):
            yield f"{prefix}{key}", value
