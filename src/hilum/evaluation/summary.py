"""From per-query rows to figures: the cells table, the scores table, and the choice of alpha.

In: the queries table and what is known of the cells. Out: CELLS and SCORES rows. Nothing else is looked at, so a
figure can always be recomputed from the rows that average to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation import random_orders
from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.ranking import chance_of_rankings
from hilum.evaluation.relevance import Cells, Presence
from hilum.evaluation.similarities import GLOBAL, MIRRORED, MIX, alpha_name
from hilum.schema import CELLS, SCORES
from hilum.tables import arrow_schema, to_pandas

METRICS = (
    "precision_at_1", "precision_at_5", "precision_at_10", "average_precision", "located_at_10", "ndcg_at_10",
    "located_at_1", "located_at_5",
)  # fmt: skip
LOCATED = "located_at_10"
NEEDS_PLACES = tuple(name.startswith("located_at") for name in METRICS)  # averaged over locatable cells only
MIX_MIRRORABLE = "mix_mirrorable"  # the mix on the queries that `mirrored` is measured on
DIFFERENCE = f"{MIX} - {GLOBAL}"
RETRIEVAL = "retrieval"
CELL_CHANCES = {
    "chance_precision": "precision_at_1",
    "chance_average_precision": "average_precision",
    "chance_ndcg": "ndcg_at_10",
    "chance_located": LOCATED,
}
"""Column of a chance -> a metric that it is the chance of."""


def describe_cells(presence: Presence, cells: Cells) -> pd.DataFrame:
    """One row a cell: region, finding, n_positives, n_same_finding, locatable."""
    return pd.DataFrame(
        {
            "region": [presence.regions[i] for i in cells.region],
            "finding": [presence.findings[i] for i in cells.finding],
            "n_positives": cells.n_positives,
            "n_same_finding": cells.n_same_finding,
            "locatable": cells.locatable,
        }
    )


def chance_of(queries: pd.DataFrame) -> np.ndarray:
    """(n_queries, metrics): what each metric is of a random ranking, on average."""
    counts = (queries[name].to_numpy(np.int64) for name in ("n_relevant", "n_same_finding", "n_gallery"))
    found = chance_of_rankings(*counts)
    return np.column_stack([found[name] for name in METRICS])


def tabulate_cells(queries: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """CELLS rows: means over the queries of each cell and score.

    queries: QUERIES rows of one split; cells: from `describe_cells`.
    """
    if not len(queries):
        return to_pandas(arrow_schema(CELLS).empty_table())
    every = chance_of(queries)
    chance = pd.DataFrame(
        {name: every[:, METRICS.index(metric)] for name, metric in CELL_CHANCES.items()}, index=queries.index
    )
    grouped = pd.concat([queries, chance], axis=1).groupby(["region", "finding", "score"], sort=True)
    table = grouped[[*METRICS, *chance.columns]].mean()
    table["n_queries"] = grouped.size()
    table["n_patients"] = grouped["subject_id"].nunique()
    table = table.reset_index().merge(cells, on=["region", "finding"], how="left", validate="m:1")
    return table[list(CELLS.column_names)]


def score_retrieval(
    queries: pd.DataFrame, cells: pd.DataFrame, n_bootstrap: int, seed: int, task: str = RETRIEVAL
) -> pd.DataFrame:
    """SCORES rows of retrieval: each metric of each score, macro over cells and micro, with interval and chance.

    The located metrics are averaged over locatable cells only. `mirrored` is measured on fewer queries than the others,
    so `mix_mirrorable` gives the mix on the same ones. `mix - other` are paired differences, of every other score.
    queries may have a column `weight`, else every query counts the same. The band of random orders is drawn for image
    retrieval alone: its questions and gallery are not those of the tasks with reports, but chance is exact everywhere.
    """
    if not len(queries):
        return to_pandas(arrow_schema(SCORES).empty_table())
    rows: list[dict[str, Any]] = []
    kept: dict[str, tuple[tuple[Resampled, Resampled], np.ndarray]] = {}
    named = {str(name): frame for name, frame in queries.groupby("score", sort=True)}
    if MIRRORED in named and MIX in named:
        named[MIX_MIRRORABLE] = named[MIX][named[MIX]["query"].isin(named[MIRRORED]["query"])]
    nothing = np.full(len(METRICS), np.nan)
    bands: dict[tuple[str, ...], list[tuple[np.ndarray, np.ndarray]]] = {}
    for name, frame in named.items():
        values = _values(frame, cells)
        who, group, weight = _columns(frame)
        means = bootstrap_means(values, who, group, n_bootstrap, seed, weight)
        asked = tuple(frame["query"])
        if asked not in bands:
            bands[asked] = _draw_bands(frame, values, seed) if task == RETRIEVAL else [(nothing, nothing)] * 2
        units = _count_units(values, group)
        kept[name] = means, units
        rows += _score_rows(task, name, means, units, bands[asked])
    for other in (name for name in named if name != MIX and MIX in kept):
        mine = MIX_MIRRORABLE if other == MIRRORED else MIX
        if other != MIX_MIRRORABLE:
            first, second = (a.minus(b) for a, b in zip(kept[mine][0], kept[other][0], strict=True))
            rows += _score_rows(task, f"{mine} - {other}", (first, second), kept[other][1], None)
    return pd.DataFrame(rows)[list(SCORES.column_names)]


def choose_alpha(queries: pd.DataFrame, cells: pd.DataFrame, alphas: Sequence[float]) -> tuple[float, pd.DataFrame]:
    """The alpha with the best macro located_at_10 on these rows (then mean average precision, then the smaller).

    queries: from `evaluate_alphas`. Returns alpha and the curve: alpha, then metrics, then their chance. Without
    queries the middle alpha is taken, and the curve is empty.
    """
    shown = (LOCATED, "average_precision", "precision_at_5", "ndcg_at_10")
    chances = ("chance_located", "chance_average_precision", "chance_precision", "chance_ndcg")
    columns = ["alpha", *shown[:2], *chances[:2], *shown[2:], *chances[2:]]
    if not len(queries):
        return sorted(alphas)[len(alphas) // 2], pd.DataFrame({name: [] for name in columns})
    rows = []
    for alpha in alphas:
        frame = queries[queries["score"] == alpha_name(alpha)]
        macro, _ = bootstrap_means(_values(frame, cells), *_columns(frame)[:2], 1, 0, _columns(frame)[2])
        at = [METRICS.index(name) for name in shown]
        found = [macro.value[i] for i in at], [macro.value[len(METRICS) + i] for i in at]
        rows.append([alpha, *found[0][:2], *found[1][:2], *found[0][2:], *found[1][2:]])
    curve = pd.DataFrame(rows, columns=columns)
    ranked = curve.fillna(-1.0).round(9).sort_values(
        [LOCATED, "average_precision", "alpha"], ascending=[False, False, True], kind="stable"
    )  # fmt: skip
    return float(ranked["alpha"].iloc[0]), curve


def _columns(queries: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Who asks, in which cell, and what each query weighs."""
    cell = (queries["region"] + "|" + queries["finding"]).to_numpy()
    weight = queries["weight"].to_numpy(np.float64) if "weight" in queries else None
    return queries["subject_id"].to_numpy(), cell, weight


