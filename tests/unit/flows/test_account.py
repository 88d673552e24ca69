"""What an operator reads: the failure, its reason and its place first, and no id of a person."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.account import last_words, with_last_words, write_account
from flows.driver import RunReport
from hilum.errors import BadDataError, GateError

LOG = """Running stage 'embed@b':
hilum: an earlier line
Traceback of something
hilum: embed: study 50000032 of subject 10000032 lacks 0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d.jpg, 123456789 B
ERROR: failed to reproduce 'embed@b': exited with 3
"""


def failed_report() -> RunReport:
    report = RunReport("20260101T000000Z")
    report.outs = {"ingest": ["a"], "pack": ["data/pack.parquet"], "embed@b": ["b"], "index": ["c"], "report": ["d"]}
    report.did = {"ingest": "kept", "pack": "ran", "embed@b": "failed", "index": "not reached", "report": "not reached"}
    report.seconds = {"pack": 90.0}
    report.errors = {"embed@b": BadDataError("stage embed@b failed (exit 3); its messages are in x.log. Mend it.")}
    return report


def test_a_failure_comes_first_with_its_reason_and_its_log(tmp_path: Path) -> None:
    folder = tmp_path / ".hilum/logs/20260101T000000Z"
    folder.mkdir(parents=True)
    (folder / "pack+embed@b.log").write_text(LOG)
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"a": range(1234)}), tmp_path / "data/pack.parquet")
    (tmp_path / "page.html").write_text("x")
    text = write_account(failed_report(), tmp_path, "Refresh L0002", "mend it", ["page.html", "gone.html"])
    lines = text.splitlines()
    assert lines[:4] == [
        "## Refresh L0002 failed: embed@b",
        "- **embed@b**: BadDataError: stage embed@b failed (exit 3)",
        "- **why**: embed: study … of subject … lacks ….jpg, 123456789 B",
        "- its messages: `.hilum/logs/20260101T000000Z/pack+embed@b.log`",
    ]
    assert "- 1 ran, 0 restored from the cache, 1 kept; 1 min 30 s of work; not reached: index, report" in lines
    assert "- next: mend it" in lines and "- to open: `page.html`" in lines
    rows = [line.split(" | ")[0] for line in lines if line.startswith("| ")][2:]
    assert rows == ["| **embed@b**", "| pack", "| **index**", "| **report**"]
    assert "| 90.0 | `data/pack.parquet` | " in text and " | 1,234 |" in text
    assert lines[-1] == "1 stages were up to date and kept: ingest"


def test_a_good_run_needs_no_log(tmp_path: Path) -> None:
    report = RunReport("x", outs={"a": ["out"]}, did={"a": "restored"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/one").write_bytes(b"0" * 2048)
    text = write_account(report, tmp_path)
    assert text.startswith("## Done: 0 ran, 1 restored from the cache, 0 kept\n")
    assert "| a | restored |  | `out` | 2.0 KiB in 1 files |  |" in text


def test_the_words_of_a_stage_are_added_to_its_error(tmp_path: Path) -> None:
    report = failed_report()
    error = GateError("red")
    assert with_last_words(error, report, tmp_path) is error
    folder = tmp_path / ".hilum/logs/20260101T000000Z"
    folder.mkdir(parents=True)
    (folder / "embed@b.log").write_text("hilum: validate: 3 checks are red\n")
    told = with_last_words(error, report, tmp_path)
    assert isinstance(told, GateError) and str(told) == "red It said: validate: 3 checks are red"
    assert last_words(folder / "none.log") == ""
