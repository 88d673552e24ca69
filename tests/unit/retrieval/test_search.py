"""Search: exact at any alpha, never the same patient, the same order every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import UsageError
from hilum.retrieval.index import RegionIndex, open_index, write_index
from hilum.retrieval.search import Query, query_study, search, subject_of_image
from hilum.retrieval.vectors import read_image_vectors
from hilum.vocabulary import REGIONS


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, make_embedded: Callable[..., Any]) -> RegionIndex:
    folder = tmp_path_factory.mktemp("search")
    embedded = make_embedded(n_images=40)
    vectors = read_image_vectors(*embedded.tables(embedded.write(folder / "data")), embedded.partitions, REGIONS)
    write_index(folder / "index", vectors, "flat")
    return open_index(folder / "index")


@settings(max_examples=40, deadline=None)
@given(alpha=st.floats(0, 1), study=st.integers(0, 19), region=st.sampled_from(REGIONS), k=st.integers(1, 50))
def test_the_mix_is_exact_at_any_alpha(index: RegionIndex, alpha: float, study: int, region: str, k: int) -> None:
    query = query_study(index, 50000000 + study, region)
    whole = index.vectors().astype(np.float64)
    regional = index.vectors(region).astype(np.float64)
    expected = (1 - alpha) * (whole @ query.whole) + alpha * (regional @ query.regional)
    subjects = index.rows["subject_id"].to_numpy()
    others = [i for i in range(40) if subjects[i] != query.subject_id]
    best = sorted(others, key=lambda i: -expected[i])[:k]
    found = search(index, query, alpha, k)
    assert len(found) == min(k, 36)
    np.testing.assert_allclose([a.score for a in found], expected[best], atol=2e-6)
    for answer in found:
        row = int(np.flatnonzero(index.rows["dicom_id"] == answer.dicom_id)[0])
        assert answer.subject_id == subjects[row] != query.subject_id
        assert answer.whole_similarity == pytest.approx(whole[row] @ query.whole, abs=2e-6)
        assert answer.region_similarity == pytest.approx(regional[row] @ query.regional, abs=2e-6)
    assert [a.rank for a in found] == list(range(1, len(found) + 1))


def test_an_unknown_patient_sees_everyone(index: RegionIndex) -> None:
    query = Query(index.vectors()[3], index.vectors("spine")[3], "spine")
    found = search(index, query, 0.5, 100)
    assert len(found) == 40 and found[0].dicom_id == index.rows["dicom_id"].iloc[3]
    assert found[0].score == pytest.approx(1, abs=1e-5)


def test_equal_scores_come_by_dicom_id(index: RegionIndex) -> None:
    query = Query(np.zeros(8, np.float32), np.zeros(8, np.float32), "spine")
    assert [a.dicom_id for a in search(index, query, 0.3, 5)] == list(index.rows["dicom_id"].iloc[:5])


def test_a_study_asks_with_its_first_image(index: RegionIndex) -> None:
    query = query_study(index, 50000001, "carina")
    np.testing.assert_array_equal(query.whole, index.vectors()[2])
    np.testing.assert_array_equal(query.regional, index.vectors("carina")[2])
    assert query.subject_id == 10000000


def test_a_known_image_knows_its_patient(index: RegionIndex) -> None:
    assert subject_of_image(index, str(index.rows["dicom_id"].iloc[5])) == 10000001
    assert subject_of_image(index, "portrait") is None


def test_wrong_questions_are_answered_plainly(index: RegionIndex) -> None:
    with pytest.raises(UsageError, match="study 1 has no frontal image among the 40 indexed ones"):
        query_study(index, 1, "carina")
    query = query_study(index, 50000001, "carina")
    with pytest.raises(UsageError, match=r"alpha is 1\.5"):
        search(index, query, 1.5, 1)
    with pytest.raises(UsageError, match="k 0"):
        search(index, query, 0.5, 0)
    with pytest.raises(UsageError, match="no region 'heart'"):
        query_study(index, 50000001, "heart")


def test_an_answer_is_a_json_row(index: RegionIndex) -> None:
    row = search(index, query_study(index, 50000001, "carina"), 0.5, 1)[0].as_row()
    assert list(row) == [
        "rank", "dicom_id", "study_id", "subject_id", "score", "whole_similarity", "region_similarity"
    ]  # fmt: skip
