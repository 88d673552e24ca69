"""What a change of the rules did to the labels.

In: annotations of the same reports by two versions, one row a mention and region. Out: the (study, region, finding)
pairs whose label appeared, vanished or became another, and their counts. Both sides are aggregated by today's rules, so
that only a change in what was read shows. A study is whatever its id says: reports of one id are one study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hilum.labels.aggregate import aggregate_mentions
from hilum.schema import REGION_LABELS

_KEY = list(REGION_LABELS.key)
NEEDED = ("study_id", "finding", "region", "assertion", "section", "explains")
"""What is read of an annotation; `explains` may be missing, as it was in the first versions."""
N_EXAMPLES = 3
UNPLACED = ""
"""Stands for a null region while frames are joined."""


@dataclass(frozen=True, slots=True)
class Churn:
    """The difference. changes: study_id, region, finding, before, after; region null = unplaced, label null = none."""

    n_before: int
    n_after: int
    n_unchanged: int
    changes: pd.DataFrame

    @property
    def n_pairs(self) -> int:
        """Pairs that either side labels."""
        return self.n_unchanged + len(self.changes)

    @property
    def share_unchanged(self) -> float:
        """Share of the pairs with the same label on both sides; 1 where there is none."""
        return self.n_unchanged / self.n_pairs if self.n_pairs else 1.0

    def count(self, kind: str) -> int:
        """How many pairs `appeared`, `vanished` or `changed`."""
        return int((kinds_of(self.changes) == kind).sum())


def labels_of(rows: Mapping[str, Sequence[Any]], on_conflict: str) -> pd.DataFrame:
    """Region labels of annotation rows, given by column (NEEDED). study_id becomes text: ids may be of both kinds."""
    frame = pd.DataFrame({name: pd.Series(rows[name], dtype=object) for name in NEEDED})
    mentions = frame.drop(columns="region")
    mentions["study_id"] = frame["study_id"].map(str)
    mentions["mention_id"] = range(len(frame))
    mentions["regions"] = pd.Series([[] if region is None else [region] for region in rows["region"]], dtype=object)
    return aggregate_mentions(mentions, on_conflict)[[*_KEY, "label"]]


def compare_labels(before: pd.DataFrame, after: pd.DataFrame) -> Churn:
    """How two versions label the same reports. Both: REGION_LABELS' key and label, study_id as text."""
    sides = [
        frame[[*_KEY, "label"]].fillna({"region": UNPLACED}).rename(columns={"label": side})
        for frame, side in ((before, "before"), (after, "after"))
    ]
    both = sides[0].merge(sides[1], how="outer", on=_KEY)
    same = (both["before"] == both["after"]).to_numpy(dtype=bool)
    rows = both[~same].sort_values(_KEY, kind="stable")
    columns = {name: _objects(rows[name]) for name in (*_KEY, "before", "after")}
    return Churn(len(before), len(after), int(same.sum()), pd.DataFrame(columns))


def _objects(values: pd.Series) -> pd.Series:
    """Words as they are, and None for what is missing or unplaced."""
    words = [None if pd.isna(value) or value == UNPLACED else value for value in values]
    return pd.Series(words, dtype=object)


def kinds_of(changes: pd.DataFrame) -> pd.Series:
    """appeared, vanished or changed, for each change."""
    words = [
        "appeared" if before is None else "vanished" if after is None else "changed"
        for before, after in zip(changes["before"], changes["after"], strict=True)
    ]
    return pd.Series(words, index=changes.index, dtype=object)


def count_changes(changes: pd.DataFrame, n_examples: int = N_EXAMPLES) -> list[dict[str, Any]]:
    """One row a (finding, region, before, after): n and the first study ids; most frequent first."""
    columns = ["finding", "region", "before", "after"]
    groups: dict[tuple[Any, ...], list[str]] = {}
    for study_id, *key in _tuples(changes, ["study_id", *columns]):
        groups.setdefault(tuple(key), []).append(study_id)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), [word or "" for word in item[0]]))
    return [
        {**dict(zip(columns, key, strict=True)), "n": len(studies), "examples": studies[:n_examples]}
        for key, studies in ordered
    ]


def _tuples(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(frame[name] for name in columns), strict=True)
