"""The worst queries, and what their answers have instead of what was asked for.

In: the queries table, the studies of images, weak region labels. Out: a reason for every wrong answer, how often each
reason occurs, and the worst queries with their answers' reasons. Known to be imperfect: right and wrong are those of
the evaluation, reasons are read from reports by rules; what a report does not say is not known to be absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from hilum.vocabulary import MIRROR, REGION_PARENTS, finding_name

WORST_METRICS = ["precision_at_10", "average_precision", "query"]
REASONS = {
    "said": "its report says it is there all the same",
    "mirrored": "the same finding, on the other side only",
    "elsewhere": "the same finding, elsewhere only",
    "unplaced": "the same finding, at no named place",
    "other": "another finding in the place",
    "silent": "its report names nothing in the place",
}
"""The first that holds is the reason."""


@dataclass(frozen=True)
class Findings:
    """What reports say is present. placed: (study, region) -> findings; regions: (study, finding) -> regions, None
    among them where no place is named."""

    placed: Mapping[tuple[int, str], frozenset[str]] = field(default_factory=dict)
    regions: Mapping[tuple[int, str], frozenset[str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer. reason: a key of REASONS, empty for a right one; words: which findings or places."""

    dicom_id: str
    relevant: bool
    reason: str
    words: str


@dataclass(frozen=True)
class Failure:
    """One query that went wrong."""

    dicom_id: str
    study_id: int
    region: str
    finding: str
    n_right: int
    n_answers: int
    n_relevant: int
    average_precision: float
    answers: tuple[Answer, ...]


def collect_findings(labels: pd.DataFrame) -> Findings:
    """Present findings by place and by name; a finding of a region is one of the regions that hold it. labels:
    REGION_LABELS."""
    placed: dict[tuple[int, str], set[str]] = {}
    regions: dict[tuple[int, str], set[str | None]] = {}
    present = labels[labels["label"] == "present"]
    for study, region, finding in zip(present["study_id"], present["region"], present["finding"]):
        known = None if pd.isna(region) else str(region)
        regions.setdefault((int(study), str(finding)), set()).add(known)
        while known is not None:
            placed.setdefault((int(study), known), set()).add(str(finding))
            known = REGION_PARENTS.get(known)
    return Findings(
        {key: frozenset(found) for key, found in placed.items()},
        {key: frozenset(found) for key, found in regions.items()},
    )


def explain_answer(study: int, region: str, finding: str, known: Findings) -> tuple[str, str]:
    """Why an answer that is wrong may have come up: a key of REASONS, and what is there or where it is."""
    there = known.placed.get((study, region), frozenset())
    places = known.regions.get((study, finding), frozenset())
    if finding in there:
        return "said", ""
    named = sorted(place for place in places if place is not None)
    if named:
        mirrored = MIRROR[region] != region and finding in known.placed.get((study, MIRROR[region]), frozenset())
        return ("mirrored" if mirrored else "elsewhere"), " and ".join(named)
    if places:
        return "unplaced", ""
    if there:
        return "other", ", ".join(finding_name(name) for name in sorted(there))
    return "silent", ""


def list_failures(queries: pd.DataFrame, studies: Mapping[str, int], known: Findings, n: int) -> list[Failure]:
    """The n worst test queries of the mix, a finding once before any twice. queries: QUERIES; studies: by image."""
    mine = queries[(queries["score"] == "mix") & (queries["split"] == "test")].sort_values(WORST_METRICS, kind="stable")
    mine = mine[mine["precision_at_10"] < 1]
    turns = mine.groupby("finding").cumcount()
    chosen = mine.assign(turn=turns).sort_values(["turn", *WORST_METRICS], kind="stable").head(n)
    return [
        Failure(
            str(row["dicom_id"]),
            int(row["study_id"]),
            str(row["region"]),
            str(row["finding"]),
            int(sum(row["relevant"])),
            len(row["answers"]),
            int(row["n_relevant"]),
            float(row["average_precision"]),
            tuple(
                _answer(str(dicom_id), bool(right), row, studies, known)
                for dicom_id, right in zip(row["answers"], row["relevant"])
            ),
        )
        for row in chosen.to_dict("records")
    ]


def count_reasons(queries: pd.DataFrame, studies: Mapping[str, int], known: Findings) -> list[dict[str, Any]]:
    """How often each reason stands behind a wrong answer among the first ten of the mix's test queries."""
    mine = queries[(queries["score"] == "mix") & (queries["split"] == "test")]
    found: Counter[str] = Counter()
    for row in mine.to_dict("records"):
        for dicom_id, right in zip(row["answers"], row["relevant"]):
            if not right:
                found[explain_answer(studies[str(dicom_id)], row["region"], row["finding"], known)[0]] += 1
    total = sum(found.values())
    return [{"words": words, "n": found[key], "share": found[key] / total} for key, words in REASONS.items() if total]


def _answer(dicom_id: str, right: bool, row: Mapping[Any, Any], studies: Mapping[str, int], known: Findings) -> Answer:
    if right:
        return Answer(dicom_id, True, "", "")
    return Answer(dicom_id, False, *explain_answer(studies[dicom_id], row["region"], row["finding"], known))


def name_images(images: Sequence[pd.DataFrame]) -> dict[str, int]:
    """Image -> its study. images: IMAGES, a table a partition."""
    return {str(d): int(s) for table in images for d, s in zip(table["dicom_id"], table["study_id"])}
