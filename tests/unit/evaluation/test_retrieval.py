"""Scores over one gallery: same patients never answer, controls do what they must, figures equal the slow version."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hilum.evaluation import summary
from hilum.evaluation.relevance import build_presence, choose_cells, choose_queries
from hilum.evaluation.retrieval import evaluate_alphas, evaluate_scores, measure
from hilum.evaluation.similarities import (
    Gallery,
    alpha_scores,
    control_scores,
    mirrorable,
    rank_answers,
)
from hilum.schema import QUERIES, SCORES
from hilum.tables import to_arrow

REGIONS = ("left lung", "right lung", "spine")
MIRROR = {"left lung": "right lung", "right lung": "left lung", "spine": "spine"}
N = 150


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = random.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    random = np.random.default_rng(5)
    subjects = 10000000 + np.arange(N) // 2
    rows = pd.DataFrame(
        {
            "row": np.arange(N),
            "dicom_id": ["-".join([f"{i:08x}"] * 5) for i in range(N)],
            "study_id": 50000000 + np.arange(N),
            "subject_id": subjects,
            "split": np.array(["train", "validate", "test"])[subjects % 3],
        }
    )
    chosen = {(i, REGIONS[random.integers(3)], "xy"[random.integers(2)]) for i in range(N) for _ in range(2)}
    labels = pd.DataFrame(sorted(chosen), columns=["row", "region", "finding"])
    labels["dicom_id"] = rows["dicom_id"].to_numpy()[labels["row"]]
    vectors = {region: unit(random, N, 8) for region in (None, *REGIONS)}
    pixels = {region: unit(random, N, 4).astype(float) for region in REGIONS}
    presence = build_presence(rows["dicom_id"], labels, REGIONS, {})
    return Gallery(rows, presence, vectors.__getitem__, pixels.__getitem__)


@pytest.fixture(scope="module")
def cells(gallery: Gallery) -> pd.DataFrame:
    return summary.describe_cells(gallery.presence, choose_cells(gallery.presence, 5))


@pytest.fixture(scope="module")
def queries(gallery: Gallery) -> pd.DataFrame:
    asked = choose_queries(gallery.presence, choose_cells(gallery.presence, 5), gallery.rows, "test")
    return evaluate_scores(gallery, asked, 0.3, MIRROR, 7)


def test_rows_fit_the_table(queries: pd.DataFrame) -> None:
    assert to_arrow(queries, QUERIES).num_rows == len(queries) > 300


def test_no_answer_is_of_the_asking_patient(gallery: Gallery, queries: pd.DataFrame) -> None:
    subject = dict(zip(gallery.rows["dicom_id"], gallery.rows["subject_id"]))
    for asking, answers in zip(queries["subject_id"], queries["answers"]):
        assert len(answers) == 10 and asking not in {subject[a] for a in answers}
    assert (queries["n_gallery"] == N - 2).all()


def test_the_mix_equals_a_loop_over_queries(gallery: Gallery, queries: pd.DataFrame) -> None:
    ids = list(gallery.rows["dicom_id"])
    subjects = gallery.rows["subject_id"].to_numpy()
    whole = gallery.embeddings(None).astype(float)
    for row in queries[queries["score"] == "mix"].itertuples():
        q, k, f = ids.index(row.dicom_id), REGIONS.index(row.region), gallery.presence.findings.index(row.finding)
        regional = gallery.embeddings(row.region).astype(float)
        score = {i: 0.7 * whole[q] @ whole[i] + 0.3 * regional[q] @ regional[i] for i in range(N)}
        ranked = sorted((i for i in range(N) if subjects[i] != subjects[q]), key=lambda i: -score[i])
        hits = [bool(gallery.presence.present[i, k, f]) for i in ranked]
        same = [bool(gallery.presence.present[i, :, f].any()) for i in ranked]
        assert row.answers == [ids[i] for i in ranked[:10]] and row.relevant == hits[:10]
        assert (row.n_relevant, row.n_same_finding) == (sum(hits), sum(same))
        assert row.precision_at_5 == pytest.approx(sum(hits[:5]) / 5)
        nearest = [h for h, s in zip(hits, same) if s][:10]
        assert row.located_at_10 == pytest.approx(sum(nearest) / len(nearest))
        at_hits = [sum(hits[: i + 1]) / (i + 1) for i, h in enumerate(hits) if h]
        assert row.average_precision == pytest.approx(np.mean(at_hits))


def test_chance_oracle_and_random(queries: pd.DataFrame, cells: pd.DataFrame) -> None:
    scores = summary.score_retrieval(queries, cells, 400, 0)
    assert to_arrow(scores, SCORES).num_rows == len(scores)
    table = scores[scores["average"] == "macro"].set_index(["score", "metric"])
    for metric in ("precision_at_1", "precision_at_10", "mean_average_precision", "located_at_10"):
        row = table.loc[("random", metric)]
        assert row["low"] <= row["chance"] <= row["high"], metric
        assert row["chance_low"] < row["chance"] < row["chance_high"], metric
        assert row["chance_low"] <= row["value"] <= row["chance_high"], metric
        assert table.loc[("oracle", metric), "value"] == 1
    # these vectors know nothing: the mix is at chance too, and no better than the whole image
    row = table.loc[("mix", "located_at_10")]
    assert row["low"] <= row["chance"] <= row["high"]
    row = table.loc[("mix - global", "located_at_10")]
    assert row["low"] <= 0 <= row["high"] and np.isnan(row["chance"])


def test_many_random_draws_average_to_chance(gallery: Gallery) -> None:
    asked = choose_queries(gallery.presence, choose_cells(gallery.presence, 5), gallery.rows, "test")
    some = asked.take(np.flatnonzero(asked.region == 0)[:12])
    random = np.random.default_rng(0)
    frames = [measure(gallery, some, "random", random.random((len(some), N))) for _ in range(300)]
    rows = pd.concat(frames, ignore_index=True)
    chance = summary.chance_of(rows)
    for metric, expected in zip(summary.METRICS, chance.mean(axis=0), strict=True):
        error = rows[metric].std() / np.sqrt(len(rows))
        assert abs(rows[metric].mean() - expected) < 4 * error


def test_the_mirrored_control_is_asked_only_where_it_means_something(gallery: Gallery, queries: pd.DataFrame) -> None:
    mirrored = queries[queries["score"] == "mirrored"]
    assert 0 < len(mirrored) < (queries["score"] == "mix").sum()
    assert set(mirrored["region"]) == {"left lung", "right lung"}
    ids = pd.Index(gallery.rows["dicom_id"])
    for row in mirrored.itertuples():
        other, f = REGIONS.index(MIRROR[row.region]), gallery.presence.findings.index(row.finding)
        assert not gallery.presence.present[ids.get_loc(row.dicom_id), other, f]
    table = summary.score_retrieval(queries, pd.DataFrame(queries[["region", "finding"]].drop_duplicates()).assign(
        locatable=True), 5, 0)  # fmt: skip
    units = table[table["average"] == "macro"].groupby("score")["n_units"].first()
    assert units["mix_mirrorable"] == units["mirrored"] == len(mirrored)


def test_the_mirror_asks_with_the_other_side(gallery: Gallery) -> None:
    asked = choose_queries(gallery.presence, choose_cells(gallery.presence, 5), gallery.rows, "test")
    left = asked.take(asked.region == 0)
    scores = control_scores(gallery, left, 1.0, "right lung", np.random.default_rng(0))
    expected = (
        gallery.embeddings("right lung")[left.image].astype(float) @ gallery.embeddings("left lung").astype(float).T
    )
    np.testing.assert_allclose(scores["mirrored"], expected)
    spine = asked.take(asked.region == 2)
    assert "mirrored" not in control_scores(gallery, spine, 1.0, "spine", np.random.default_rng(0))
    assert not mirrorable(gallery.presence, spine, np.array([1, 0, 2])).any()


def test_alpha_is_a_straight_line_between_the_two(gallery: Gallery) -> None:
    asked = choose_queries(gallery.presence, choose_cells(gallery.presence, 5), gallery.rows, "validate")
    spine = asked.take(asked.region == 2)
    scores = alpha_scores(gallery, spine, (0, 0.25, 1))
    np.testing.assert_allclose(scores["alpha=0.25"], 0.75 * scores["alpha=0"] + 0.25 * scores["alpha=1"])


def test_equal_similarities_keep_row_order_and_rounding_makes_them_equal() -> None:
    similarities = np.array([[0.5, 0.5 + 1e-9, 0.9, 0.1]])
    allowed = np.array([[True, True, False, True]])
    assert rank_answers(similarities, allowed).tolist() == [[0, 1, 3, 2]]


def test_alpha_is_chosen_by_place_then_precision_then_the_smaller(gallery: Gallery, cells: pd.DataFrame) -> None:
    asked = choose_queries(gallery.presence, choose_cells(gallery.presence, 5), gallery.rows, "validate")
    tried = evaluate_alphas(gallery, asked, (0, 0.5, 1))
    alpha, curve = summary.choose_alpha(tried, cells, (0, 0.5, 1))
    assert list(curve["alpha"]) == [0, 0.5, 1] and alpha == curve.loc[curve["located_at_10"].idxmax(), "alpha"]
    tied = tried.assign(located_at_10=0.5, average_precision=np.where(tried["score"] == "alpha=0", 0.1, 0.3))
    assert summary.choose_alpha(tied, cells, (0, 0.5, 1))[0] == 0.5
    assert summary.choose_alpha(tried.iloc[:0], cells, (1, 0, 0.25))[0] == 0.25


def test_cells_where_place_is_given_do_not_count_for_place(queries: pd.DataFrame, cells: pd.DataFrame) -> None:
    only = cells.assign(locatable=(cells["region"] == "spine"))
    table = summary.score_retrieval(queries, only, 5, 0)
    table = table[(table["score"] == "mix") & (table["average"] == "macro")].set_index("metric")
    spine = queries[(queries["score"] == "mix") & (queries["region"] == "spine")]
    expected = spine.groupby("finding")["located_at_10"].mean().mean()
    assert table.loc["located_at_10", "value"] == pytest.approx(expected)
    assert table.loc["located_at_10", "n_groups"] == 2 and table.loc["precision_at_1", "n_groups"] == 6
    nowhere = summary.score_retrieval(queries, cells.assign(locatable=False), 5, 0)
    assert nowhere.loc[nowhere["metric"] == "located_at_10", "value"].isna().all()


def test_questions_of_both_sides_alone_have_no_mirrored_rows(gallery: Gallery) -> None:
    asked = choose_queries(gallery.presence, choose_cells(gallery.presence, 5), gallery.rows, "test")
    both = asked.take((asked.region < 2) & ~mirrorable(gallery.presence, asked, np.array([1, 0, 2])))
    assert len(both), "the gallery has no image with a finding on both sides"
    assert "mirrored" not in set(evaluate_scores(gallery, both, 0.5, MIRROR, 0)["score"])
