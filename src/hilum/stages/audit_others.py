"""What figures of grounding and of labels open into: groundings with their boxes, and triples that are right or not.

In: a record, the stage that made the figure, evidence. Out: plain facts, as `audit_cases` puts them together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from hilum.evaluation import gold, label_quality
from hilum.evaluation.phrases import PHRASE
from hilum.lineage.figures import Figure, find_value
from hilum.lineage.lock import Stage
from hilum.lineage.record import Record
from hilum.schema import GROUNDINGS
from hilum.stages.audit_evidence import Evidence, read_out
from hilum.stages.audit_units import EVALUATE, SAME, check_mean, difference, read_index, read_name, weigh
from hilum.vocabulary import REGION_PARENTS


def open_grounding(record: Record, maker: Stage, figure: Figure, evidence: Evidence, shown: int) -> dict[str, Any]:
    """The pairs of image and finding that average to a figure of grounding, by the maps that it is of."""
    path, groundings = read_out(record, maker.outs, GROUNDINGS, "groundings.parquet")
    asked = read_name(figure.name)
    names = [score if (groundings["score"] == score).any() else PHRASE for score in asked.scores]
    tables = [groundings[groundings["score"] == name].set_index(["dicom_id", "finding"]) for name in names]
    least = dict(maker.params["params.yaml"][EVALUATE])["min_units"] if asked.average == "macro" else 1
    sizes = tables[0].groupby("finding").size()
    measured = [table[asked.metric].astype("float64").to_dict() for table in tables]
    shares = tables[0]["chance_pointing"].astype("float64").to_dict()
    values = [difference([row[key] for row in measured]) for key in tables[0].index]
    counts = [value == value and sizes[finding] >= least for value, (_, finding) in zip(values, tables[0].index)]
    weights = weigh([finding for _, finding in tables[0].index], counts, asked.average)
    rows = [
        {"dicom_id": image, "study_id": int(evidence.image_studies[image]), "finding": finding,
         "value": None if value != value else value, "weight": weight,
         "chance": shares[image, finding]}
        for (image, finding), value, weight in zip(tables[0].index, values, weights, strict=True)
    ]  # fmt: skip
    for row in rows:
        drawn = evidence.truth.get((row["dicom_id"], row["finding"]))
        evidence.check(bool(drawn), f"{row['dicom_id']}, {row['finding']}: nothing of it is drawn in the image")
    check_mean(figure, asked, rows, record, evidence)
    kept = rows[:shown]
    wanted: dict[int, set[str]] = {}
    for row in kept:
        wanted.setdefault(row["study_id"], set()).add(row["finding"])
    return {
        "table": path, "scores": names, "split": "test", "metric": asked.metric, "average": asked.average,
        "end": asked.end, "n": len(rows), "units": kept,
        "studies": evidence.tell(wanted, (row["dicom_id"] for row in kept)),
    }  # fmt: skip


def open_labels(record: Record, maker: Stage, figure: Figure, evidence: Evidence, shown: int) -> dict[str, Any]:
    """The triples that a figure of labels counts, wrong ones first, and the counts by finding."""
    indexed = read_index(record, maker)["study_id"]
    key = label_quality.KEY
    labels = pd.DataFrame([row for rows in evidence.labels.values() for row in rows])[key]
    found, said = (
        gold.drop_implied(frame[frame["study_id"].isin(indexed)][key], REGION_PARENTS)
        .fillna({"region": label_quality.UNPLACED}).drop_duplicates()
        for frame in (labels, evidence.statements())
    )  # fmt: skip
    names = figure.name.split(".")
    only = names[2] if names[1:2] == ["f1"] else None
    if only:
        found, said = (frame[frame["finding"] == only] for frame in (found, said))
    both = found.merge(said, on=key, how="outer", indicator=True).sort_values(key)
    told = {"both": "right", "left_only": "unfounded", "right_only": "missed"}
    rows = [
        {"study_id": int(row["study_id"]), "region": row["region"], "finding": row["finding"], "label": row["label"],
         "outcome": told[row["_merge"]]}
        for row in both.to_dict("records")
    ]  # fmt: skip
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row["finding"], Counter())[row["outcome"]] += 1
    findings = [_score_finding(finding, counts[finding]) for finding in sorted(counts)]
    _check_labels(figure, names[-1], only, findings, record, evidence)
    kept = sorted(rows, key=lambda row: row["outcome"] == "right")[:shown]
    wanted: dict[int, set[str]] = {}
    for row in kept:
        wanted.setdefault(row["study_id"], set()).add(row["finding"])
    return {
        "metric": names[1], "findings": findings, "n": len(rows), "units": kept, "studies": evidence.tell(wanted, ()),
    }  # fmt: skip


def _score_finding(finding: str, n: Mapping[str, int]) -> dict[str, Any]:
    right, found, said = n["right"], n["right"] + n["unfounded"], n["right"] + n["missed"]
    precision, recall, f1 = label_quality.precision_recall_f1(right, found, said)
    return {
        "finding": finding, "n_true": said, "n_found": found, "n_right": right,
        "precision": precision, "recall": recall, "f1": f1,
    }  # fmt: skip


def _check_labels(
    figure: Figure, metric: str, only: str | None, findings: list[dict[str, Any]], record: Record, evidence: Evidence
) -> None:
    said = [row for row in findings if row["n_true"]]
    total = [sum(row[name] for row in findings) for name in ("n_right", "n_found", "n_true")]
    known = {"n_statements": total[2], "n_labels": total[1]}
    known |= dict(zip(("micro_precision", "micro_recall", "micro_f1"), label_quality.precision_recall_f1(*total)))
    known |= {f"macro_{name}": sum(row[name] for row in said) / len(said) for name in ("precision", "recall", "f1")
              if said}  # fmt: skip
    value = findings[0]["f1"] if only else known[metric]
    stored = find_value(figure, record.snapshot)
    evidence.check(abs(stored - value) < SAME, f"{figure}: recorded as {stored}, its triples give {value:.6f}")
