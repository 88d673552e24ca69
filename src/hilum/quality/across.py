"""Checks across tables, first half: do the tables speak of the same subjects, studies, images and files?

In: frames as `reading` gives them. Out: one `Check` each. Each check names the columns it needs; where one is
missing the check is reported as failed, with what was missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from hilum.quality.checks import Check, Key, Severity, name_rows

Frames = Mapping[str, pd.DataFrame]
_GEOMETRY = ("dicom_id", "study_id", "subject_id", "split", "rows_px", "columns_px")
_REMAKE = "Run `dvc repro` to make both tables from the same files; if it stays, the stage that wrote them is at fault."


@dataclass(frozen=True)
class CrossCheck:
    """A check that needs more than one row, or more than one table.

    needs: "table.column" of all it reads; the first is the table it is reported under. find: frames -> the failing
    rows (holding the columns of `key`) and how many rows were looked at.
    """

    check: str
    needs: tuple[str, ...]
    key: tuple[str, ...]
    severity: Severity
    expected: str
    next_move: str
    find: Callable[[Frames], tuple[pd.DataFrame, int]]


def of(table: str, *columns: str) -> tuple[str, ...]:
    """Columns of one table as a check's `needs` names them."""
    return tuple(f"{table}.{column}" for column in columns)


def run_check(check: CrossCheck, frames: Frames) -> Check:
    """Judge one check; a needed column that is not there fails it."""
    needed = [name.split(".") for name in check.needs]
    missing: list[Key] = [{"missing": f"{t}.{c}"} for t, c in needed if c not in frames[t].columns]
    table = needed[0][0]
    mine = dict.fromkeys(column for name, column in needed if name == table)
    failing, n_rows = (None, 0) if missing else check.find(frames)
    return Check(
        table=table,
        check=check.check,
        columns=tuple(column for column in mine if column not in check.key) or check.key,
        severity=check.severity,
        expected=check.expected,
        next_move=check.next_move,
        n_rows=n_rows,
        n_unexpected=len(missing) if failing is None else len(failing),
        examples=tuple(missing) if failing is None else name_rows(failing, check.key),
    )


