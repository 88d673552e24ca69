"""Read and write a table against its description: a file appears whole or not at all.

In: pandas frames. Out: Parquet whose bytes depend on the rows alone (sorted by key, fixed compression, no
pandas metadata). Known to be imperfect: a table is held in memory while it is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hilum.errors import BadDataError, SchemaError
from hilum.schema import Column, Table

_ARROW_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
    "list<int32>": pa.list_(pa.int32()),
    "list<bool>": pa.list_(pa.bool_()),
    "list<float64>": pa.list_(pa.float64()),
}


def arrow_type(column: Column, embedding_size: int | None = None) -> pa.DataType:
    """The Arrow type of a column; an embedding needs its size (None: any size, a plain list)."""
    if column.type == "embedding":
        return pa.list_(pa.float32(), embedding_size) if embedding_size else pa.list_(pa.float32())
    return _ARROW_TYPES[column.type]


def arrow_schema(table: Table, embedding_size: int | None = None) -> pa.Schema:
    """The Arrow schema of a table."""
    return pa.schema([pa.field(c.name, arrow_type(c, embedding_size), nullable=c.nullable) for c in table.columns])


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is removed if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_table(path: Path, frame: pd.DataFrame, table: Table) -> None:
    """Check a frame against its table, sort it by key and write it.

    Raises SchemaError naming the columns or counting the rows that do not fit.
    """
    write_arrow(path, to_arrow(frame, table), table)


def write_arrow(path: Path, arrow: pa.Table, table: Table) -> None:
    """Write an Arrow table that already has the schema of `table`, in the order it comes."""
    _check_keys(arrow, table, str(path.name))
    with whole_file(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd", row_group_size=65536)


def read_table(path: Path, table: Table, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one Parquet file and check its schema.

    Raises BadDataError if the file cannot be read, SchemaError if a column is missing, unknown or of another type.
    """
    return to_pandas(read_arrow(path, table, columns))


