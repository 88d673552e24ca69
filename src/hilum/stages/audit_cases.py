"""What a figure opens into: the queries, groundings or labels that average to it, and the evidence behind each.

In: a record and a figure of `evaluate`. Out: plain facts, rows of the tables that the record names, rechecked as they
are read: what does not fit is listed. Report text is among them only where it is asked for.
Known to be imperfect: an average precision can be come to again only where all relevant answers are among the ten, and
the labels of the whole collection are held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from hilum.errors import HilumError, VerificationError
from hilum.evaluation import gold
from hilum.evaluation.similarities import MIRRORED, MIX, alpha_name
from hilum.evaluation.summary import LOCATED, MIX_MIRRORABLE
from hilum.lineage.figures import Figure, find_value, list_values
from hilum.lineage.lock import Stage
from hilum.lineage.record import Record
from hilum.schema import QUERIES
from hilum.stages.audit_evidence import Evidence, lies_in, read_out
from hilum.stages.audit_others import open_grounding, open_labels
from hilum.stages.audit_units import ENDS, EVALUATE, SAME, Asked, check_mean, difference, read_index, read_name, weigh

SHOWN = 600
"""Units of a figure that are given with their evidence, at most."""


def open_figure(record: Record, figure: Figure, *, show_text: bool = False, shown: int = SHOWN) -> dict[str, Any]:
    """The units behind a figure with their evidence; `why_not` where it has none or they are not here.

    shown: units given with their evidence, the first by key; of the others nothing is given, and `n` counts them.
    beside: the figure's interval and chance, where the file has them.
    """
    stored = dict(list_values(record.snapshot.read(figure.file) or b"{}", figure.file))
    ends = {end[1:]: stored.get(f"{figure.name}{end}") for end in ENDS}
    beside = {"beside": {name: value for name, value in ends.items() if value is not None}, "show_text": show_text}
    if figure.name not in stored:
        return {**beside, "why_not": "name one figure of the file to open it"}
    return {**beside, **_open(record, figure, show_text, shown)}


def _open(record: Record, figure: Figure, show_text: bool, shown: int) -> dict[str, Any]:
    try:
        maker = record.lineage.behind([figure.file])[0]
        if maker.verb != EVALUATE:
            return {"why_not": f"{maker.name} makes it, and no queries of it are kept"}
        part = figure.name.partition(".")[0]
        opener = OPENERS.get(part)
        if part in ("reports", "controls"):
            return {
                "why_not": f"its rows are not opened one by one; `hilum audit {figure.name} --verify` computes it again"
            }
        if opener is None:
            return {"why_not": f"{figure.name} is a count or a setting, and averages nothing"}
        evidence = Evidence(record, show_text=show_text)
        facts = opener(record, maker, figure, evidence, shown)
    except HilumError as error:
        return {"why_not": " ".join(str(error).split())}
    except (ValueError, KeyError) as error:
        return {"why_not": f"its tables cannot be put together ({type(error).__name__}: {error})"}
    return {
        "part": part, "source": gold.TRUTH if evidence.has_truth else gold.WEAK, **facts,
        "n_checked": evidence.n_checked, "disagreements": evidence.disagreements,
    }  # fmt: skip


def raise_disagreements(facts: Mapping[str, Any]) -> None:
    """Raise VerificationError, naming the first, if what a figure opened into does not fit together."""
    found = facts.get("disagreements")
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise VerificationError(f"the chain is broken at {found[0]}{more}.")


def _open_retrieval(record: Record, maker: Stage, figure: Figure, evidence: Evidence, shown: int) -> dict[str, Any]:
    path, queries = read_out(record, maker.outs, QUERIES, "queries.parquet")
    if figure.name == "retrieval.alpha":
        alpha = alpha_name(find_value(figure, record.snapshot))
        asked, split = Asked("retrieval", (alpha,), LOCATED, "macro"), "validate"
    else:
        asked, split = read_name(figure.name), "test"
    queries = queries[queries["split"] == split]
    tables = [_of_score(queries, score).set_index("query") for score in asked.scores]
    scores = [str(table["score"].iloc[0]) for table in tables]
    column = "average_precision" if asked.metric == "mean_average_precision" else asked.metric
    place, first = _Places(record, maker, evidence), tables[0]
    cells = place.cells(first)
    counts = [
        not column.startswith("located_at") or cells[row]["locatable"] for row in zip(first["region"], first["finding"])
    ]
    weights = weigh([*zip(first["region"], first["finding"])], counts, asked.average)
    measured = [table[column].astype("float64").to_dict() for table in tables]
    rows: list[dict[str, Any]] = []
    for query, weight in zip(first.index, weights, strict=True):
        row, image = first.loc[query], first.at[query, "dicom_id"]
        values = [row_of[query] for row_of in measured]
        rows.append({
            "query": query, "dicom_id": image, "study_id": int(row["study_id"]), "region": row["region"],
            "finding": row["finding"], "value": difference(values), "weight": weight, "lists": [],
            "n_relevant": int(row["n_relevant"]), "n_gallery": int(row["n_gallery"]),
        })  # fmt: skip
        for score, table, value in zip(scores, tables, values, strict=True):
            answers = place.answers(query, score, table.loc[query])
            rows[-1]["lists"].append({"score": score, "value": value, "answers": answers})
    check_mean(figure, asked, rows, record, evidence)
    kept = rows[:shown]
    wanted: dict[int, set[str]] = {}
    for row in kept:
        for answer in (row, *(answer for ranked in row["lists"] for answer in ranked["answers"])):
            wanted.setdefault(answer["study_id"], set()).add(row["finding"])
    images = {answer["dicom_id"] for row in kept for ranked in row["lists"] for answer in ranked["answers"]}
    return {
        "table": path, "scores": scores, "split": split, "metric": asked.metric, "average": asked.average,
        "end": asked.end, "cells": [*cells.values()], "n": len(rows), "units": kept,
        "studies": evidence.tell(wanted, images | {row["dicom_id"] for row in kept}),
    }  # fmt: skip


class _Places:
    """Who has what where, by the truth or the weak labels, and what the ranked answers of a query must then be."""

    def __init__(self, record: Record, maker: Stage, evidence: Evidence) -> None:
        rows = read_index(record, maker)
        self._evidence = evidence
        self._subjects = dict(zip(rows["dicom_id"], rows["subject_id"], strict=True))
        self._least = dict(maker.params["params.yaml"][EVALUATE])["min_positives"]

    def cells(self, queries: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
        """(region, finding) -> the cell: its queries, the images with the finding there and anywhere, locatable."""
        asked = Counter(zip(queries["region"], queries["finding"], strict=True))
        having: dict[str, list[list[str]]] = {}
        for finding in {finding for _, finding in asked}:
            places = (self._evidence.regions_of(image, finding) for image in self._subjects)
            having[finding] = [regions for regions in places if regions]
        cells = {}
        for (region, finding), n in sorted(asked.items()):
            n_same = len(having[finding])
            n_at = sum(any(lies_in(place, region) for place in regions) for regions in having[finding])
            cells[region, finding] = {
                "region": region, "finding": finding, "n_queries": n, "n_positives": n_at, "n_same_finding": n_same,
                "locatable": n_same - n_at >= self._least,
            }  # fmt: skip
        return cells

    def answers(self, query: str, score: str, row: pd.Series) -> list[dict[str, Any]]:
        """The ranked answers of one query, and the row rechecked.

        at, elsewhere: where the image has the finding, in the region asked for and outside it. said_at: the weak
        labels' regions in it, whatever their label.
        """
        evidence, found = self._evidence, []
        for rank, (image, relevant) in enumerate(zip(row["answers"], row["relevant"], strict=True), 1):
            regions = evidence.regions_of(image, row["finding"])
            at = [region for region in regions if lies_in(region, row["region"])]
            study = int(evidence.image_studies[image])
            said = [label["region"] for label in evidence.labels.get((study, row["finding"]), ())]
            name = f"{query} under {score}, answer {rank}"
            evidence.check(bool(at) == relevant, f"{name}: recorded as {_word(relevant)}, its labels say otherwise")
            own = self._subjects[image] == row["subject_id"]
            evidence.check(not own, f"{name}: it is of the patient who asks")
            found.append({
                "rank": rank, "dicom_id": image, "study_id": study, "relevant": bool(relevant),
                "at": at, "elsewhere": [place for place in regions if place not in at],
                "said_at": [place for place in said if lies_in(place, row["region"])],
            })  # fmt: skip
        for metric, value in _measure(row, found).items():
            evidence.check(
                abs(row[metric] - value) < SAME,
                f"{query} under {score}: {metric} is recorded as {row[metric]}, its answers give {value:.6f}",
            )
        return found


def _measure(row: pd.Series, answers: list[dict[str, Any]]) -> dict[str, float]:
    """The metrics of a query that its ten answers alone decide."""
    hits = [answer["relevant"] for answer in answers]
    same = [bool(answer["at"] or answer["elsewhere"]) for answer in answers]
    found = {f"precision_at_{k}": sum(hits[:k]) / min(k, row["n_gallery"]) for k in (1, 5, 10)}
    nearest = [hit for hit, has in zip(hits, same, strict=True) if has]
    for k in (1, 5, 10):
        if nearest and len(nearest) >= min(k, row["n_same_finding"]):
            found[f"located_at_{k}"] = sum(nearest[:k]) / len(nearest[:k])
    if sum(hits) == row["n_relevant"]:
        ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
        found["average_precision"] = sum(n / rank for n, rank in enumerate(ranks, 1)) / len(ranks)
    return found


def _of_score(queries: pd.DataFrame, score: str) -> pd.DataFrame:
    """The rows behind a score of metrics.json; a name that no row has is the model's own mix."""
    if (queries["score"] == score).any():
        return queries[queries["score"] == score]
    mixed = queries[queries["score"] == MIX]
    if score == MIX_MIRRORABLE:
        mixed = mixed[mixed["query"].isin(queries.loc[queries["score"] == MIRRORED, "query"])]
    return mixed


def _word(relevant: bool) -> str:
    return "relevant" if relevant else "not relevant"


Opener = Callable[[Record, Stage, Figure, Evidence, int], dict[str, Any]]
OPENERS: Mapping[str, Opener] = {
    "retrieval": _open_retrieval, "grounding": open_grounding, "labels": open_labels,
}  # fmt: skip
