"""The tables of all partitions, read for judging: nothing is refused here, everything is noted.

In: the folder of tables and the partitions that should be there. Out: one frame a table, without private values, and
checks of what a frame cannot show: partitions missing or too many, files that are no Parquet, columns missing,
unknown or of another type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hilum.quality.checks import N_EXAMPLES, Check, Key
from hilum.schema import (
    CHEXPERT_LABELS,
    IMAGES,
    MANIFEST,
    MENTIONS,
    PUBLISHED_LABELS,
    QUARANTINE,
    REGION_BOXES,
    REGION_LABELS,
    REPORTS,
    SECTIONS,
    UNKNOWN_TERMS,
    Table,
)
from hilum.tables import arrow_schema, arrow_type, to_pandas

BLANK = "private"
FOLDERS = {
    MANIFEST: "manifest",
    QUARANTINE: "quarantine",
    REPORTS: "texts",
    PUBLISHED_LABELS: "published_labels",
    SECTIONS: "sections",
    MENTIONS: "mentions",
    UNKNOWN_TERMS: "unknown_terms",
    REGION_LABELS: "region_labels",
    CHEXPERT_LABELS: "chexpert",
    IMAGES: "images",
    REGION_BOXES: "region_boxes",
}


@dataclass(frozen=True)
class ReadTable:
    """One table as it was found. frame: the described columns of the right type, and `partition`; text as `n_chars`."""

    table: Table
    frame: pd.DataFrame
    wrong_types: tuple[str, ...]
    checks: tuple[Check, ...]


def read_line(data: Path, partitions: Sequence[str]) -> list[ReadTable]:
    """Every table on the line up to the gate, in the order in which the line makes them."""
    return [read_judged(data / folder, partitions, table) for table, folder in FOLDERS.items()]


def read_judged(folder: Path, partitions: Sequence[str], table: Table) -> ReadTable:
    """One table of the listed partitions; what is missing or cannot be used is in its checks."""
    found = {p.name.removesuffix(".parquet") for p in folder.glob("*.parquet") if not p.name.startswith(".")}
    lost: list[Key] = [{"partition": name, "found": "not listed"} for name in sorted(found - set(partitions))]
    tables: dict[str, pa.Table] = {}
    for partition in partitions:
        try:
            tables[partition] = pq.read_table(folder / f"{partition}.parquet")
        except FileNotFoundError:
            lost.append({"partition": partition, "found": "missing"})
        except (OSError, pa.ArrowException):
            lost.append({"partition": partition, "found": "not readable as Parquet"})
    faults = [fault for name, arrow in tables.items() for fault in _column_faults(name, arrow, table)]
    wrong = tuple(sorted({str(f["column"]) for f in faults if str(f["found"]).startswith("of type")}))
    checks = (
        _partitions_check(table, partitions, found, lost),
        _columns_check(table, len(tables), faults),
    )
    return ReadTable(table, _to_frame(tables, table, wrong), wrong, checks)


def blank_private(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The frame with every value of its private columns replaced by one word; null stays null.

    A column `n_chars` keeps the length of `text`, in characters.
    """
    private = [c.name for c in table.columns if c.private and c.name in frame.columns]
    lengths = {"n_chars": frame["text"].str.len()} if "text" in private else {}
    return frame.assign(**lengths, **{name: frame[name].where(frame[name].isna(), BLANK) for name in private})


def _column_faults(partition: str, arrow: pa.Table, table: Table) -> list[Key]:
    faults: list[Key] = []
    for column in table.columns:
        wanted = arrow_type(column)
        if column.name not in arrow.column_names:
            faults.append({"partition": partition, "column": column.name, "found": "missing"})
        elif arrow.schema.field(column.name).type != wanted:
            words = f"of type {arrow.schema.field(column.name).type}, not {wanted}"
            faults.append({"partition": partition, "column": column.name, "found": words})
    unknown = [name for name in arrow.column_names if name not in table.column_names]
    return faults + [{"partition": partition, "column": name, "found": "not in hilum.schema"} for name in unknown]


def _to_frame(tables: dict[str, pa.Table], table: Table, wrong: Sequence[str]) -> pd.DataFrame:
    usable = [name for name in table.column_names if name not in wrong]
    frames = []
    for partition, arrow in tables.items():
        arrow = arrow.select([name for name in usable if name in arrow.column_names])
        frames.append(blank_private(to_pandas(arrow), table).assign(partition=partition))
    if not frames:
        empty = blank_private(to_pandas(arrow_schema(table).empty_table()), table)
        return empty[[name for name in empty.columns if name not in wrong]].assign(partition="")
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled, ignore_index=True)


def _partitions_check(table: Table, partitions: Sequence[str], found: set[str], lost: list[Key]) -> Check:
    return Check(
        table=table.name,
        check="partitions",
        columns=(),
        severity="critical",
        expected="one readable file for each partition in data/landings.yaml, and no other",
        next_move="Run `dvc repro` to make what is missing or broken, and delete what is not listed.",
        n_rows=len(found | set(partitions)),
        n_unexpected=len(lost),
        examples=tuple(lost[:N_EXAMPLES]),
    )


def _columns_check(table: Table, n_tables: int, faults: list[Key]) -> Check:
    return Check(
        table=table.name,
        check="columns",
        columns=(),
        severity="critical",
        expected="in every partition the columns that hilum.schema describes, of their types, and no other",
        next_move="Correct the stage that writes the table, or hilum.schema; then run `dvc repro`.",
        n_rows=n_tables * len(table.columns),
        n_unexpected=len(faults),
        examples=tuple(faults[:N_EXAMPLES]),
    )
