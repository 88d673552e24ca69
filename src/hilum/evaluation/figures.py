"""The results as DVC reads them: the nested figures of metrics.json, and the data behind the plots.

In: the scores, cells and counts tables. Out: a dictionary of plain numbers and names, in a fixed order, rounded to
six digits, and small frames for plots.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hilum.evaluation.random_orders import N_ORDERS
from hilum.evaluation.similarities import KEYWORD, LABELS, MIX, ORACLE, RANDOM, TEST_SCORES
from hilum.evaluation.summary import DIFFERENCE, MIX_MIRRORABLE

DIGITS = 6
OTHER_METRICS = ("located_at_10", "precision_at_5", "mean_average_precision", "ndcg_at_10")


def main_name(objective: str) -> str:
    """The key of the objective's own mix in metrics.json: its name, or `<name>_mix` where a score is called so."""
    return f"{objective}_mix" if objective in (*TEST_SCORES, MIX_MIRRORABLE) else objective


def retrieval_figures(scores: pd.DataFrame, objective: str, task: str = "retrieval") -> dict[str, Any]:
    """The retrieval part of metrics.json: the mix in full under the objective's name, the other scores in short."""
    retrieval = scores[scores["task"] == task]
    if not len(retrieval):
        return {}
    metrics = tuple(dict.fromkeys(retrieval["metric"]))
    figures = {main_name(objective): _figures(retrieval, MIX, metrics)}
    figures[main_name(objective)]["micro"] = _figures(retrieval, MIX, metrics, average="micro")
    for name in (*(n for n in TEST_SCORES if n != MIX), KEYWORD, LABELS, MIX_MIRRORABLE):
        if (retrieval["score"] == name).any():
            figures[name] = _figures(retrieval, name, OTHER_METRICS)
    pairs = [name for name in dict.fromkeys(retrieval["score"]) if " - " in name]
    figures["difference"] = {
        name.replace(" - ", "_minus_"): _figures(retrieval, name, OTHER_METRICS)
        for name in sorted(pairs, key=lambda name: (name != DIFFERENCE, name))
    }
    return figures


def control_figures(scores: pd.DataFrame) -> dict[str, Any]:
    """Whether the controls do what they must: a random order lies where random orders lie, the oracle is at 1.

    Macro, of image retrieval. low, high: between which 95 % of random orders of these questions fall; inside: whether
    the one order that was measured does, as 19 seeds of 20 do. mean, mean_low, mean_high: over many orders, where exact
    chance must lie. oracle_least: its lowest figure among those that are 1 however few right answers are.
    """
    macro = scores[(scores["task"] == "retrieval") & (scores["average"] == "macro")]
    random, oracle = (macro[(macro["score"] == name) & macro["value"].notna()] for name in (RANDOM, ORACLE))
    if not len(random):
        return {}
    inside = {}
    for row in random[["metric", "value", "chance", "chance_low", "chance_high"]].to_dict("records"):
        value, low, high = float(row["value"]), float(row["chance_low"]), float(row["chance_high"])
        inside[str(row["metric"])] = {
            "value": value, "chance": float(row["chance"]), "low": low, "high": high, "inside": low <= value <= high,
            "mean": (low + high) / 2, "mean_low": (low + high) / 2 - (high - low) / 2 / N_ORDERS**0.5,
            "mean_high": (low + high) / 2 + (high - low) / 2 / N_ORDERS**0.5,
        }  # fmt: skip
    certain = ("precision_at_1", "mean_average_precision", "ndcg_at_10", "located_at_1")
    least = oracle.loc[oracle["metric"].isin(certain), "value"].min()
    return {"random_at_chance": inside, "oracle_least": float(least)}


def pair_figures(pairs: pd.DataFrame) -> dict[str, Any]:
    """A smoke test: how often a test study's own report, or image, is among the first k. pairs: PAIRS."""
    figures: dict[str, Any] = {}
    for task, rows in pairs.groupby("task", sort=True):
        found: dict[str, Any] = {}
        for k in (1, 5, 10):
            found[f"recall_at_{k}"] = float((rows["rank"] <= k).mean())
            found[f"recall_at_{k}_chance"] = float((np.minimum(k, rows["n_gallery"]) / rows["n_gallery"]).mean())
        figures[str(task)] = found | {"median_rank": float(rows["rank"].median()), "n_gallery": len(rows)}
    return figures


def report_figures(
    scores: pd.DataFrame, alphas: Mapping[str, float], pairs: pd.DataFrame, objective: str
) -> dict[str, Any]:
    """The part of metrics.json about reports: each task as retrieval is, with its alpha, and the smoke test."""
    figures: dict[str, Any] = {
        task: {"alpha": alpha, **retrieval_figures(scores, objective, task)} for task, alpha in alphas.items()
    }
    return figures | {"exact_pair": pair_figures(pairs)}


