"""The table of a comparison, as it grows."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from hilum.config import read_params
from hilum.evaluation.summary import METRICS
from hilum.schema import CELLS, GROUNDINGS, QUERIES
from hilum.stages.compare import Comparison
from hilum.tables import write_table


def leave(folder: Path, precision: float, *, grounded: bool) -> None:
    """What `evaluate` leaves: two questions of the test split and one of the validate split."""
    question = {
        "score": "mix", "study_id": 50000000, "region": "left lung", "finding": "mass", "answers": ["b"],
        "relevant": [True], "n_gallery": 10, "n_relevant": 2, "n_same_finding": 4,
        **dict.fromkeys(METRICS, precision),
    }  # fmt: skip
    who = [("a", 10000001, "test"), ("b", 10000002, "test"), ("c", 10000003, "validate")]
    rows = [
        {**question, "query": f"{name * 8}|left lung|mass", "dicom_id": name * 8, "subject_id": subject, "split": split}
        for name, subject, split in who
    ]
    write_table(folder / "queries.parquet", pd.DataFrame(rows)[list(QUERIES.column_names)], QUERIES)
    cell = {column.name: 0.25 for column in CELLS.columns}
    cell |= {"n_queries": 2, "n_patients": 2, "n_positives": 3, "n_same_finding": 4, "locatable": True}
    cell |= {"region": "left lung", "finding": "mass", "score": "mix"}
    write_table(folder / "cells.parquet", pd.DataFrame([cell])[list(CELLS.column_names)], CELLS)
    if grounded:
        maps = [
            {"dicom_id": f"{n}" * 8, "subject_id": 10000001 + n, "finding": "mass", "score": "phrase",
             "pointing_game": 1.0, "contrast_to_noise_ratio": None, "mean_iou": 0.5, "chance_pointing": 0.1}
            for n in range(6)
        ]  # fmt: skip
        write_table(folder / "groundings.parquet", pd.DataFrame(maps)[list(GROUNDINGS.column_names)], GROUNDINGS)


@pytest.mark.parametrize("grounded", [True, False])
def test_the_table_holds_what_is_there_so_far(tmp_path: Path, root: Path, grounded: bool) -> None:
    params = read_params(root / "params.yaml").evaluate
    table, path = Comparison("phantom", {"one": "the first", "two": "another"}, [1, 2], params), tmp_path / "table.json"
    leave(tmp_path / "a", 0.5, grounded=grounded)
    table.add("one", 1, tmp_path / "a")
    table.write(path)
    found = json.loads(path.read_text())
    assert {row["variant"] for row in found["rows"]} == {"one"} and found["seeds"] == [1, 2]
    leave(tmp_path / "b", 0.25, grounded=grounded)
    table.add("two", 1, tmp_path / "b")
    table.write(path)
    found = json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    rows = {(row["variant"], row["score"], row["metric"]): row for row in found["rows"]}
    assert rows["two", "mix", "precision_at_5"]["difference"] == -0.25
    assert rows["one", "mix", "precision_at_5"]["by_seed"] == [0.5]
    assert (("one", "phrase", "pointing_game") in rows) == grounded
    if grounded:
        assert rows["one", "phrase", "contrast_to_noise_ratio"]["value"] is None
