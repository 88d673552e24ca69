"""How well the weak labels say what the reports say, where that is known: the phantom's statements.

In: weak labels and true statements, both study_id, region, finding, label. Out: precision, recall and F1 of the
triples (region, finding, label), by finding and overall. A triple counts only if all of it is right.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

UNPLACED = "(unplaced)"
KEY = ["study_id", "region", "finding", "label"]


def count_triples(labels: pd.DataFrame, statements: pd.DataFrame) -> pd.DataFrame:
    """By finding: n_true (said), n_found (labelled), n_right (both). A null region is a place of its own.

    Both tables have the columns of KEY, each row once. Returns one row a finding that either names.
    """
    found, said = (frame[KEY].fillna({"region": UNPLACED}).drop_duplicates() for frame in (labels, statements))
    right = found.merge(said, on=KEY, how="inner")
    counts = pd.DataFrame(
        {
            name: frame.groupby("finding").size()
            for name, frame in (("n_true", said), ("n_found", found), ("n_right", right))
        }
    )
    return counts.fillna(0).astype("int64").rename_axis("finding").reset_index().sort_values("finding")


def score_triples(counts: pd.DataFrame) -> dict[str, Any]:
    """Precision, recall and F1: macro over the findings that are said at least once, micro, and F1 of each finding.

    counts: from `count_triples`. Of no triples found the precision is 0, and of none said the recall.
    """
    said = counts[counts["n_true"] > 0]
    rows = [precision_recall_f1(*(int(v) for v in row)) for row in said[["n_right", "n_found", "n_true"]].to_numpy()]
    macro = [sum(column) / len(rows) for column in zip(*rows, strict=True)] if rows else [0.0, 0.0, 0.0]
    total = counts[["n_right", "n_found", "n_true"]].sum()
    micro = precision_recall_f1(int(total["n_right"]), int(total["n_found"]), int(total["n_true"]))
    names = ("precision", "recall", "f1")
    return {
        **{f"macro_{name}": value for name, value in zip(names, macro, strict=True)},
        **{f"micro_{name}": value for name, value in zip(names, micro, strict=True)},
        "n_statements": int(total["n_true"]),
        "n_labels": int(total["n_found"]),
        "f1": {finding: row[2] for finding, row in zip(said["finding"], rows, strict=True)},
    }


def precision_recall_f1(n_right: int, n_found: int, n_true: int) -> tuple[float, float, float]:
    """n_right / n_found, n_right / n_true and their harmonic mean; 0 where a count below is 0."""
    precision = n_right / n_found if n_found else 0.0
    recall = n_right / n_true if n_true else 0.0
    return precision, recall, (2 * n_right / (n_found + n_true) if n_found + n_true else 0.0)
