"""Held-out images explained, region by region, from the cases that search finds, and scored against what is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from hilum.evaluation.figures import render_json
from hilum.explanation.answers import Journal
from hilum.explanation.cases import Evidence
from hilum.explanation.compiled import compile_scores, describe, read_alpha, read_presence
from hilum.explanation.explained import explain, show
from hilum.explanation.questions import choose_questions
from hilum.explanation.scoring import RANDOM, RETRIEVALS, SEARCH
from hilum.retrieval.index import open_index
from hilum.schema import EXPLANATIONS, MENTIONS, REGION_LABELS, REPORTS
from hilum.tables import read_tables, write_table, write_text

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
    presence = read_presence(data, opened.rows, opened.regions, labels, collection)
    questions = choose_questions(
        opened.rows, presence, "test", params.n_questions, params.n_healthy, params.seed
    )  # fmt: skip
    evidence = read_evidence(data, partitions, labels)
    explained = explain(opened, questions, evidence, alpha, params, Journal(journal_path(out)))
    table = pd.DataFrame([row.as_row() for row in explained], columns=list(EXPLANATIONS.column_names))
    scores = compile_scores(table, opened.rows, opened.regions, labels, collection, alpha, params)
    write_table(out / "explanations.parquet", table, EXPLANATIONS)
    said_of = describe(collection, alpha, params)
    write_text(out / "examples.json", render_json({**said_of, "examples": show(explained, params.n_examples)}))
    write_text(figures, render_json(scores))
    Journal(journal_path(out)).forget()
    made = scores["statements"][SEARCH]
    log.info(
        "explain: %d questions by %s, F1 %.3f (random cases %.3f); %d answers failed, %d of %d statements dropped",
        scores["counts"]["questions"], said_of["writer"], scores[SEARCH]["f1"], scores[RANDOM]["f1"],
        sum(scores["failures"][name]["all"] for name in RETRIEVALS), made["made"] - made["kept"], made["made"],
    )  # fmt: skip


def read_evidence(data: Path, partitions: Sequence[str], labels: pd.DataFrame | None = None) -> Evidence:
    """The reports of the collection, ready to be asked by study and region."""
    if labels is None:
        labels = read_tables(data / "region_labels", partitions, REGION_LABELS)
    texts = read_tables(data / "texts", partitions, REPORTS, ["study_id", "text"])
    columns = ["study_id", "mention_id", "regions", "assertion", "sentence_start", "sentence_end"]
    return Evidence(texts, read_tables(data / "mentions", partitions, MENTIONS, columns), labels)


def journal_path(out: Path) -> Path:
    """Where the answers of an unfinished run are kept: beside the output, which DVC clears before each run."""
    return out.with_name(f".{out.name}.answers.tmp")
