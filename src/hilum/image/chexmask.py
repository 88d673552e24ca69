"""CheXmask's masks of lungs and heart in, the boxes of every region out: the middle rung of the ladder.

In: `MIMIC-CXR-JPG.csv` of CheXmask's folder OriginalResolution (PhysioNet 1.0.0), where it lies. Out: boxes in
original pixels. The lungs and the heart have their masks' own boxes; the others follow a placement of the atlas that
is fitted to the masks (outlines.py).

From the data set's own dictionary, and the code and a sample of rows in its public repository: the columns; that a mask
is `start length ...`, counted from 1 along the rows of a picture of Height by Width; that `Left Lung` is the patient's,
right in the picture; that a row's Landmarks, in quotes, go over many lines; that 0.7 is the least Dice RCA (Mean) to
use. The folder Preprocessed has masks of 1024 x 1024 in a padded frame: they are of another size than the image, and no
row of it is used. Where no row is known, or none good enough, the next rung decides.

Its 243,334 rows have some 60 kB each. One pass notes where those of a partition lie; each is read when its turn comes.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from tqdm import tqdm

from hilum.errors import BadDataError, UsageError
from hilum.image.atlas import read_atlas
from hilum.image.boxes import NotDrawn, fit_in
from hilum.image.geometry import Box, Gray
from hilum.image.outlines import decode_runs, fit_outlines

TABLE = "MIMIC-CXR-JPG.csv"
ID, DICE, HEIGHT, WIDTH = "dicom_id", "Dice RCA (Mean)", "Height", "Width"
ORGANS = {"Right Lung": "right lung", "Left Lung": "left lung", "Heart": "cardiac silhouette"}
COLUMNS = (ID, DICE, *ORGANS, HEIGHT, WIDTH)
MIN_DICE = 0.7
MAX_FIELD = 2**24  # characters; the mask of one lung has some 50,000
_ROW = re.compile(rb'"?([0-9a-f]{8}(?:-[0-9a-f]{8}){4})"?,')  # what a row begins with, and no line of landmarks
Span = tuple[int, int]  # first byte and length


class ChexmaskSource:
    """A table, its columns, and where the rows of some images lie in it."""

    name = "chexmask"

    def __init__(self, table: Path, columns: Collection[str], rows: Mapping[str, Span]) -> None:
        self._table, self._columns, self._rows = table, tuple(columns), rows

    def boxes(self, gray: Gray, dicom_id: str) -> dict[str, Box]:
        """As `RegionSource.boxes`; all regions, or NotDrawn."""
        if dicom_id not in self._rows:
            raise NotDrawn("no mask")
        try:
            row = self._read(dicom_id)
            dice, height, width = float(row[DICE]), int(row[HEIGHT]), int(row[WIDTH])
        except (ValueError, csv.Error):
            raise NotDrawn("broken mask") from None
        if not dice >= MIN_DICE:
            raise NotDrawn("poor mask")
        if (height, width) != gray.shape:
            raise NotDrawn("mask of another size")
        try:
            right, left, heart = (decode_runs(row[column], height, width) for column in ORGANS)
            boxes = read_atlas().boxes(fit_outlines(right, left, heart, height, width))
        except (ValueError, OverflowError):
            raise NotDrawn("broken mask") from None
        outlined = dict(zip(ORGANS.values(), (right.box(), left.box(), heart.box()), strict=True))
        return fit_in(boxes | outlined, gray)

    def _read(self, dicom_id: str) -> dict[str, str]:
        """One row. Raises ValueError if it has not the header's columns."""
        start, length = self._rows[dicom_id]
        with self._table.open("rb") as file:
            file.seek(start)
            text = file.read(length).decode("ascii")
        return dict(zip(self._columns, _fields([text]), strict=True))


def open_masks(folder: Path, dicom_ids: Collection[str]) -> ChexmaskSource:
    """Find the rows of these images. Raises UsageError if the table is not there, BadDataError if it is another one."""
    table = folder / TABLE
    if not table.is_file():
        packed = f" {TABLE}.gz is there: unpack it, since rows are read where they lie." * (
            table.with_name(f"{TABLE}.gz").is_file()
        )
        raise UsageError(
            f"params.yaml: pack.region_sources names chexmask, but {folder} has no {TABLE}.{packed} "
            f"Put CheXmask's OriginalResolution/{TABLE} there and `dvc add` it, or take chexmask out."
        )
    with table.open("rb") as file:
        columns = _fields([file.readline().decode("ascii", "replace")])
        missing = [column for column in COLUMNS if column not in columns]
        if missing or columns[0] != ID:
            raise BadDataError(
                f"{table} has no columns {missing}, or does not begin with {ID}; "
                f"expected CheXmask's OriginalResolution/{TABLE}. Fetch it again from PhysioNet."
            )
        size = table.stat().st_size
        with tqdm(total=size, desc="masks", unit="B", unit_scale=True, disable=None) as bar:
            return ChexmaskSource(table, columns, find_rows(file, file.tell(), set(dicom_ids), bar))


def find_rows(lines: Iterable[bytes], at: int, dicom_ids: Collection[str], bar: tqdm) -> dict[str, Span]:
    """Where each image's first row lies. lines: from byte `at` on; a row goes on up to the line that begins another."""
    rows: dict[str, Span] = {}
    current = None
    for line in lines:
        if begins := _ROW.match(line):
            bar.update(at - bar.n)
            name = begins[1].decode()
            current = name if name in dicom_ids and name not in rows else None
        if current is not None:
            start, length = rows.get(current, (at, 0))
            rows[current] = (start, length + len(line))
        at += len(line)
    return rows


def _fields(lines: Iterable[str]) -> list[str]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))
    return next(csv.reader(lines), [])
