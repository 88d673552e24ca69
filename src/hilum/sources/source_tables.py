"""The tables at the root of a source: which file is which, and their rows with every column checked.

In: the tables a landing brought (metadata, split, labels, SHA256SUMS.txt), csv or csv.gz. Out: plain dicts by image
or subject, and the labels as they stand. A table may be absent; an unknown table or column is tolerated and logged; a
row that does not fit is left out and counted. A column of which most values do not fit is of the wrong type, and the
table is refused.
"""

from __future__ import annotations

import gzip
import logging
import re
import zlib
from collections.abc import Iterable, Mapping
from csv import reader as csv_reader
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from hilum.errors import BadDataError
from hilum.schema import CHEXPERT, DICOM_PATTERN, LABELLERS, SHA256_PATTERN, SPLITS

log = logging.getLogger(__name__)

_ROLES = (
    ("metadata", re.compile(r"^mimic-cxr-.*-metadata\.csv(\.gz)?$")),
    ("split", re.compile(r"^mimic-cxr-.*-split\.csv(\.gz)?$")),
    ("checksums", re.compile(r"^SHA256SUMS\.txt$")),
    ("chexpert", re.compile(r"^mimic-cxr-.*-chexpert\.csv(\.gz)?$")),
    ("negbio", re.compile(r"^mimic-cxr-.*-negbio\.csv(\.gz)?$")),
    ("test_set", re.compile(r"^mimic-cxr-.*-test-set-labeled\.csv(\.gz)?$")),
)
_SUBJECT, _STUDY = r"^1[0-9]{7}$", r"^5[0-9]{7}$"
_NUMBER = r"^([0-9]+(\.[0-9]*)?)?$"
# column -> pattern of a value, and the words for it in an error
METADATA_COLUMNS: Mapping[str, tuple[str, str]] = {
    "dicom_id": (DICOM_PATTERN, "five groups of 8 hex digits"),
    "subject_id": (_SUBJECT, "8 digits, the first a 1"),
    "study_id": (_STUDY, "8 digits, the first a 5"),
    "ViewPosition": (r"^[A-Za-z0-9_ -]*$", "a DICOM view position such as PA, AP or LATERAL, or nothing"),
    "StudyDate": (r"^([0-9]{8})?(\.0*)?$", "YYYYMMDD"),
    "StudyTime": (r"^([0-9]{1,6}(\.[0-9]*)?)?$", "hhmmss.fff"),
    "Rows": (_NUMBER, "a number of pixels"),
    "Columns": (_NUMBER, "a number of pixels"),
}
SPLIT_COLUMNS: Mapping[str, tuple[str, str]] = {
    "dicom_id": METADATA_COLUMNS["dicom_id"],
    "subject_id": METADATA_COLUMNS["subject_id"],
    "split": (f"^({'|'.join(SPLITS)})$", " or ".join(SPLITS)),
}
_LABEL = (r"^(-?1(\.0*)?|0(\.0*)?)?$", "1.0, 0.0, -1.0 or nothing")
LABEL_COLUMNS: Mapping[str, tuple[str, str]] = {
    "study_id": METADATA_COLUMNS["study_id"],
    **dict.fromkeys(CHEXPERT, _LABEL),
}
_RENAMED = {"Airspace Opacity": "Lung Opacity"}  # the test set's name for it
_KNOWN_METADATA = {
    "PerformedProcedureStepDescription", "ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
}  # fmt: skip


@dataclass(frozen=True)
class ImageRow:
    """What the metadata table says of one image. study_datetime: YYYYMMDDhhmmss."""

    subject_id: int
    study_id: int
    view_position: str | None
    study_datetime: str | None


