"""Several trainings on the same questions: figures over seeds, intervals over patients and seeds, paired differences.

In: QUERIES and GROUNDINGS that each training left. Out: one row a variant, score and metric. The figure of one training
is that of its own reports/metrics.json. A resample draws patients, with all they ask of every variant, and seeds: n - 1
of n with replacement, which makes the variance of their mean what n seeds say it is. Known to be imperfect: three seeds
say little of their own spread (`sd_of_seeds` stands beside), and seeds vary the training, not the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.grounding_summary import METRICS as GROUNDING
from hilum.evaluation.phrases import PHRASE
from hilum.evaluation.similarities import GLOBAL, MIRRORED, MIX, ORACLE
from hilum.evaluation.summary import LOCATED, METRICS, chance_of

RETRIEVAL = (LOCATED, "precision_at_5", "average_precision")
SCORES = (MIX, GLOBAL, MIRRORED, ORACLE)

Key = tuple[str, str]
"""score and metric"""


@dataclass(frozen=True)
class Measured:
    """One training's macro mean of one metric. asked: which questions, so that only like is compared with like."""

    mean: Resampled
    chance: float
    asked: frozenset[str]


def measure(
    queries: pd.DataFrame, cells: pd.DataFrame, groundings: pd.DataFrame, min_units: int, n_bootstrap: int, seed: int
) -> dict[Key, Measured]:
    """The figures of one training. queries: QUERIES of the test split; cells: CELLS; groundings: GROUNDINGS.

    min_units: of a finding, to enter grounding's macro mean. What was not measured is left out.
    """
    found: dict[Key, Measured] = {}
    for score in SCORES:
        rows = queries[queries["score"] == score].reset_index(drop=True)
        chances = chance_of(rows)[:, [METRICS.index(name) for name in RETRIEVAL]]
        values = np.hstack([rows[list(RETRIEVAL)].to_numpy(np.float64), chances])
        values[~is_locatable(rows, cells), 0 :: len(RETRIEVAL)] = np.nan  # located_at_10 and its chance
        found |= _measure(score, RETRIEVAL, values, rows, ["region", "finding"], n_bootstrap, seed)
    maps = groundings[groundings["score"] == PHRASE]
    maps = maps[maps.groupby("finding")["dicom_id"].transform("size") >= min_units].reset_index(drop=True)
    chance = maps["chance_pointing"].to_numpy(np.float64)
    values = maps[list(GROUNDING)].to_numpy(np.float64, na_value=np.nan)
    values = np.column_stack([values, chance, np.zeros(len(maps)), chance])  # of a map that knows nothing
    return found | _measure(PHRASE, GROUNDING, values, maps, ["finding"], n_bootstrap, seed)


def is_locatable(queries: pd.DataFrame, cells: pd.DataFrame) -> np.ndarray:
    """(n_queries,) bool: whether places can be told in the cell of each query."""
    locatable = cells.loc[cells["locatable"].astype(bool), ["region", "finding"]].drop_duplicates()
    asked = pd.MultiIndex.from_frame(queries[["region", "finding"]].astype(object))
    return asked.isin(pd.MultiIndex.from_frame(locatable.astype(object)))


def _measure(
    score: str,
    metrics: tuple[str, ...],
    values: np.ndarray,
    rows: pd.DataFrame,
    cell: list[str],
    n_bootstrap: int,
    seed: int,
) -> dict[Key, Measured]:
    """Macro means over cells. values: (n, 2 x metrics), each metric and then its chance."""
    if not len(rows):
        return {}
    cells = pd.Series(["|".join(map(str, names)) for names in rows[cell].to_numpy()])
    macro, _ = bootstrap_means(values, rows["subject_id"].to_numpy(), cells.to_numpy(), n_bootstrap, seed)
    asked = frozenset(f"{image}|{name}" for image, name in zip(rows["dicom_id"], cells, strict=True))
    return {
        (score, metric): Measured(
            Resampled(macro.value[n : n + 1], macro.resamples[:, n : n + 1]),
            float(macro.value[len(metrics) + n]),
            asked,
        )
        for n, metric in enumerate(metrics)
    }


def tabulate(found: Mapping[str, Mapping[int, Mapping[Key, Measured]]], first: str, seed: int) -> list[dict[str, Any]]:
    """One row a variant, score and metric. found: by variant and training seed. first: what others are compared with.

    value is the mean of by_seed; low and high its 95 % interval. A difference is taken over the seeds that both have,
    pair by pair. The oracle, which knows no training, stands for the first variant alone.
    Raises BadDataError if two trainings were asked different questions.
    """
    rows: list[dict[str, Any]] = []
    for variant, trainings in found.items():
        keys = list(dict.fromkeys(key for figures in trainings.values() for key in figures))
        for key in keys:
            mine = {number: figures[key] for number, figures in trainings.items() if key in figures}
            theirs = {number: figures[key] for number, figures in found.get(first, {}).items() if key in figures}
            if key[0] == ORACLE and variant != first:
                continue
            if len({one.asked for one in (*mine.values(), *theirs.values())}) > 1:
                raise BadDataError(f"compare: {variant} was asked other questions than {first} or its other seeds.")
            rows.append(_row(variant, key, mine, {} if variant == first else theirs, seed))
    return rows


def _row(
    variant: str, key: Key, mine: Mapping[int, Measured], theirs: Mapping[int, Measured], seed: int
) -> dict[str, Any]:
    values = [float(one.mean.value[0]) for one in mine.values()]
    low, high = over_seeds([one.mean for one in mine.values()], seed).interval()
    row = {
        "variant": variant, "score": key[0], "metric": key[1],
        "value": float(np.mean(values)), "low": float(low[0]), "high": float(high[0]),
        "chance": next(iter(mine.values())).chance, "seeds": list(mine), "by_seed": values,
        "sd_of_seeds": float(np.std(values, ddof=1)) if len(values) > 1 else None,
    }  # fmt: skip
    if shared := [number for number in mine if number in theirs]:
        apart = over_seeds([mine[number].mean.minus(theirs[number].mean) for number in shared], seed)
        low, high = apart.interval()
        row |= {"difference": float(apart.value[0]), "difference_low": float(low[0]), "difference_high": float(high[0])}
    return row


def over_seeds(means: list[Resampled], seed: int) -> Resampled:
    """The mean over trainings, resampled over patients and trainings; over patients alone if there is one training.

    The draws of trainings depend on their number and `seed` alone.
    """
    n, n_bootstrap = len(means), len(means[0].resamples)
    if n == 1:
        return means[0]
    random = np.random.Generator(np.random.PCG64([seed, n]))
    weights = random.multinomial(n - 1, np.full(n, 1 / n), size=n_bootstrap)[:, :, None] / (n - 1)
    resamples = np.stack([mean.resamples for mean in means], axis=1)
    return Resampled(np.mean([mean.value for mean in means], axis=0), (weights * resamples).sum(axis=1))
