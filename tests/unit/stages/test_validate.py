from __future__ import annotations

import json
import logging
import runpy
from pathlib import Path

import pandas as pd
import pytest

from hilum.config import ValidateParams
from hilum.errors import GateError
from hilum.stages.validate import run

QUALITY = runpy.run_path(str(Path(__file__).parents[1] / "quality" / "conftest.py"))  # the same tiny line
PARAMS = ValidateParams(max_quarantine_share=0.1, max_label_rate_change=0.5, min_labelled_studies=2)


@pytest.fixture
def line():
    return QUALITY["TinyLine"]()


@pytest.fixture
def secret() -> str:
    return QUALITY["SECRET"]


def validate(line, folder: Path, collection: str = "phantom") -> tuple[dict, str]:
    run(line.write(folder / "data"), line.partitions, folder / "v.json", folder / "p.html", PARAMS, collection)
    return json.loads((folder / "v.json").read_text()), (folder / "p.html").read_text()


def test_a_right_line_is_green_and_both_files_are_written(line, tmp_path: Path) -> None:
    document, page = validate(line, tmp_path)
    assert document["verdict"] == "green"
    assert all(row["passed"] for row in document["checks"])
    assert "Phantom data." in page and "Everything that was looked at" in page


def test_the_page_shows_agreement_with_the_labels_of_the_source(line, tmp_path: Path) -> None:
    line.first("published_labels").loc[0, "Consolidation"] = 0.0
    _, page = validate(line, tmp_path)
    assert "CheXpert labeller, hilum reading the conclusion" in page and "hilum reading the whole report" in page
    assert page.count("12 studies with both") == 2 and "91.7 %" in page
    for frame in line.frames["published_labels"].values():
        frame.drop(frame.index, inplace=True)
    (tmp_path / "without").mkdir()
    assert "The source holds no labels of its own" in validate(line, tmp_path / "without")[1]


@pytest.mark.parametrize(
    ("table", "spoil"), [("texts", "twice"), ("sections", "gone"), ("mentions", "null"), ("published_labels", "twice")]
)
def test_nothing_is_compared_on_a_broken_table(line, tmp_path: Path, table: str, spoil: str) -> None:
    frame = line.first(table)
    if spoil == "gone":
        line.frames[table][line.partitions[0]] = frame.drop(columns="study_id")
    else:
        frame.loc[1, "study_id"] = None if spoil == "null" else frame.loc[0, "study_id"]
    with pytest.raises(GateError, match="red"):
        validate(line, tmp_path)
    assert "Not compared" in (tmp_path / "p.html").read_text()


def test_unknown_terms_are_counted_on_the_page_and_named_nowhere(line, tmp_path: Path, secret: str) -> None:
    rows = {"term_id": [0], "term": [secret], "entity": ["ENTITY"], "n_reports": [2], "n_mentions": [3]}
    line.frames["unknown_terms"][line.partitions[0]] = pd.DataFrame({**rows, "study_ids": [[50000000]]})
    document, page = validate(line, tmp_path)
    assert document["counts"]["unknown_terms"] == [{"entity": "ENTITY", "n_terms": 1, "n_mentions": 3}]
    assert "ENTITY" in page and secret not in page and secret not in (tmp_path / "v.json").read_text()


def test_two_runs_give_the_same_bytes(line, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        validate(line, tmp_path / name)
    for file in ("v.json", "p.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_red_refuses_after_both_files_are_written_and_names_rows_table_check_and_move(line, tmp_path: Path) -> None:
    line.first("mentions").loc[2, "finding"] = "effusion"
    with pytest.raises(GateError) as caught:
        validate(line, tmp_path)
    message = str(caught.value)
    assert caught.value.exit_code == 4
    assert "validation is red, 2 critical checks failed" in message  # the label's evidence no longer fits either
    assert "mentions: 1 of 12 fail finding_words (finding)" in message
    assert "study_id 50000002, mention_id 0" in message
    assert "src/hilum/vocabulary" in message and "p.html" in message
    assert json.loads((tmp_path / "v.json").read_text())["verdict"] == "red"
    assert "study_id 50000002, mention_id 0" in (tmp_path / "p.html").read_text()


def test_report_text_is_in_no_file_message_or_log(line, tmp_path: Path, secret: str, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    texts = line.first("texts")
    texts.loc[0, "study_id"] = 7  # out of range, unknown to the manifest
    texts.loc[1, "text"] = None
    line.first("mentions")["char_end"] = 9999
    with pytest.raises(GateError) as caught:
        validate(line, tmp_path)
    for place in (str(caught.value), caplog.text, *(p.read_text() for p in tmp_path.glob("?.*"))):
        assert secret not in place


def test_a_long_message_names_the_first_failures_and_counts_the_rest(line, tmp_path: Path) -> None:
    for folder in ("sections", "mentions", "region_labels", "images", "region_boxes"):
        key = "dicom_id" if folder in ("images", "region_boxes") else "study_id"
        line.first(folder)[key] = None
    with pytest.raises(GateError, match=r"\d+ more checks failed \| All checks: "):
        validate(line, tmp_path)


def test_amber_goes_on(line, tmp_path: Path) -> None:
    line.first("region_boxes").loc[0, "width"] = 0.0
    document, page = validate(line, tmp_path, "iu_cxr")
    assert document["verdict"] == "amber"
    assert "Phantom" not in page and "iu_cxr" in page


def test_an_empty_collection_is_red_and_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="labelled_studies"):
        run(tmp_path / "data", [], tmp_path / "v.json", tmp_path / "p.html", PARAMS, "phantom")
