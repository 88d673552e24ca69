"""From per-query rows to figures: the cells table, the scores table, and the choice of alpha.

In: the queries table and what is known of the cells. Out: CELLS and SCORES rows. Nothing else is looked at, so a
figure can always be recomputed from the rows that average to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.ranking import chance_average_precision, chance_located, chance_precision
from hilum.evaluation.relevance import Cells, Presence
from hilum.evaluation.similarities import GLOBAL, MIRRORED, MIX, alpha_name
from hilum.schema import CELLS, SCORES
from hilum.tables import arrow_schema, to_pandas

METRICS = ("precision_at_1", "precision_at_5", "precision_at_10", "average_precision", "located_at_10")
LOCATED = "located_at_10"
MIX_MIRRORABLE = "mix_mirrorable"  # the mix on the queries that `mirrored` is measured on
DIFFERENCE = f"{MIX} - {GLOBAL}"


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


def chance_of(queries: pd.DataFrame) -> pd.DataFrame:
    """Per query: chance_precision, chance_average_precision, chance_located of a random ranking."""
    n_relevant, n_gallery = queries["n_relevant"].to_numpy(np.int64), queries["n_gallery"].to_numpy(np.int64)
    return pd.DataFrame(
        {
            "chance_precision": chance_precision(n_relevant, n_gallery),
            "chance_average_precision": chance_average_precision(n_relevant, n_gallery),
            "chance_located": chance_located(n_relevant, queries["n_same_finding"].to_numpy(np.int64)),
        },
        index=queries.index,
    )


def tabulate_cells(queries: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """CELLS rows: means over the queries of each cell and score.

    queries: QUERIES rows of one split; cells: from `describe_cells`.
    """
    if not len(queries):
        return to_pandas(arrow_schema(CELLS).empty_table())
    chance = chance_of(queries)
    grouped = pd.concat([queries, chance], axis=1).groupby(["region", "finding", "score"], sort=True)
    table = grouped[[*METRICS, *chance.columns]].mean()
    table["n_queries"] = grouped.size()
    table["n_patients"] = grouped["subject_id"].nunique()
    table = table.reset_index().merge(cells, on=["region", "finding"], how="left", validate="m:1")
    return table[list(CELLS.column_names)]


def score_retrieval(queries: pd.DataFrame, cells: pd.DataFrame, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """SCORES rows of retrieval: each metric of each score, macro over cells and micro, with interval and chance.

    located_at_10 is averaged over locatable cells only. `mirrored` is measured on fewer queries than the others, so
    `mix_mirrorable` gives the mix on the same ones. `mix - global` is the paired difference.
    """
    if not len(queries):
        return to_pandas(arrow_schema(SCORES).empty_table())
    rows: list[dict[str, Any]] = []
    kept: dict[str, tuple[Resampled, Resampled]] = {}
    named = {str(name): frame for name, frame in queries.groupby("score", sort=True)}
    if MIRRORED in named and MIX in named:
        named[MIX_MIRRORABLE] = named[MIX][named[MIX]["query"].isin(named[MIRRORED]["query"])]
    for name, frame in named.items():
        values, units = _values(frame, cells)
        group = (frame["region"] + "|" + frame["finding"]).to_numpy()
        kept[name] = bootstrap_means(values, frame["subject_id"].to_numpy(), group, n_bootstrap, seed)
        rows += _score_rows(name, kept[name], units)
        if name == MIX:
            mix_units = units
    if MIX in kept and GLOBAL in kept:
        pair = tuple(a.minus(b) for a, b in zip(kept[MIX], kept[GLOBAL], strict=True))
        rows += _score_rows(DIFFERENCE, pair, mix_units, chance=False)  # type: ignore[arg-type]
    return pd.DataFrame(rows)[list(SCORES.column_names)]


def choose_alpha(queries: pd.DataFrame, cells: pd.DataFrame, alphas: Sequence[float]) -> tuple[float, pd.DataFrame]:
    """The alpha with the best macro located_at_10 on these rows (then mean average precision, then the smaller).

    queries: from `evaluate_alphas`. Returns alpha and the curve: alpha, located_at_10, average_precision and their
    chance. Without queries the middle alpha is taken, and the curve is empty.
    """
    columns = ["alpha", LOCATED, "average_precision", "chance_located", "chance_average_precision"]
    if not len(queries):
        return sorted(alphas)[len(alphas) // 2], pd.DataFrame({name: [] for name in columns})
    rows = []
    for alpha in alphas:
        frame = queries[queries["score"] == alpha_name(alpha)]
        values, _ = _values(frame, cells)
        group = (frame["region"] + "|" + frame["finding"]).to_numpy()
        macro, _ = bootstrap_means(values, frame["subject_id"].to_numpy(), group, 1, 0)
        located, chance_at = macro.value[METRICS.index(LOCATED)], macro.value[len(METRICS) + METRICS.index(LOCATED)]
        precise = METRICS.index("average_precision")
        rows.append([alpha, located, macro.value[precise], chance_at, macro.value[len(METRICS) + precise]])
    curve = pd.DataFrame(rows, columns=columns)
    ranked = curve.fillna(-1.0).round(9).sort_values(
        [LOCATED, "average_precision", "alpha"], ascending=[False, False, True], kind="stable"
    )  # fmt: skip
    return float(ranked["alpha"].iloc[0]), curve


def _values(queries: pd.DataFrame, cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(n_queries, 2 x metrics): each metric, then its chance; and (2, metrics): units and groups behind each mean."""
    chance = chance_of(queries)
    columns = [queries[name].to_numpy(np.float64, copy=True) for name in METRICS]
    chances = [chance["chance_precision"].to_numpy(np.float64, copy=True)] * 3
    chances += [chance[name].to_numpy(np.float64, copy=True) for name in ("chance_average_precision", "chance_located")]
    values = np.column_stack([*columns, *chances])
    key = queries[["region", "finding"]].merge(cells, on=["region", "finding"], how="left", validate="m:1")
    fixed = ~key["locatable"].to_numpy(bool)
    for column in (METRICS.index(LOCATED), len(METRICS) + METRICS.index(LOCATED)):
        values[fixed, column] = np.nan
    group = (queries["region"] + "|" + queries["finding"]).to_numpy()
    known = ~np.isnan(values[:, : len(METRICS)])
    n_groups = [len(np.unique(group[known[:, i]])) for i in range(len(METRICS))]
    return values, np.array([known.sum(axis=0), n_groups])


def _score_rows(
    name: str, means: tuple[Resampled, Resampled], units: np.ndarray, chance: bool = True
) -> list[dict[str, Any]]:
    rows = []
    for average, mean in zip(("macro", "micro"), means, strict=True):
        low, high = mean.interval()
        for i, metric in enumerate(METRICS):
            rows.append(
                {
                    "task": "retrieval",
                    "score": name,
                    "average": average,
                    "metric": "mean_average_precision" if metric == "average_precision" else metric,
                    "value": mean.value[i],
                    "low": low[i],
                    "high": high[i],
                    "chance": mean.value[len(METRICS) + i] if chance else np.nan,
                    "n_units": int(units[0, i]),
                    "n_groups": int(units[1, i]),
                }
            )
    return rows
