"""The index folder: same bytes from the same vectors however it came to be, refused when it is not whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from hilum.config import IndexParams
from hilum.errors import BadDataError, UsageError
from hilum.retrieval.digests import sha256
from hilum.retrieval.index import Built, Source, build_index, open_index, verify_index
from hilum.retrieval.parts import codes_file_name, slot_file_name
from hilum.schema import INDEX_ROWS
from hilum.tables import read_table
from hilum.vocabulary import REGIONS

FIRST = "parts/L0001-p10"


def params(kind: str = "flat", **changes: int) -> IndexParams:
    return IndexParams(kind=kind, **{"flat_up_to": 30, "train_images": 8, "candidates": 6, **changes})  # type: ignore[arg-type]


def build(embedded: Any, data: Path, folder: Path, chosen: IndexParams, n: int | None = None) -> Built:
    names = embedded.partitions[:n]
    sources = [Source(name, data / f"images/{name}.parquet", data / f"embeddings/{name}.parquet") for name in names]
    return build_index(folder, sources, REGIONS, chosen)


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(params=["flat", "pq"])
def folder(request: pytest.FixtureRequest, embedded: Any, tmp_path: Path) -> Path:
    build(embedded, embedded.write(tmp_path / "data"), tmp_path / "index", params(request.param))
    return tmp_path / "index"


def test_the_folder_holds_what_it_says(folder: Path, embedded: Any) -> None:
    index = open_index(folder)
    assert index.regions == REGIONS and index.dimension == 8 and index.model_id == "0123456789abcdef"
    assert len(list((folder / FIRST / "image").iterdir())) == 1 + 30 * (2 if index.is_trained else 1)
    np.testing.assert_array_equal(index.vectors(), embedded.vectors[0])
    np.testing.assert_array_equal(index.vectors("carina"), embedded.vectors[1 + REGIONS.index("carina")])
    assert not index.vectors().flags.writeable
    assert list(index.rows["row"]) == list(range(24)) and index.rows["dicom_id"].is_monotonic_increasing
    reports = index.side("report")
    assert list(reports.rows["study_id"]) == [50000000 + study for study in range(12)]
    for slot, region in ((0, None), (3, REGIONS[2])):
        expected = [embedded.texts[slot, s] if embedded.speaks(s, slot) else np.zeros(8) for s in range(12)]
        np.testing.assert_array_equal(reports.vectors(region), expected)
    verify_index(index)


def test_only_regions_asked_for_are_read(folder: Path) -> None:
    kept = {slot_file_name("left lung"), codes_file_name("left lung"), "rows.parquet"}
    for path in folder.glob("parts/*/*/*"):
        if path.name not in kept:
            path.unlink()
    index = open_index(folder)
    assert index.vectors("left lung").shape == (24, 8)
    with pytest.raises(BadDataError, match=r"region_spine\.faiss is missing"):
        index.vectors("spine")


@pytest.mark.parametrize("kind", ["flat", "pq"])
def test_grown_or_shrunk_it_is_as_built_at_once(kind: str, make_embedded: Callable[..., Any], tmp_path: Path) -> None:
    embedded = make_embedded(n_images=36, partitions=3)
    data, chosen = embedded.write(tmp_path / "data"), params(kind)
    for n in (2, 3):
        build(embedded, data, tmp_path / f"at-once-{n}", chosen, n)
    build(embedded, data, tmp_path / "index", chosen, 2)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "index/parts").rglob("*.faiss")}
    added = build(embedded, data, tmp_path / "index", chosen)
    assert (added.n_added, added.n_kept, added.n_removed) == (1, 2, 0)
    assert content(tmp_path / "index") == content(tmp_path / "at-once-3")
    removed = build(embedded, data, tmp_path / "index", chosen, 2)
    assert (removed.n_added, removed.n_kept, removed.n_removed) == (0, 2, 1)
    assert content(tmp_path / "index") == content(tmp_path / "at-once-2")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "index/parts").rglob("*.faiss")} == before


@pytest.mark.parametrize("kind", ["flat", "pq"])
def test_somebody_withdrawn_is_gone(kind: str, make_embedded: Callable[..., Any], tmp_path: Path) -> None:
    embedded = make_embedded(n_images=36, partitions=3)
    build(embedded, embedded.write(tmp_path / "data"), tmp_path / "index", params(kind))
    first = embedded.partitions[0]
    for tables in (embedded.images, embedded.embeddings):
        tables[first] = tables[first][tables[first]["subject_id"] != 10000000]
    data = embedded.write(tmp_path / "data")
    changed = build(embedded, data, tmp_path / "index", params(kind))
    assert changed.n_added == (3 if kind == "pq" else 1)  # levels were trained on the first partition
    build(embedded, data, tmp_path / "at-once", params(kind))
    assert content(tmp_path / "index") == content(tmp_path / "at-once")
    rows = read_table(tmp_path / f"index/parts/{first}/image/rows.parquet", INDEX_ROWS)
    assert len(rows) and 10000000 not in set(rows["subject_id"])


def test_a_build_that_was_cut_off_is_gone_on_with(folder: Path, embedded: Any, tmp_path: Path) -> None:
    before, kind = content(folder), json.loads((folder / "index.json").read_text())["kind"]
    (folder / "index.json").unlink()
    (folder / FIRST / "part.json").unlink()
    (folder / FIRST / "image" / slot_file_name("spine")).unlink()
    (folder / ".index.json.x").write_text("{")
    again = build(embedded, tmp_path / "data", folder, params(kind))
    assert (again.n_added, again.n_kept, again.n_removed) == (1, 1, 1) and content(folder) == before


def test_auto_chooses_by_size(make_embedded: Callable[..., Any], tmp_path: Path) -> None:
    for n, kind in ((30, "flat"), (32, "pq")):
        embedded = make_embedded(n_images=n)
        built = build(embedded, embedded.write(tmp_path / f"data-{n}"), tmp_path / f"index-{n}", params("auto"))
        assert built.kind == kind and built.n_images == n and built.n_reports == n // 2


def test_what_cannot_be_trained_is_refused(make_embedded: Callable[..., Any], tmp_path: Path) -> None:
    embedded = make_embedded(dimension=7)
    with pytest.raises(UsageError, match="needs an even dimension; it is 7"):
        build(embedded, embedded.write(tmp_path / "odd"), tmp_path / "index", params("pq"))
    with pytest.raises(UsageError, match="no image to train it on"):
        build(embedded, tmp_path / "odd", tmp_path / "index", params("pq"), 0)


def test_two_checkpoints_are_refused(embedded: Any, tmp_path: Path) -> None:
    name = embedded.partitions[1]
    embedded.embeddings[name] = embedded.embeddings[name].assign(model_id="ffffffffffffffff")
    with pytest.raises(BadDataError, match=r"model_ids \['0123456789abcdef', 'ffffffffffffffff'\]"):
        build(embedded, embedded.write(tmp_path / "data"), tmp_path / "index", params())
    with pytest.raises(BadDataError, match=r"index\.json cannot be read"):
        open_index(tmp_path / "index")


def test_an_image_in_two_partitions_is_refused(embedded: Any, tmp_path: Path) -> None:
    first, second = embedded.partitions
    for tables in (embedded.images, embedded.embeddings):
        tables[second] = tables[first]
    with pytest.raises(BadDataError, match="12 dicom_ids are in more than one part"):
        build(embedded, embedded.write(tmp_path / "data"), tmp_path / "index", params())


def test_file_names_are_safe() -> None:
    names = [name(region) for region in REGIONS for name in (slot_file_name, codes_file_name)]
    assert len(set(names)) == 58
    assert all(name.removesuffix(".faiss").replace("_", "").replace(".", "").isalpha() for name in names)


def test_unknown_region_names_the_known(folder: Path) -> None:
    with pytest.raises(UsageError, match="no region 'left ear'; the index has: right lung"):
        open_index(folder).vectors("left ear")


def test_a_vector_of_another_length_is_refused(folder: Path) -> None:
    with pytest.raises(BadDataError, match=r"shape \(9,\); the index holds vectors of 8"):
        open_index(folder).side("image").similarities(np.zeros(9, np.float32), None)


def test_a_folder_without_description_is_refused(folder: Path) -> None:
    (folder / "index.json").unlink()
    with pytest.raises(BadDataError, match=r"index\.json cannot be read \(FileNotFoundError\)"):
        open_index(folder)


def test_another_format_is_refused(folder: Path) -> None:
    description = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**description, "format": 9}))
    with pytest.raises(BadDataError, match="format 9, expected 2"):
        open_index(folder)


@pytest.mark.parametrize("name", ["rows.parquet", f"{FIRST}/image/rows.parquet", f"{FIRST}/part.json"])
def test_other_ids_are_refused(name: str, folder: Path) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(BadDataError, match="the ids do not belong to these vectors"):
        open_index(folder)


def test_other_ids_of_reports_are_refused(folder: Path) -> None:
    (folder / FIRST / "report/rows.parquet").write_bytes((folder / FIRST / "image/rows.parquet").read_bytes())
    with pytest.raises(BadDataError, match="the ids do not belong to these vectors"):
        open_index(folder).side("report")


def test_a_count_that_does_not_match_is_refused(folder: Path) -> None:
    description = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**description, "count": 23}))
    with pytest.raises(BadDataError, match=r"24 rows .* index\.json counts 23"):
        open_index(folder)


def test_vectors_of_another_shape_are_refused(folder: Path) -> None:
    path = folder / FIRST / "image" / slot_file_name("spine")
    other = faiss.IndexFlatIP(4)  # as many bytes, other rows
    other.add(np.zeros((24, 4), np.float32))
    faiss.write_index(other, str(path))
    with pytest.raises(BadDataError, match="IndexFlatIP of 24 vectors of 4; expected an IndexFlatIP of 12 of 8"):
        open_index(folder).vectors("spine")


def test_a_cut_file_is_refused(folder: Path) -> None:
    for path in (folder / FIRST / "image").glob("global.*"):
        path.write_bytes(path.read_bytes()[:-1])
    index = open_index(folder)
    with pytest.raises(BadDataError, match=r"global\.faiss is missing or not \d+ bytes long"):
        index.vectors()
    if index.is_trained:
        with pytest.raises(BadDataError, match=r"global\.codes\.faiss is missing or not \d+ bytes long"):
            index.side("image").candidates([np.zeros(8, np.float32)], (None,), 3)


def test_a_file_of_the_right_length_that_is_no_index_is_refused(folder: Path) -> None:
    path = folder / FIRST / "image/global.faiss"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(BadDataError, match="is not a FAISS index"):
        open_index(folder).vectors()


def test_a_changed_vector_is_found_by_verifying(folder: Path) -> None:
    path = folder / FIRST / "report" / slot_file_name("svc")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(BadDataError, match=r"1 of \d+ files .*report/region_svc\.faiss"):
        verify_index(open_index(folder))
