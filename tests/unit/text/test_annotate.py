"""`hilum annotate`: the forms of a source, the rows, and what never reaches the log."""

from __future__ import annotations

import io
import json
import logging
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from hilum.config import ParseParams
from hilum.errors import BadDataError, UsageError
from hilum.schema import MENTIONS, REPORTS
from hilum.tables import write_table
from hilum.text.annotate import COLUMNS, annotate
from hilum.text.reports import Reports, study_id_of

PARAMS = ParseParams(spacy_model="blank", batch_size=8)
TEXT = "FINDINGS: Bilateral effusions. Possible nodule.\n"
CONTRACT = ["study_id", "finding", "region", "assertion", "section", "char_start", "char_end"]


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_tree_gives_one_row_a_mention_and_region(tmp_path: Path) -> None:
    folder = tmp_path / "tree/files/p10/p10000001"
    folder.mkdir(parents=True)
    (folder / "s50000007.txt").write_text(TEXT)
    (tmp_path / "tree/readme.txt").write_text("Left pneumothorax.")
    out = tmp_path / "out.jsonl"
    assert annotate(tmp_path / "tree", out, PARAMS) == 3
    rows = rows_of(out)
    assert [(r["study_id"], r["finding"], r["region"], r["assertion"]) for r in rows] == [
        (50000007, "pleural_effusion", "right costophrenic angle", "present"),
        (50000007, "pleural_effusion", "left costophrenic angle", "present"),
        (50000007, "mass_nodule", None, "uncertain"),
    ]
    assert TEXT[int(str(rows[0]["char_start"])) : int(str(rows[0]["char_end"]))] == "effusions"
    assert rows[0]["section"] == "findings"


def test_a_row_says_what_is_claimed_first_and_then_which_rules_made_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A 6 mm nodule in the right upper lobe, possibly new.")
    annotate(tmp_path, tmp_path / "out.jsonl", PARAMS)
    (row,) = rows_of(tmp_path / "out.jsonl")
    assert list(row) == [*CONTRACT, *COLUMNS]
    assert set(COLUMNS) <= set(MENTIONS.column_names)
    assert row["mention_id"] == 0 and row["explains"] is None
    assert "nodule" in str(row["finding_rule"]) and row["region_rule"]


def test_a_folder_a_csv_and_a_table_give_the_same_rows(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "s50000007.txt").write_text(TEXT)
    table = tmp_path / "reports.csv"
    table.write_text(f'study_id,text\n50000007,"{TEXT}"\n')
    report = {"study_id": [50000007], "subject_id": [10000001], "split": ["train"], "text": [TEXT]}
    write_table(tmp_path / "partitions/L0001-p10.parquet", pd.DataFrame(report), REPORTS)
    for source in (folder, table, tmp_path / "partitions", tmp_path / "partitions/L0001-p10.parquet"):
        annotate(source, tmp_path / "out.jsonl", PARAMS)
        assert [r["study_id"] for r in rows_of(tmp_path / "out.jsonl")] == [50000007] * 3
    annotate(folder, tmp_path / "a.jsonl", PARAMS)
    assert rows_of(tmp_path / "a.jsonl") == rows_of(tmp_path / "out.jsonl")


class Stdin:
    """What a pipe gives: bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_standard_input_to_standard_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(b"\r\n\r\nLeft effusion."))
    annotate(Path("-"), None, PARAMS)
    row = json.loads(capsys.readouterr().out)
    assert row["study_id"] == "stdin"
    assert row["char_start"] == len("\r\n\r\nLeft ")  # the raw text, line ends as they came


def test_a_file_that_is_no_text_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe effusion")
    (tmp_path / "b.txt").write_text("Left effusion.")
    (tmp_path / "c.txt").write_text("")
    with caplog.at_level(logging.INFO):
        assert annotate(tmp_path, tmp_path / "out.jsonl", PARAMS) == 1
    assert caplog.messages == ["annotate: 2 reports, 1 left out as not readable as UTF-8 text -> 1 rows"]


def test_a_source_without_any_text_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe effusion")
    with pytest.raises(BadDataError, match="none of its 1 reports is readable as UTF-8 text"):
        annotate(tmp_path, tmp_path / "out.jsonl", PARAMS)
    assert not (tmp_path / "out.jsonl").exists()


def test_one_bad_row_of_a_csv_costs_one_row(tmp_path: Path) -> None:
    table = tmp_path / "reports.csv"
    rows = [
        b"\xef\xbb\xbfstudy_id,text",  # a byte order mark, as spreadsheets write it
        b"s50000001,Left effusion.",
        b"50000002,\xff effusion",
        b",Left effusion.",
        b"50000003",
        b'50000004,""',
        b"50000001,Right effusion.",
        b"",
    ]
    table.write_bytes(b"\n".join(rows))
    reports = Reports(table)
    assert [study_id for study_id, _ in reports] == [50000001, 50000003, 50000004, 50000001]
    assert reports.summary == "4 reports, 1 left out as not readable as UTF-8 text, 1 rows left out without a study_id"


def test_a_field_beyond_all_measure_is_named_by_its_line(tmp_path: Path) -> None:
    table = tmp_path / "reports.csv"
    table.write_text(f"study_id,text\n1,ok\n2,{'x' * 10_000_001}\n")
    with pytest.raises(BadDataError, match=r"reports\.csv is no csv from line 3 on"):
        list(Reports(table))


def test_a_csv_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    table = tmp_path / "reports.csv"
    text = "No effusion. " * 80
    table.write_text("study_id,text\n" + "".join(f"{n},{text}\n" for n in range(20_000)))
    assert table.stat().st_size > 20_000_000
    tracemalloc.start()
    assert sum(1 for _ in Reports(table)) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("name", ["s50000007", "50000007", "s50000007.txt", "deep/s50000007.txt"])
def test_one_report_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/s50000007.txt").write_text(TEXT)
    (tmp_path / "s50000008.txt").write_text(TEXT)
    assert [study_id for study_id, _ in Reports(tmp_path, only=name)] == [50000007]


def test_ids() -> None:
    assert study_id_of("s50000025") == study_id_of("50000025") == 50000025
    assert study_id_of("s5") == "s5"
    assert study_id_of("9" * 5000) == "9" * 5000


def test_wrong_sources_say_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a folder, a \.csv, a \.txt, a \.parquet or '-'"):
        annotate(tmp_path / "none", None, PARAMS)
    with pytest.raises(UsageError, match="holds no report"):
        annotate(tmp_path, None, PARAMS)
    (tmp_path / "t.csv").write_text("study_id,report\n1,x\n")
    with pytest.raises(BadDataError, match=r"lacks the columns \['text'\]"):
        annotate(tmp_path / "t.csv", tmp_path / "out.jsonl", PARAMS)
    assert not (tmp_path / "out.jsonl").exists()


def test_rows_leave_as_soon_as_their_batch_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second batch is not asked for before the first one's rows are out."""
    seen: list[int] = []
    out = io.StringIO()
    many = [(n, "Left effusion.") for n in range(3 * PARAMS.batch_size)]

    def reports(self: Reports) -> Iterator[tuple[int, str]]:
        for pair in many:
            seen.append(out.getvalue().count("\n"))
            yield pair

    monkeypatch.setattr(Reports, "__iter__", reports)
    monkeypatch.setattr("sys.stdout", out)
    (tmp_path / "a.txt").write_text("")
    annotate(tmp_path, None, PARAMS)
    assert max(seen) == 2 * PARAMS.batch_size
