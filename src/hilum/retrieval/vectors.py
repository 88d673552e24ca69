"""Embeddings of the images, brought into one array whose rows are the images of the collection.

In: the embeddings and images tables of all partitions. Out: `ImageVectors`, rows in order of dicom_id, so that the
result does not depend on how the collection is cut. Known to be imperfect: all regions are held in memory at once
(30 x 128 x 4 bytes an image, 3.7 GB at 243,334 images).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hilum.errors import BadDataError
from hilum.schema import EMBEDDINGS, IMAGES, INDEX_ROWS
from hilum.tables import check_partitions, read_arrow, read_tables

LENGTH_TOLERANCE = 1e-3  # of a unit vector in float32; rounding alone stays below 1e-6


@dataclass(frozen=True)
class ImageVectors:
    """Unit vectors of every image, whole and by region.

    rows: the INDEX_ROWS columns. whole: (n_images, dimension) float32. by_region: (n_regions, n_images, dimension).
    """

    rows: pd.DataFrame
    regions: tuple[str, ...]
    whole: np.ndarray
    by_region: np.ndarray
    model_id: str


def read_image_vectors(
    images: Path, embeddings: Path, partitions: Sequence[str], regions: Sequence[str]
) -> ImageVectors:
    """Read the image vectors of all partitions, whose tables lie in the folders `images` and `embeddings`.

    Raises BadDataError if a partition is missing, if embeddings and images do not name the same images, if an image
    lacks a region, if two checkpoints are mixed, or if a vector is not of unit length.
    """
    listed = read_tables(images, partitions, IMAGES)
    check_partitions(embeddings, partitions, ".parquet")
    rows = listed.sort_values("dicom_id", kind="stable").reset_index(drop=True)
    rows["row"] = np.arange(len(rows), dtype=np.int64)
    rows = rows[list(INDEX_ROWS.column_names)]
    repeated = int(rows["dicom_id"].duplicated().sum())
    if repeated:
        raise BadDataError(
            f"images: {repeated} dicom_ids are in more than one partition; the latest landing's file should have "
            f"superseded the earlier one. Check superseded_paths in data/partitions."
        )
    parts = [_read_partition(embeddings / f"{name}.parquet", regions) for name in partitions]
    return _assemble(rows, [part for part in parts if len(part.dicom_ids)], tuple(regions))


@dataclass(frozen=True)
class _Part:
    dicom_ids: np.ndarray
    slots: np.ndarray  # 0 = the whole, 1 + position in `regions`; -1 = unknown region
    vectors: np.ndarray
    model_ids: tuple[str, ...]


def _read_partition(path: Path, regions: Sequence[str]) -> _Part:
    columns = ["dicom_id", "modality", "region", "embedding", "model_id"]
    arrow = read_arrow(path, EMBEDDINGS, columns)
    arrow = arrow.filter(pc.equal(arrow.column("modality"), "image")).combine_chunks()
    slot_of = pc.index_in(arrow.column("region"), value_set=pa.array([None, *regions], pa.string()))
    vectors = arrow.column("embedding").combine_chunks()
    flat = vectors.flatten().to_numpy(zero_copy_only=False)
    if len(arrow) and len(flat) % len(arrow):
        raise BadDataError(f"embeddings: vectors of {path.name} differ in length. Run `dvc repro` to make it again.")
    return _Part(
        dicom_ids=arrow.column("dicom_id").to_numpy(zero_copy_only=False),
        slots=pc.fill_null(slot_of, -1).to_numpy(),
        vectors=flat.reshape(len(arrow), -1) if len(arrow) else np.empty((0, 0), np.float32),
        model_ids=tuple(sorted(pc.unique(arrow.column("model_id")).to_pylist())),
    )


def _assemble(rows: pd.DataFrame, parts: Sequence[_Part], regions: tuple[str, ...]) -> ImageVectors:
    dimension, model_id = _check_one_checkpoint(parts)
    vectors = np.full((len(regions) + 1, len(rows), dimension), np.nan, np.float32)
    positions = pd.Index(rows["dicom_id"])
    filled = np.zeros(vectors.shape[:2], np.int64)
    n_strange = n_unknown_region = 0
    for part in parts:
        found = positions.get_indexer(pd.Index(part.dicom_ids))
        n_strange += int((found < 0).sum())
        n_unknown_region += int((part.slots < 0).sum())
        good = (found >= 0) & (part.slots >= 0)
        vectors[part.slots[good], found[good]] = part.vectors[good]
        np.add.at(filled, (part.slots[good], found[good]), 1)
    n_lacking, n_repeated = int((filled == 0).sum()), int((filled > 1).sum())
    if n_strange or n_unknown_region or n_lacking or n_repeated:
        raise BadDataError(
            f"embeddings: {n_strange} image vectors are of images that data/images does not list, {n_unknown_region} "
            f"are of unknown regions, {n_lacking} of the {filled.size} that {len(rows)} images need are missing, "
            f"{n_repeated} are there twice. Run `dvc repro` to make the embeddings again."
        )
    _check_unit_length(vectors)
    return ImageVectors(rows, regions, vectors[0], vectors[1:], model_id)


def _check_one_checkpoint(parts: Sequence[_Part]) -> tuple[int, str]:
    dimensions = sorted({part.vectors.shape[1] for part in parts})
    model_ids = sorted({model_id for part in parts for model_id in part.model_ids})
    if len(dimensions) != 1 or len(model_ids) != 1:
        raise BadDataError(
            f"embeddings: the image vectors have dimensions {dimensions} and model_ids {model_ids}; expected one of "
            f"each. Run `dvc repro` so that every partition is embedded by one checkpoint."
        )
    return dimensions[0], model_ids[0]


def _check_unit_length(vectors: np.ndarray) -> None:
    off = np.abs(np.linalg.norm(vectors, axis=2) - 1)
    n_off = int((~(off <= LENGTH_TOLERANCE)).sum())
    if n_off:
        raise BadDataError(f"embeddings: {n_off} image vectors are not of unit length (or not numbers).")
