"""By how much do two files differ that should be equal?

In: a recorded file and one that was made again. Out: of tables, arrays, weights and JSON the largest difference of two
numbers and how many values differ; of any other file how many bytes. Values themselves are not among the facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file

Values = Mapping[str, np.ndarray]
"""Column, tensor or place -> values, of numbers or of anything else."""


def measure(recorded: Path, made: Path, name: str) -> dict[str, Any]:
    """The facts of two files that differ in bytes. name: by its ending, how they are read.

    `differing` of `values` differ; `largest`: the largest absolute difference of two finite numbers.
    """
    reader = _READERS.get(Path(name).suffix)
    if reader is None:
        return _measure_bytes(recorded, made)
    try:
        old, new = reader(recorded), reader(made)
    except (OSError, ValueError, TypeError, KeyError) as error:
        return {**_measure_bytes(recorded, made), "why_not": f"it cannot be read ({type(error).__name__})"}
    odd = next((key for key in sorted({*old, *new}) if not _alike(old.get(key), new.get(key))), None)
    if odd is not None:
        return {"why_not": f"{odd} has another form: {_form(old.get(odd))} recorded, {_form(new.get(odd))} made"}
    rows = {key: _compare(old[key], new[key]) for key in old}
    differing = sum(n for n, _ in rows.values())
    largest = [value for _, value in rows.values() if value is not None]
    return {
        "values": sum(value.size for value in old.values()),
        "differing": differing,
        "largest": max(largest) if largest else None,
        "where": [key for key, (n, _) in rows.items() if n][:10],
    }


def describe_distance(facts: Mapping[str, Any]) -> str:
    """In words, for a line."""
    if "why_not" in facts:
        return str(facts["why_not"])
    if "bytes" in facts:
        old, new = facts["bytes"]
        return f"{facts['differing']:,} of {old:,} bytes differ" if old == new else f"{new:,} bytes instead of {old:,}"
    if not facts["differing"]:
        return "equal values in other bytes"
    largest = "" if facts["largest"] is None else f", by at most {facts['largest']:.3g}"
    return f"{facts['differing']:,} of {facts['values']:,} values differ{largest}"


def _measure_bytes(recorded: Path, made: Path) -> dict[str, Any]:
    old, new = np.fromfile(recorded, np.uint8), np.fromfile(made, np.uint8)
    n = min(len(old), len(new))
    differing = int(np.count_nonzero(old[:n] != new[:n])) + max(len(old), len(new)) - n
    return {"bytes": [len(old), len(new)], "differing": differing}


def _alike(old: np.ndarray | None, new: np.ndarray | None) -> bool:
    return old is not None and new is not None and old.shape == new.shape and old.dtype.kind == new.dtype.kind


def _form(values: np.ndarray | None) -> str:
    return "nothing" if values is None else f"{values.dtype} {'x'.join(map(str, values.shape)) or 'scalar'}"


def _compare(old: np.ndarray, new: np.ndarray) -> tuple[int, float | None]:
    """How many values differ, and the largest difference of numbers; two that are missing are equal."""
    if old.dtype.kind not in "fiub":
        return int(np.count_nonzero(old != new)), None
    wide = [values.astype(np.float64) for values in (old, new)]
    differ = (old != new) & ~(np.isnan(wide[0]) & np.isnan(wide[1]))
    finite = differ & np.isfinite(wide[0]) & np.isfinite(wide[1])
    largest = float(np.abs(wide[0][finite] - wide[1][finite]).max()) if finite.any() else None
    return int(np.count_nonzero(differ)), largest


def _read_parquet(path: Path) -> dict[str, np.ndarray]:
    table = pq.read_table(path)
    return {name: _column(table.column(name).combine_chunks()) for name in table.column_names}


def _column(values: pa.Array) -> np.ndarray:
    while (
        pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type) or pa.types.is_large_list(values.type)
    ):
        values = values.flatten()
    if pa.types.is_floating(values.type) or (pa.types.is_integer(values.type) and not values.null_count):
        return np.asarray(values.to_numpy(zero_copy_only=False))
    return np.array([str(value) for value in values.to_pylist()], dtype=object)


def _read_npy(path: Path) -> dict[str, np.ndarray]:
    return {"array": np.load(path, mmap_mode="r", allow_pickle=False)}


def _read_json(path: Path) -> dict[str, np.ndarray]:
    return {key: np.array(value) for key, value in _walk(json.loads(path.read_bytes()), "")}


def _walk(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if rows is None:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        yield place, float(value) if number else json.dumps(value)
        return
    for key, below in rows:
        yield from _walk(below, f"{place}.{key}" if place else str(key))


_READERS: dict[str, Callable[[Path], Values]] = {
    ".parquet": _read_parquet, ".npy": _read_npy, ".safetensors": load_file, ".json": _read_json,
}  # fmt: skip
