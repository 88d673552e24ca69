"""`hilum annotate`: the forms of a source, the rows, and what never reaches the log."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest

from hilum.config import ParseParams
from hilum.errors import BadDataError, UsageError
from hilum.text.annotate import annotate

PARAMS = ParseParams(spacy_model="blank", batch_size=8)
TEXT = "FINDINGS: Bilateral effusions. Possible nodule.\n"


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


def test_a_folder_and_a_csv_give_the_same_rows(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "s50000007.txt").write_text(TEXT)
    table = tmp_path / "reports.csv"
    table.write_text(f'study_id,text\n50000007,"{TEXT}"\n')
    annotate(folder, tmp_path / "a.jsonl", PARAMS)
    annotate(table, tmp_path / "b.jsonl", PARAMS)
    assert rows_of(tmp_path / "a.jsonl") == rows_of(tmp_path / "b.jsonl") != []


def test_standard_input_to_standard_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Left effusion."))
    annotate(Path("-"), None, PARAMS)
    assert json.loads(capsys.readouterr().out)["study_id"] == "stdin"


def test_a_file_that_is_no_text_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe effusion")
    (tmp_path / "b.txt").write_text("Left effusion.")
    with caplog.at_level(logging.INFO):
        assert annotate(tmp_path, tmp_path / "out.jsonl", PARAMS) == 1
    assert "1 files left out" in caplog.text
    assert "effusion" not in caplog.text


def test_wrong_sources_say_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a folder, a \.csv, a \.txt or '-'"):
        annotate(tmp_path / "none", None, PARAMS)
    with pytest.raises(UsageError, match="holds no report"):
        annotate(tmp_path, None, PARAMS)
    (tmp_path / "t.csv").write_text("study_id,report\n1,x\n")
    with pytest.raises(BadDataError, match=r"lacks the columns \['text'\]"):
        annotate(tmp_path / "t.csv", tmp_path / "out.jsonl", PARAMS)
    assert not (tmp_path / "out.jsonl").exists()
