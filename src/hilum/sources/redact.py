"""Withdrawn subjects and studies taken out of what a landing keeps: its listing, its tables, a phantom's truth.

In: the landings of a checkout. Out: listings and kept tables without a row of what is withdrawn, and descriptors that
say which ids are left out and what the listing's digest is now. What a stage generates is not touched: the stage reads
the descriptor and leaves them out itself. What must stay is the bare ids, in data/landings and data/partitions: without
them the next landing would bring a person back.
The new files lie ready in `.next` before the descriptor names them, so that a command killed anywhere is mended by the
next one. Known to be imperfect: a table that is refused or not csv is kept as it is where no line of it is known.
"""

from __future__ import annotations

import csv
import gzip
import io
import logging
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.schema import LISTING, TRUTH_FINDINGS, TRUTH_REGION_BOXES, TRUTH_STATEMENTS
from hilum.sources.descriptors import LANDINGS_FOLDER, Landing, read_landings, write_descriptor
from hilum.sources.files import TABLES_FOLDER
from hilum.sources.held import RAW_FOLDER, TRUTH_FOLDER, listing_path
from hilum.sources.layout import CHECKSUMS, read_place
from hilum.sources.scan import sha256_of
from hilum.sources.source_tables import choose_tables
from hilum.tables import read_table, write_table

log = logging.getLogger(__name__)

NEXT = ".next"
TRUTH = "truth"
_TRUTH_TABLES = {
    "findings.parquet": TRUTH_FINDINGS,
    "region_boxes.parquet": TRUTH_REGION_BOXES,
    "statements.parquet": TRUTH_STATEMENTS,
}
_GZIP = b"\x1f\x8b"
_IN_PATH = re.compile(r"(?:^|/)(?:p(1[0-9]{7})|s(5[0-9]{7}))(?=[./]|$)")


@dataclass
class Gone:
    """What is withdrawn, and in one landing also the studies and images that belong to it."""

    subjects: set[str] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)
    dicoms: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.subjects or self.studies)

    def has(self, subject: str | None, study: str | None, dicom: str | None) -> bool:
        """Whether one of the ids is withdrawn."""
        return subject in self.subjects or study in self.studies or dicom in self.dicoms

    def learn(self, subject: str | None, study: str | None, dicom: str | None) -> bool:
        """As `has`, and what else the row names is of the same person or study from now on."""
        if subject in self.subjects and study:
            self.studies.add(study)
        found = self.has(subject, study, dicom)
        if found and dicom:
            self.dicoms.add(dicom)
        return found


def all_withdrawn(landings: Iterable[Landing]) -> tuple[set[int], set[int]]:
    """The subjects and the studies that the landings withdraw."""
    rows = list(landings)
    return {i for row in rows for i in row.withdrawn_subjects}, {i for row in rows for i in row.withdrawn_studies}


def finish(root: Path) -> None:
    """End what a killed command had begun: take what its descriptor names, and drop what none names."""
    for row in read_landings(root):
        folder = root / RAW_FOLDER / row.landing
        listing = folder / NEXT / "listing.parquet"
        if listing.is_file() and sha256_of(listing) == row.listing_sha256:
            _take(folder, root / TRUTH_FOLDER / row.landing)
        shutil.rmtree(folder / NEXT, ignore_errors=True)


def check_tables_here(root: Path, landings: Iterable[Landing]) -> None:
    """Raise UsageError with the way to get them if the kept tables or the truth of a landing are not here."""
    kept = [row.landing for row in landings if row.partitions and not row.generated]
    for shown in [path for name in kept for path in (RAW_FOLDER / name / TABLES_FOLDER, TRUTH_FOLDER / name)]:
        if not (root / shown).is_dir() and (root / f"{shown}.dvc").exists():
            raise UsageError(
                f"{shown} is not here, and it may name who is to be forgotten. "
                f"Run `dvc checkout {shown}` or `dvc pull {shown}`."
            )


