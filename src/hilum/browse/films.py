"""The pictures of a collection, by dicom_id: what is known of one image, and the image itself.

In: the tables and packed pixels of all partitions, and the source trees where they are here. Out: films. A film's boxes
are in the pixels of the original image. The picture is drawn from the original file, at most SHOWN_PX on its longest
side; where that file is not here (a checkout that only serves) it is the packed one, which is coarser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hilum.browse.rows import read_rows
from hilum.errors import UsageError
from hilum.evaluation.heatmaps import Frame
from hilum.image.decode import read_gray
from hilum.image.pack import PackedImage, read_verified, stretch_contrast
from hilum.image.registration import is_negative, negative_of
from hilum.schema import IMAGES, MANIFEST, REGION_BOXES
from hilum.tables import check_partitions, read_table

Box = tuple[float, float, float, float]
SHOWN_PX = 640
MAX_PIXELS = 2**40  # ingest has judged the size of these very bytes


@dataclass(frozen=True)
class Film:
    """One image. packed: (size, size) uint8, what the model sees.

    boxes: region -> x, y, width, height in original pixels. study_id, subject_id: null where the collection has no such
    picture. original: its file and the file's sha256.
    """

    name: str
    packed: np.ndarray = field(repr=False)
    frame: Frame
    boxes: Mapping[str, Box]
    study_id: int | None = None
    subject_id: int | None = None
    view_position: str | None = None
    original: tuple[Path, str] | None = None

    def window(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the image within its packed square."""
        f, size = self.frame, self.frame.size_px
        left, top = max(0, round(f.offset_x_px)), max(0, round(f.offset_y_px))
        right = min(size, round(f.offset_x_px + f.width_px * f.scale))
        bottom = min(size, round(f.offset_y_px + f.height_px * f.scale))
        return left, top, max(left + 1, right), max(top + 1, bottom)

    def picture(self) -> np.ndarray:
        """(height, width) uint8 of the whole image. Raises BadDataError if the original is here and cannot be used."""
        if self.original is not None and self.original[0].is_file():
            return draw_original(read_verified(*self.original))
        left, top, right, bottom = self.window()
        return self.packed[top:bottom, left:right]


def draw_original(data: bytes) -> np.ndarray:
    """A file's picture as it is packed, only finer: upright in brightness, stretched, at most SHOWN_PX long."""
    gray = read_gray(data, MAX_PIXELS)
    if is_negative(gray):
        gray = negative_of(gray)
    picture = Image.fromarray(stretch_contrast(gray))
    picture.thumbnail((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def film_of_file(path: Path, packed: PackedImage, sha256: str, known: Film | None) -> Film:
    """A picture from anywhere. known: the film of the collection that bears its name, if any."""
    size, place = packed.pixels.shape[0], packed.place
    frame = Frame(packed.columns_px, packed.rows_px, place.scale, place.offset_x_px, place.offset_y_px, size)
    boxes = {name: (box.x, box.y, box.width, box.height) for name, box in packed.regions.boxes.items()}
    study_id, subject_id = (known.study_id, known.subject_id) if known else (None, None)
    return Film(path.name, packed.pixels, frame, boxes, study_id, subject_id, original=(path, sha256))


class Films:
    """The packed images of all partitions, memory-mapped; rows of their other tables are read when asked for."""

    def __init__(self, data: Path, partitions: Sequence[str]) -> None:
        """Raises BadDataError if a partition is missing."""
        check_partitions(data / "pixels", partitions, ".npy")
        self._data = data
        frames = [read_table(data / "images" / f"{name}.parquet", IMAGES).assign(partition=name) for name in partitions]
        self._arrays = {
            name: np.load(data / "pixels" / f"{name}.npy", mmap_mode="r" if len(frame) else None)
            for name, frame in zip(partitions, frames, strict=True)
        }
        self.images = pd.concat(frames, ignore_index=True).set_index("dicom_id", drop=False)

    def partitions_of(self, studies: Iterable[int]) -> dict[str, list[int]]:
        """Where to look for studies: the partition of their images; of those without a frontal one, every partition."""
        asked = sorted(set(studies))
        rows = self.images[self.images["study_id"].isin(asked)]
        unseen = sorted(set(asked) - set(rows["study_id"]))
        held = {name: sorted(set(rows.loc[rows["partition"] == name, "study_id"])) for name in self._arrays}
        return {name: [*found, *unseen] for name, found in held.items() if found or unseen}

    def first_of(self, study_id: int) -> str | None:
        """The first image of a study by its id; None if it has no frontal one."""
        found = self.images.index[self.images["study_id"] == study_id]
        return str(min(found)) if len(found) else None

    def read(self, dicom_ids: Iterable[str]) -> dict[str, Film]:
        """The films of images, each once. Raises UsageError if one is not packed."""
        wanted = list(dict.fromkeys(dicom_ids))
        lost = [dicom_id for dicom_id in wanted if dicom_id not in self.images.index]
        if lost:
            raise UsageError(f"{len(lost)} images are not in data/images, first {lost[0]}; name an indexed one.")
        films: dict[str, Film] = {}
        for partition, rows in self.images.loc[wanted].groupby("partition", sort=True):
            name = f"{partition}.parquet"
            found = read_rows(self._data / "region_boxes" / name, REGION_BOXES, "dicom_id", wanted)
            boxes = dict(iter(found.groupby("dicom_id")))
            files = read_rows(self._data / "manifest" / name, MANIFEST, "dicom_id", wanted).set_index("dicom_id")
            for row in rows.to_dict("records"):
                image: dict[str, Any] = {str(name): value for name, value in row.items()}
                films[image["dicom_id"]] = self._film(image, boxes.get(image["dicom_id"]), files)
        return {dicom_id: films[dicom_id] for dicom_id in wanted}

    def _film(self, image: Mapping[str, Any], boxes: pd.DataFrame | None, files: pd.DataFrame) -> Film:
        dicom_id = image["dicom_id"]
        packed = np.array(self._arrays[image["partition"]][image["row"]])
        frame = Frame(float(image["columns_px"]), float(image["rows_px"]), image["scale"], image["offset_x_px"],
                      image["offset_y_px"], packed.shape[0])  # fmt: skip
        corners = [] if boxes is None else boxes[["region", "x", "y", "width", "height"]].itertuples(index=False)
        placed = {str(region): (x, y, width, height) for region, x, y, width, height in corners}
        original = None
        if dicom_id in files.index:
            file = files.loc[dicom_id]
            original = (self._data / "raw" / file["landing"] / "tree" / file["path"], str(file["sha256"]))
        return Film(dicom_id, packed, frame, placed, int(image["study_id"]), int(image["subject_id"]),
                    str(image["view_position"]), original)  # fmt: skip
