"""Units of a figure, whatever they are: what its name asks for, what each weighs, and whether they average to it.

In: a figure and rows with values. Out: weights, and a disagreement where the rows do not come to what is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hilum.lineage.figures import Figure, find_value
from hilum.lineage.lock import Stage
from hilum.lineage.record import Record
from hilum.schema import INDEX_ROWS
from hilum.stages.audit_evidence import Evidence
from hilum.tables import read_table

EVALUATE = "evaluate"
ENDS = ("_low", "_high", "_chance")
SAME = 2e-6  # figures are kept with six digits


@dataclass(frozen=True)
class Asked:
    """What a figure is of. scores: the one, or the two whose difference it is; part: retrieval, grounding or labels."""

    part: str
    scores: tuple[str, ...]
    metric: str
    average: str
    end: str = ""


def read_name(name: str) -> Asked:
    """What the dotted name of a retrieval or grounding figure asks for. Scores as metrics.json names them."""
    part, *keys, metric = name.split(".")
    end = next((end for end in ENDS if metric.endswith(end)), "")
    average = "micro" if keys[-1:] == ["micro"] else "macro"
    key = next(key for key in keys if key not in ("micro", "difference"))
    return Asked(part, tuple(key.split("_minus_")), metric.removesuffix(end), average, end)


def check_mean(
    figure: Figure, asked: Asked, rows: Iterable[Mapping[str, Any]], record: Record, evidence: Evidence
) -> None:
    """The units' values, each with its weight, add up to the figure."""
    stored = find_value(figure, record.snapshot)
    if asked.end or stored is None or figure.name == "retrieval.alpha":
        return
    value = sum(row["weight"] * row["value"] for row in rows if row["weight"])
    evidence.check(abs(stored - value) < SAME, f"{figure}: recorded as {stored}, its rows average to {value:.6f}")


def weigh(groups: list[Any], counts: list[bool], average: str) -> list[float]:
    """What each unit weighs in the mean; 0 where it does not count. macro: every group weighs the same."""
    kept = Counter(group for group, is_in in zip(groups, counts, strict=True) if is_in)
    n = sum(kept.values())
    share = (lambda group: 1 / n) if average == "micro" else (lambda group: 1 / (len(kept) * kept[group]))
    return [share(group) if is_in else 0.0 for group, is_in in zip(groups, counts, strict=True)]


def difference(values: list[float]) -> float:
    """The value, or the first less the second."""
    return values[0] - values[1] if len(values) > 1 else values[0]


def read_index(record: Record, maker: Stage) -> pd.DataFrame:
    """INDEX_ROWS of the index that an evaluation read."""
    index = next(dep for dep in maker.deps if dep.path.endswith("/index"))
    return read_table(record.store.path_of(index, "rows.parquet"), INDEX_ROWS)
