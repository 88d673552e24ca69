"""Several trainings on the same questions: figures over seeds, intervals over patients, paired differences.

In: QUERIES and GROUNDINGS of each variant, one table a seed. Out: one row a variant, score and metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.grounding_summary import METRICS as GROUNDING
from hilum.evaluation.phrases import PHRASE
from hilum.evaluation.similarities import GLOBAL, MIRRORED, MIX

RETRIEVAL = ("located_at_10", "precision_at_5", "average_precision")
SCORES = (MIX, GLOBAL, MIRRORED)


def tabulate(
    queries: Mapping[str, Sequence[pd.DataFrame]],
    maps: Mapping[str, Sequence[pd.DataFrame]],
    locatable: pd.DataFrame | None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """One row a variant, score and metric: value, low, high, sd of the seeds, and the paired difference to the first.

    queries, maps: QUERIES of the test split and GROUNDINGS by variant, one table a seed. A question's figure is its
    mean over the seeds; a resample of patients then takes all questions of a patient, of every variant, together.
    """
    rows: list[dict[str, Any]] = []
    first: dict[tuple[str, str], Resampled] = {}
    for name, tables in queries.items():
        parts: list[tuple[str, list[pd.DataFrame], tuple[str, ...], str | None]] = [
            (score, [hide_unlocatable(t[t["score"] == score], locatable) for t in tables], RETRIEVAL, "region")
            for score in SCORES
        ]
        parts.append((PHRASE, list(maps.get(name, ())), GROUNDING, None))
        for score, frames, metrics, place in parts:
            if not frames or not len(frames[0]):
                continue
            mean, spread = over_seeds(frames, metrics, place, n_bootstrap, seed)
            low, high = mean.interval()
            for number, metric in enumerate(metrics):
                one = Resampled(mean.value[number : number + 1], mean.resamples[:, number : number + 1])
                against = first.setdefault((score, metric), one)
                apart = one.minus(against)
                apart_low, apart_high = apart.interval()
                rows.append({
                    "variant": name, "score": score, "metric": metric,
                    "value": float(mean.value[number]), "low": float(low[number]), "high": float(high[number]),
                    "sd_of_seeds": float(spread[number]), "n_seeds": len(frames),
                    **({} if against is one else {
                        "difference": float(apart.value[0]),
                        "difference_low": float(apart_low[0]), "difference_high": float(apart_high[0]),
                    }),
                })  # fmt: skip
    return rows


def hide_unlocatable(queries: pd.DataFrame, locatable: pd.DataFrame | None) -> pd.DataFrame:
    """Queries whose `located_at_10` is missing where the cell cannot tell places apart."""
    if locatable is None:
        return queries
    cells = pd.MultiIndex.from_frame(queries[["region", "finding"]].astype(object))
    told = cells.isin(pd.MultiIndex.from_frame(locatable.astype(object)))
    return queries.assign(located_at_10=queries["located_at_10"].where(told))


def over_seeds(
    tables: Sequence[pd.DataFrame], metrics: Sequence[str], place: str | None, n_bootstrap: int, seed: int
) -> tuple[Resampled, np.ndarray]:
    """Macro means over cells of the means over seeds, and the standard deviation of the seeds' own macro means."""
    key = ["query"] if place else ["dicom_id", "finding"]
    cell = ["finding"] if place is None else [place, "finding"]
    frame = pd.concat(tables, ignore_index=True)
    who = frame.groupby(key, sort=True)[["subject_id", *(name for name in cell if name not in key)]].first()
    who = who.reset_index()

    def macro(rows: pd.DataFrame, n: int) -> Resampled:
        means = rows.groupby(key, sort=True)[list(metrics)].mean().reset_index()
        joined = means.merge(who, on=key, how="left", validate="1:1")
        cells = joined[cell].astype(str).agg("|".join, axis=1)
        values = joined[list(metrics)].to_numpy(np.float64, na_value=np.nan)
        return bootstrap_means(values, joined["subject_id"].to_numpy(), cells.to_numpy(), n, seed)[0]

    each = np.stack([macro(table, 1).value for table in tables])
    spread = each.std(axis=0, ddof=1) if len(tables) > 1 else np.full(len(metrics), np.nan)
    return macro(frame, n_bootstrap), spread
