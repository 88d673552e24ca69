"""A few rows of a table by their ids, without reading the rest of it.

In: one partition's Parquet file. Out: a frame. The tables are sorted by key, so that rows of a study cost little; rows
by another column cost a pass over that column.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hilum.errors import BadDataError
from hilum.schema import Table
from hilum.tables import read_arrow, to_pandas


def read_rows(path: Path, table: Table, column: str, values: Sequence[str] | Sequence[int]) -> pd.DataFrame:
    """The rows whose `column` is among `values`, in the order of the file.

    Raises BadDataError if the file cannot be read, SchemaError if its columns are not the table's.
    """
    read_arrow(path, table, columns=[])  # the check of its columns; reads no row
    try:
        return to_pandas(pq.read_table(path, filters=[(column, "in", list(values))]))
    except (OSError, pa.ArrowInvalid) as error:
        raise BadDataError(
            f"{table.name}: {path} cannot be read ({type(error).__name__}). Run `dvc repro` to make it again."
        ) from None
