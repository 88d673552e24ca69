"""Cases: what a map looks for, what is shared with the query, and what a report names where."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hilum.browse.cases import Archive as CaseArchive
from hilum.browse.cases import gather_cases
from hilum.browse.films import Film
from hilum.browse.sentences import Claim, Sentence
from hilum.evaluation.heatmaps import Frame
from hilum.retrieval.search import Answer
from hilum.schema import IMAGES
from hilum.tables import write_table
from tests.unit.browse.material import HOSTILE, Kept

LUNG = "left lung"


def said(finding: str, assertion: str = "present") -> tuple[Sentence, ...]:
    return (Sentence("words", (Claim(finding, assertion, 0, 5),)),)


@dataclass
class Films:
    """Study i is of image `i`."""

    def first_of(self, study_id: int) -> str | None:
        return None

    def read(self, ids: list[str]) -> dict[str, Film]:
        frame = Frame(10, 10, 1, 0, 0, 10)
        return {i: Film(i, np.zeros((10, 10), np.uint8), frame, {}, int(i), int(i)) for i in ids}


@dataclass
class Archive:
    reports: dict[int, tuple[Sentence, ...]]
    films: Films = field(default_factory=Films)

    def sentences(self, studies: set[int], regions: list[str]) -> dict[int, tuple[Sentence, ...]]:
        return {study: self.reports[study] for study in studies if study in self.reports}


ANSWERS = [Answer(n, str(n), n, n, 0.5, 0.5, 0.5, (0.5,)) for n in (1, 2, 3)]
REPORTS = {1: said("atelectasis", "absent"), 2: said("pleural_effusion"), 9: said("pleural_effusion")}


def test_a_map_looks_for_what_the_report_asserts_else_for_what_the_query_has() -> None:
    archive = Archive(REPORTS)
    asker = archive.films.read(["9"])["9"]
    found = gather_cases(archive, asker, ANSWERS, [LUNG])  # type: ignore[arg-type]
    assert [(case.phrase, case.borrowed) for case in found.cases] == [
        ("pleural effusion", True), ("pleural effusion", False), ("pleural effusion", True)]  # fmt: skip
    assert [case.shared for case in found.cases] == [(), ("pleural effusion",), ()]
    assert found.query is not None and (found.query.phrase, found.query.borrowed) == ("pleural effusion", False)


def test_a_map_prefers_a_finding_that_the_query_has() -> None:
    both = (*said("atelectasis"), *said("pleural_effusion"))
    archive = Archive({**REPORTS, 1: both})
    found = gather_cases(archive, archive.films.read(["9"])["9"], ANSWERS, [LUNG])  # type: ignore[arg-type]
    assert found.cases[0].phrase == "pleural effusion"
    assert gather_cases(archive, None, ANSWERS, [LUNG]).cases[0].phrase == "atelectasis"  # type: ignore[arg-type]


def test_a_query_without_a_report_takes_the_nearest_case_s_finding() -> None:
    archive = Archive({2: said("atelectasis", "uncertain"), 3: said("pleural_effusion")})
    outside = Film("x.png", np.zeros((10, 10), np.uint8), Frame(10, 10, 1, 0, 0, 10), {})
    found = gather_cases(archive, outside, ANSWERS, [LUNG])  # type: ignore[arg-type]
    assert found.query is not None and (found.query.phrase, found.query.borrowed) == ("atelectasis", True)
    assert [case.phrase for case in found.cases] == ["atelectasis", "atelectasis", "pleural effusion"]
    assert all(case.shared == () for case in found.cases)


def test_a_text_is_what_every_map_looks_for() -> None:
    found = gather_cases(Archive(REPORTS), None, ANSWERS, [LUNG], "a pneumothorax")  # type: ignore[arg-type]
    assert found.query is None
    assert {(case.phrase, case.borrowed) for case in found.cases} == {("a pneumothorax", False)}


def test_nothing_said_is_nothing_to_look_for() -> None:
    found = gather_cases(Archive({}), None, ANSWERS[:1], [LUNG])  # type: ignore[arg-type]
    assert found.cases[0].phrase is None and found.cases[0].said == ()


def test_a_report_without_an_image_is_a_case_without_a_film() -> None:
    report = replace(ANSWERS[1], dicom_id="")  # as a report answers
    (case,) = gather_cases(Archive(REPORTS), None, [report], [LUNG]).cases  # type: ignore[arg-type]
    assert case.film is None and case.said == REPORTS[2] and case.phrase == "pleural effusion"


def test_reports_of_studies_without_images_are_found(kept: Kept, tmp_path: Path) -> None:
    data = shutil.copytree(kept.data, tmp_path / "data")
    study = 50_000_000 + next(n for n, drawn in enumerate(kept.truth.values()) if drawn)
    place = next(drawn[0] for drawn in kept.truth.values() if drawn)
    for partition in kept.partitions:
        images = kept.table("images", partition, IMAGES)
        write_table(data / "images" / f"{partition}.parquet", images[images["study_id"] != study], IMAGES)
    archive = CaseArchive(data, kept.partitions)
    assert archive.films.first_of(study) is None and archive.films.first_of(study + 1) is not None
    assert list(archive.sentences([study], [place])) == [study]


def test_reports_are_read_from_the_tables(kept: Kept) -> None:
    rows = kept.index.rows
    for dicom_id, study in list(zip(rows["dicom_id"], rows["study_id"]))[:: len(rows) // 8]:
        drawn = kept.truth[dicom_id]
        named = kept.archive.named(int(study))
        if drawn is None:
            assert named == {}
            continue
        place, finding = drawn
        assert list(named.values()) == [(place,)]
        (sentence,) = kept.archive.sentences([int(study)], [place])[int(study)]
        assert HOSTILE in sentence.text and sentence.text.endswith(f"{place}.")
        assert [claim.finding for claim in sentence.claims] == [finding]
