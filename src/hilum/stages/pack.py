"""Manifest in; pixels, their geometry and the region boxes of every usable frontal image out.

The pixels are a plain .npy array, (n, size, size) uint8, in the order of (subject_id, study_id, dicom_id), so that
`np.load(path, mmap_mode="r")` opens a collection of any size. Memory does not grow with the pixels.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pandas as pd
from tqdm import tqdm

from hilum.image.ladder import Ladder, open_ladder
from hilum.image.pack import PackedImage, pack_image
from hilum.schema import IMAGES, MANIFEST, REGION_BOXES
from hilum.tables import read_table, whole_file, write_table

if TYPE_CHECKING:
    from hilum.config import PackParams

FRONTAL_VIEWS = ("PA", "AP")
CHUNK = 8  # images handed to a worker at once
log = logging.getLogger(__name__)


def run(
    manifest: Path,
    tree: Path,
    regions: Path,
    pixels: Path,
    images: Path,
    region_boxes: Path,
    params: PackParams,
    workers: int,
) -> None:
    """Pack a partition. Raises VerificationError if an image is no longer the one that was ingested.

    regions: the folder of what the region sources read. Raises UsageError if it lacks the file of a named one.
    """
    frontals = choose_frontals(read_table(manifest, MANIFEST))
    ladder = open_ladder(params.region_sources, regions, frontals["dicom_id"].tolist())
    tables = PackedTables(frontals)
    with whole_file(pixels) as temporary, temporary.open("wb") as file:
        write_header(file, (len(frontals), params.size_px, params.size_px))
        packed = pack_images(frontals, tree, params.size_px, ladder, workers)
        for image in tqdm(packed, total=len(frontals), desc="pack", unit="image", disable=None):
            file.write(image.pixels.tobytes())
            tables.append(image)
    write_table(images, tables.images(), IMAGES)
    write_table(region_boxes, tables.region_boxes(), REGION_BOXES)
    log.info("pack: %d frontal images, %d of them turned over from negatives", len(frontals), tables.n_inverted)
    log.info("pack: region boxes drawn by %s; images that a source left to the next: %s",
             dict(Counter(tables.sources)), dict(sorted(tables.passed.items())) or "none")  # fmt: skip


def choose_frontals(manifest: pd.DataFrame) -> pd.DataFrame:
    """The usable frontal images, in the order of the pixel array. Logs how many are left out, and why."""
    images = manifest[manifest["kind"] == "image"]
    ok = images[images["status"] == "ok"]
    frontals = ok[ok["view_position"].isin(FRONTAL_VIEWS)]
    n_unknown = int(ok["view_position"].isna().sum())
    log.info(
        "pack: %d images; left out: %d quarantined, %d not frontal, %d of unknown view",
        len(images),
        len(images) - len(ok),
        len(ok) - len(frontals) - n_unknown,
        n_unknown,
    )
    return frontals.sort_values(["subject_id", "study_id", "dicom_id"]).reset_index(drop=True)


def pack_images(
    frontals: pd.DataFrame, tree: Path, size_px: int, ladder: Ladder, workers: int
) -> Iterator[PackedImage]:
    """Each image packed, in order; by worker processes where there is enough to do for more than one."""
    jobs = list(zip(frontals["path"], frontals["sha256"], frontals["dicom_id"], strict=True))
    workers = min(workers, -(-len(jobs) // CHUNK))
    if workers < 2:
        yield from map(partial(_pack_job, tree, size_px, ladder), jobs)
        return
    with ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(os.getpid(), ladder)) as pool:
        try:
            yield from pool.map(partial(_pack_in_worker, tree, size_px), jobs, chunksize=CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


def _pack_job(tree: Path, size_px: int, ladder: Ladder, job: tuple[str, str, str]) -> PackedImage:
    path, sha256, dicom_id = job
    return pack_image(tree / path, sha256, dicom_id, size_px, ladder)


_ladder: Ladder  # of a worker: what it knows of up to 40,000 images is handed over once, and not with every job


def _start_worker(parent: int, ladder: Ladder) -> None:
    global _ladder
    _ladder = ladder
    _end_with_parent(parent)


def _pack_in_worker(tree: Path, size_px: int, job: tuple[str, str, str]) -> PackedImage:
    return _pack_job(tree, size_px, _ladder, job)


def _end_with_parent(parent: int) -> None:
    """A worker of a killed stage would wait for work for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def write_header(file: BinaryIO, shape: tuple[int, int, int]) -> None:
    """The head of a .npy file of uint8; the pixels follow image by image."""
    description = np.lib.format.dtype_to_descr(np.dtype(np.uint8))
    np.lib.format.write_array_header_1_0(file, {"descr": description, "fortran_order": False, "shape": shape})


class PackedTables:
    """Gathers the rows of images and region_boxes, one image after the other in the order of the pixels."""

    def __init__(self, frontals: pd.DataFrame) -> None:
        self.n_inverted = 0
        self.sources: list[str] = []
        self.passed: Counter[str] = Counter()  # "source: reason" -> images
        self._frontals = frontals
        self._geometry: list[tuple[int, int, float, float, float]] = []
        self._regions: list[str] = []
        self._boxes: list[tuple[float, float, float, float]] = []

    def append(self, image: PackedImage) -> None:
        """One image, the next in order."""
        place = image.place
        self.n_inverted += image.inverted
        self._geometry.append((image.rows_px, image.columns_px, place.scale, place.offset_x_px, place.offset_y_px))
        regions = image.regions
        self.passed.update(f"{source}: {reason}" for source, reason in regions.passed.items())
        self.sources.extend(regions.sources.values())
        self._regions.extend(regions.boxes)
        self._boxes.extend((box.x, box.y, box.width, box.height) for box in regions.boxes.values())

    def images(self) -> pd.DataFrame:
        """Rows of IMAGES."""
        columns = ["dicom_id", "study_id", "subject_id", "split", "view_position", "study_datetime"]
        frame = self._frontals[columns].copy()
        frame["row"] = np.arange(len(frame), dtype=np.int64)
        names = ["rows_px", "columns_px", "scale", "offset_x_px", "offset_y_px"]
        return frame.assign(**_columns(names, self._geometry, len(frame)))

    def region_boxes(self) -> pd.DataFrame:
        """Rows of REGION_BOXES."""
        n_regions = len(self._regions) // max(1, len(self._frontals))
        frame = pd.DataFrame({"dicom_id": np.repeat(self._frontals["dicom_id"].to_numpy(object), n_regions)})
        frame["region"] = self._regions
        frame = frame.assign(**_columns(["x", "y", "width", "height"], self._boxes, len(frame)))
        return frame.assign(region_source=self.sources)


def _columns(names: list[str], rows: list, n_rows: int) -> dict[str, np.ndarray]:
    values = np.array(rows, dtype=np.float64).reshape(n_rows, len(names))
    whole = {"rows_px", "columns_px"}
    return {
        name: column.astype(np.int64) if name in whole else column for name, column in zip(names, values.T, strict=True)
    }
