"""How far hilum's CheXpert labels agree with those that the source itself holds.

In: two tables of the 14 labels. Out: per label a table of counts over the four values, and figures made from it, as the
labellers' own papers score themselves: mention (any value), negation (0) and uncertainty (-1) as three tasks of F1,
the published label taken for right. It is no measure of quality: the published labels of MIMIC-CXR are a labeller's
too, but for the test set's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hilum.schema import CHEXPERT, LABELLERS

VALUES = (None, 0, -1, 1)
"""The four values in the order of a table's rows and columns; None = not mentioned."""


def compare_labels(ours: pd.DataFrame, published: pd.DataFrame) -> list[dict[str, Any]]:
    """Agreement with each labeller of whom there are rows.

    ours: study_id and CHEXPERT. published: study_id, labeller and CHEXPERT. Each comes back with n_studies (in both),
    n_unread (published, and not among ours), n_unpublished (ours, and not published), and one row a label.
    """
    compared = []
    for labeller in LABELLERS:
        theirs = published[published["labeller"] == labeller]
        if theirs.empty:
            continue
        both = ours.merge(theirs, on="study_id", suffixes=(" ours", " theirs"), validate="1:1")
        compared.append(
            {
                "labeller": labeller,
                "n_studies": len(both),
                "n_unread": len(theirs) - len(both),
                "n_unpublished": len(ours) - len(both),
                "labels": [
                    {"label": name, **score_table(count_values(both[f"{name} theirs"], both[f"{name} ours"]))}
                    for name in CHEXPERT
                ],
            }
        )
    return compared


def count_values(theirs: pd.Series, ours: pd.Series) -> np.ndarray:
    """(4, 4) counts: rows what was published, columns what hilum says, both in the order of VALUES."""
    cells = [_position(values) for values in (theirs, ours)]
    return np.bincount(cells[0] * len(VALUES) + cells[1], minlength=len(VALUES) ** 2).reshape(len(VALUES), -1)


def score_table(table: np.ndarray) -> dict[str, Any]:
    """The figures of one table. None where they do not exist: no study, one value only, nothing to find."""
    return {
        "table": table.tolist(),
        "n_published": int(table[1:].sum()),
        "n_ours": int(table[:, 1:].sum()),
        "agreement": float(np.trace(table) / table.sum()) if table.sum() else None,
        "kappa": cohens_kappa(table),
        "mention_f1": _f1(table, [1, 2, 3]),
        "negation_f1": _f1(table, [1]),
        "uncertainty_f1": _f1(table, [2]),
    }


def cohens_kappa(table: np.ndarray) -> float | None:
    """Agreement beyond chance: (observed - expected) / (1 - expected), from the margins. 1 is perfect, 0 is chance.

    None without studies, or where both say one and the same value of all.
    """
    n = table.sum()
    if not n:
        return None
    expected = float((table.sum(0) * table.sum(1)).sum() / n**2)
    return None if expected == 1 else float((np.trace(table) / n - expected) / (1 - expected))


def _f1(table: np.ndarray, values: Sequence[int]) -> float | None:
    """F1 of telling the values from the others; None where neither says one of them."""
    right = int(table[np.ix_(values, values)].sum())
    said = int(table[values].sum() + table[:, values].sum())
    return 2 * right / said if said else None


def _position(values: pd.Series) -> np.ndarray:
    found = np.zeros(len(values), np.int64)
    for position, value in enumerate(VALUES):
        if value is not None:
            found[values.to_numpy(dtype=float, na_value=np.nan) == value] = position
    return found
