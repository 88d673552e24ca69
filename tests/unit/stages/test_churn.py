"""The churn between two revisions of the real code: a real repository with one line of its vocabulary changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hilum.errors import UsageError
from hilum.schema import REPORTS
from hilum.stages.churn import list_churn, read_columns, run
from hilum.tables import write_table

RULE = "impression_then_present"
TERMS = "src/hilum/vocabulary/language/terms.yaml"
WORD, OTHER = "(scoliosis|", "zigzagspine"  # a word taught to one version and not to the other
REPORTS_TEXT = {
    50000001: "FINDINGS: Zigzagspine of the spine. Left effusion.",
    50000002: "FINDINGS: No pneumothorax.",
    50000003: "IMPRESSION: Zigzagspine.",
}


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three commits: an empty one, the code, and the code with one more word; then one more file, not committed."""
    folder = tmp_path_factory.mktemp("checkout")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "Begin")
    shutil.copytree(root / "src/hilum", folder / "src/hilum", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "params.yaml", folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Read reports")
    terms = folder / TERMS
    text = terms.read_text(encoding="utf-8")
    assert text.count(WORD) == 1
    terms.write_text(text.replace(WORD, f"{WORD}{OTHER}|"), encoding="utf-8")
    git(folder, "commit", "-q", "-a", "-m", "Teach a word")
    (folder / "notes.txt").write_text("not committed")
    return folder


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for study_id, text in REPORTS_TEXT.items():
        (folder / f"s{study_id}.txt").write_text(text)
    return folder


def test_a_new_word_makes_labels_appear(checkout: Path, reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "changes.csv"
    document = json.loads(run(reports, "HEAD~1", checkout, out, RULE, as_json=True))
    assert document["changes"] == [
        {
            "finding": "scoliosis", "region": "spine", "before": None, "after": "present", "n": 2,
            "examples": ["50000001", "50000003"],
        },
    ]  # fmt: skip
    assert (document["n_before"], document["n_after"], document["n_unchanged"]) == (2, 4, 2)
    assert (document["n_appeared"], document["n_vanished"], document["n_changed"]) == (2, 0, 0)
    assert document["share_unchanged"] == 0.5
    assert document["commit"] == git(checkout, "rev-parse", "HEAD~1")
    assert out.read_text().splitlines() == [
        "study_id,region,finding,before,after",
        "50000001,spine,scoliosis,,present",
        "50000003,spine,scoliosis,,present",
    ]
    assert git(checkout, "status", "--porcelain") == "?? notes.txt"


def test_the_verb_from_a_folder_of_the_checkout_and_its_own_texts(checkout: Path) -> None:
    """What people type, in a process of its own: exit 0, a table on stdout, and no report text anywhere."""
    rows = [(study, 10000001, "train", text) for study, text in REPORTS_TEXT.items()]
    frame = pd.DataFrame(rows, columns=["study_id", "subject_id", "split", "text"])
    write_table(checkout / "data/texts/L0001-p10.parquet", frame, REPORTS)
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from hilum.cli import main; main()", "annotate", "--diff", "HEAD~1"],
            cwd=checkout / "src", env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        shutil.rmtree(checkout / "data")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == "50.00% of 4 pairs of study, region and finding unchanged; 2 appeared, 0 vanished, 0 changed"
    assert lines[-1].split() == ["2", "scoliosis", "spine", "none", "->", "present", "50000001", "50000003"]
    assert OTHER not in (done.stdout + done.stderr).lower() and "traceback" not in done.stderr.lower()


def test_a_revision_without_the_verb_is_named(checkout: Path, reports: Path) -> None:
    with pytest.raises(UsageError, match=r"Revision HEAD~2 \(\w{8}\) has no params\.yaml and no src/hilum"):
        run(reports, "HEAD~2", checkout, None, RULE, as_json=False)
    with pytest.raises(UsageError, match="There is no revision 'HEAD~3'"):
        run(reports, "HEAD~3", checkout, None, RULE, as_json=False)


def test_wrong_words_are_refused_before_anything_runs(checkout: Path, reports: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is neither a \.csv nor a \.jsonl"):
        run(reports, "HEAD", checkout, tmp_path / "changes.txt", RULE, as_json=False)
    with pytest.raises(UsageError, match=r"is not a folder, a \.csv"):
        run(tmp_path / "nowhere", "HEAD", checkout, None, RULE, as_json=False)


def test_annotations_of_a_version_that_knew_fewer_columns(tmp_path: Path) -> None:
    row = {"study_id": 1, "finding": "hernia", "region": None, "assertion": "present", "section": "findings"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    assert read_columns(tmp_path / "a.jsonl") == {**{name: [value] for name, value in row.items()}, "explains": [None]}


def test_a_long_table_is_cut_and_says_by_how_much() -> None:
    from hilum.labels.churn import Churn

    changes = pd.DataFrame(
        {
            "study_id": [str(n) for n in range(50)],
            "region": pd.Series([None] * 50, dtype=object),
            "finding": [f"finding_{n:02}" for n in range(50)],
            "before": "present",
            "after": pd.Series([None] * 50, dtype=object),
        }
    )
    lines = list_churn(Churn(60, 10, 10, changes), "v1", "0" * 40)
    assert lines[-1] == "and 10 more kinds with 10 changes; --out FILE.csv lists every one"
    assert "0 appeared, 50 vanished, 0 changed" in lines[1]
