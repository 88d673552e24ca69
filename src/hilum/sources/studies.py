"""Verdicts on single files in, the tables of a partition out: manifest, quarantine, reports.

Pure. A study is usable when it has a usable report and at least one usable image; so every `ok` report has an `ok`
image and the other way round. A study of which one half is set aside is set aside whole, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from hilum.schema import MANIFEST, QUARANTINE, REPORTS
from hilum.sources.files import PlacedFile, Verdict
from hilum.sources.source_tables import ImageRow, SourceTables


@dataclass(frozen=True)
class SplitRule:
    """How subjects are divided where the source has no split table. shares: (split, share), in order."""

    seed: int
    shares: tuple[tuple[str, float], ...]

    def assign(self, subject_id: int) -> str:
        """The subject's split: a hash of the seed and the id, so that no other subject has a say in it."""
        digest = hashlib.sha256(f"{self.seed}:{subject_id}".encode()).digest()
        point = int.from_bytes(digest[:8], "big") / 2**64 * sum(share for _, share in self.shares)
        for split, share in self.shares:
            if point < share:
                return split
            point -= share
        return self.shares[-1][0]


@dataclass(frozen=True)
class Ingested:
    """The three tables of a partition."""

    manifest: pd.DataFrame
    quarantine: pd.DataFrame
    reports: pd.DataFrame


@dataclass
class _Case:
    """One file on its way to its row."""

    one: PlacedFile
    verdict: Verdict
    reason: str | None
    detail: str
    row: ImageRow | None = None
    split: str | None = None


def assemble(
    landing: str, files: Sequence[PlacedFile], verdicts: Sequence[Verdict], tables: SourceTables, rule: SplitRule
) -> Ingested:
    """Join files, verdicts and tables into the partition's tables."""
    cases = [_Case(one, verdict, verdict.reason, verdict.detail) for one, verdict in zip(files, verdicts)]
    for case in cases:
        _add_split(case, tables.split, rule)
        if case.one.file.kind == "image":
            _add_metadata(case, tables.metadata)
    studies: dict[tuple[int, int], list[_Case]] = {}
    for case in cases:
        place = case.one.place
        if place.problem is None and place.subject_id is not None and place.study_id is not None:
            studies.setdefault((place.subject_id, place.study_id), []).append(case)
    for study in studies.values():
        _check_halves(study)
    times = {key: min((c.row.study_datetime for c in study if c.row and c.row.study_datetime), default=None)
             for key, study in studies.items()}  # fmt: skip
    return Ingested(
        manifest=pd.DataFrame([_manifest_row(landing, case, times) for case in cases],
                              columns=list(MANIFEST.column_names), dtype=object),
        quarantine=pd.DataFrame([(c.one.file.path, c.reason, c.detail) for c in cases if c.reason],
                                columns=list(QUARANTINE.column_names), dtype=object),
        reports=pd.DataFrame([(c.one.place.study_id, c.one.place.subject_id, c.split, c.verdict.text)
                              for c in cases if c.one.file.kind == "report" and c.reason is None],
                             columns=list(REPORTS.column_names), dtype=object),
    )  # fmt: skip


def _add_split(case: _Case, split: Mapping[int, str | None] | None, rule: SplitRule) -> None:
    """The subject's split. A report cannot be missing from a table of images; it follows its images."""
    subject_id = case.one.place.subject_id
    if subject_id is None:
        return
    if split is None:
        case.split = rule.assign(subject_id)
        return
    case.split = split.get(subject_id)
    if case.split is None and case.reason is None and case.one.file.kind == "image":
        several = subject_id in split
        case.reason = "missing_split_row"
        case.detail = (
            f"the split table has subject {subject_id} in several splits"
            if several
            else f"the split table has no row of subject {subject_id}"
        )


def _add_metadata(case: _Case, metadata: Mapping[str, ImageRow] | None) -> None:
    place = case.one.place
    if metadata is None or place.problem is not None or place.dicom_id is None:
        return
    case.row = metadata.get(place.dicom_id)
    if case.reason is not None:
        return
    if case.row is None:
        case.reason = "missing_metadata_row"
        case.detail = "the metadata table has no well-formed row of the image"
    elif (case.row.subject_id, case.row.study_id) != (place.subject_id, place.study_id):
        case.reason = "bad_id"
        case.detail = (
            f"the path says subject {place.subject_id}, study {place.study_id}; "
            f"the metadata table says {case.row.subject_id}, {case.row.study_id}"
        )


def _check_halves(study: list[_Case]) -> None:
    """Set aside what is left of a study that has lost, or never had, its report or all its images."""
    reports = [case for case in study if case.one.file.kind == "report"]
    images = [case for case in study if case.one.file.kind == "image"]
    reports_ok, images_ok = (any(c.reason is None for c in half) for half in (reports, images))
    if not images_ok:
        _set_aside(reports, "report_without_image", images, "image")
    if not reports_ok:
        _set_aside(images, "image_without_report", reports, "report")


def _set_aside(half: list[_Case], reason: str, other: list[_Case], word: str) -> None:
    found = sorted({case.reason for case in other if case.reason})
    detail = f"the study's {word} is set aside: {', '.join(found)}" if found else f"the study has no {word}"
    for case in half:
        if case.reason is None:
            case.reason, case.detail = reason, detail


def _manifest_row(landing: str, case: _Case, times: Mapping[tuple[int, int], str | None]) -> tuple[object, ...]:
    file, place, row = case.one.file, case.one.place, case.row
    rows_px, columns_px = case.verdict.size or (None, None)
    time = row.study_datetime if row else None
    if file.kind == "report" and place.subject_id is not None and place.study_id is not None:
        time = times.get((place.subject_id, place.study_id))
    return (
        file.path, landing, place.subject_id, place.study_id, place.dicom_id, file.kind, file.bytes, file.sha256,
        row.view_position if row else None, rows_px, columns_px, case.split, time,
        "quarantined" if case.reason else "ok",
    )  # fmt: skip