def grounding_figures(scores: pd.DataFrame, own: str, objective: str) -> dict[str, Any]:
    """The grounding part of metrics.json: the model's maps under the objective's name, and the baselines.

    own: the score name of the model's maps.
    """
    grounding = scores[scores["task"] == "grounding"]
    metrics = tuple(dict.fromkeys(grounding["metric"]))
    figures: dict[str, Any] = {}
    for name in dict.fromkeys([own, *grounding["score"]]):
        if (grounding["score"] == name).any():
            key = (objective if name == own else name).replace(" - ", "_minus_")
            figures[key] = _figures(grounding, name, metrics)
            if name == own:
                figures[key]["micro"] = _figures(grounding, name, metrics, average="micro")
    return figures


def count_figures(queries: pd.DataFrame, cells: pd.DataFrame, n_images: int) -> dict[str, Any]:
    """How much stands behind the figures. queries: all splits; cells: from `describe_cells`."""
    test, validate = (queries[queries["split"] == split] for split in ("test", "validate"))
    return {
        "images": n_images,
        "cells": len(cells),
        "cells_locatable": int(cells["locatable"].sum()),
        "test_queries": int(test["query"].nunique()),
        "test_patients": int(test["subject_id"].nunique()),
        "validate_queries": int(validate["query"].nunique()),
    }


def plot_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """A row a cell and score, for bars and the body map: finding, region, score, every metric with its chance."""
    columns = ["finding", "region", "score", "n_queries", "located_at_10", "chance_located", "average_precision",
               "chance_average_precision", "locatable", "n_patients", "n_positives", "n_same_finding", "precision_at_1",
               "precision_at_5", "precision_at_10", "chance_precision", "ndcg_at_10", "chance_ndcg", "located_at_1",
               "located_at_5"]  # fmt: skip
    return cells[columns]


def plot_controls(scores: pd.DataFrame) -> pd.DataFrame:
    """A row a task, score and metric, macro: value with interval, chance with the band of random orders, and the mix
    less it, paired, with interval; n_queries and n_cells behind it.
    """
    macro = scores[(scores["average"] == "macro") & (scores["task"] != "grounding")]
    paired = macro[macro["score"].str.contains(" - ", regex=False)]
    others = [name.partition(" - ")[2] for name in paired["score"]]
    paired = paired.assign(score=pd.Series(others, index=paired.index, dtype=paired["score"].dtype))[
        ["task", "score", "metric", "value", "low", "high"]
    ].rename(columns={"value": "mix_minus", "low": "mix_minus_low", "high": "mix_minus_high"})
    plain = macro[~macro["score"].str.contains(" - ", regex=False)]
    table = plain.merge(paired, on=["task", "score", "metric"], how="left", validate="1:1")
    return table[["task", "score", "metric", "value", "low", "high", "chance", "chance_low", "chance_high", "mix_minus",
                  "mix_minus_low", "mix_minus_high", "n_units", "n_groups"]].rename(
        columns={"n_units": "n_queries", "n_groups": "n_cells"}
    )  # fmt: skip


def plot_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """A row a score and metric, macro, for bars with intervals; of image retrieval and grounding."""
    macro = scores[(scores["average"] == "macro") & scores["task"].isin(("retrieval", "grounding"))]
    return macro[["task", "score", "metric", "value", "low", "high", "chance"]]


def plot_csv(table: pd.DataFrame, relevance: str) -> str:
    """A plot's data as CSV, with a last column that says whose labels it was measured on: truth or weak."""
    return str(table.assign(labels=relevance).round(DIGITS).to_csv(index=False, lineterminator="\n"))


def render_json(figures: Mapping[str, Any]) -> str:
    """JSON with floats rounded to six digits, keys in the order given; not-a-number is null."""
    return json.dumps(_rounded(figures), indent=2, allow_nan=False) + "\n"


def _figures(scores: pd.DataFrame, name: str, metrics: tuple[str, ...], average: str = "macro") -> dict[str, Any]:
    chosen = scores[(scores["score"] == name) & (scores["average"] == average)].set_index("metric")
    figures: dict[str, Any] = {}
    for metric in metrics:
        if metric in chosen.index:
            row = chosen.loc[metric]
            figures[metric] = row["value"]
            figures[f"{metric}_low"], figures[f"{metric}_high"] = row["low"], row["high"]
            if not np.isnan(row["chance"]):
                figures[f"{metric}_chance"] = row["chance"]
    return figures


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    if isinstance(value, (float, np.floating)):
        number = round(float(value), DIGITS)
        return None if np.isnan(number) else number + 0.0
    return int(value) if isinstance(value, np.integer) else value
