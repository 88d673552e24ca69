"""Text retrieval: BM25 equals its formula, texts that say the same are found, one gallery serves every task."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.evaluation.keywords import Bm25, group_texts
from hilum.evaluation.relevance import build_presence
from hilum.evaluation.reports import Cases, Words, evaluate_reports, rank_pairs, read_report_vectors
from hilum.schema import EMBEDDINGS, PAIRS, REPORT_QUERIES
from hilum.tables import to_arrow, write_table

REGIONS = ("left lung", "right lung")
MIRROR = {"left lung": "right lung", "right lung": "left lung"}
N = 120
ALL = np.ones((1, 2, 1), bool)
WORDS = st.lists(st.sampled_from(["effusion", "left", "No", "right", "clear", "of"]), max_size=8).map(" ".join)


def slow_bm25(query: str, document: str, documents: list[str]) -> float:
    split = [re.findall("[a-z]+", text.lower()) for text in documents]
    average = sum(map(len, split)) / len(split)
    mine, score = re.findall("[a-z]+", document.lower()), 0.0
    for word in set(re.findall("[a-z]+", query.lower())):
        n = sum(word in text for text in split)
        tf = mine.count(word)
        idf = math.log(1 + (len(split) - n + 0.5) / (n + 0.5))
        score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(mine) / average)) if tf else 0
    return score


@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, min_size=1, max_size=3))
def test_keyword_search_equals_the_formula(documents: list[str], queries: list[str]) -> None:
    found = Bm25(documents).score(queries)
    for query, row in zip(queries, found, strict=True):
        expected = [slow_bm25(query, document, documents) for document in documents]
        np.testing.assert_allclose(row, expected, atol=1e-12)


def test_reports_that_say_the_same_are_one_group() -> None:
    texts = [
        "No effusion. Heart size is normal.", "heart size is  normal.\nNo effusion.", "No effusion. Heart size normal.",
        "No effusion. No effusion. Heart size is normal; 3.", "", "12.",
    ]  # fmt: skip
    assert group_texts(texts).tolist() == [0, 0, 1, 0, 2, 2]


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = random.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def cases() -> Cases:
    """Two studies a patient; the reports of studies 0 to 19 (and of 20 to 39) say the same."""
    random = np.random.default_rng(0)
    subjects = 10_000_000 + np.arange(N) // 2
    rows = pd.DataFrame(
        {
            "row": np.arange(N), "dicom_id": ["-".join([f"{i:08x}"] * 5) for i in range(N)],
            "study_id": 50_000_000 + np.arange(N), "subject_id": subjects,
            "split": np.array(["train", "validate", "test"])[subjects % 3],
        }
    )  # fmt: skip
    labels = pd.DataFrame(
        [(50_000_000 + i, REGIONS[random.integers(2)], "xy"[random.integers(2)]) for i in range(N)],
        columns=["study_id", "region", "finding"],
    )
    presence = build_presence(rows["study_id"], labels, REGIONS, {})
    images, reports = unit(random, 3, N, 8), unit(random, 3, N, 8)
    text = {50_000_000 + i: f"study {'abcdefghij'[i // 20]}. {'z' * (i if i >= 40 else 1)} opacity" for i in range(N)}
    spoken = labels.assign(sentence_text=labels["finding"] + labels["region"].str.replace(" ", ""))
    group = group_texts(list(text.values()))
    told = random.random((2, N)) < 0.5
    return Cases(rows, presence, presence, images, reports, told, Words(text, spoken), group)


@pytest.fixture(scope="module")
def queries(cases: Cases) -> pd.DataFrame:
    return evaluate_reports(cases, MIRROR, (0, 0.5, 1), 5, 3)


def test_rows_fit_the_tables(cases: Cases, queries: pd.DataFrame) -> None:
    assert to_arrow(queries, REPORT_QUERIES).num_rows == len(queries) > 300
    assert to_arrow(rank_pairs(cases), PAIRS).num_rows == 2 * (cases.rows["split"] == "test").sum()


def test_a_text_stands_once_in_the_gallery_and_counts_once_as_a_question(cases: Cases, queries: pd.DataFrame) -> None:
    assert cases.answering.sum() == N - 38
    assert not {a for row in queries["answers"] for a in row} & set(cases.rows["dicom_id"][1:20])
    mix = queries[(queries["task"] == "report_to_image") & (queries["score"] == "mix")]
    first = mix[mix["dicom_id"].isin(cases.rows["dicom_id"][:20])]
    assert (first["weight"] < 1).any()
    np.testing.assert_allclose(first.groupby(["region", "finding"])["weight"].sum(), 1)
    assert (mix.loc[mix["dicom_id"].isin(cases.rows["dicom_id"][40:]), "weight"] == 1).all()


@pytest.mark.parametrize("task", ["image_to_report", "report_to_image", "report_to_report", "image_to_image"])
def test_a_task_s_score_equals_a_loop(cases: Cases, queries: pd.DataFrame, task: str) -> None:
    sides = {"image": cases.images.astype(float), "report": cases.reports.astype(float)}
    asked, answered = (sides[name] for name in task.split("_to_"))
    ids, subjects = list(cases.rows["dicom_id"]), cases.rows["subject_id"].to_numpy()
    for row in queries[(queries["task"] == task) & (queries["score"] == "region")].head(8).itertuples():
        q, k = ids.index(row.dicom_id), 1 + REGIONS.index(row.region)
        fit = [i for i in range(N) if cases.answering[i] and subjects[i] != subjects[q]]
        ranked = sorted(fit, key=lambda i: -(asked[k, q] @ answered[k, i]))
        assert row.answers == [ids[i] for i in ranked[:10]] and row.n_gallery == len(fit)


def test_words_find_the_report_that_says_them(cases: Cases, queries: pd.DataFrame) -> None:
    scores = queries[queries["split"] == "test"].groupby(["task", "score"])["precision_at_1"].mean()
    assert scores["report_to_report", "oracle"] == 1 and scores["report_to_report", "labels"] == 1
    tasks = {task for task, score in scores.index if score == "keyword"}
    assert tasks == {"report_to_report", "report_to_image"}


def test_questions_of_both_sides_alone_have_no_mirrored_rows(cases: Cases) -> None:
    both = replace(cases, presence=replace(cases.presence, present=cases.presence.present.any(1, keepdims=True) & ALL))
    found = evaluate_reports(both, MIRROR, (0, 1), 5, 3)
    assert len(found) > 300 and "mirrored" not in set(found["score"])


def test_a_report_that_is_silent_on_the_other_side_is_no_mirrored_question(cases: Cases, queries: pd.DataFrame) -> None:
    rows = queries[(queries["score"] == "mirrored") & queries["task"].str.startswith("report")]
    other = [1 - REGIONS.index(region) for region in rows["region"]]
    at = pd.Index(cases.rows["dicom_id"]).get_indexer(pd.Index(rows["dicom_id"]))
    assert len(rows) > 10 and cases.told[other, at].all()
    images = queries[(queries["score"] == "mirrored") & (queries["task"] == "image_to_image")]
    assert len(images) > len(rows) / 2


def test_pairs_rank_their_own_among_the_test_split(cases: Cases) -> None:
    found = rank_pairs(cases).set_index(["task", "dicom_id"])["rank"]
    test = np.flatnonzero(cases.rows["split"] == "test")
    alike = cases.images[0].astype(float) @ cases.reports[0].astype(float).T
    for i in test[:5]:
        ident = cases.rows["dicom_id"][i]
        assert found["image_to_report", ident] == 1 + sum(alike[i, j] > alike[i, i] for j in test)
        assert found["report_to_image", ident] == 1 + sum(alike[j, i] > alike[i, i] for j in test)


def test_a_region_not_spoken_of_is_the_whole_report(tmp_path: Path) -> None:
    rows = [
        {"study_id": 50_000_000 + study, "dicom_id": None, "modality": "text", "region": region,
         "subject_id": 10_000_000, "embedding": np.array(vector, np.float32), "model_id": "0123456789abcdef"}
        for study, region, vector in ((1, None, [1, 0]), (1, "right lung", [0, 1]), (0, None, [0.6, 0.8]))
    ]  # fmt: skip
    write_table(tmp_path / "P.parquet", pd.DataFrame(rows), EMBEDDINGS)
    ids, vectors, told = read_report_vectors([tmp_path / "P.parquet"], REGIONS)
    assert ids.tolist() == [50_000_000, 50_000_001]
    np.testing.assert_allclose(vectors[:, 1], [[1, 0], [1, 0], [0, 1]])
    np.testing.assert_allclose(vectors[:, 0], [[0.6, 0.8]] * 3, rtol=1e-6)
    assert told.tolist() == [[False, False], [False, True]]
