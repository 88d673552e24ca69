"""One phantom patient: from a number to files and rows.

In: the recipe and the subject's number; ids, pictures and reports depend on nothing else. Out: files under a tree,
and the rows of the collection's tables.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hilum.phantom.anatomy import Thorax, draw_thorax
from hilum.phantom.case import StudyCase
from hilum.phantom.course import draw_course
from hilum.phantom.encode import dicom_bytes, jpeg_bytes
from hilum.phantom.frontal import Frontal, draw_frontal
from hilum.phantom.lateral import draw_lateral
from hilum.phantom.writer import write_report

MAX_STUDIES = 4
_COURSE, _PERSON, _STUDY, _REPORT, _FINDING, _BLOCK, _IDS = range(7)  # what a generator is for
_ID_SPACE = 10_000_000


@dataclass(frozen=True)
class Recipe:
    """What all subjects of a collection share. image_px: longest side; dicom_share: of studies, image as DICOM only."""

    seed: int
    image_px: int
    dicom_share: float


@dataclass(frozen=True)
class LeftOut:
    """Who is withdrawn from a collection: ids of subjects and of studies. Nobody else's bytes depend on it."""

    subjects: frozenset[int] = frozenset()
    studies: frozenset[int] = frozenset()


NOBODY = LeftOut()


@dataclass
class Rows:
    """What a subject adds to each table. files: path, kind, bytes, sha256. Others: in the order of their columns."""

    files: list[tuple[str, str, int, str]] = field(default_factory=list)
    images: list[tuple[Any, ...]] = field(default_factory=list)
    studies: list[tuple[int, int, str]] = field(default_factory=list)
    findings: list[tuple[object, ...]] = field(default_factory=list)
    region_boxes: list[tuple[object, ...]] = field(default_factory=list)
    statements: list[tuple[int, str | None, str, str]] = field(default_factory=list)


def generator(recipe: Recipe, *key: int) -> np.random.Generator:
    """The generator of one purpose of one subject."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([recipe.seed, *key])))


def subject_id_of(recipe: Recipe, number: int) -> int:
    """The id of subject `number`: 8 digits, the first a 1; no two numbers share one, and shards fill evenly."""
    start = int(generator(recipe, 0, _IDS).integers(_ID_SPACE))
    return 10_000_000 + (start + 6_180_339 * number) % _ID_SPACE


def study_ids_of(recipe: Recipe, number: int) -> tuple[int, ...]:
    """Ids for as many studies as a subject may have: 8 digits, the first a 5; in no order of time."""
    start = int(generator(recipe, 1, _IDS).integers(_ID_SPACE))
    return tuple(50_000_000 + (start + 7_548_777 * (MAX_STUDIES * number + k)) % _ID_SPACE for k in range(MAX_STUDIES))


def split_of(recipe: Recipe, number: int) -> str:
    """The subject's split: of each ten consecutive numbers seven train, one validates and two test."""
    block = generator(recipe, number // 10, _BLOCK).permutation(10)
    place = int(block[number % 10])
    return "train" if place < 7 else "validate" if place < 8 else "test"


def write_subject(recipe: Recipe, tree: Path, number: int, left_out: LeftOut = NOBODY) -> Rows:
    """Write the files of one subject under `tree`, without the studies left out; returns its rows."""
    subject_id = subject_id_of(recipe, number)
    if subject_id in left_out.subjects:
        return Rows()
    cases = draw_course(generator(recipe, number, _COURSE), subject_id, study_ids_of(recipe, number))
    person_rng = generator(recipe, number, _PERSON)
    person = draw_thorax(person_rng, cases[0].sex, cases[0].age)
    rows = Rows()
    for case in cases:
        if case.study_id not in left_out.studies:
            _write_study(recipe, tree, number, person, case, rows)
    return rows


def study_folder(subject_id: int, study_id: int) -> str:
    """The study's folder in MIMIC's layout; its report lies beside it with the suffix .txt."""
    return f"files/p{str(subject_id)[:2]}/p{subject_id}/s{study_id}"


def _write_study(recipe: Recipe, tree: Path, number: int, person: Thorax, case: StudyCase, rows: Rows) -> None:
    rng = generator(recipe, number, _STUDY, case.study_index)
    folder = study_folder(case.subject_id, case.study_id)
    report = write_report(case, generator(recipe, number, _REPORT, case.study_index))
    put_file(tree, f"{folder}.txt", "report", report.text.encode("utf-8"), rows)
    rows.studies.append((case.subject_id, case.study_id, f"{folder}.txt"))
    said = sorted({(s.region, s.finding, s.label) for s in report.statements}, key=lambda s: (s[0] or "", s[1], s[2]))
    rows.statements += [(case.study_id, *statement) for statement in said]
    as_dicom = bool(rng.uniform() < recipe.dicom_share)
    split = split_of(recipe, number)

    def finding_rng(key: str) -> np.random.Generator:
        return generator(recipe, number, _FINDING, zlib.crc32(key.encode("ascii")))

    for view in _views(case, rng):
        dicom_id = "-".join(f"{part:08x}" for part in rng.integers(0, 2**32, 5))
        film = np.random.Generator(np.random.PCG64(int(rng.integers(2**62))))
        if view in ("PA", "AP"):
            frontal = draw_frontal(person, case.findings, view, recipe.image_px, number, finding_rng, film)
            grey = frontal.grey
            _note_truth(dicom_id, case, frontal, rows)
        else:
            grey = draw_lateral(person, case.findings, recipe.image_px, film)
        if as_dicom:
            inverted = bool(rng.uniform() < 0.5)
            content = dicom_bytes(grey, dicom_id, case.subject_id, case.study_id, view, case.study_datetime, inverted)
        else:
            content = jpeg_bytes(grey)
        path = f"{folder}/{dicom_id}.{'dcm' if as_dicom else 'jpg'}"
        put_file(tree, path, "image", content, rows)
        rows.images.append((dicom_id, case, view, *grey.shape, split, path))


def _views(case: StudyCase, rng: np.random.Generator) -> list[str]:
    """Views of a study's images: mostly one frontal, now and then two or three, the lateral last."""
    n_frontals = 1 + int(rng.choice(3, p=(0.80, 0.16, 0.04)))
    views = [case.view] * n_frontals
    if case.has_lateral:
        views.append("LATERAL" if rng.uniform() < 0.7 else "LL")
    return views


def _note_truth(dicom_id: str, case: StudyCase, frontal: Frontal, rows: Rows) -> None:
    for index, (finding, box) in enumerate(zip(case.findings, frontal.finding_boxes, strict=True)):
        rows.findings.append((dicom_id, case.study_id, index, finding.finding, finding.region, finding.severity, *box))
    rows.region_boxes += [(dicom_id, region, *box) for region, box in frontal.region_boxes.items()]


def put_file(tree: Path, path: str, kind: str, content: bytes, rows: Rows) -> None:
    """Write one file of the tree and note it in `rows.files`."""
    target = tree / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    rows.files.append((path, kind, len(content), hashlib.sha256(content).hexdigest()))
