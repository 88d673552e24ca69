"""Figures come to again, from the tables that an evaluation left and those it read.

In: folders of artifacts, as a checkout has them or as an audit lays them out. Out: every figure of metrics.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import BadDataError
from hilum.evaluation.compiled import Measured, compile_results
from hilum.evaluation.figures import render_json
from hilum.evaluation.known import read_known
from hilum.schema import GROUNDINGS, INDEX_ROWS, PAIRS, QUERIES, REPORT_QUERIES
from hilum.tables import read_table

if TYPE_CHECKING:
    from hilum.config import EvaluateParams


def recompute_metrics(
    data: Path,
    index: Path,
    model: Path,
    evaluation: Path,
    partitions: Sequence[str],
    collection: str,
    params: EvaluateParams,
) -> dict[str, Any]:
    """What metrics.json must hold. data: with region_labels and truth; index: rows.parquet and index.json suffice.

    model: config.json suffices. evaluation: every table of rows that it left.
    Raises BadDataError if a table or file cannot be read.
    """
    try:
        regions = tuple(json.loads((index / "index.json").read_bytes())["regions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{index / 'index.json'} cannot be read ({type(error).__name__}).") from None
    rows = read_table(index / "rows.parquet", INDEX_ROWS)
    known = read_known(data, rows, regions, partitions, model, collection)
    measured = Measured(
        queries=read_table(evaluation / "queries.parquet", QUERIES),
        reports=read_table(evaluation / "report_queries.parquet", REPORT_QUERIES),
        pairs=read_table(evaluation / "pairs.parquet", PAIRS),
        groundings=None if known.truth is None else read_table(evaluation / "groundings.parquet", GROUNDINGS),
    )
    metrics: dict[str, Any] = json.loads(render_json(compile_results(known, measured, params).metrics))
    return metrics