def read_arrow(path: Path, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one Parquet file as Arrow: for vectors, which pandas would hold as one object a row. As `read_table`."""
    try:
        schema = pq.read_schema(path)
        _check_schema(schema, table, path)
        return pq.read_table(path, columns=list(columns) if columns is not None else None)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadDataError(
            f"{table.name}: {path} cannot be read as Parquet ({type(error).__name__}). "
            f"Remove it and run `dvc repro` to make it again."
        ) from error


def iter_arrow(path: Path, table: Table, columns: Sequence[str]) -> Iterator[pa.Table]:
    """One Parquet file a row group after the other, so that vectors need not all be held twice. As `read_arrow`."""
    read_arrow(path, table, [])
    try:
        with pq.ParquetFile(path) as opened:
            for group in range(opened.num_row_groups):
                yield opened.read_row_group(group, columns=list(columns))
    except (OSError, pa.ArrowInvalid) as error:
        raise BadDataError(
            f"{table.name}: {path} cannot be read as Parquet ({type(error).__name__}). "
            f"Remove it and run `dvc repro` to make it again."
        ) from error


def read_tables(
    folder: Path, partitions: Sequence[str], table: Table, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read one table of all partitions, in the order listed.

    Raises BadDataError if the folder lacks a listed partition or holds one that is not listed.
    """
    check_partitions(folder, partitions, ".parquet")
    frames = [read_table(folder / f"{partition}.parquet", table, columns) for partition in partitions]
    return pd.concat(frames, ignore_index=True) if frames else to_pandas(arrow_schema(table).empty_table())


def check_partitions(folder: Path, partitions: Sequence[str], suffix: str) -> None:
    """Raise BadDataError unless `folder` holds exactly one `<partition><suffix>` for each listed partition."""
    found = {p.name.removesuffix(suffix) for p in folder.glob(f"*{suffix}") if not p.name.startswith(".")}
    missing, unknown = sorted(set(partitions) - found), sorted(found - set(partitions))
    if missing or unknown:
        raise BadDataError(
            f"{folder}: missing partitions {missing or 'none'}, unlisted ones {unknown or 'none'}; "
            f"data/landings.yaml lists {list(partitions)}. Run `dvc repro` to make what is missing, "
            f"and delete what is not listed."
        )


def to_pandas(arrow: pa.Table) -> pd.DataFrame:
    """A frame whose nullable integers stay integers (Int64) and whose strings are pandas strings."""
    mapping = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    nullable = {f.name for f in arrow.schema if arrow.column(f.name).null_count and f.type in mapping}
    frame = arrow.drop_columns(sorted(nullable)).to_pandas()
    for name in sorted(nullable):
        frame[name] = arrow.column(name).to_pandas(types_mapper=mapping.get)
    return frame[arrow.column_names]


def to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """The frame as Arrow in the table's schema, sorted by key. Raises SchemaError if it does not fit."""
    missing = [c for c in table.column_names if c not in frame.columns]
    unknown = [str(c) for c in frame.columns if c not in table.column_names]
    if missing or unknown:
        raise SchemaError(
            f"{table.name}: missing columns {missing or 'none'}, unknown columns {unknown or 'none'}; "
            f"hilum.schema describes {list(table.column_names)}."
        )
    frame = frame[list(table.column_names)]
    if len(frame) > 1:
        frame = frame.sort_values(list(table.key), kind="stable", na_position="first")
    _check_nulls(frame, table)
    size = _embedding_size(frame, table)
    try:
        arrow = pa.Table.from_pandas(frame, schema=arrow_schema(table, size), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        private = any(column.private for column in table.columns)
        reason = type(error).__name__ if private else str(error)
        raise SchemaError(f"{table.name}: a column is not of its type in hilum.schema: {reason}") from None
    arrow = arrow.replace_schema_metadata(None)
    _check_values(arrow, table)
    return arrow


def _embedding_size(frame: pd.DataFrame, table: Table) -> int | None:
    for column in table.columns:
        if column.type == "embedding" and len(frame):
            return len(frame[column.name].iloc[0])
    return None


def _check_nulls(frame: pd.DataFrame, table: Table) -> None:
    for column in table.columns:
        n_null = 0 if column.nullable else int(frame[column.name].isna().sum())
        if n_null:
            raise SchemaError(f"{table.name}: {n_null} rows have no '{column.name}'; hilum.schema does not allow null.")


def _check_schema(schema: pa.Schema, table: Table, path: Path) -> None:
    missing = [c for c in table.column_names if c not in schema.names]
    unknown = [c for c in schema.names if c not in table.column_names]
    if missing or unknown:
        raise SchemaError(
            f"{table.name}: {path} lacks columns {missing or 'none'} and has unknown ones {unknown or 'none'}; "
            f"hilum.schema describes {list(table.column_names)}. Run `dvc repro` to make it again."
        )
    for column in table.columns:
        found, wanted = schema.field(column.name).type, arrow_type(column)
        if column.type == "embedding":
            good = pa.types.is_fixed_size_list(found) or pa.types.is_list(found)
        else:
            good = found == wanted
        if not good:
            raise SchemaError(
                f"{table.name}: {path} has column '{column.name}' of type {found}; hilum.schema says {wanted}. "
                f"Run `dvc repro` to make it again."
            )


def _check_values(arrow: pa.Table, table: Table) -> None:
    """Closed lists; ranges and patterns are the quality gate's to judge."""
    for column in table.columns:
        if column.values is not None:
            found = arrow.column(column.name).unique().to_pylist()
            wrong = sorted({v for v in found if v is not None} - set(column.values))
            if wrong:
                raise SchemaError(
                    f"{table.name}: column '{column.name}' holds {wrong}; hilum.schema lists {list(column.values)}."
                )


def _check_keys(arrow: pa.Table, table: Table, name: str) -> None:
    n_groups = arrow.select(list(table.key)).group_by(list(table.key)).aggregate([]).num_rows
    if n_groups != arrow.num_rows:
        raise SchemaError(
            f"{table.name}: {arrow.num_rows - n_groups} rows of {name} repeat a key {list(table.key)} of another row."
        )