def find_split_subjects(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Subjects that appear in more than one split, wherever they appear."""
    columns = ["subject_id", "split"]
    rows = pd.concat([frames[name][columns] for name in ("manifest", "reports", "images")]).dropna()
    splits = rows.groupby("subject_id")["split"].nunique()
    return splits[splits > 1].reset_index(), len(splits)


def find_incomplete_files(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Usable files without a subject, study or split, and usable images without an id or a size."""
    usable = _usable(frames)
    always = usable[["subject_id", "study_id", "split"]].isna().any(axis=1)
    of_images = usable[["dicom_id", "rows_px", "columns_px"]].isna().any(axis=1) & (usable["kind"] == "image")
    return usable[always | of_images], len(usable)


def find_quarantine_mismatch(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Paths that only one of manifest (as quarantined) and quarantine names."""
    manifest = frames["manifest"]
    marked = manifest.loc[manifest["status"] == "quarantined", ["path"]]
    return _one_sided(marked, frames["quarantine"], "path"), len(marked)


def find_report_mismatch(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Studies that only one of manifest (as a usable report) and the reports table names."""
    usable = _usable(frames)
    listed = usable.loc[usable["kind"] == "report", ["study_id", "partition"]]
    return _one_sided(listed, frames["reports"], ["study_id", "partition"]), len(listed)


def find_unlabelled_studies(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Studies that only one of the reports table and the table of CheXpert's labels names."""
    reports = frames["reports"]
    return _one_sided(reports, frames["chexpert_labels"], ["study_id", "partition"]), len(reports)


def find_unknown_images(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Packed images that are not a usable image of the manifest with the same study, subject, split and size."""
    columns = [*_GEOMETRY, "partition"]
    usable = _usable(frames)
    known = usable.loc[usable["kind"] == "image", columns]
    return _absent(frames["images"], known, columns), len(frames["images"])


def find_unpacked_frontals(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Usable images whose view is PA or AP and that were not packed."""
    usable = _usable(frames)
    frontal = usable[(usable["kind"] == "image") & usable["view_position"].isin(["PA", "AP"])]
    return _absent(frontal, frames["images"], ["dicom_id"]), len(frontal)


def find_shared_pixels(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Images that claim the same place of a partition's pixel array as another."""
    images = frames["images"]
    return images[images.duplicated(["partition", "row"], keep=False)], len(images)


def find_images_without_boxes(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Packed images for which no region has a box."""
    return _absent(frames["images"], frames["region_boxes"], ["dicom_id"]), len(frames["images"])


def find_studies_without_frontal(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Studies with a report and no packed image: they teach nothing and cannot be found."""
    return _absent(frames["reports"], frames["images"], ["study_id"]), len(frames["reports"])


def _usable(frames: Frames) -> pd.DataFrame:
    manifest = frames["manifest"]
    return manifest[manifest["status"] == "ok"]


def _absent(rows: pd.DataFrame, known: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The rows whose values in `columns` no row of `known` has."""
    keys = known[columns].drop_duplicates()
    merged = rows[columns].merge(keys.assign(_known=True), on=columns, how="left", validate="m:1")
    return rows[merged["_known"].isna().to_numpy()]


def _one_sided(left: pd.DataFrame, right: pd.DataFrame, on: str | list[str]) -> pd.DataFrame:
    columns = [on] if isinstance(on, str) else on
    return pd.concat([_absent(left, right, columns)[columns], _absent(right, left, columns)[columns]])


def _known_study(table: str, *rest_of_key: str) -> CrossCheck:
    def find(frames: Frames) -> tuple[pd.DataFrame, int]:
        return _absent(frames[table], frames["reports"], ["study_id", "partition"]), len(frames[table])

    return CrossCheck(
        "known_study",
        (*of(table, "study_id", *rest_of_key), "reports.study_id"),
        ("study_id", *rest_of_key),
        "critical",
        "every study has a usable report in the same partition",
        _REMAKE,
        find,
    )


CHECKS = (
    CrossCheck(
        "one_split",
        tuple(f"{table}.{name}" for table in ("manifest", "reports", "images") for name in ("subject_id", "split")),
        ("subject_id",),
        "critical",
        "no subject is in two splits",
        "Correct the source's split table so that these subjects have one split each, land it, and run `dvc repro`.",
        find_split_subjects,
    ),
    CrossCheck(
        "complete",
        (
            *of("manifest", "subject_id", "study_id", "split", "dicom_id"),
            *of("manifest", "rows_px", "columns_px", "kind", "status", "path"),
        ),
        ("path",),
        "critical",
        "a usable file has subject, study and split, a usable image also its id and size",
        "`ingest` should have set these files aside: correct its rules and run `dvc repro`.",
        find_incomplete_files,
    ),
    CrossCheck(
        "same_files",
        (*of("quarantine", "path"), *of("manifest", "path", "status")),
        ("path",),
        "critical",
        "exactly the files the manifest calls quarantined",
        _REMAKE,
        find_quarantine_mismatch,
    ),
    CrossCheck(
        "same_studies",
        (*of("reports", "study_id"), *of("manifest", "study_id", "kind", "status")),
        ("study_id",),
        "critical",
        "exactly the studies with a usable report in the manifest, partition by partition",
        _REMAKE,
        find_report_mismatch,
    ),
    _known_study("sections", "section_index"),
    _known_study("mentions", "mention_id"),
    _known_study("region_labels"),
    _known_study("published_labels", "labeller"),
    CrossCheck(
        "same_studies",
        (*of("chexpert_labels", "study_id"), *of("reports", "study_id")),
        ("study_id",),
        "critical",
        "exactly the studies with a usable report, partition by partition",
        _REMAKE,
        find_unlabelled_studies,
    ),
    CrossCheck(
        "known_image",
        (*of("images", *_GEOMETRY), *of("manifest", *_GEOMETRY, "kind", "status")),
        ("dicom_id",),
        "critical",
        "a usable image of the manifest, with the same study, subject, split and size",
        _REMAKE,
        find_unknown_images,
    ),
    CrossCheck(
        "all_frontals",
        (*of("images", "dicom_id"), *of("manifest", "dicom_id", "view_position", "kind", "status")),
        ("dicom_id",),
        "critical",
        "every usable image taken PA or AP is packed",
        _REMAKE,
        find_unpacked_frontals,
    ),
    CrossCheck(
        "own_pixels",
        of("images", "row", "dicom_id"),
        ("dicom_id",),
        "critical",
        "no two images share a place in the pixel array",
        _REMAKE,
        find_shared_pixels,
    ),
    CrossCheck(
        "has_boxes",
        (*of("images", "dicom_id"), *of("region_boxes", "dicom_id")),
        ("dicom_id",),
        "critical",
        "every packed image has region boxes",
        _REMAKE,
        find_images_without_boxes,
    ),
    CrossCheck(
        "has_frontal",
        (*of("reports", "study_id"), *of("images", "study_id")),
        ("study_id",),
        "info",
        "a study with a report has a packed frontal image",
        "Nothing to do: such studies are read and not learned from.",
        find_studies_without_frontal,
    ),
)