@dataclass(frozen=True)
class SourceTables:
    """The tables of a source, read; each None where the source has no such table.

    metadata: by dicom_id. split: by subject_id; a subject that the table has in two splits maps to None.
    checksums: sha256 by path. labels: by labeller, study_id and CheXpert's columns, one row a study.
    """

    metadata: Mapping[str, ImageRow] | None
    split: Mapping[int, str | None] | None
    checksums: Mapping[str, str] | None
    labels: Mapping[str, pa.Table] = field(default_factory=dict)


def table_role(name: str) -> str | None:
    """What a file at the root is used for: metadata, split, checksums, or a labeller's; None for every other table."""
    return next((role for role, pattern in _ROLES if pattern.match(name)), None)


def choose_tables(names: Iterable[str]) -> dict[str, str]:
    """Role -> name of the table that is used for it; of several versions the one that sorts last."""
    return {role: name for name in sorted(names) if (role := table_role(name))}


def read_source_tables(paths: Mapping[str, Path]) -> SourceTables:
    """Read the tables of a source. paths: role -> file.

    Raises BadDataError if a table cannot be read, lacks a needed column, or has one of the wrong type.
    """
    return SourceTables(
        metadata=read_metadata(paths["metadata"]) if "metadata" in paths else None,
        split=read_split(paths["split"]) if "split" in paths else None,
        checksums=read_checksums(paths["checksums"]) if "checksums" in paths else None,
        labels={labeller: read_labels(paths[labeller]) for labeller in LABELLERS if labeller in paths},
    )


def read_metadata(path: Path) -> dict[str, ImageRow]:
    """View position and date of every image, by dicom_id; the first of several rows counts."""
    needed = ("dicom_id", "subject_id", "study_id")
    table = _read_checked(path, METADATA_COLUMNS, needed, "subject_id study_id dicom_id", _KNOWN_METADATA)
    nothing = [""] * table.num_rows
    columns = {n: table.column(n).to_pylist() if n in table.column_names else nothing for n in METADATA_COLUMNS}
    rows: dict[str, ImageRow] = {}
    for dicom, subject, study, view, date, time in zip(
        *(columns[n] for n in ("dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate", "StudyTime"))
    ):
        row = ImageRow(int(subject), int(study), view.strip().upper() or None, study_datetime(date, time))
        rows.setdefault(dicom, row)
    return rows


def read_split(path: Path) -> dict[int, str | None]:
    """The split of every subject; None for a subject that the table has in more than one."""
    table = _read_checked(path, SPLIT_COLUMNS, ("subject_id", "split"), "subject_id split", {"study_id"})
    splits: dict[int, str | None] = {}
    for text, split in zip(table.column("subject_id").to_pylist(), table.column("split").to_pylist()):
        subject = int(text)
        splits[subject] = split if splits.get(subject, split) == split else None
    return splits


def read_labels(path: Path) -> pa.Table:
    """study_id (int64) and CheXpert's 14 columns (float64, null = not mentioned); the first of several rows counts."""
    table = _read_checked(path, LABEL_COLUMNS, tuple(LABEL_COLUMNS), "study_id", {"subject_id"}, _RENAMED)
    studies = table.column("study_id").cast(pa.int64())
    _, first = np.unique(studies.to_numpy(), return_index=True)
    if len(first) < len(studies):
        log.warning("%s: %d rows repeat a study and are left out", path.name, len(studies) - len(first))
    columns = [studies, *(_numbers(table.column(name)) for name in CHEXPERT)]
    return pa.table(columns, names=["study_id", *CHEXPERT]).take(pa.array(np.sort(first)))


def _numbers(words: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(words, ""), None, words).cast(pa.float64())


def read_checksums(path: Path) -> dict[str, str]:
    """sha256 by path, from the lines that sha256sum writes; other lines are counted and left out."""
    sums: dict[str, str] = {}
    n_bad = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition(" ")
        if re.match(SHA256_PATTERN, digest.lower()) and name.strip():
            sums[name.strip().removeprefix("*").removeprefix("./")] = digest.lower()
        elif line.strip():
            n_bad += 1
    if n_bad:
        log.warning("%s: %d lines are not `<sha256>  <path>` and were left out", path.name, n_bad)
    return sums