def redact(root: Path) -> list[str]:
    """Take what is withdrawn out of every landing of a checkout; the landings whose files were written anew."""
    landings = read_landings(root)
    subjects, studies = all_withdrawn(landings)
    if not subjects and not studies:
        return []
    return [
        row.landing
        for row in landings
        if row.partitions
        and listing_path(root, row.landing).is_file()
        and _redact_landing(root, row, subjects, studies)
    ]


def _redact_landing(root: Path, row: Landing, subjects: set[int], studies: set[int]) -> bool:
    """Returns whether files were written; a generated landing's descriptor alone changes."""
    folder = root / RAW_FOLDER / row.landing
    listing = read_table(listing_path(root, row.landing), LISTING)
    gone = Gone({str(i) for i in subjects}, {str(i) for i in studies})
    named = Gone()
    keep = [
        kind == "table" or not _meets(path, kind, gone, named) for path, kind in zip(listing["path"], listing["kind"])
    ]
    tables: dict[str, bytes] = {}
    truth: dict[str, pd.DataFrame] = {}
    if not row.generated:
        tables = _redact_tables(folder / TABLES_FOLDER, gone, named)
        truth = _redact_truth(root / TRUTH_FOLDER / row.landing, gone)
    if all(keep) and not tables and not truth and not named:
        return False
    new = row.model_copy(update={
        "withdrawn_subjects": _joined(row.withdrawn_subjects, named.subjects, subjects),
        "withdrawn_studies": _joined(row.withdrawn_studies, named.studies, studies),
    })  # fmt: skip
    if row.generated:
        write_descriptor(root / LANDINGS_FOLDER / f"{row.landing}.json", new)
        return False
    for name, content in tables.items():
        path = folder / NEXT / TABLES_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, frame in truth.items():
        (folder / NEXT / TRUTH).mkdir(parents=True, exist_ok=True)
        write_table(folder / NEXT / TRUTH / name, frame, _TRUTH_TABLES[name])
    listing = _with_tables(listing[keep], folder / NEXT / TABLES_FOLDER, list(tables))
    write_table(folder / NEXT / "listing.parquet", listing, LISTING)
    new = new.model_copy(update={"listing_sha256": sha256_of(folder / NEXT / "listing.parquet")})
    write_descriptor(root / LANDINGS_FOLDER / f"{row.landing}.json", new)
    _take(folder, root / TRUTH_FOLDER / row.landing)
    shutil.rmtree(folder / NEXT)
    log.info("withdraw: %s: %d files of %d are no longer listed, and %d tables have fewer rows",
             row.landing, len(keep) - sum(keep), len(keep), len(tables))  # fmt: skip
    return True


def _take(folder: Path, truth: Path) -> None:
    """Put the files of `.next` into their places, the listing last: as long as it is there, this is not done."""
    for name, place in ((TABLES_FOLDER, folder / TABLES_FOLDER), (TRUTH, truth)):
        for path in sorted((folder / NEXT / name).glob("*")):
            os.replace(path, place / path.name)
    os.replace(folder / NEXT / "listing.parquet", folder / "listing.parquet")


def _meets(path: str, kind: str, gone: Gone, named: Gone) -> bool:
    place = read_place(path, kind)
    ids = (_text(place.subject_id), _text(place.study_id), place.dicom_id)
    return _note(ids, gone, named)


def _note(ids: tuple[str | None, str | None, str | None], gone: Gone, named: Gone) -> bool:
    """Whether a row is of what is withdrawn; then `named` says by which id."""
    found = gone.learn(*ids)
    if found and ids[0] in gone.subjects:
        named.subjects.add(str(ids[0]))
    if found and ids[1] in gone.studies:
        named.studies.add(str(ids[1]))
    return found


def _joined(old: tuple[int, ...], named: set[str], withdrawn: set[int]) -> tuple[int, ...]:
    """The ids that the landing leaves out; of a subject's studies only those withdrawn themselves."""
    return tuple(sorted({*old, *({int(i) for i in named} & withdrawn)}))


