"""How well explanations name what is there: precision, recall and F1 of findings, with intervals by patient bootstrap.

In: EXPLANATIONS rows. Out: figures. F1, precision and recall count findings over all questions; `macro_f1` is the mean
over regions of the mean F1 of a region's questions. A question enters only where both retrievals were answered, so that
both are scored on the same. Healthy regions are apart: of them, the share in which something is seen. Known to be
imperfect: questions are asked where something is found, which flatters `prior`, whose answer never changes; and, as in
evaluation, the archive of cases is not resampled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.relevance import Presence
from hilum.explanation.statements import DROPS

SEARCH, RANDOM, PRIOR = "search", "random", "prior"
RETRIEVALS = (SEARCH, RANDOM)


def score_explanations(rows: pd.DataFrame, usual: Mapping[str, str], n_bootstrap: int, seed: int) -> dict[str, Any]:
    """Every figure of explanations. usual: region -> the finding most often seen there, what `prior` always says.

    rows: EXPLANATIONS, two of each question, one a retrieval.
    """
    by = {name: rows[rows["retrieval"] == name].set_index("query").sort_index() for name in RETRIEVALS}
    answered = by[SEARCH]["failure"].isna() & by[RANDOM]["failure"].isna()
    by = {name: part[answered] for name, part in by.items()}
    sick = by[SEARCH]["true"].map(len) > 0
    asked = {name: part[sick] for name, part in by.items()}
    asked[PRIOR] = asked[SEARCH].assign(said=asked[SEARCH]["region"].map(lambda region: [usual[region]]))
    resampled = {name: _resample(part, n_bootstrap, seed) for name, part in asked.items()}
    differences = {metric: resampled[SEARCH][metric].minus(resampled[RANDOM][metric]) for metric in resampled[SEARCH]}
    return {
        **{name: _figures(parts) for name, parts in resampled.items()},
        "search_minus_random": _figures(differences),
        "healthy": {
            "questions": int((~sick).sum()),
            **{f"{name}_alarms": _share(part[~sick]["said"].map(len) > 0) for name, part in by.items()},
        },
        "statements": {name: _count_statements(rows[rows["retrieval"] == name]) for name in RETRIEVALS},
        "failures": {name: _count_failures(rows[rows["retrieval"] == name]) for name in RETRIEVALS},
        "counts": {
            "questions": rows["query"].nunique(),
            "scored": int(sick.sum()),
            "patients": int(asked[SEARCH]["subject_id"].nunique()),
        },
    }


def score_ratings(rows: pd.DataFrame, n_bootstrap: int, seed: int) -> dict[str, Any]:
    """The judge's mean rating from 1 to 5, of questions where both retrievals have one, and the paired difference."""
    by = {name: rows[rows["retrieval"] == name].set_index("query").sort_index() for name in RETRIEVALS}
    rated = by[SEARCH]["rating"].notna() & by[RANDOM]["rating"].notna()
    means = {}
    for name, part in by.items():
        values = part.loc[rated, ["rating"]].to_numpy(np.float64)
        patients, regions = part.loc[rated, "subject_id"].to_numpy(), part.loc[rated, "region"].to_numpy()
        means[name] = {"consistency": bootstrap_means(values, patients, regions, n_bootstrap, seed)[1]}
    difference = {"consistency": means[SEARCH]["consistency"].minus(means[RANDOM]["consistency"])}
    return {
        **{name: _figures(parts) for name, parts in means.items()},
        "search_minus_random": _figures(difference),
        "rated": int(rated.sum()),
        "not_rated": int((~rated).sum()),
    }


def score_one(true: list[str], said: list[str]) -> dict[str, float]:
    """n_right, and precision, recall and F1 of one question; precision is null where nothing is said."""
    right = len(set(true) & set(said))
    return {
        "n_right": right,
        "precision": right / len(said) if said else np.nan,
        "recall": right / len(true) if true else np.nan,
        "f1": 2 * right / (len(said) + len(true)) if true else np.nan,
    }


def usual_findings(presence: Presence, train: np.ndarray) -> dict[str, str]:
    """Region -> the finding that most training images have there; the first by name if several, or none, do.

    train: (n_images,) bool.
    """
    counts = presence.present[train].sum(axis=0)
    return {
        region: presence.findings[int(counts[number].argmax())] if presence.findings else ""
        for number, region in enumerate(presence.regions)
    }


def _resample(part: pd.DataFrame, n_bootstrap: int, seed: int) -> dict[str, Resampled]:
    pairs = list(zip(part["true"].map(list), part["said"].map(list), strict=True))
    rows = [(score_one(true, said), len(said), len(true)) for true, said in pairs]
    values = np.array([[one["n_right"], n_said, n_true, one["f1"]] for one, n_said, n_true in rows], float)
    patients, regions = part["subject_id"].to_numpy(), part["region"].to_numpy()
    macro, micro = bootstrap_means(values.reshape(-1, 4), patients, regions, n_bootstrap, seed)
    right, n_said, n_true = (_column(micro, number) for number in range(3))
    return {
        "f1": _ratio(right, n_said, n_true, 2),
        "precision": _ratio(right, n_said, None, 1),
        "recall": _ratio(right, n_true, None, 1),
        "macro_f1": _column(macro, 3),
    }


def _column(means: Resampled, number: int) -> Resampled:
    return Resampled(means.value[[number]], means.resamples[:, [number]])


def _ratio(above: Resampled, below: Resampled, more: Resampled | None, factor: float) -> Resampled:
    """factor * above / (below + more), of the means and of each resample; null where nothing stands below."""

    def divide(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        return np.divide(factor * top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)

    value = below.value if more is None else below.value + more.value
    resamples = below.resamples if more is None else below.resamples + more.resamples
    return Resampled(divide(above.value, value), divide(above.resamples, resamples))


def _figures(parts: Mapping[str, Resampled]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, part in parts.items():
        low, high = part.interval()
        figures |= {name: float(part.value[0]), f"{name}_low": float(low[0]), f"{name}_high": float(high[0])}
    return figures


def _share(mask: pd.Series) -> float:
    return float(mask.mean()) if len(mask) else float("nan")


def _count_statements(rows: pd.DataFrame) -> dict[str, int]:
    dropped = {reason: int(rows[f"n_{reason}"].sum()) for reason in DROPS}
    made = int(rows["n_statements"].sum())
    return {"made": made, "kept": made - sum(dropped.values()), **dropped}


def _count_failures(rows: pd.DataFrame) -> dict[str, int]:
    reasons = Counter(rows["failure"].dropna())
    return {"all": sum(reasons.values()), **dict(sorted(reasons.items()))}