def study_datetime(date: str, time: str) -> str | None:
    """StudyDate and StudyTime as YYYYMMDDhhmmss; None without a date. MIMIC's times are floats: 93012.5 is 09:30:12."""
    day = date.partition(".")[0]
    clock = time.partition(".")[0].zfill(6)
    return f"{day}{clock}" if len(day) == 8 and len(clock) == 6 else None


def _read_checked(
    path: Path,
    columns: Mapping[str, tuple[str, str]],
    needed: tuple[str, ...],
    judged: str,
    known: set[str],
    renamed: Mapping[str, str] | None = None,
) -> pa.Table:
    """The table without the rows whose `judged` columns do not fit; other misfits become empty."""
    table = _read_csv(path)
    if renamed:
        table = table.rename_columns([renamed.get(name, name) for name in table.column_names])
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise BadDataError(
            f"{path.name}: columns {missing} are missing; found {table.column_names}. "
            f"Take the table as PhysioNet ships it, or remove it from the source, and run `hilum land` again."
        )
    unknown = sorted(set(table.column_names) - set(columns) - known)
    if unknown:
        log.info("%s: unknown columns %s are ignored", path.name, unknown)
    keep = np.ones(table.num_rows, dtype=bool)
    for name, (pattern, words) in columns.items():
        if name not in table.column_names:
            continue
        fits = _fits(table, name, pattern, words, path)
        if name in judged.split():
            keep &= fits
        elif not fits.all():
            log.warning("%s: column '%s' is not %s in %d rows and is taken as empty there", path.name, name, words,
                        int((~fits).sum()))  # fmt: skip
            values = pc.if_else(pa.array(fits), table.column(name), "")
            table = table.set_column(table.column_names.index(name), name, values)
    if not keep.all():
        log.warning("%s: %d of %d rows have no well-formed %s and are left out", path.name, int((~keep).sum()),
                    len(keep), " or ".join(judged.split()))  # fmt: skip
    return table.filter(pa.array(keep))


def _fits(table: pa.Table, name: str, pattern: str, words: str, path: Path) -> np.ndarray:
    """Which rows' values fit; BadDataError if fewer than half of them do."""
    fits: np.ndarray = np.asarray(pc.match_substring_regex(table.column(name), pattern).to_pylist(), dtype=bool)
    if len(fits) and fits.sum() * 2 < len(fits):
        first = int(np.flatnonzero(~fits)[0]) + 2
        raise BadDataError(
            f"{path.name}: column '{name}' is of the wrong type: {int((~fits).sum())} of {len(fits)} values are not "
            f"{words} (the first in line {first}). Mend the table in the source, or remove it from there if it is "
            f"optional, and run `hilum land` again."
        )
    return fits


def _read_csv(path: Path) -> pa.Table:
    """Every column as text; rows with too few or too many fields are left out and counted."""
    n_ragged = 0

    def skip(_: object) -> str:
        nonlocal n_ragged
        n_ragged += 1
        return "skip"

    try:
        names = _column_names(path)
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except (OSError, EOFError, ValueError, StopIteration, zlib.error, pa.ArrowException) as error:
        raise BadDataError(
            f"{path.name}: cannot be read as a csv table ({type(error).__name__}); expected UTF-8 text with a header "
            f"line{', compressed by gzip' if path.suffix == '.gz' else ''}. Fetch it again and run `hilum land`."
        ) from None
    if n_ragged:
        log.warning("%s: %d rows have too few or too many fields and are left out", path.name, n_ragged)
    return table


def _column_names(path: Path) -> list[str]:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8-sig", newline="") as stream:
        names = next(csv_reader(stream))
    if len(set(names)) != len(names):
        raise ValueError("a column name occurs twice")
    return names
