"""Which report of a source is shown, and what is said where there is none or more than one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hilum.config import ParseParams
from hilum.errors import UsageError
from hilum.stages.show import run

PARAMS = ParseParams(spacy_model="blank", batch_size=8)
TEXT = "FINDINGS: Left effusion."


def show(source: Path, name: str, page: Path | None = None) -> str:
    return run(source, name, page, PARAMS, False, 100)


def test_by_id_by_file_and_alone(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "s50000007.txt").write_text(TEXT)
    (folder / "other.txt").write_text("FINDINGS: Right effusion.")
    shown = show(folder, "50000007")
    assert shown.startswith("s50000007: 1 mentions (1 present)") and "[effusion]1" in shown
    assert show(folder, "s50000007.txt") == show(folder / "s50000007.txt", "") == shown
    assert show(folder, "other").startswith("other: ")


def test_a_page_is_written_and_the_log_holds_no_word_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    with caplog.at_level(logging.INFO):
        show(tmp_path, "a", tmp_path / "out/a.html")
    assert "effusion" in (tmp_path / "out/a.html").read_text(encoding="utf-8")
    assert "holds report text" in caplog.text and "effusion" not in caplog.text


def test_of_two_reports_with_one_id_the_first_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "t.csv").write_text("study_id,text\n1,Left effusion.\n1,Right effusion.\n")
    assert "Left [effusion]1" in show(tmp_path / "t.csv", "1")
    assert "holds 2 reports of this name; the first is shown" in caplog.text


def test_none_and_too_many(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_bytes(b"\xff effusion")
    with pytest.raises(UsageError, match="holds no report 'c'; give a study id"):
        show(tmp_path, "c")
    with pytest.raises(UsageError, match=r"holds no report 'b' \(1 not readable as UTF-8 text\)"):
        show(tmp_path, "b")
    (tmp_path / "b.txt").write_text(TEXT)
    with pytest.raises(UsageError, match="holds more than one report; say which"):
        show(tmp_path, "")
