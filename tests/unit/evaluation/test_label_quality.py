"""Weak labels against true statements: triples, implied parents, landings that replace each other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.evaluation.gold import drop_implied, has_truth, read_truth_findings, read_truth_statements
from hilum.evaluation.label_quality import KEY, count_triples, precision_recall_f1, score_triples
from hilum.schema import TRUTH_FINDINGS, TRUTH_REGION_BOXES, TRUTH_STATEMENTS
from hilum.tables import write_table

PARENTS = {"left lower lung zone": "left lung", "right lower lung zone": "right lung"}


def rows(*triples: tuple) -> pd.DataFrame:
    return pd.DataFrame(list(triples), columns=KEY)


def test_a_triple_counts_only_if_all_of_it_is_right() -> None:
    said = rows((1, "spine", "a", "present"), (1, None, "b", "absent"), (2, "spine", "a", "uncertain"))
    labelled = rows((1, "spine", "a", "present"), (1, "carina", "b", "absent"), (2, "spine", "a", "present"))
    counts = count_triples(labelled, said)
    assert counts.set_index("finding").to_dict("index") == {
        "a": {"n_true": 2, "n_found": 2, "n_right": 1},
        "b": {"n_true": 1, "n_found": 1, "n_right": 0},
    }
    figures = score_triples(counts)
    assert figures["macro_f1"] == pytest.approx(0.25) and figures["micro_recall"] == pytest.approx(1 / 3)
    assert figures["f1"] == {"a": 0.5, "b": 0.0}


def test_an_unplaced_label_is_right_where_nothing_was_placed() -> None:
    one = rows((1, None, "a", "present"))
    assert score_triples(count_triples(one, one))["micro_f1"] == 1


def test_a_finding_never_said_lowers_precision_and_not_the_macro() -> None:
    figures = score_triples(count_triples(rows((1, "spine", "a", "present"), (1, "spine", "z", "present")),
                                          rows((1, "spine", "a", "present"))))  # fmt: skip
    assert figures["macro_f1"] == 1 and figures["micro_precision"] == 0.5 and "z" not in figures["f1"]


def test_nothing_said_and_nothing_found() -> None:
    figures = score_triples(count_triples(rows(), rows()))
    assert figures["micro_f1"] == 0 and figures["macro_f1"] == 0 and figures["f1"] == {}
    assert precision_recall_f1(0, 0, 3) == (0, 0, 0) and precision_recall_f1(0, 3, 0) == (0, 0, 0)


def test_what_a_part_implies_is_dropped_and_nothing_else() -> None:
    labels = rows(
        (1, "left lower lung zone", "a", "present"),
        (1, "left lung", "a", "present"),  # implied
        (1, "left lung", "b", "present"),
        (2, "left lung", "a", "present"),
        (3, "right lower lung zone", "a", "absent"),
        (3, "right lung", "a", "absent"),
        (4, "left lower lung zone", "a", "present"),
        (4, "left lung", "a", "uncertain"),
        (4, None, "a", "present"),
    )
    assert list(drop_implied(labels, PARENTS).index) == [0, 2, 3, 4, 5, 6, 7, 8]
    assert len(labels) == 9


def write_landing(truth: Path, name: str, images: dict[str, str | None]) -> None:
    ids = {letter: "-".join([letter * 8] * 5) for letter in images}
    study = {letter: 50000000 + ord(letter) for letter in images}
    drawn = [
        {"dicom_id": ids[letter], "study_id": study[letter], "finding_index": 0, "finding": finding, "region": "spine",
         "severity": "mild", "x": 1.0, "y": 1.0, "width": 2.0, "height": 2.0}
        for letter, finding in images.items() if finding
    ]  # fmt: skip
    frame = pd.DataFrame(drawn, columns=list(TRUTH_FINDINGS.column_names))
    write_table(truth / name / "findings.parquet", frame, TRUTH_FINDINGS)
    boxes = [{"dicom_id": i, "region": "spine", "x": 0.0, "y": 0.0, "width": 9.0, "height": 9.0} for i in ids.values()]
    write_table(truth / name / "region_boxes.parquet", pd.DataFrame(boxes), TRUTH_REGION_BOXES)
    said = [
        {"study_id": study[letter], "region": "spine", "finding": finding or "scoliosis",
         "label": "present" if finding else "absent"}
        for letter, finding in images.items()
    ]  # fmt: skip
    write_table(truth / name / "statements.parquet", pd.DataFrame(said), TRUTH_STATEMENTS)


def test_a_later_landing_replaces_what_it_draws_again(tmp_path: Path) -> None:
    write_landing(tmp_path, "L0001", {"a": "scoliosis", "b": "scoliosis", "c": "scoliosis"})
    write_landing(tmp_path, "L0002", {"b": None, "c": "hernia"})
    found = read_truth_findings(tmp_path)
    assert sorted(zip(found["dicom_id"].str[0], found["finding"])) == [("a", "scoliosis"), ("c", "hernia")]
    said = read_truth_statements(tmp_path)
    assert sorted(zip(said["finding"], said["label"])) == [
        ("hernia", "present"), ("scoliosis", "absent"), ("scoliosis", "present")
    ]  # fmt: skip


def test_no_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="has no landing's truth"):
        read_truth_findings(tmp_path)
    assert has_truth("phantom") and not has_truth("iu_cxr")