def _redact_tables(folder: Path, gone: Gone, named: Gone) -> dict[str, bytes]:
    """Name -> new bytes, of the kept tables that name what is withdrawn. Metadata first: it knows whose images are."""
    if not folder.is_dir():
        return {}
    roles = choose_tables(path.name for path in folder.iterdir())
    names = [roles[role] for role in ("metadata", *sorted(set(roles) - {"metadata"})) if role in roles]
    found = {}
    for name in names:
        content = (folder / name).read_bytes()
        packed = content.startswith(_GZIP)
        try:
            text = (gzip.decompress(content) if packed else content).decode("utf-8", "surrogateescape")
            kept = _keep_sums(text, gone, named) if name == CHECKSUMS else _keep_rows(text, gone, named)
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            raise BadDataError(
                f"{folder / name} cannot be read ({type(error).__name__}), so nobody knows whom it names. Restore it "
                f"with `dvc checkout`, or remove it, and run this again."
            ) from None
        if kept != text:
            plain = kept.encode("utf-8", "surrogateescape")
            found[name] = gzip.compress(plain, mtime=0) if packed else plain
    return found


def _redact_truth(folder: Path, gone: Gone) -> dict[str, pd.DataFrame]:
    """Name -> the rows that stay, of the truth tables that tell of what is withdrawn. By now `gone` has its images."""
    found = {}
    for file, table in _TRUTH_TABLES.items():
        if not (folder / file).is_file():
            continue
        frame = read_table(folder / file, table)
        ids = [frame[name].astype(str) if name in frame else [None] * len(frame) for name in ("study_id", "dicom_id")]
        drop = [gone.has(None, study, dicom) for study, dicom in zip(*ids, strict=True)]
        if any(drop):
            found[file] = frame[[not row for row in drop]]
    return found


def _keep_sums(text: str, gone: Gone, named: Gone) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not _note(ids_in_path(line), gone, named))


def ids_in_path(line: str) -> tuple[str | None, str | None, str | None]:
    """Subject, study and image that a line with a path names."""
    path = line.split()[-1] if line.split() else ""
    found = list(_IN_PATH.finditer(path))
    subject = next((m[1] for m in found if m[1]), None)
    study = next((m[2] for m in found if m[2]), None)
    dicom = read_place(path.lstrip("*").removeprefix("./"), "image").dicom_id
    return subject, study, dicom


def _keep_rows(text: str, gone: Gone, named: Gone) -> str:
    """The rows of a csv that name nobody who is withdrawn, each with the bytes it has."""
    rows = _rows(text)
    header, _ = next(rows, ([], ""))
    places = {name.strip().lstrip("\ufeff"): at for at, name in enumerate(header)}
    pick = _picker(places)
    drop = {number for number, (cells, _) in enumerate(rows) if _note(pick(cells), gone, named)}
    if not drop:
        return text
    lines = _rows(text)
    return "".join([next(lines)[1], *(raw for number, (_, raw) in enumerate(lines) if number not in drop)])


def _picker(places: dict[str, int]) -> Callable[[list[str]], tuple[str | None, str | None, str | None]]:
    def cell(cells: list[str], name: str) -> str | None:
        at = places.get(name)
        return cells[at].strip().partition(".")[0] if at is not None and at < len(cells) else None

    return lambda cells: (cell(cells, "subject_id"), cell(cells, "study_id"), cell(cells, "dicom_id"))


def _rows(text: str) -> Iterator[tuple[list[str], str]]:
    """The rows of a csv, each with the characters that it came from."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken.append(line)
            yield line

    for cells in csv.reader(lines()):
        yield cells, "".join(taken)
        taken.clear()


def _with_tables(listing: pd.DataFrame, folder: Path, names: list[str]) -> pd.DataFrame:
    listing = listing.copy()
    for name in names:
        at = listing["path"] == name
        listing.loc[at, "bytes"] = (folder / name).stat().st_size
        listing.loc[at, "sha256"] = sha256_of(folder / name)
    return listing


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
