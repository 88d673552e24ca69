"""Held-out images explained, region by region, from the cases that search finds, and scored against what is there."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation import gold
from hilum.evaluation.figures import render_json
from hilum.evaluation.relevance import Presence, build_presence
from hilum.explanation.answers import Journal
from hilum.explanation.cases import Evidence
from hilum.explanation.explained import explain, show
from hilum.explanation.questions import choose_questions
from hilum.explanation.scoring import RANDOM, RETRIEVALS, SEARCH, score_explanations, score_ratings, usual_findings
from hilum.explanation.writing import writer_name
from hilum.retrieval.index import RegionIndex, open_index
from hilum.schema import EXPLANATIONS, MENTIONS, REGION_LABELS, REPORTS
from hilum.tables import read_tables, write_table, write_text
from hilum.vocabulary import REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import ExplainParams

log = logging.getLogger(__name__)


def run(
    data: Path,
    partitions: Sequence[str],
    index: Path,
    metrics: Path,
    out: Path,
    figures: Path,
    params: ExplainParams,
    collection: str,
) -> None:
    """Explain, check, score; write the table, the examples that a page may show, and the figures.

    metrics: of `evaluate`, whose alpha is used. A question whose language model fails is counted and the others go on.
    """
    opened, alpha = open_index(index), read_alpha(metrics)
    labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    presence, source = read_presence(data, opened, labels, collection)
    questions = choose_questions(
        opened.rows, presence, "test", params.n_questions, params.n_healthy, params.seed
    )  # fmt: skip
    evidence = read_evidence(data, partitions, labels)
    explained = explain(opened, questions, evidence, alpha, params, Journal(journal_path(out)))
    table = pd.DataFrame([row.as_row() for row in explained], columns=list(EXPLANATIONS.column_names))
    weak = build_presence(opened.rows["study_id"], labels[labels["label"] == "present"], opened.regions, REGION_PARENTS)
    usual = usual_findings(weak, (opened.rows["split"] == "train").to_numpy())
    said_of = {"collection": collection, "relevance": source, "writer": writer_name(params.writer), "alpha": alpha,
               "n_cases": params.n_cases}  # fmt: skip
    scores = {**said_of, **score_explanations(table, usual, params.n_bootstrap, params.seed)}
    if params.judge.client != "none":
        judged = score_ratings(table, params.n_bootstrap, params.seed)
        scores["judge"] = {"judge": writer_name(params.judge), **judged}
    write_table(out / "explanations.parquet", table, EXPLANATIONS)
    write_text(out / "examples.json", render_json({**said_of, "examples": show(explained, params.n_examples)}))
    write_text(figures, render_json(scores))
    Journal(journal_path(out)).forget()
    made = scores["statements"][SEARCH]
    log.info(
        "explain: %d questions by %s, F1 %.3f (random cases %.3f); %d answers failed, %d of %d statements dropped",
        scores["counts"]["questions"], said_of["writer"], scores[SEARCH]["f1"], scores[RANDOM]["f1"],
        sum(scores["failures"][name]["all"] for name in RETRIEVALS), made["made"] - made["kept"], made["made"],
    )  # fmt: skip


def read_presence(data: Path, index: RegionIndex, labels: pd.DataFrame, collection: str) -> tuple[Presence, str]:
    """Who has what where, and by which source: the phantom's truth, else the weak labels."""
    if gold.has_truth(collection):
        found = gold.read_truth_findings(data / "truth")
        return build_presence(index.rows["dicom_id"], found, index.regions, REGION_PARENTS), gold.TRUTH
    present = labels[labels["label"] == "present"]
    return build_presence(index.rows["study_id"], present, index.regions, REGION_PARENTS), gold.WEAK


def read_evidence(data: Path, partitions: Sequence[str], labels: pd.DataFrame | None = None) -> Evidence:
    """The reports of the collection, ready to be asked by study and region."""
    if labels is None:
        labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    texts = read_tables(data / "texts", partitions, REPORTS, ["study_id", "text"])
    columns = ["study_id", "mention_id", "regions", "assertion", "sentence_start", "sentence_end"]
    return Evidence(texts, read_tables(data / "mentions", partitions, MENTIONS, columns), labels)


def read_alpha(metrics: Path) -> float:
    """The mix that `evaluate` chose on the validate split. Raises BadDataError if there is none."""
    try:
        return float(json.loads(metrics.read_text(encoding="utf-8"))["retrieval"]["alpha"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{metrics} names no alpha ({type(error).__name__}). Run `dvc repro evaluate`.") from None


def journal_path(out: Path) -> Path:
    """Where the answers of an unfinished run are kept: beside the output, which DVC clears before each run."""
    return out.with_name(f".{out.name}.answers.tmp")
