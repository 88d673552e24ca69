"""From per-unit rows of grounding to figures: macro over findings, micro over units, with intervals.

In: the groundings table. Out: SCORES rows. Chance of the pointing game is the boxes' share of the image, of the
contrast 0 (a map that knows nothing), and of the mean IoU the boxes' share too: what predicting the whole image gets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.phrases import PHRASE, PRIOR
from hilum.schema import SCORES
from hilum.tables import arrow_schema, to_pandas

METRICS = ("pointing_game", "contrast_to_noise_ratio", "mean_iou")
DIFFERENCE = f"{PHRASE} - {PRIOR}"


def score_grounding(groundings: pd.DataFrame, min_units: int, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """SCORES rows of each map. Macro: findings with at least `min_units` units; micro: every unit.

    A contrast that is undefined is left out of its mean. `phrase - prior` is the paired difference.
    """
    rows: list[dict[str, Any]] = []
    kept: dict[tuple[str, str], Resampled] = {}
    for average in ("macro", "micro"):
        for name, frame in groundings.groupby("score", sort=True):
            chosen = frame
            if average == "macro":
                chosen = frame[frame.groupby("finding")["dicom_id"].transform("size") >= min_units]
            if not len(chosen):
                continue
            values = chosen[[*METRICS, "chance_pointing"]].to_numpy(np.float64, na_value=np.nan)
            means = bootstrap_means(
                values, chosen["subject_id"].to_numpy(), chosen["finding"].to_numpy(), n_bootstrap, seed
            )
            mean = means[0] if average == "macro" else means[1]
            kept[average, str(name)] = mean
            share = float(mean.value[-1])
            rows += _rows(str(name), average, mean, [share, 0.0, share], chosen)
        if (average, PHRASE) in kept and (average, PRIOR) in kept:
            difference = kept[average, PHRASE].minus(kept[average, PRIOR])
            like = groundings[groundings["score"] == PHRASE]
            if average == "macro":
                like = like[like.groupby("finding")["dicom_id"].transform("size") >= min_units]
            rows += _rows(DIFFERENCE, average, difference, [np.nan] * 3, like)
    return pd.DataFrame(rows)[list(SCORES.column_names)] if rows else to_pandas(arrow_schema(SCORES).empty_table())


def tabulate_groundings(groundings: pd.DataFrame) -> pd.DataFrame:
    """A row a finding and map: n_units and the mean of each metric, with the boxes' share of the image."""
    grouped = groundings.groupby(["finding", "score"], sort=True)
    table = grouped[[*METRICS, "chance_pointing"]].mean()
    table.insert(0, "n_units", grouped.size())
    return table.reset_index()


def _rows(name: str, average: str, mean: Resampled, chances: list[float], units: pd.DataFrame) -> list[dict[str, Any]]:
    low, high = mean.interval()
    return [
        {
            "task": "grounding",
            "score": name,
            "average": average,
            "metric": metric,
            "value": mean.value[i],
            "low": low[i],
            "high": high[i],
            "chance": chances[i],
            "chance_low": np.nan,
            "chance_high": np.nan,
            "n_units": int(units[metric].notna().sum()),
            "n_groups": int(units.loc[units[metric].notna(), "finding"].nunique()),
        }
        for i, metric in enumerate(METRICS)
    ]
