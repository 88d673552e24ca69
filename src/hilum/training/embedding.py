"""A partition's pictures and reports as rows of the embeddings table.

In: a loaded model, the partition's tables. Out: an Arrow table, vectors as fixed-size lists, sorted by key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hilum.model.inference import LoadedModel
from hilum.schema import EMBEDDINGS
from hilum.tables import arrow_schema


@dataclass(frozen=True)
class Part:
    """Vectors of one modality. rows: study_id, dicom_id, modality, region, subject_id. vectors: (len(rows), size)."""

    rows: pd.DataFrame
    vectors: np.ndarray


def embed_images(
    model: LoadedModel, images: pd.DataFrame, pixels: np.ndarray, boxes: np.ndarray, batch_size: int
) -> Part:
    """Each image whole and in every region. boxes: (len(images), regions, 4), in the order of `images`."""
    regions: list[Any] = [None, *model.config.regions]
    vectors = np.zeros((len(images), len(regions), model.config.embedding_size), np.float32)
    place = images["row"].to_numpy(np.int64)
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        encoded = model.encode_images(pixels[place[part]], boxes[part], batch_size)
        vectors[part, 0] = encoded.whole
        vectors[part, 1:] = encoded.regions
    rows = images.loc[images.index.repeat(len(regions)), ["study_id", "dicom_id", "subject_id"]]
    rows = rows.assign(modality="image", region=regions * len(images))
    return Part(rows.reset_index(drop=True), vectors.reshape(len(rows), model.config.embedding_size))


def embed_reports(
    model: LoadedModel, reports: pd.DataFrame, bodies: Mapping[int, str], routed: pd.DataFrame, batch_size: int
) -> Part:
    """Each report whole, and in each region that it speaks of: the mean of the sentences that speak of it."""
    studies = reports["study_id"].astype("int64").tolist()
    whole = model.encode_reports([bodies[study] for study in studies], batch_size)
    groups = routed.groupby(["study_id", "region"], sort=True).ngroup().to_numpy()
    by_sentence = model.encode_in_region(routed["sentence_text"].tolist(), routed["region"].tolist(), batch_size)
    spoken = routed[["study_id", "region"]].drop_duplicates().sort_values(["study_id", "region"])
    sums = np.zeros((len(spoken), model.config.embedding_size), np.float32)
    np.add.at(sums, groups, by_sentence)
    subject = dict(zip(studies, reports["subject_id"].astype("int64")))
    rows = pd.DataFrame(
        {
            "study_id": [*studies, *spoken["study_id"]],
            "region": [*[None] * len(studies), *spoken["region"]],
        }
    ).astype({"study_id": "int64"})
    rows = rows.assign(dicom_id=None, modality="text", subject_id=rows["study_id"].map(subject))
    return Part(rows, np.concatenate([whole, _unit(sums)]))


def embedding_rows(parts: Sequence[Part], model: LoadedModel) -> pa.Table:
    """The embeddings table, sorted by study, image, modality and region, the whole before its regions."""
    rows = pd.concat([part.rows for part in parts], ignore_index=True).assign(model_id=model.model_id)
    vectors = np.concatenate([part.vectors for part in parts])
    order = rows.sort_values(list(EMBEDDINGS.key), kind="stable", na_position="first").index.to_numpy()
    size = model.config.embedding_size
    schema = arrow_schema(EMBEDDINGS, size)
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors[order].reshape(-1), pa.float32()), size)
    columns = {
        name: pa.array(rows[name].to_numpy(object)[order], schema.field(name).type, from_pandas=True)
        for name in EMBEDDINGS.column_names
        if name != "embedding"
    }
    return pa.table([columns.get(name, values) for name in EMBEDDINGS.column_names], schema=schema)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
