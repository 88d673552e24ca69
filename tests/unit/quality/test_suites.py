from __future__ import annotations

import pandas as pd
import pytest

from hilum.quality.reading import FOLDERS, blank_private
from hilum.quality.suites import check_table, derive_rules
from hilum.schema import MANIFEST, REGION_LABELS, REPORTS, TABLES, Column, Table
from hilum.tables import arrow_schema, to_pandas

SHAPES = Table(
    "shapes",
    "One column for each rule that a description can hold",
    ("name", "part"),
    (
        Column("name", "string", "", pattern=r"^[a-z]+$"),
        Column("part", "string", "", nullable=True),
        Column("kind", "string", "", values=("round", "flat")),
        Column("size", "int64", "", nullable=True, minimum=1, maximum=9, unit="px"),
        Column("note", "string", "", private=True),
    ),
)


def shapes(**changes: list) -> pd.DataFrame:
    right = {
        "name": ["a", "b", "c"], "part": [None, None, "x"], "kind": ["round", "flat", "flat"],
        "size": pd.array([1, None, 9], dtype="Int64"), "note": ["private"] * 3,
    }  # fmt: skip
    return pd.DataFrame({**right, **changes})


def failed(frame: pd.DataFrame, table: Table = SHAPES, left_out: tuple[str, ...] = ()) -> dict:
    return {
        (c.check, *c.columns): (c.n_unexpected, list(c.examples))
        for c in check_table(table, frame, left_out)
        if not c.passed
    }


def test_what_is_right_passes() -> None:
    assert failed(shapes()) == {}


@pytest.mark.parametrize(
    "changes, check, name",
    [
        ({"name": ["a", "B", "c"]}, ("pattern", "name"), "B"),
        ({"name": ["a", None, "c"]}, ("not_null", "name"), None),
        ({"kind": ["round", "square", "flat"]}, ("value_set", "kind"), "b"),
        ({"size": [1, 0, 9]}, ("range", "size"), "b"),
        ({"size": [1, 10, 9]}, ("range", "size"), "b"),
        ({"note": ["private", None, "private"]}, ("not_null", "note"), "b"),
    ],
)
def test_each_rule_finds_its_planted_row_and_no_other_rule_fails(changes: dict, check: tuple, name: str) -> None:
    assert failed(shapes(**changes)) == {check: (1, [{"name": name, "part": None}])}


def test_rows_alike_in_a_null_part_of_the_key_are_alike() -> None:
    assert failed(shapes(name=["a", "a", "a"])) == {("unique_key", "name", "part"): (2, [{"name": "a", "part": None}])}


def test_a_missing_column_fails_once_and_not_as_an_exception() -> None:
    assert failed(shapes().drop(columns="kind")) == {("exists", "kind"): (3, [])}


def test_a_column_of_the_wrong_type_is_left_to_the_check_that_found_it() -> None:
    assert failed(shapes().drop(columns="kind"), left_out=("kind",)) == {}


def test_many_failing_rows_are_counted_in_full_and_named_in_part() -> None:
    frame = pd.concat([shapes(kind=["x", "y", "z"], name=[chr(97 + i)] * 3) for i in range(20)])
    n, examples = failed(frame)["value_set", "kind"]
    assert (n, len(examples)) == (60, 10)


@pytest.mark.parametrize("table", FOLDERS, ids=lambda table: table.name)
def test_a_suite_is_derived_for_every_table_and_covers_what_its_description_says(table: Table) -> None:
    rules = {(rule.check, *rule.columns) for rule in derive_rules(table, table.column_names)}
    wanted = {("exists", name) for name in table.column_names} | {("unique_key", *table.key)}
    for c in table.columns:
        wanted |= {("not_null", c.name)} if not c.nullable else set()
        wanted |= {("value_set", c.name)} if c.values else set()
        wanted |= {("pattern", c.name)} if c.pattern else set()
        wanted |= {("range", c.name)} if c.minimum is not None or c.maximum is not None else set()
    assert rules == wanted
    assert len(rules) > len(table.columns)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_table_without_rows_passes(table: Table) -> None:
    assert failed(to_pandas(arrow_schema(table).empty_table()), table) == {}


def test_the_tables_of_a_right_line_pass(line) -> None:
    for table, folder in FOLDERS.items():
        for frame in line.frames[folder].values():
            assert failed(blank_private(frame, table), table) == {}


def test_a_private_column_has_no_rule_about_its_values() -> None:
    about_text = {rule.check for rule in derive_rules(REPORTS, REPORTS.column_names) if rule.columns == ("text",)}
    assert about_text == {"exists", "not_null"}


def test_private_values_are_blanked_and_nulls_and_lengths_kept(secret: str) -> None:
    frame = pd.DataFrame({"study_id": [1, 2], "text": [secret, None]})
    blank = blank_private(frame, REPORTS)
    assert secret not in blank.to_string() and secret in frame.to_string()
    assert blank["text"].isna().tolist() == [False, True]
    assert blank["n_chars"].tolist()[0] == len(secret)


def test_nullable_integers_and_lists_are_judged() -> None:
    ids = pd.array([10000000, None, 5], dtype="Int64")
    frame = pd.DataFrame({"path": ["a", "b", "c"], "subject_id": ids})
    found = failed(frame, MANIFEST)
    assert found["range", "subject_id"] == (1, [{"path": "c"}])
    assert ("not_null", "subject_id") not in found
    labels = pd.DataFrame({"study_id": [50000000], "region": [None], "finding": ["f"], "evidence": [None]})
    assert failed(labels, REGION_LABELS)["not_null", "evidence"][0] == 1
