from __future__ import annotations

from pathlib import Path

import pytest

from hilum.sources.layout import files_root, is_inside, read_place, shard_of, study_key

DICOM = "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014"
REPORT = "files/p10/p10000032/s50414267.txt"
IMAGE = f"files/p10/p10000032/s50414267/{DICOM}.jpg"


def test_a_path_of_the_form_carries_its_ids() -> None:
    report, image = read_place(REPORT, "report"), read_place(IMAGE, "image")
    assert (report.subject_id, report.study_id, report.dicom_id, report.problem) == (10_000_032, 50_414_267, None, None)
    assert (image.subject_id, image.study_id, image.dicom_id, image.shard) == (10_000_032, 50_414_267, DICOM, "p10")
    assert study_key(REPORT, "report") == study_key(IMAGE, "image") == "p10000032/s50414267"


@pytest.mark.parametrize(
    "path",
    [
        IMAGE.replace("p10/", "p11/", 1), IMAGE.replace(DICOM, DICOM.upper()), IMAGE.replace(DICOM, "1"),
        IMAGE.replace("s50414267", "s40414267"), IMAGE.replace("s50414267", "s504142670"), "x/" + IMAGE,
        IMAGE.replace("p10000032", "p20000032"), "files/" + DICOM + ".jpg",
    ],
)  # fmt: skip
def test_a_path_out_of_form_has_a_problem_and_is_its_own_study(path: str) -> None:
    assert read_place(path, "image").problem and study_key(path, "image") == path
    assert not read_place(path, "image").climbs


@pytest.mark.parametrize("path", ["/etc/passwd.txt", "files/../../x.txt", "files/p10/p10000032/../../../x.txt", ".."])
def test_a_path_that_climbs(path: str) -> None:
    assert read_place(path, "report").climbs


def test_ids_are_found_in_misplaced_files_too() -> None:
    place = read_place("files/p10/p10000032/s50414267/thumbs/small.jpg", "image")
    assert (place.subject_id, place.study_id, place.dicom_id) == (10_000_032, 50_414_267, None) and place.problem


def test_a_path_without_a_shard_goes_with_p10() -> None:
    assert shard_of("files/p17/p17000000/s50000000.txt") == "p17"
    assert shard_of("files/notes.txt") == shard_of("files/p99/p99000000/s50000000.txt") == "p10"


def test_links_are_followed_before_a_path_is_called_inside(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "files/out").symlink_to(tmp_path / "secret")
    (tmp_path / "files/in").symlink_to(tmp_path / "files")
    root = files_root(tmp_path)
    assert not is_inside(tmp_path / "files/out/x", root)
    assert is_inside(tmp_path / "files/in/x", root)
