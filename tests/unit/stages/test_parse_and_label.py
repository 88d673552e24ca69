"""parse and label: reports in, region labels out, the same bytes every time, and no report text in the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

from hilum.config import LabelParams, ParseParams
from hilum.schema import CHEXPERT_LABELS, MENTIONS, REGION_LABELS, REPORTS, SECTIONS
from hilum.stages import label, parse
from hilum.tables import read_table, write_table

TEXTS = [
    " FINAL REPORT\n FINDINGS:  Small left pleural effusion. Heart size is normal.\n \n IMPRESSION:  Effusion.\n",
    " FINAL REPORT\n IMPRESSION:  No acute cardiopulmonary process.\n",
    "Right lower lobe pneumonia.",
]


def write_reports(path: Path, texts: list[str]) -> None:
    rows = [(50000001 + i, 10000001 + i, "train", text) for i, text in enumerate(texts)]
    write_table(path, pd.DataFrame(rows, columns=list(REPORTS.column_names)), REPORTS)


NAMES = ("texts", "sections", "mentions", "terms", "labels", "chexpert")
LABEL = LabelParams(on_conflict="impression_then_present", chexpert_text="conclusion")


def run(folder: Path, texts: list[str], batch_size: int = 2, model: str = "blank") -> dict[str, Path]:
    paths = {name: folder / f"{name}.parquet" for name in NAMES}
    write_reports(paths["texts"], texts)
    params = ParseParams(spacy_model=model, batch_size=batch_size)
    parse.run(*(paths[name] for name in ("texts", "sections", "mentions", "terms")), params)
    label.run(*(paths[name] for name in ("texts", "sections", "mentions", "labels", "chexpert")), LABEL)
    return paths


def test_reports_become_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        paths = run(tmp_path, TEXTS)
    assert read_table(paths["sections"], SECTIONS)["section"].tolist() == [
        "findings",
        "impression",
        "impression",
        "full_report",
    ]
    labels = read_table(paths["labels"], REGION_LABELS)
    assert set(
        zip(labels["study_id"], labels["region"].fillna(""), labels["finding"], labels["label"], strict=True)
    ) == {
        (50000001, "left costophrenic angle", "pleural_effusion", "present"),
        (50000001, "", "pleural_effusion", "present"),
        (50000001, "cardiac silhouette", "enlarged_cardiac_silhouette", "absent"),
        (50000003, "right lower lung zone", "pneumonia", "present"),
    }
    assert "parse: 3 reports -> 4 sections, 4 mentions, 0 unknown terms; 1 reports have no mention" in caplog.text
    assert "label: 4 mentions -> 4 region labels; 0 mentions of history or hypothesis make none" in caplog.text
    assert "CheXpert's labels of 3 studies, 1 without a finding" in caplog.text
    fourteen = read_table(paths["chexpert"], CHEXPERT_LABELS).set_index("study_id")
    said = fourteen.drop(columns="subject_id").stack().dropna().to_dict()
    assert said == {
        (50000001, "Pleural Effusion"): 1.0,  # of the conclusion; the heart stands in the findings
        (50000002, "No Finding"): 1.0,
        (50000003, "Pneumonia"): 1.0,
    }
    assert fourteen["subject_id"].tolist() == [10000001, 10000002, 10000003]
    assert not any(word in caplog.text.lower() for word in ("effusion", "pneumonia", "heart"))


def test_the_same_bytes_whatever_the_batch(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = run(tmp_path / "a", TEXTS * 5, batch_size=1), run(tmp_path / "b", TEXTS * 5, batch_size=64)
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()


def test_no_report_at_all(tmp_path: Path) -> None:
    paths = run(tmp_path, [])
    assert len(read_table(paths["mentions"], MENTIONS)) == len(read_table(paths["labels"], REGION_LABELS)) == 0
