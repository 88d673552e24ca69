"""Chest ImaGenome's silver scene graphs in, their boxes out: the highest rung of the ladder.

In: `scene_graph.zip` as published (PhysioNet 1.0.0, silver_dataset), read in place, or the folder `scene_graph` of
what it holds: one `<dicom_id>_SceneGraph.json` an image. Out: boxes in original pixels.

The names, and that boxes may be negative, outside the image, of no area or repeated: an inventory of the data set. That
`original_x1` to `original_y2` are pixels of MIMIC-CXR's image, upper left and lower right, and x1 to y2 those of a
square of 224: public loaders (RGRG, medvqa), which crop and draw with them. None of it was tried on the files
themselves, which are credentialed. Only `image_id` and, of `objects`, `bbox_name` and the four corners are read.
Known to be imperfect: the boxes are silver, found by an atlas of IBM's and not by a person.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hilum.errors import BadDataError, UsageError
from hilum.image.atlas import read_atlas
from hilum.image.boxes import NotDrawn, fit_in
from hilum.image.geometry import Box, Floats, Gray

ARCHIVE, FOLDER, SUFFIX = "scene_graph.zip", "scene_graph", "_SceneGraph.json"
CORNERS = ("original_x1", "original_y1", "original_x2", "original_y2")
BROKEN = np.empty((0, 5))


class ImagenomeSource:
    """graphs: dicom_id -> its boxes, (n, 5): index of the region in the atlas, x1, y1, x2, y2; no row if unreadable."""

    name = "imagenome"

    def __init__(self, graphs: Mapping[str, Floats]) -> None:
        self._graphs = graphs

    def boxes(self, gray: Gray, dicom_id: str) -> dict[str, Box]:
        """As `RegionSource.boxes`; a region drawn more than once gets the box round all of it that is in the image."""
        graph = self._graphs.get(dicom_id)
        if graph is None:
            raise NotDrawn("no graph")
        if not len(graph):
            raise NotDrawn("broken or empty graph")
        names, found = tuple(read_atlas().regions), {}
        height, width = gray.shape
        corners = np.clip(graph[:, 1:], 0, [width, height, width, height])
        inside = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        for region in np.unique(graph[inside, 0]).astype(int):
            mine = corners[inside & (graph[:, 0] == region)]
            (x0, y0), (x1, y1) = mine[:, :2].min(axis=0).tolist(), mine[:, 2:].max(axis=0).tolist()
            found[names[region]] = Box(x0, y0, x1 - x0, y1 - y0)
        return fit_in(found, gray)


def open_graphs(folder: Path, dicom_ids: Collection[str]) -> ImagenomeSource:
    """Read the graphs of these images, from the archive if it is there, else from the folder of json.

    Raises UsageError if neither is there, BadDataError if the archive is none.
    """
    archive, unpacked = folder / ARCHIVE, folder / FOLDER
    if archive.is_file():
        texts = _in_archive(archive, dicom_ids)
    elif unpacked.is_dir():
        texts = _in_folder(unpacked, dicom_ids)
    else:
        raise UsageError(
            f"params.yaml: pack.region_sources names imagenome, but {folder} has neither {ARCHIVE} nor {FOLDER}/. "
            f"Put Chest ImaGenome's silver_dataset/{ARCHIVE} there and `dvc add` it, or take imagenome out."
        )
    shown = tqdm(texts, desc="scene graphs", total=len(dicom_ids), unit="image", disable=None)
    return ImagenomeSource({dicom_id: read_graph(text, dicom_id) for dicom_id, text in shown})


def read_graph(text: bytes | None, dicom_id: str) -> Floats:
    """The boxes of our regions in one scene graph, (n, 5); no row if it is none, or another image's.

    A box with a corner that is no number is left out.
    """
    regions = {name: index for index, name in enumerate(read_atlas().regions)}
    try:
        graph = json.loads(text or b"")
        if graph["image_id"] != dicom_id:
            return BROKEN
        drawn = [thing for thing in graph["objects"] if thing["bbox_name"] in regions]
        rows = [(regions[thing["bbox_name"]], *(_pixel(thing.get(corner)) for corner in CORNERS)) for thing in drawn]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return BROKEN
    boxes = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return boxes[np.isfinite(boxes).all(axis=1)]


def _pixel(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def _in_archive(archive: Path, dicom_ids: Collection[str]) -> Iterator[tuple[str, bytes | None]]:
    """The text of each graph that the archive holds, wherever in it; None if its bytes are damaged."""
    wanted = set(dicom_ids)
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError) as error:
        raise BadDataError(
            f"{archive} cannot be opened as a zip ({type(error).__name__}). Fetch it again from PhysioNet."
        ) from None
    with opened:
        for info in opened.infolist():
            name = info.filename.rpartition("/")[2]
            if name.endswith(SUFFIX) and name.removesuffix(SUFFIX) in wanted:
                try:
                    text: bytes | None = opened.read(info)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
                    text = None
                yield name.removesuffix(SUFFIX), text


def _in_folder(folder: Path, dicom_ids: Collection[str]) -> Iterator[tuple[str, bytes | None]]:
    """As `_in_archive`, of a folder."""
    for dicom_id in dicom_ids:
        path = folder / f"{dicom_id}{SUFFIX}"
        if path.is_file():
            yield dicom_id, path.read_bytes()
