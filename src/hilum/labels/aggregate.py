"""What a report as a whole says of a finding in a region.

In: mentions. Out: region labels. The rules are the table RANKS: where two mentions of one (region, finding) disagree,
the lowest rank decides. Under `impression_then_present` an impression's word stands above any other section's, and
within one section present stands above uncertain above absent; under `present` sections are not looked at. Mentions of
history or hypothesis make no label, and what is not mentioned has no row. A region is labelled as it was named: that a
zone lies in its lung is for whoever uses the labels to apply (training and evaluation do).
"""

from __future__ import annotations

import pandas as pd

from hilum.errors import UsageError
from hilum.schema import LABELS, REGION_LABELS

IMPRESSIONS = ("impression",)

RANKS: dict[str, dict[tuple[bool, str], int]] = {
    # on_conflict: (said in an impression, assertion) -> rank; the lowest decides
    "impression_then_present": {
        (True, "present"): 0,
        (True, "uncertain"): 1,
        (True, "absent"): 2,
        (False, "present"): 3,
        (False, "uncertain"): 4,
        (False, "absent"): 5,
    },
    "present": {
        (True, "present"): 0,
        (False, "present"): 0,
        (True, "uncertain"): 1,
        (False, "uncertain"): 1,
        (True, "absent"): 2,
        (False, "absent"): 2,
    },
}
_KEY = list(REGION_LABELS.key)


def aggregate_mentions(mentions: pd.DataFrame, on_conflict: str) -> pd.DataFrame:
    """One row a (study_id, region, finding): its label, how many mentions bear on it, and which.

    mentions: study_id, mention_id, section, finding, regions, assertion; regions empty = unplaced (region null).
    evidence holds every mention of the key that makes a label, those overruled included.
    Raises UsageError if on_conflict is not a key of RANKS.
    """
    if on_conflict not in RANKS:
        raise UsageError(f"label.on_conflict is '{on_conflict}'; choose one of {sorted(RANKS)}.")
    kept = mentions["assertion"].isin(LABELS)
    rows = mentions.loc[kept, ["study_id", "mention_id", "section", "finding", "regions", "assertion"]]
    rows = rows.explode("regions").rename(columns={"regions": "region", "assertion": "label"})
    ranks = RANKS[on_conflict]
    said_in_impression = rows["section"].isin(IMPRESSIONS)
    rows["rank"] = [ranks[pair] for pair in zip(said_in_impression, rows["label"], strict=True)]
    rows["evidence"] = [[number] for number in rows["mention_id"]]
    return _merge(rows)


def _merge(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a key: the label of the lowest rank, and the union of the evidence."""
    rows = rows.assign(region=rows["region"].astype(object).where(rows["region"].notna(), None))
    rows = rows.sort_values([*_KEY, "rank"], kind="stable", na_position="first").reset_index(drop=True)
    key = rows[_KEY].fillna({"region": ""})
    first = ~key.duplicated()
    group = first.cumsum().to_numpy() - 1
    evidence: list[set[int]] = [set() for _ in range(int(first.sum()))]
    for number, ids in zip(group, rows["evidence"], strict=True):
        evidence[number].update(int(i) for i in ids)
    labels = rows.loc[first, [*_KEY, "label"]].reset_index(drop=True)
    labels["n_mentions"] = pd.Series([len(ids) for ids in evidence], dtype="int32")
    labels["evidence"] = pd.Series([sorted(ids) for ids in evidence], dtype=object)
    return labels[list(REGION_LABELS.column_names)]