def _values(queries: pd.DataFrame, cells: pd.DataFrame) -> np.ndarray:
    """(n_queries, 2 x metrics): each metric, then its chance; NaN where the cell cannot be located."""
    values = np.column_stack([queries[list(METRICS)].to_numpy(np.float64), chance_of(queries)])
    key = queries[["region", "finding"]].merge(cells, on=["region", "finding"], how="left", validate="m:1")
    fixed = ~key["locatable"].to_numpy(bool)
    values[np.ix_(fixed, np.array(NEEDS_PLACES * 2))] = np.nan
    return values


def _count_units(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(2, metrics): queries and cells behind each mean."""
    known = ~np.isnan(values[:, : len(METRICS)])
    return np.array([known.sum(axis=0), [len(np.unique(group[column])) for column in known.T]])


def _draw_bands(queries: pd.DataFrame, values: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where random orders lie, macro and micro: (low, high) of each metric."""
    who, group, weight = _columns(queries)
    drawn = random_orders.draw_metrics(queries, METRICS, seed).astype(np.float64)
    drawn[:, np.isnan(values[:, : len(METRICS)])] = np.nan
    n_orders, n_queries, _ = drawn.shape
    columns = drawn.transpose(1, 0, 2).reshape(n_queries, -1)
    means = bootstrap_means(columns, who, group, 1, 0, weight)
    return [random_orders.band(mean.value.reshape(n_orders, -1)) for mean in means]


def _score_rows(
    task: str, name: str, means: Sequence[Resampled], units: np.ndarray,
    bands: Sequence[tuple[np.ndarray, np.ndarray]] | None,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Rows of one score; of a difference, which has no chance, without bands."""
    for at, (average, mean) in enumerate(zip(("macro", "micro"), means, strict=True)):
        low, high = mean.interval()
        for i, metric in enumerate(METRICS):
            yield {
                "task": task,
                "score": name,
                "average": average,
                "metric": "mean_average_precision" if metric == "average_precision" else metric,
                "value": mean.value[i],
                "low": low[i],
                "high": high[i],
                "chance": np.nan if bands is None else mean.value[len(METRICS) + i],
                "chance_low": np.nan if bands is None else bands[at][0][i],
                "chance_high": np.nan if bands is None else bands[at][1][i],
                "n_units": int(units[0, i]),
                "n_groups": int(units[1, i]),
            }
