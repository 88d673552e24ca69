"""What the trainings of a comparison left, and the table made of it: the measuring half of `hilum compare`.

In: what `evaluate` has left in checkouts. Out: the comparison as JSON. No DVC stage: flows/comparison.py trains.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hilum.evaluation.comparison import Key, Measured, measure, tabulate
from hilum.schema import CELLS, GROUNDINGS, QUERIES
from hilum.tables import read_table, write_text

if TYPE_CHECKING:
    from hilum.config import EvaluateParams

DIGITS = 6


def read_training(out: Path, params: EvaluateParams) -> dict[Key, Measured]:
    """The figures of what `evaluate` left in its folder; no grounding on a real collection, which has no boxes."""
    queries = read_table(out / "queries.parquet", QUERIES)
    path = out / "groundings.parquet"
    maps = read_table(path, GROUNDINGS) if path.is_file() else pd.DataFrame(columns=list(GROUNDINGS.column_names))
    cells = read_table(out / "cells.parquet", CELLS)
    test = queries[queries["split"] == "test"]
    return measure(test, cells, maps, params.min_units, params.n_bootstrap, params.seed)


@dataclass
class Comparison:
    """The table while it grows. variants: name -> what it is, the first is what others are compared with."""

    collection: str
    variants: Mapping[str, str]
    seeds: Sequence[int]
    params: EvaluateParams
    found: dict[str, dict[int, dict[Key, Measured]]] = field(default_factory=dict)

    def add(self, variant: str, seed: int, out: Path) -> None:
        """Take what a training has left in the folder of `evaluate`."""
        self.found.setdefault(variant, {})[seed] = read_training(out, self.params)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of what is there so far, in the order of the variants."""
        ordered = {name: self.found[name] for name in self.variants if name in self.found}
        return tabulate(ordered, next(iter(self.variants)), self.params.seed)

    def write(self, path: Path) -> None:
        """Write what is there so far; a reader never sees half a file."""
        table = {
            "collection": self.collection,
            "seeds": list(self.seeds),
            "variants": [{"name": name, "words": words} for name, words in self.variants.items()],
            "rows": [{name: _plain(value) for name, value in row.items()} for row in self.rows()],
        }
        write_text(path, json.dumps(table, indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value
