"""Figures come to again from the rows that average to them, and compared with what is recorded.

In: a record, a file of figures. Out: plain facts: how many are equal, which are not, and from which rows. Files that
`evaluate` and `explain` write can be come to again; of others it is said why not.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hilum.errors import HilumError
from hilum.evaluation.recompute import recompute_metrics
from hilum.explanation.compiled import recompute_scores
from hilum.lineage.figures import list_values
from hilum.lineage.lock import Item, Stage
from hilum.lineage.record import Record, read_landings

if TYPE_CHECKING:
    from hilum.config import EvaluateParams, ExplainParams

EVALUATE, EXPLAIN = "evaluate", "explain"
ReadParams = Callable[[str, Mapping[str, Any]], "EvaluateParams | ExplainParams"]


def recompute(record: Record, file: str, read_params: ReadParams, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Come to the figures of a file again, and compare. names: only these."""
    maker = record.lineage.behind([file])[0]
    if maker.verb not in (EVALUATE, EXPLAIN):
        return {"why_not": f"{maker.name} makes it, and no rows that average to it are kept"}
    try:
        params = read_params(maker.verb, dict(maker.params["params.yaml"][maker.verb]))
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(_recompute(record, maker, params, Path(folder))).encode()
    except (HilumError, ValueError) as error:
        return {"why_not": " ".join(str(error).split())}
    found = dict(list_values(text, file))
    stored = dict(list_values(record.snapshot.read(file) or b"{}", file))
    asked = list(stored) if names is None else list(names)
    unequal = {
        f"{file}:{name}": {"recorded": stored.get(name), "recomputed": found.get(name)}
        for name in asked
        if stored.get(name) != found.get(name)
    }
    rows = [_rows_of(record, maker).path]
    return {"n": len(asked), "n_equal": len(asked) - len(unequal), "unequal": unequal, "from": rows}


def merge(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of several files as one; why the first could not be come to again, if one could not."""
    for row in rows:
        if "why_not" in row:
            return dict(row)
    return {
        "n": sum(row["n"] for row in rows),
        "n_equal": sum(row["n_equal"] for row in rows),
        "unequal": {name: pair for row in rows for name, pair in row["unequal"].items()},
        "from": [path for row in rows for path in row["from"]],
    }


def _recompute(record: Record, maker: Stage, params: EvaluateParams | ExplainParams, folder: Path) -> dict[str, Any]:
    """Lay out the tables of the chain in a folder and compute. An input is known by the stage that wrote it."""
    reads = {verb: dep for dep in maker.deps for verb in {one.verb for one in record.lineage.makers_of(dep)}}
    index, rows, landings = reads["index"], _rows_of(record, maker), read_landings(record.snapshot)
    tables = [
        item for verb in ("label", "phantom") if verb in reads for item in record.lineage.inside(reads[verb].path)
    ]
    record.store.lay_out([*tables, rows], folder)
    record.store.lay_out_some(index, ("index.json", "rows.parquet"), folder)
    data, partitions, collection = (
        (folder / reads["label"].path).parent, list(landings["partitions"]), landings["collection"],
    )  # fmt: skip
    if maker.verb == EVALUATE:
        model = reads["locate"]
        record.store.lay_out_some(model, ("config.json",), folder)
        return recompute_metrics(
            data, folder / index.path, folder / model.path, folder / rows.path, partitions, collection,
            cast("EvaluateParams", params),
        )  # fmt: skip
    (metrics,) = [dep for dep in maker.deps if dep.path in record.held_by_git and dep.path.endswith(".json")]
    path = folder / metrics.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(record.snapshot.read(metrics.path) or b"")
    return recompute_scores(
        data, folder / index.path, folder / rows.path, path, partitions, collection, cast("ExplainParams", params)
    )


def _rows_of(record: Record, maker: Stage) -> Item:
    """The folder of rows that a stage leaves beside its figures."""
    (rows,) = [out for out in maker.outs if out.path not in record.held_by_git]
    return rows
