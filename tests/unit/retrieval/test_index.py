"""The index folder: same bytes from the same vectors, refused when it is not whole, and equal to numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from hilum.errors import BadDataError, UsageError
from hilum.retrieval.index import open_index, region_file_name, sha256, verify_index, write_index
from hilum.retrieval.vectors import read_image_vectors
from hilum.vocabulary import REGIONS


@pytest.fixture
def folder(embedded: Any, tmp_path: Path) -> Path:
    vectors = read_image_vectors(*embedded.tables(embedded.write(tmp_path / "data")), embedded.partitions, REGIONS)
    write_index(tmp_path / "index", vectors, "flat")
    return tmp_path / "index"


def test_the_folder_holds_what_it_says(folder: Path, embedded: Any) -> None:
    index = open_index(folder)
    assert index.regions == REGIONS and index.dimension == 8 and index.model_id == "0123456789abcdef"
    assert len(list(folder.iterdir())) == 1 + 29 + 2
    np.testing.assert_array_equal(index.vectors(), embedded.vectors[0])
    np.testing.assert_array_equal(index.vectors("carina"), embedded.vectors[1 + REGIONS.index("carina")])
    assert not index.vectors().flags.writeable
    verify_index(index)


def test_only_regions_asked_for_are_read(folder: Path) -> None:
    for region in REGIONS:
        if region != "left lung":
            (folder / region_file_name(region)).unlink()
    (folder / "global.faiss").unlink()
    assert open_index(folder).vectors("left lung").shape == (24, 8)


def test_same_vectors_same_bytes(folder: Path, embedded: Any, tmp_path: Path) -> None:
    before = {path.name: sha256(path) for path in folder.iterdir()}
    vectors = read_image_vectors(*embedded.tables(tmp_path / "data"), embedded.partitions, REGIONS)
    write_index(folder, vectors, "flat")
    assert {path.name: sha256(path) for path in folder.iterdir()} == before


def test_similarities_equal_numpy(folder: Path) -> None:
    index = open_index(folder)
    for region in (None, "svc"):
        matrix = index.vectors(region)
        found = index.similarities(matrix[5], region)
        np.testing.assert_allclose(found, matrix @ matrix[5], atol=1e-6)


def test_file_names_are_safe() -> None:
    names = [region_file_name(region) for region in REGIONS]
    assert len(set(names)) == 29
    assert all(name.removesuffix(".faiss").replace("_", "").isalpha() for name in names)


def test_unknown_region_names_the_known(folder: Path) -> None:
    with pytest.raises(UsageError, match="no region 'left ear'; the index has: right lung"):
        open_index(folder).vectors("left ear")


def test_a_vector_of_another_length_is_refused(folder: Path) -> None:
    with pytest.raises(BadDataError, match=r"shape \(9,\); the index holds vectors of 8"):
        open_index(folder).similarities(np.zeros(9, np.float32))


def test_a_folder_without_description_is_refused(folder: Path) -> None:
    (folder / "index.json").unlink()
    with pytest.raises(BadDataError, match=r"index\.json cannot be read \(FileNotFoundError\)"):
        open_index(folder)


def test_another_format_is_refused(folder: Path) -> None:
    description = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**description, "format": 9}))
    with pytest.raises(BadDataError, match="format 9, expected 1"):
        open_index(folder)


def test_other_ids_are_refused(folder: Path) -> None:
    raw = bytearray((folder / "rows.parquet").read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / "rows.parquet").write_bytes(raw)
    with pytest.raises(BadDataError, match="the ids do not belong to these vectors"):
        open_index(folder)


def test_a_count_that_does_not_match_is_refused(folder: Path) -> None:
    description = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**description, "count": 23}))
    with pytest.raises(BadDataError, match=r"24 rows, or gaps between them; index\.json counts 23"):
        open_index(folder)


def test_vectors_of_another_shape_are_refused(folder: Path) -> None:
    path = folder / region_file_name("spine")
    other = faiss.IndexFlatIP(4)  # as many bytes, other rows
    other.add(np.zeros((48, 4), np.float32))
    faiss.write_index(other, str(path))
    with pytest.raises(BadDataError, match="IndexFlatIP of 48 vectors of 4; expected an IndexFlatIP of 24 of 8"):
        open_index(folder).vectors("spine")


def test_a_cut_file_is_refused(folder: Path) -> None:
    path = folder / "global.faiss"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadDataError, match=r"global\.faiss is missing or not \d+ bytes long"):
        open_index(folder).vectors()


def test_a_file_of_the_right_length_that_is_no_index_is_refused(folder: Path) -> None:
    path = folder / "global.faiss"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(BadDataError, match="is not a FAISS index"):
        open_index(folder).vectors()


def test_a_changed_vector_is_found_by_verifying(folder: Path) -> None:
    path = folder / region_file_name("svc")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(BadDataError, match=r"1 of 31 files .* \['region_svc.faiss'\]"):
        verify_index(open_index(folder))
