"""Tables: what is written is what is read, whole or not at all, and nothing that does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hilum.errors import BadDataError, SchemaError
from hilum.schema import EMBEDDINGS, QUARANTINE, REGION_LABELS, TABLES
from hilum.tables import arrow_schema, check_partitions, read_table, read_tables, whole_file, write_table


def labels(**columns: object) -> pd.DataFrame:
    frame = {
        "study_id": [50000002, 50000001],
        "region": ["left lung", None],
        "finding": ["pneumothorax", "pneumothorax"],
        "label": ["present", "absent"],
        "n_mentions": [1, 2],
        "evidence": [[0], [1, 2]],
    }
    return pd.DataFrame({**frame, **columns})


def test_round_trip_sorts_by_key_and_keeps_types(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", labels(), REGION_LABELS)
    back = read_table(tmp_path / "a.parquet", REGION_LABELS)
    assert back["study_id"].tolist() == [50000001, 50000002]
    assert back["region"].isna().tolist() == [True, False]
    assert [list(e) for e in back["evidence"]] == [[1, 2], [0]]


def test_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    frame = labels()
    write_table(tmp_path / "a.parquet", frame, REGION_LABELS)
    write_table(tmp_path / "b.parquet", frame.iloc[::-1].reset_index(drop=True), REGION_LABELS)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_input_frame_stays_as_it_was(tmp_path: Path) -> None:
    frame = labels()
    before = frame.copy(deep=True)
    write_table(tmp_path / "a.parquet", frame, REGION_LABELS)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"label": ["present", "perhaps"]}, r"'label' holds \['perhaps'\]"),
        ({"label": ["present", None]}, "1 rows have no 'label'"),
        ({"extra": [1, 2]}, r"unknown columns \['extra'\]"),
        ({"n_mentions": ["one", "two"]}, "not of its type"),
        ({"study_id": [50000001, 50000001], "region": [None, None]}, "repeat a key"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        write_table(tmp_path / "a.parquet", labels(**columns), REGION_LABELS)
    assert not list(tmp_path.iterdir())


def test_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"missing columns \['evidence'\]"):
        write_table(tmp_path / "a.parquet", labels().drop(columns="evidence"), REGION_LABELS)


def test_file_with_another_type_is_refused(tmp_path: Path) -> None:
    wrong = pa.table({"path": ["a"], "reason": ["bad_id"], "detail": pa.array([1], pa.int64())})
    pq.write_table(wrong, tmp_path / "q.parquet")
    with pytest.raises(SchemaError, match=r"column 'detail' of type int64; hilum.schema says string"):
        read_table(tmp_path / "q.parquet", QUARANTINE)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", labels(), REGION_LABELS)
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadDataError, match="cannot be read as Parquet"):
        read_table(tmp_path / "a.parquet", REGION_LABELS)


def test_broken_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def break_off() -> None:
        with whole_file(target) as temporary:
            temporary.write_text("new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        break_off()
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_fan_in_refuses_a_missing_and_an_unlisted_partition(tmp_path: Path) -> None:
    for name in ("L0001-a", "L0001-b"):
        write_table(tmp_path / f"{name}.parquet", labels(), REGION_LABELS)
    assert len(read_tables(tmp_path, ["L0001-a", "L0001-b"], REGION_LABELS)) == 4
    with pytest.raises(BadDataError, match=r"missing partitions \['L0001-c'\]"):
        check_partitions(tmp_path, ["L0001-a", "L0001-b", "L0001-c"], ".parquet")
    with pytest.raises(BadDataError, match=r"unlisted ones \['L0001-b'\]"):
        check_partitions(tmp_path, ["L0001-a"], ".parquet")


def test_embeddings_are_a_fixed_size_list(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "study_id": [50000001, 50000001],
            "dicom_id": [None, None],
            "modality": ["text", "text"],
            "region": ["left lung", None],
            "subject_id": [10000001, 10000001],
            "embedding": [np.ones(4, np.float32), np.zeros(4, np.float32)],
            "model_id": ["m", "m"],
        }
    )
    write_table(tmp_path / "e.parquet", frame, EMBEDDINGS)
    assert pq.read_schema(tmp_path / "e.parquet").field("embedding").type == pa.list_(pa.float32(), 4)
    assert read_table(tmp_path / "e.parquet", EMBEDDINGS)["embedding"].iloc[1].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_has_a_schema_and_survives_being_empty(tmp_path: Path, name: str) -> None:
    table = TABLES[name]
    assert set(table.key) <= set(table.column_names)
    empty = arrow_schema(table).empty_table().to_pandas()
    write_table(tmp_path / "t.parquet", empty, table)
    assert read_table(tmp_path / "t.parquet", table).columns.tolist() == list(table.column_names)


def test_nullable_integers_stay_integers(tmp_path: Path) -> None:
    table = TABLES["manifest"]
    row = {c.name: None for c in table.columns}
    row |= {"path": "x", "landing": "L0001", "kind": "image", "bytes": 1, "sha256": "0" * 64, "status": "ok"}
    frame = pd.DataFrame([row, {**row, "path": "y", "subject_id": 10000001}])
    frame["subject_id"] = frame["subject_id"].astype("Int64")
    write_table(tmp_path / "m.parquet", frame, table)
    back = read_table(tmp_path / "m.parquet", table)
    assert str(back["subject_id"].dtype) == "Int64" and back["subject_id"].tolist()[1] == 10000001
