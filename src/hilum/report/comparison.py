"""What `hilum compare` has found, as the page shows it: a row a variant, a figure a column.

In: reports/comparison.json, and the figure that the page itself shows. Out: plain values for the template. A table that
is empty, cut short or of another model than the page's says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hilum.report.charts import Dot, draw_dots

COLUMNS = (
    ("mix", "located_at_10", "Located@10"),
    ("mix", "precision_at_5", "P@5"),
    ("mix", "average_precision", "mAP"),
    ("global", "located_at_10", "Located@10, whole image"),
    ("mirrored", "located_at_10", "Located@10, mirrored"),
    ("phrase", "pointing_game", "Pointing game"),
    ("phrase", "contrast_to_noise_ratio", "CNR"),
    ("phrase", "mean_iou", "mIoU"),
)
"""score, metric and what the page calls it."""
SAME = 1e-6  # figures are written with six decimals


@dataclass(frozen=True)
class Variant:
    """A row: its name, what it is, its trainings, and a row of the file or nothing for each column."""

    name: str
    words: str
    seeds: Sequence[int]
    figures: Sequence[Mapping[str, Any] | None]


def describe_comparison(table: Mapping[str, Any], objective: str, located: float | None) -> dict[str, Any]:
    """The section's values. objective, located: the page's own model, and its located@10."""
    found = {(row["variant"], row["score"], row["metric"]): row for row in table["rows"]}
    variants = []
    for variant in table["variants"]:
        figures = [found.get((variant["name"], score, metric)) for score, metric, _ in COLUMNS]
        if seeds := next((row["seeds"] for row in figures if row is not None), None):
            variants.append(Variant(variant["name"], variant["words"], seeds, figures))
    shown = [n for n in range(len(COLUMNS)) if any(variant.figures[n] for variant in variants)]
    ceiling = next((row for key, row in found.items() if key[1:] == ("oracle", "precision_at_5")), None)
    return {
        "variants": variants,
        "columns": [(n, COLUMNS[n][2]) for n in shown],
        "chances": [next(v.figures[n]["chance"] for v in variants if v.figures[n]) for n in shown],  # type: ignore[index]
        "ceiling": ceiling and ceiling["value"],
        "n_done": sum(len(variant.seeds) for variant in variants),
        "n_wanted": len(table["variants"]) * len(table["seeds"]),
        "own": _own_model(found.get((objective, *COLUMNS[0][:2])), located),
        "chart": draw_dots(
            "Located@10 of each variant",
            "Dots with 95 % intervals; the tick is chance. The numbers are in the table that follows.",
            "Located@10, macro over cells, mean over seeds",
            [
                Dot(v.name, *(v.figures[0][name] for name in ("value", "low", "high", "chance")))
                for v in variants
                if v.figures[0] and v.figures[0]["value"] is not None
            ],
        ),
    }


def _own_model(row: Mapping[str, Any] | None, located: float | None) -> str:
    """Whether the page's own model is among the trainings: `yes`, `no`, or `unknown` where its objective is not."""
    if row is None or located is None:
        return "unknown"
    return "yes" if any(value is not None and abs(value - located) <= SAME for value in row["by_seed"]) else "no"
