"""The tables of figures as the page shows them: one row a score, one cell a metric, chance and interval beside it.

In: the scores and cells tables, metrics.json's labels. Out: rows of plain values for the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hilum.report.charts import Dot, Series

RETRIEVAL_METRICS = (
    ("located_at_10", "Located@10"),
    ("precision_at_1", "P@1"),
    ("precision_at_5", "P@5"),
    ("precision_at_10", "P@10"),
    ("mean_average_precision", "mAP"),
)
GROUNDING_METRICS = (
    ("pointing_game", "Pointing game"),
    ("contrast_to_noise_ratio", "CNR"),
    ("mean_iou", "mIoU"),
)
GROUNDING_SHOWN = ("phrase", "prior", "median_box")  # in the table of findings
SCORE_WORDS = {
    "mix": "whole image and region together, at the alpha chosen on the validate split: what hilum does",
    "global": "the same model's whole image alone",
    "region": "the region alone",
    "pixels": "baseline that knows nothing: the region as a 16 x 16 grey picture",
    "mix - global": "paired difference over the same queries",
    "rerank": "baseline: the nearest 100 by whole image, reordered by a classifier of findings over whole images",
    "crop": "baseline: the region is cut out and encoded as an image of its own",
    "mix_mirrorable": "the mix, on the queries whose region has a mirror image: compare with the next row",
    "mirrored": "control that must fail: the region of the other side is compared instead",
    "random_box": "control: the query's region from a box of the same size, put anywhere",
    "keyword": "baseline: the words of the query's sentences about the region, looked up in the reports (BM25)",
    "labels": "baseline: how many findings the weak labels place in the region on both sides",
    "random": "control that must fail: a random order",
    "oracle": "ceiling: an order that knows the labels",
    "phrase": "cosine of the finding's name with each patch of the image",
    "placed_phrase": "the same with the region said before the name",
    "other_phrase": "control that must fail: the name of a finding the image does not have",
    "prior": "prior: where the finding usually lies, without a look at this image",
    "placed_prior": "prior: where the finding usually lies in that region, without a look at this image",
    "median_box": "prior: the middle one of the finding's boxes in the training split",
    "uniform": "prior: every place alike",
    "centre": "prior: the middle of the image",
    "phrase - prior": "paired difference over the same images and findings",
}
SCORE_WORDS |= {
    f"{mine} - {theirs}": "paired difference over the same queries"
    for mine, *others in (
        ("mix", "crop", "oracle", "pixels", "random", "random_box", "region", "rerank"),
        ("mix_mirrorable", "mirrored"),
    )
    for theirs in others
}


@dataclass(frozen=True)
class Figure:
    """One value with what is needed to read it. All null where it is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None


@dataclass(frozen=True)
class ScoreRow:
    """One score of one task: what it is, its figures in the order of the metrics, and how much is behind them."""

    name: str
    words: str
    figures: tuple[Figure, ...]
    n_units: int
    n_groups: int


def list_scores(scores: pd.DataFrame, task: str, average: str, metrics: Sequence[tuple[str, str]]) -> list[ScoreRow]:
    """One row a score. scores: SCORES. Known scores first, in the order of SCORE_WORDS, then others by name."""
    chosen = scores[(scores["task"] == task) & (scores["average"] == average)]
    order = list(SCORE_WORDS)
    names = sorted(set(chosen["score"]), key=lambda n: (order.index(n) if n in order else len(order), n))
    rows = []
    for name in names:
        mine = chosen[chosen["score"] == name].set_index("metric")
        figures = tuple(_figure(mine.loc[metric]) if metric in mine.index else Figure() for metric, _ in metrics)
        rows.append(
            ScoreRow(name, SCORE_WORDS.get(name, ""), figures, int(mine["n_units"].max()), int(mine["n_groups"].max()))
        )
    return rows


def find_figure(rows: Sequence[ScoreRow], name: str, position: int) -> Figure:
    """The figure of a score at a metric's position; an empty one when the score was not measured."""
    return next((row.figures[position] for row in rows if row.name == name), Figure())


def list_dots(rows: Sequence[ScoreRow], position: int) -> list[Dot]:
    """Dots of one metric; differences, which are on another scale, are left out."""
    kept = [(row.name, row.figures[position]) for row in rows if " - " not in row.name]
    return [Dot(name.replace("_", " "), f.value, f.low, f.high, f.chance) for name, f in kept if f.value is not None]


def list_cells(cells: pd.DataFrame, shown: Sequence[str] = ("mix", "global", "mirrored")) -> list[dict[str, Any]]:
    """One row a finding and region, with located@10 and average precision of the scores shown. cells: CELLS."""
    rows = []
    for (finding, region), group in cells.groupby(["finding", "region"], sort=True):
        by_score = group.set_index("score")
        first = group.iloc[0]
        rows.append(
            {
                "finding": finding,
                "region": region,
                "locatable": bool(first["locatable"]),
                "n_queries": int(group["n_queries"].max()),
                "n_positives": int(first["n_positives"]),
                "chance_located": float(first["chance_located"]),
                "chance_average_precision": float(first["chance_average_precision"]),
                "located": [_cell(by_score, name, "located_at_10") for name in shown],
                "average_precision": [_cell(by_score, name, "average_precision") for name in shown],
            }
        )
    return rows


def list_grounding(figures: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a finding, three figures of each of GROUNDING_SHOWN. figures: grounding.csv."""
    rows = []
    for finding, group in figures.groupby("finding", sort=True) if len(figures) else ():
        by_score = group.set_index("score")
        values = [_cell(by_score, name, metric) for name in GROUNDING_SHOWN for metric, _ in GROUNDING_METRICS]
        rows.append({"finding": finding, "n": int(group["n_units"].max()), "values": values})
    return rows


def list_curves(curves: pd.DataFrame) -> tuple[list[Series], list[Series]]:
    """Losses (their total first) and validation figures of one phase. curves: the csv of `align` or `locate`."""
    names = [name for name in curves.columns if name not in ("epoch", "phase")]
    series = [Series(name.replace("_", " "), tuple(zip(curves["epoch"], curves[name]))) for name in names]
    losses = [s for s in series if not s.name.startswith("validate")]
    losses.sort(key=lambda s: s.name != "total")
    return losses, [s for s in series if s.name.startswith("validate")]


def _figure(row: pd.Series) -> Figure:
    return Figure(*(_number(row[name]) for name in ("value", "low", "high", "chance")))


def _cell(by_score: pd.DataFrame, name: str, metric: str) -> float | None:
    return _number(by_score.at[name, metric]) if name in by_score.index else None


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
