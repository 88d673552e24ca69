"""What the trainings of a comparison left, and the table made of it: the measuring half of `hilum compare`.

In: what `evaluate` has left in checkouts. Out: rows of the comparison. No DVC stage: flows/comparison.py trains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hilum.evaluation.comparison import tabulate
from hilum.evaluation.phrases import PHRASE
from hilum.schema import CELLS, GROUNDINGS, QUERIES
from hilum.tables import read_table


@dataclass(frozen=True)
class Outcome:
    """One training's answers: QUERIES of the test split, GROUNDINGS of phrases, and the cells that can tell places."""

    queries: pd.DataFrame
    groundings: pd.DataFrame
    locatable: pd.DataFrame


def read_outcome(out: Path) -> Outcome:
    """What `evaluate` left in its folder; no groundings on a real collection, which has no boxes."""
    queries = read_table(out / "queries.parquet", QUERIES)
    cells = read_table(out / "cells.parquet", CELLS)
    path = out / "groundings.parquet"
    maps = read_table(path, GROUNDINGS) if path.is_file() else pd.DataFrame(columns=list(GROUNDINGS.column_names))
    return Outcome(
        queries[queries["split"] == "test"],
        maps[maps["score"] == PHRASE],
        cells.loc[cells["locatable"], ["region", "finding"]].drop_duplicates(),
    )


def describe(outcomes: Mapping[str, Sequence[Outcome]], n_bootstrap: int, seed: int) -> list[dict[str, Any]]:
    """The comparison's rows. The first variant's cells say where a place can be told: all have one gallery."""
    locatable = next(iter(outcomes.values()))[0].locatable
    queries = {name: [row.queries for row in rows] for name, rows in outcomes.items()}
    maps = {name: [row.groundings for row in rows] for name, rows in outcomes.items()}
    return tabulate(queries, maps, locatable, n_bootstrap, seed)
