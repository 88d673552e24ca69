"""Embeddings brought into arrays: of one partition's images or reports, or of the images of a whole collection.

In: the embeddings and images tables. Out: `SideVectors`, rows in order of dicom_id or study_id, or `ImageVectors`, rows
in order of dicom_id, so that the result does not depend on how the collection is cut. A partition is read by row
groups. Known to be imperfect: `ImageVectors` holds all regions of all images in memory (30 x 128 x 4 bytes an image).
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
from hilum.tables import check_partitions, iter_arrow, read_table, read_tables

LENGTH_TOLERANCE = 1e-3  # of a unit vector in float32; rounding alone stays below 1e-6
_COLUMNS = ("study_id", "dicom_id", "modality", "region", "subject_id", "embedding", "model_id")


@dataclass(frozen=True)
class SideVectors:
    """Unit vectors of the images, or of the reports, of one partition.

    rows: INDEX_ROWS or INDEX_REPORTS columns. vectors: (1 + n_regions, n_rows, dimension) float32, the whole first;
    zeros where `present`, (1 + n_regions, n_rows) bool, is false: a report that says nothing of a region. dimension is
    0 and model_id empty where there are no rows.
    """

    rows: pd.DataFrame
    vectors: np.ndarray
    present: np.ndarray
    model_id: str


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
    rows = image_rows(listed)
    taken = _gather([embeddings / f"{name}.parquet" for name in partitions], rows["dicom_id"], "image", regions)
    if not taken.model_id:
        raise BadDataError("embeddings: no image of any partition has a vector. Run `dvc repro` to make them.")
    return ImageVectors(rows, tuple(regions), taken.vectors[0], taken.vectors[1:], taken.model_id)


def read_images(images: Path, embeddings: Path, regions: Sequence[str]) -> SideVectors:
    """The image vectors of one partition, given its two tables. Raises as `read_image_vectors`."""
    rows = image_rows(read_table(images, IMAGES))
    taken = _gather([embeddings], rows["dicom_id"], "image", regions)
    return SideVectors(rows, taken.vectors, taken.filled, taken.model_id)


def read_reports(embeddings: Path, regions: Sequence[str]) -> SideVectors:
    """The report vectors of one partition. Raises BadDataError if a report has no vector as a whole, or see above."""
    listed: dict[int, int] = {}
    for batch in iter_arrow(embeddings, EMBEDDINGS, ["study_id", "subject_id", "modality"]):
        said = batch.filter(pc.equal(batch.column("modality"), "text"))
        listed |= dict(zip(said.column("study_id").to_pylist(), said.column("subject_id").to_pylist(), strict=True))
    studies = sorted(listed)
    taken = _gather([embeddings], pd.Series(studies, dtype="int64"), "text", regions)
    spoken = [[r for r, there in zip(regions, row) if there] for row in taken.filled[1:].T]
    rows = pd.DataFrame(
        {
            "row": np.arange(len(studies), dtype=np.int64),
            "study_id": np.array(studies, np.int64),
            "subject_id": np.array([listed[study] for study in studies], np.int64),
            "regions": pd.Series(spoken, dtype=object),
        }
    )
    return SideVectors(rows, taken.vectors, taken.filled, taken.model_id)


def image_rows(images: pd.DataFrame) -> pd.DataFrame:
    """INDEX_ROWS of rows of the images table, in order of dicom_id. Raises BadDataError if one is there twice."""
    rows = images.sort_values("dicom_id", kind="stable").reset_index(drop=True)
    rows["row"] = np.arange(len(rows), dtype=np.int64)
    repeated = int(rows["dicom_id"].duplicated().sum())
    if repeated:
        raise BadDataError(
            f"images: {repeated} dicom_ids are in more than one partition; the latest landing's file should have "
            f"superseded the earlier one. Check superseded_paths in data/partitions."
        )
    return rows[list(INDEX_ROWS.column_names)]


@dataclass
class _Taken:
    """vectors: (1 + n_regions, n, dimension). filled: (1 + n_regions, n) bool."""

    vectors: np.ndarray
    filled: np.ndarray
    model_id: str = ""


def _gather(paths: Sequence[Path], ids: pd.Series, modality: str, regions: Sequence[str]) -> _Taken:
    """The vectors of one modality, each in the column of its id. Raises BadDataError if they are not those of `ids`."""
    positions = pd.Index(ids)
    counts = np.zeros((len(regions) + 1, len(ids)), np.int64)
    taken = _Taken(np.zeros((len(regions) + 1, len(ids), 0), np.float32), counts > 0)
    dimensions, model_ids = set[int](), set[str]()
    n_strange = n_unknown_region = n_off = 0
    slots = pa.array([None, *regions], pa.string())
    for path in paths:
        for batch in iter_arrow(path, EMBEDDINGS, _COLUMNS):
            batch = batch.filter(pc.equal(batch.column("modality"), modality)).combine_chunks()
            if not len(batch):
                continue
            found = _vectors_of(batch, path)
            dimensions.add(found.shape[1])
            model_ids |= set(pc.unique(batch.column("model_id")).to_pylist())
            if len(dimensions) > 1 or len(model_ids) > 1:
                continue  # said below, with all of them
            if not taken.vectors.shape[2]:
                taken.vectors = np.zeros((*counts.shape, found.shape[1]), np.float32)
            column = batch.column("dicom_id" if modality == "image" else "study_id").to_pandas()
            at = positions.get_indexer(pd.Index(column))
            slot = pc.fill_null(pc.index_in(batch.column("region"), value_set=slots), -1).to_numpy()
            n_strange += int((at < 0).sum())
            n_unknown_region += int((slot < 0).sum())
            n_off += int((~(np.abs(np.linalg.norm(found, axis=1) - 1) <= LENGTH_TOLERANCE)).sum())
            good = (at >= 0) & (slot >= 0)
            taken.vectors[slot[good], at[good]] = found[good]
            np.add.at(counts, (slot[good], at[good]), 1)
    if len(dimensions) > 1 or len(model_ids) > 1:
        raise BadDataError(
            f"embeddings: the {modality} vectors have dimensions {sorted(dimensions)} and model_ids "
            f"{sorted(model_ids)}; expected one of each. Run `dvc repro` so that every partition is embedded by one "
            f"checkpoint."
        )
    needed = counts if modality == "image" else counts[:1]
    n_lacking, n_repeated = int((needed == 0).sum()), int((counts > 1).sum())
    if n_strange or n_unknown_region or n_lacking or n_repeated:
        raise BadDataError(
            f"embeddings: {n_strange} {modality} vectors are of {modality}s that are not listed, {n_unknown_region} "
            f"are of unknown regions, {n_lacking} of the {needed.size} that {len(ids)} {modality}s need are missing, "
            f"{n_repeated} are there twice. Run `dvc repro` to make the embeddings again."
        )
    if n_off:
        raise BadDataError(f"embeddings: {n_off} {modality} vectors are not of unit length (or not numbers).")
    taken.filled = counts > 0
    taken.model_id = next(iter(model_ids), "")
    return taken


def _vectors_of(batch: pa.Table, path: Path) -> np.ndarray:
    flat = batch.column("embedding").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    if len(flat) % len(batch):
        raise BadDataError(f"embeddings: vectors of {path.name} differ in length. Run `dvc repro` to make it again.")
    return flat.reshape(len(batch), -1)
