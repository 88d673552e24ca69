"""Packed images as the page shows them: a picture, the region's box, the finding's boxes, the map over it.

In: packed pixels, images, region boxes. Out: pictures as data URIs with boxes in their pixels. The pictures are the
packed ones with the padding cut off, so a page shows no more than the model saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hilum.errors import BadDataError
from hilum.report.pictures import overlay_uri, picture_uri
from hilum.schema import IMAGES, REGION_BOXES
from hilum.tables import check_partitions, read_table

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Case:
    """One picture. Boxes are x, y, width, height in its pixels; relevant: right or wrong, null for the query itself."""

    picture: str
    overlay: str | None
    width: int
    height: int
    region_box: Box | None
    finding_boxes: tuple[Box, ...]
    relevant: bool | None
    caption: str
    detail: str
    alt: str


@dataclass(frozen=True)
class Film:
    """Everything known of one packed image. geometry: its IMAGES row; boxes: region -> original-pixel box."""

    pixels: np.ndarray
    geometry: Mapping[str, Any]
    boxes: Mapping[str, Box]

    def window(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the image within its packed square."""
        g, size = self.geometry, self.pixels.shape[0]
        left, top = round(g["offset_x_px"]), round(g["offset_y_px"])
        right = min(size, round(g["offset_x_px"] + g["columns_px"] * g["scale"]))
        bottom = min(size, round(g["offset_y_px"] + g["rows_px"] * g["scale"]))
        return max(0, left), max(0, top), max(left + 1, right), max(top + 1, bottom)

    def place(self, box: Box) -> Box:
        """A box of original pixels in the pixels of the window."""
        g, (left, top, _, _) = self.geometry, self.window()
        x, y, width, height = (value * g["scale"] for value in box)
        x, y = x + g["offset_x_px"] - left, y + g["offset_y_px"] - top
        return round(x, 1), round(y, 1), round(width, 1), round(height, 1)


def show_case(
    row: Mapping[str, Any],
    region: str,
    maps: np.ndarray,
    films: Mapping[str, Film],
    relevant: bool | None,
    words: tuple[str, str],
    alt: str,
) -> Case:
    """One image with its words. row: dicom_id, and, where there are such, map and finding_boxes."""
    film = films[row["dicom_id"]]
    left, top, right, bottom = film.window()
    size = film.pixels.shape[0]
    box = film.boxes.get(region)
    return Case(
        picture=picture_uri(film.pixels[top:bottom, left:right]),
        overlay=overlay_uri(maps[row["map"]], size, (left, top, right, bottom)) if "map" in row else None,
        width=right - left,
        height=bottom - top,
        region_box=film.place(box) if box else None,
        finding_boxes=tuple(film.place(_box(found)) for found in row.get("finding_boxes", ())),
        relevant=relevant,
        caption=words[0],
        detail=words[1],
        alt=alt,
    )


def read_films(data: Path, partitions: Sequence[str], wanted: set[str]) -> dict[str, Film]:
    """The wanted images alone, out of memory-mapped arrays. Raises BadDataError if one is not packed."""
    films: dict[str, Film] = {}
    if not wanted:
        return films
    check_partitions(data / "pixels", partitions, ".npy")
    for partition in partitions:
        images = read_table(data / "images" / f"{partition}.parquet", IMAGES)
        images = images[images["dicom_id"].isin(wanted)]
        if not len(images):
            continue
        boxes = read_table(data / "region_boxes" / f"{partition}.parquet", REGION_BOXES)
        by_image = dict(iter(boxes[boxes["dicom_id"].isin(wanted)].groupby("dicom_id")))
        pixels = np.load(data / "pixels" / f"{partition}.npy", mmap_mode="r")
        for record in images.to_dict("records"):
            image: dict[str, Any] = {str(name): value for name, value in record.items()}
            mine = by_image.get(image["dicom_id"], boxes.iloc[:0])
            corners = mine[["x", "y", "width", "height"]].to_numpy(float).tolist()
            placed = {region: _box(box) for region, box in zip(mine["region"], corners)}
            films[image["dicom_id"]] = Film(np.array(pixels[image["row"]]), image, placed)
    if lost := sorted(wanted - set(films)):
        raise BadDataError(f"gallery: {len(lost)} images are not packed, first {lost[0]}. Run `dvc repro evaluate`.")
    return films


def _box(values: Sequence[float]) -> Box:
    x, y, width, height = values
    return x, y, width, height
