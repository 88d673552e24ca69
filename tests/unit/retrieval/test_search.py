"""Search: exact at any alpha, never the same patient, a study once, the same order every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hilum.config import IndexParams
from hilum.errors import BadDataError, UsageError
from hilum.retrieval import search as search_module
from hilum.retrieval.index import RegionIndex, Source, build_index, open_index
from hilum.retrieval.search import Query, combine, query_study, search, subject_of_image
from hilum.vocabulary import REGIONS


def make_index(folder: Any, embedded: Any, kind: str, candidates: int) -> RegionIndex:
    data = embedded.write(folder / "data")
    names = embedded.partitions
    sources = [Source(name, data / f"images/{name}.parquet", data / f"embeddings/{name}.parquet") for name in names]
    params = IndexParams(kind=kind, flat_up_to=0, train_images=40, candidates=candidates)  # type: ignore[arg-type]
    build_index(folder / "index", sources, REGIONS, params)
    return open_index(folder / "index")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, make_embedded: Callable[..., Any]) -> RegionIndex:
    return make_index(tmp_path_factory.mktemp("search"), make_embedded(n_images=40), "flat", 1)


def expected_answers(
    index: RegionIndex, query: Query, alpha: float, k: int, against: str
) -> list[tuple[int, float, float, float]]:
    """study, score, whole and mean regional similarity of the k best, the slow obvious way."""
    side = index.side(against)
    best: dict[int, tuple[float, int, float, float]] = {}
    for row in range(len(side)):
        if int(side.rows["subject_id"].iloc[row]) in query.subject_ids:
            continue
        whole = float(side.vectors()[row].astype(np.float64) @ query.whole)
        each = [side.vectors(r)[row].astype(np.float64) @ v for r, v in zip(query.regions, query.regional)]
        regional = float(sum(each) / len(each))
        score = (1 - alpha) * whole + alpha * regional
        study = int(side.rows["study_id"].iloc[row])
        if study not in best or score > best[study][0]:
            best[study] = (score, row, whole, regional)
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[1][1]))[:k]
    return [(study, score, whole, regional) for study, (score, _, whole, regional) in ranked]


@settings(max_examples=60, deadline=None)
@given(
    alpha=st.floats(0, 1),
    study=st.integers(0, 19),
    regions=st.lists(st.sampled_from(REGIONS), min_size=1, max_size=4, unique=True),
    k=st.integers(1, 30),
    by=st.sampled_from(["image", "report"]),
    against=st.sampled_from(["image", "report"]),
)
def test_the_mix_is_exact_at_any_alpha(
    index: RegionIndex, alpha: float, study: int, regions: list[str], k: int, by: str, against: str
) -> None:
    side = index.side(by)
    assume(any(side.vector(study, region) is not None for region in regions))
    query = query_study(index, 50000000 + study, regions, by)
    found = search(index, query, alpha, k, against)
    expected = expected_answers(index, query, alpha, k, against)
    assert len(found) == len(expected) == min(k, 18) and [a.rank for a in found] == list(range(1, len(found) + 1))
    values = [(a.score, a.whole_similarity, a.region_similarity) for a in found]
    np.testing.assert_allclose(values, [row[1:] for row in expected], atol=3e-6)
    assert [a.study_id for a in found] == [row[0] for row in expected]
    side = index.side(against)
    for answer in found:
        assert answer.subject_id not in query.subject_ids
        row = int(np.flatnonzero(side.rows["study_id"] == answer.study_id)[0])
        for region, similarity, vector in zip(regions, answer.region_similarities, query.regional):
            if against == "report":
                assert (similarity is not None) == (region in side.rows["regions"].iloc[row])
            else:
                row = int(np.flatnonzero(index.rows["dicom_id"] == answer.dicom_id)[0])
            assert (similarity or 0) == pytest.approx(side.vectors(region)[row] @ vector, abs=3e-6)
        values_of = [similarity or 0 for similarity in answer.region_similarities]
        assert answer.region_similarity == pytest.approx(np.mean(values_of), abs=3e-6)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, make_embedded: Callable[..., Any]) -> RegionIndex:
    """Codes find at least 60 of 300 images, which are random: the hardest collection to tell apart."""
    return make_index(tmp_path_factory.mktemp("trained"), make_embedded(n_images=300, partitions=3), "pq", 60)


@settings(max_examples=40, deadline=None)
@given(
    alpha=st.floats(0, 1),
    study=st.integers(0, 149),
    regions=st.lists(st.sampled_from(REGIONS), min_size=1, max_size=3, unique=True),
    against=st.sampled_from(["image", "report"]),
)
def test_codes_find_what_an_exact_search_finds(
    trained: RegionIndex, alpha: float, study: int, regions: list[str], against: str
) -> None:
    query = query_study(trained, 50000000 + study, regions)
    found, exact = search(trained, query, alpha, 2, against), search(trained, query, alpha, 2, against, exact=True)
    assert found == exact


def test_candidates_that_could_not_matter_are_not_read(trained: RegionIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    side, n_read, n_found = trained.side("image"), 0, 0
    read = side.similarities_of_few

    def count(vector: np.ndarray, slot: str | None, positions: np.ndarray) -> np.ndarray:
        nonlocal n_read
        n_read += len(positions)
        return read(vector, slot, positions)

    monkeypatch.setattr(side, "similarities_of_few", count)
    monkeypatch.setattr(search_module, "SCORED_AT_ONCE", 8)
    for study in range(150):
        query = query_study(trained, 50000000 + study, REGIONS[study % 29])
        found, exact = (search(trained, query, 0.5, 5, exact=exact) for exact in (False, True))
        n_found += len({a.study_id for a in found} & {a.study_id for a in exact})
    assert n_found >= 0.98 * 5 * 150 and 2 * 8 * 150 < n_read < 2 * 100 * 150 / 4  # some went on, few far


def test_a_file_that_went_away_is_named(make_embedded: Callable[..., Any], tmp_path: Path) -> None:
    index = make_index(tmp_path, make_embedded(n_images=40), "pq", 6)
    query = query_study(index, 50000001, "spine")
    search(index, query, 0.5, 1)
    (tmp_path / "index/parts/L0001-p10/image/region_spine.faiss").unlink()
    with pytest.raises(BadDataError, match=r"region_spine\.faiss is missing or not \d+ bytes long"):
        search(index, query, 0.5, 1)


def test_all_studies_answer_a_trained_index_that_is_asked_for_all(trained: RegionIndex) -> None:
    query = query_study(trained, 50000003, "spine")
    found = search(trained, query, 0.5, 1000)
    assert len(found) == len({a.study_id for a in found}) == 148
    assert found == search(trained, query, 0.5, 1000, exact=True)


def test_an_unknown_patient_sees_everyone(index: RegionIndex) -> None:
    query = Query(index.vectors()[3], index.vectors("spine")[3], "spine")
    found = search(index, query, 0.5, 100)
    assert len(found) == 20 and found[0].dicom_id == index.rows["dicom_id"].iloc[3]
    assert found[0].score == pytest.approx(1, abs=1e-5)


def test_equal_scores_come_by_dicom_id_and_a_study_answers_once(index: RegionIndex) -> None:
    query = Query(np.zeros(8, np.float32), np.zeros(8, np.float32), "spine")
    assert [a.dicom_id for a in search(index, query, 0.3, 5)] == list(index.rows["dicom_id"].iloc[0:10:2])
    assert [a.study_id for a in search(index, query, 0.3, 3, "report")] == [50000000, 50000001, 50000002]


def test_a_report_answers_with_the_first_image_of_its_study(index: RegionIndex) -> None:
    found = search(index, query_study(index, 50000001, "carina"), 0.5, 3, "report")
    assert [a.dicom_id for a in found] == [index.rows["dicom_id"].iloc[2 * (a.study_id - 50000000)] for a in found]


def test_a_study_asks_with_its_first_image(index: RegionIndex) -> None:
    query = query_study(index, 50000001, "carina")
    np.testing.assert_array_equal(query.whole, index.vectors()[2])
    np.testing.assert_array_equal(query.regional[0], index.vectors("carina")[2])
    assert query.subject_ids == {10000000} and query.regions == ("carina",)


def test_a_study_asks_with_its_report(index: RegionIndex) -> None:
    query = query_study(index, 50000003, REGIONS[:3], "report")  # (study + slot) % 3: of these, it speaks of the third
    np.testing.assert_array_equal(query.regional[:2], np.zeros((2, 8)))
    np.testing.assert_array_equal(query.regional[2], index.side("report").vectors(REGIONS[2])[3])
    with pytest.raises(UsageError, match="report of study 50000003 does not speak of right lung"):
        query_study(index, 50000003, REGIONS[0], "report")


def test_several_queries_ask_as_one(index: RegionIndex) -> None:
    regions = ("spine", "carina")
    one, other = (query_study(index, study, regions) for study in (50000001, 50000007))
    both = combine([one, other])
    for mine, first, second in ((both.whole, one.whole, other.whole), (both.regional, one.regional, other.regional)):
        mean = (first + second) / 2
        np.testing.assert_allclose(mine, mean / np.linalg.norm(mean, axis=-1, keepdims=True), atol=1e-6)
    assert both.subject_ids == {10000000, 10000003} and combine([one]) is one
    assert not both.subject_ids & {a.subject_id for a in search(index, both, 0.5, 100)}
    silent = Query(one.whole, np.zeros((2, 8)), regions)
    np.testing.assert_array_equal(combine([silent, silent]).regional, np.zeros((2, 8)))
    with pytest.raises(UsageError, match="2 queries cannot be asked as one"):
        combine([one, query_study(index, 50000001, "spine")])


def test_a_known_image_knows_its_patient(index: RegionIndex) -> None:
    assert subject_of_image(index, str(index.rows["dicom_id"].iloc[5])) == 10000001
    assert subject_of_image(index, "portrait") is None


def test_wrong_questions_are_answered_plainly(index: RegionIndex) -> None:
    with pytest.raises(UsageError, match="study 1 has no frontal image among the 40 indexed ones"):
        query_study(index, 1, "carina")
    with pytest.raises(UsageError, match="study 1 has no report among the 20 indexed ones"):
        query_study(index, 1, "carina", "report")
    query = query_study(index, 50000001, "carina")
    with pytest.raises(UsageError, match=r"alpha is 1\.5"):
        search(index, query, 1.5, 1)
    with pytest.raises(UsageError, match="k 0"):
        search(index, query, 0.5, 0)
    with pytest.raises(UsageError, match="no region 'heart'"):
        query_study(index, 50000001, "heart")
    with pytest.raises(UsageError, match="each region once"):
        Query(query.whole, query.whole, ("carina", "spine"))
    with pytest.raises(UsageError, match="each region once"):
        query_study(index, 50000001, ("carina", "carina"))


def test_an_answer_is_a_json_row(index: RegionIndex) -> None:
    row = search(index, query_study(index, 50000001, ("carina", "spine")), 0.5, 1)[0].as_row()
    assert list(row) == [
        "rank", "dicom_id", "study_id", "subject_id", "score", "whole_similarity", "region_similarity",
        "region_similarities",
    ]  # fmt: skip
    assert len(row["region_similarities"]) == 2
