"""index: embeddings in, FAISS indexes out, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hilum.config import IndexParams
from hilum.errors import BadDataError
from hilum.retrieval.index import open_index
from hilum.stages.index import run

PARAMS = IndexParams(kind="flat", flat_up_to=0, train_images=1, candidates=1)


def test_it_writes_one_index_a_region(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection(n_images=12)
    run(*made.tables(made.write(tmp_path / "data")), made.partitions, tmp_path / "index", PARAMS)
    index = open_index(tmp_path / "index")
    assert len(index.rows) == 12 and len(index.regions) == 29 and index.description["kind"] == "flat"


def test_twice_gives_the_same_bytes(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection(n_images=12)
    made.write(tmp_path / "data")
    for name in ("a", "b"):
        run(*made.tables(tmp_path / "data"), made.partitions, tmp_path / name, PARAMS)
    files, others = (
        sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*") if path.is_file())
        for name in ("a", "b")
    )
    assert files == others and len(files) > 60
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_a_missing_partition_is_refused(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection(n_images=12)
    made.write(tmp_path)
    (tmp_path / "embeddings" / f"{made.partitions[0]}.parquet").unlink()
    with pytest.raises(BadDataError, match=r"missing partitions \['L0001-p10-p14'\]"):
        run(*made.tables(tmp_path), made.partitions, tmp_path / "index", PARAMS)
