"""Each check across tables and files: passes on what is right, fails on what is planted, and on nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hilum.quality.checks import Check, judge, name_rows
from hilum.quality.reading import read_line
from hilum.quality.shares import rate_changed
from hilum.quality.verdict import Judgement, Limits, Words, check_across, judge_line, refusal, to_document, to_json
from hilum.vocabulary import FINDINGS, REGION_PARENTS, REGIONS

LIMITS = Limits(max_quarantine_share=0.1, max_label_rate_change=0.5, min_labelled_studies=2)
WORDS = Words(REGIONS, FINDINGS, REGION_PARENTS)


def judged(line, folder: Path, limits: Limits = LIMITS) -> Judgement:
    return judge_line(line.write(folder), line.partitions, limits, WORDS)


def crossed(line, folder: Path, limits: Limits = LIMITS) -> dict[tuple[str, str], Check]:
    """Failed checks across tables, without the suites (which take half a second)."""
    frames = {read.table.name: read.frame for read in read_line(line.write(folder), line.partitions)}
    return {(c.table, c.check): c for c in check_across(frames, limits, WORDS) if not c.passed}


def failures(judgement: Judgement) -> dict[tuple[str, str], Check]:
    return {(check.table, check.check): check for check in judgement.checks if not check.passed}


def test_the_suites_speak_too(line, tmp_path: Path) -> None:
    line.first("manifest").loc[0, "sha256"] = "xyz"
    judgement = judged(line, tmp_path)
    assert (judgement.verdict, list(failures(judgement))) == ("red", [("manifest", "pattern")])


def test_a_right_line_is_green(line, tmp_path: Path) -> None:
    judgement = judged(line, tmp_path)
    assert (judgement.verdict, failures(judgement)) == ("green", {})


def set_value(folder: str, at: int, **values: object):
    def spoil(line) -> None:
        for column, value in values.items():
            line.first(folder)[column] = line.first(folder)[column].astype(object)
            line.first(folder).at[at, column] = value

    return spoil


def drop_row(folder: str, row: int):
    def spoil(line) -> None:
        line.frames[folder][line.partitions[0]] = line.first(folder).drop(index=row)

    return spoil


def quarantine_in_manifest_only(line) -> None:
    line.first("manifest").loc[0, "status"] = "quarantined"


PLANTED = [
    # what is done to the first partition, the check that must see it, its severity, and a part of the key it names
    (set_value("images", 1, split="test"), ("manifest", "one_split"), "critical", {"subject_id": 10000001}),
    (set_value("manifest", 2, split=None), ("manifest", "complete"), "critical", {"path": "files/s50000001.txt"}),
    (set_value("manifest", 3, rows_px=None), ("manifest", "complete"), "critical", {}),
    (quarantine_in_manifest_only, ("quarantine", "same_files"), "critical", {"path": "files/s50000000.txt"}),
    (drop_row("texts", 4), ("reports", "same_studies"), "critical", {"study_id": 50000004}),
    (drop_row("manifest", 4), ("reports", "same_studies"), "critical", {"study_id": 50000002}),
    (set_value("sections", 0, study_id=50009999), ("sections", "known_study"), "critical", {"study_id": 50009999}),
    (set_value("mentions", 0, study_id=50009999), ("mentions", "known_study"), "critical", {"mention_id": 0}),
    (set_value("region_labels", 0, study_id=50009999), ("region_labels", "known_study"), "critical", {}),
    (set_value("images", 0, rows_px=301), ("images", "known_image"), "critical", {}),
    (set_value("images", 0, study_id=50000001), ("images", "known_image"), "critical", {}),
    (drop_row("images", 0), ("images", "all_frontals"), "critical", {}),
    (set_value("images", 0, row=1), ("images", "own_pixels"), "critical", {}),
    (lambda line: line.frames["region_boxes"].update({line.partitions[0]: line.first("region_boxes").iloc[29:]}),
     ("images", "has_boxes"), "critical", {}),
    (set_value("sections", 0, char_end=10**6), ("sections", "inside_text"), "critical", {"section_index": 0}),
    (set_value("mentions", 0, sentence_end=10**6), ("mentions", "inside_text"), "critical", {"study_id": 50000000}),
    (set_value("mentions", 0, char_start=9), ("mentions", "inside_text"), "critical", {}),
    (set_value("mentions", 0, char_end=29, char_start=29), ("mentions", "inside_text"), "critical", {}),
    (set_value("mentions", 3, finding="effusion"), ("mentions", "finding_words"), "critical", {"study_id": 50000003}),
    (set_value("mentions", 3, regions=["left lung", "heart"]), ("mentions", "region_words"), "critical", {}),
    (set_value("region_labels", 1, finding="x"), ("region_labels", "finding_words"), "critical", {"finding": "x"}),
    (set_value("region_labels", 1, region="heart"), ("region_labels", "region_words"), "critical", {}),
    (set_value("region_boxes", 1, region="heart"), ("region_boxes", "region_words"), "critical", {"region": "heart"}),
    (set_value("region_labels", 0, evidence=[0, 7]), ("region_labels", "evidence"), "critical", {}),
    (set_value("region_labels", 0, evidence=[]), ("region_labels", "evidence"), "critical", {}),
    (set_value("region_labels", 1, label="absent"), ("region_labels", "no_contradiction"), "info", {}),
    (set_value("region_boxes", 5, width=200.5), ("region_boxes", "inside_image"), "critical", {}),
    (set_value("region_boxes", 5, y=-1.0), ("region_boxes", "inside_image"), "critical", {}),
    (set_value("region_boxes", 5, x=None), ("region_boxes", "inside_image"), "critical", {}),
    (set_value("region_boxes", 5, height=0.0), ("region_boxes", "has_area"), "warning", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    "spoil, where, severity, key", PLANTED, ids=[f"{n}-{'-'.join(row[1])}" for n, row in enumerate(PLANTED)]
)
def test_each_check_sees_what_is_planted(line, tmp_path: Path, spoil, where, severity: str, key: dict) -> None:
    spoil(line)
    found = crossed(line, tmp_path)
    assert where in found, sorted(found)
    assert found[where].severity == severity
    assert 1 <= found[where].n_unexpected <= 2
    assert any(key.items() <= dict(example).items() for example in found[where].examples), found[where].examples


def test_a_study_without_a_frontal_is_told_and_stops_nothing(line, tmp_path: Path) -> None:
    line.first("manifest").loc[1, "view_position"] = "LATERAL"
    drop_row("images", 0)(line)
    line.frames["region_boxes"][line.partitions[0]] = line.first("region_boxes").iloc[29:]
    judgement = judged(line, tmp_path)
    assert judgement.verdict == "green"
    assert list(failures(judgement)) == [("reports", "has_frontal")]


def test_partitions_missing_broken_or_unlisted_are_red_in_the_table_they_are_of(line, tmp_path: Path) -> None:
    first, second = line.partitions
    line.write(tmp_path)
    (tmp_path / "mentions" / f"{first}.parquet").unlink()
    (tmp_path / "images" / f"{second}.parquet").write_bytes(b"PAR1 and no more")
    shutil.copy(tmp_path / "texts" / f"{first}.parquet", tmp_path / "texts" / "L0009-p10-p14.parquet")
    judgement = judge_line(tmp_path, line.partitions, LIMITS, WORDS)
    found = failures(judgement)
    assert judgement.verdict == "red"
    assert found["mentions", "partitions"].examples == ({"partition": first, "found": "missing"},)
    assert found["images", "partitions"].examples == ({"partition": second, "found": "not readable as Parquet"},)
    assert found["reports", "partitions"].examples == ({"partition": "L0009-p10-p14", "found": "not listed"},)
    assert not {("manifest", "partitions"), ("sections", "partitions")} & set(found)


def test_columns_missing_unknown_or_of_another_type_are_red_and_the_rest_is_still_judged(line, tmp_path: Path) -> None:
    import pandas as pd

    line.first("mentions").drop(columns="finding_rule", inplace=True)
    line.write(tmp_path)
    path = tmp_path / "region_labels" / f"{line.partitions[0]}.parquet"
    pd.read_parquet(path).assign(finding=7, extra="x").to_parquet(path)
    found = failures(judge_line(tmp_path, line.partitions, LIMITS, WORDS))
    partition = line.partitions[0]
    assert found["mentions", "columns"].examples == (
        {"partition": partition, "column": "finding_rule", "found": "missing"},
    )
    assert {"partition": partition, "column": "finding", "found": "of type int64, not string"} in found[
        "region_labels", "columns"
    ].examples
    assert {"partition": partition, "column": "extra", "found": "not in hilum.schema"} in found[
        "region_labels", "columns"
    ].examples
    assert found["region_labels", "evidence"].examples == ({"missing": "region_labels.finding"},)
    assert ("region_labels", "exists") not in found


def test_too_much_quarantine_is_red_and_a_little_is_not(line, tmp_path: Path) -> None:
    for partition, rows in ((line.partitions[0], 2), (line.partitions[1], 1)):
        manifest = line.frames["manifest"][partition]
        bad = manifest.assign(path="bad/" + manifest["path"], status="quarantined").iloc[:rows]
        quarantine = bad[["path"]].assign(reason="truncated_image", detail="ends early")
        for folder, more in (("manifest", bad), ("quarantine", quarantine)):
            frames = line.frames[folder]
            frames[partition] = more if frames[partition].empty else type(more)(
                [*frames[partition].to_dict("records"), *more.to_dict("records")]
            )  # fmt: skip
        wanted = {("quarantine", "quarantine_share")} if rows == 1 else set()  # 2 of 26, then 3 of 27
        assert set(crossed(line, tmp_path / str(rows), Limits(0.08, 0.5, 2))) == wanted


def test_too_few_labelled_studies_name_the_split_and_its_number(line, tmp_path: Path) -> None:
    found = crossed(line, tmp_path, Limits(0.1, 0.5, 5))
    assert list(found) == [("region_labels", "labelled_studies")]
    assert found["region_labels", "labelled_studies"].examples[0] == {"split": "test", "n_labelled": 4}


def test_label_rates_of_a_new_landing_are_a_warning(line, tmp_path: Path) -> None:
    line.add_partition("L0002-p10-p19", range(12, 30), finding="pneumothorax")
    judgement = judged(line, tmp_path)
    found = failures(judgement)
    assert judgement.verdict == "amber"
    assert [e["finding"] for e in found["region_labels", "label_rates"].examples] == ["consolidation", "pneumothorax"]


def test_the_same_rates_in_a_new_landing_pass(line, tmp_path: Path) -> None:
    line.add_partition("L0002-p10-p19", range(12, 15))
    judgement = judged(line, tmp_path)
    assert judgement.verdict == "green"
    assert judgement.counts["label_rates"] == [
        {"finding": "consolidation", "n_new": 3, "n_studies_new": 3, "n_old": 12, "n_studies_old": 12}
    ]


@pytest.mark.parametrize(
    "n_new, studies_new, n_old, studies_old, changed",
    [
        (2, 20, 100, 1000, False),  # the same
        (4, 20, 100, 1000, False),  # twice as often, and within chance for twenty studies
        (400, 2000, 100, 1000, True),  # twice as often in many
        (12, 20, 100, 1000, True),
        (260, 2000, 100, 1000, False),  # beyond chance, and within the limit of one half
        (30, 100, 0, 1000, True),  # never seen before
        (5, 5, 5, 5, False),  # always, in both
        (0, 0, 5, 10, False),  # nothing to compare
    ],
)
def test_a_rate_has_changed_when_beyond_the_limit_and_beyond_chance(
    n_new, studies_new, n_old, studies_old, changed
) -> None:
    row = {"n_new": n_new, "n_studies_new": studies_new, "n_old": n_old, "n_studies_old": studies_old}
    assert rate_changed(row, 0.5) is changed


def test_counts_tell_the_funnel(line, tmp_path: Path) -> None:
    counts = judged(line, tmp_path).counts
    assert [row["n"] for row in counts["funnel"]] == [24, 24, 12, 12, 12, 12, 12, 12, 24]
    assert counts["splits"][2] == {"split": "test", "subjects": 4, "studies": 4, "images": 4, "labelled_studies": 4}
    assert counts["partitions"][0]["region_boxes"] == 6 * 29
    assert counts["findings"] == [{"finding": "consolidation", "present": 12, "absent": 0, "uncertain": 0}]


def test_the_document_is_canonical(line, tmp_path: Path) -> None:
    line.first("region_labels").loc[0, "region"] = "\u00e9\u2028"
    texts = {to_json(to_document(judged(line, tmp_path / name))) for name in ("a", "b")}
    assert len(texts) == 1
    text = texts.pop()
    assert text.isascii() and text.endswith("}\n")
    assert str(tmp_path) not in text


def one(severity: str, n: int) -> Check:
    return Check("t", "c", ("x",), severity, "e", "Mend it.", 10, n, ({"k": 1}, {"k": None}))  # type: ignore[arg-type]


def test_the_verdict_is_that_of_the_worst_failure() -> None:
    assert judge([]) == "green"
    assert judge([one("critical", 0), one("info", 3)]) == "green"
    assert judge([one("critical", 0), one("warning", 1)]) == "amber"
    assert judge([one("critical", 1), one("warning", 1)]) == "red"


def test_a_refusal_says_rows_table_check_and_move(tmp_path: Path) -> None:
    words = refusal(Judgement((one("critical", 4), one("warning", 1)), {}), Path("p.html"))
    assert words == (
        "validation is red, 1 critical check failed. t: 4 of 10 fail c (x), expected e. "
        "Failing: k 1; k null and 2 more. Mend it. | All checks: p.html"
    )


def test_keys_are_sorted_distinct_and_plain() -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": pd.array([10, None, 9, 9], dtype="Int64"), "b": ["x", None, "y", "y"]})
    assert name_rows(frame, ("a", "b"), 2) == ({"a": None, "b": None}, {"a": 9, "b": "y"})
