"""embed: every image and every region, every report and what it speaks of, as unit vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hilum.model.inference import load_model
from hilum.schema import EMBEDDINGS, MENTIONS
from hilum.tables import read_table
from hilum.vocabulary import REGIONS


def frame(trained: Any, number: int = 0) -> pd.DataFrame:
    return read_table(trained.embeddings[trained.planted.partitions[number]], EMBEDDINGS)


def test_every_image_has_a_whole_and_all_regions(trained: Any) -> None:
    images = frame(trained)[lambda f: f["modality"] == "image"]
    per_image = images.groupby("dicom_id")["region"].apply(lambda r: set(r.dropna()) == set(REGIONS) and r.isna().sum())
    assert len(per_image) == 30 and (per_image == 1).all()


def test_every_report_has_a_whole_and_the_regions_it_speaks_of(trained: Any) -> None:
    texts = frame(trained)[lambda f: f["modality"] == "text"]
    assert texts["dicom_id"].isna().all() and texts["region"].isna().sum() == 30
    partition = trained.planted.partitions[0]
    mentions = read_table(trained.planted.data / "mentions" / f"{partition}.parquet", MENTIONS)
    for study, regions in texts.dropna(subset=["region"]).groupby("study_id")["region"]:
        said = mentions.loc[mentions["study_id"] == study].iloc[0]
        side = f"{said['side']} lung"
        assert set(regions) == ({*said["regions"], side} if said["assertion"] == "present" else set(said["regions"]))


def test_vectors_are_unit_float32_of_one_size(trained: Any) -> None:
    arrow = pq.read_table(trained.embeddings[trained.planted.partitions[1]])
    assert arrow.schema.field("embedding").type == pa.list_(pa.float32(), 32)
    lengths = np.linalg.norm(np.stack(frame(trained, 1)["embedding"].to_list()), axis=1)
    assert np.allclose(lengths, 1, atol=1e-5)


def test_rows_name_their_model_and_come_in_key_order(trained: Any) -> None:
    found = frame(trained)
    assert set(found["model_id"]) == {load_model(trained.locate).model_id}
    ordered = found.sort_values(list(EMBEDDINGS.key), kind="stable", na_position="first")
    assert ordered.index.equals(found.index)


def test_vectors_belong_to_their_image(trained: Any) -> None:
    """The row of a picture in the pixel array and its row in the table are not the same thing."""
    partition = trained.planted.partitions[0]
    pixels = np.load(trained.planted.data / "pixels" / f"{partition}.npy")
    images = pd.read_parquet(trained.planted.data / "images" / f"{partition}.parquet")
    found = frame(trained)[lambda f: (f["modality"] == "image") & f["region"].isna()].set_index("dicom_id")
    loaded = load_model(trained.locate)
    for image in images.iloc[[0, 7, 29]].itertuples():
        expected = loaded.encode_images(pixels[[image.row]]).whole[0]
        assert np.allclose(found.loc[image.dicom_id, "embedding"], expected, atol=1e-4)


def test_twice_is_the_same_bytes(trained: Any, tmp_path: Path) -> None:
    other = type(trained)(trained.planted, tmp_path)
    other.tokenizer, other.locate = trained.tokenizer, trained.locate
    partition = trained.planted.partitions[0]
    other.run_embed(partition)
    assert other.embeddings[partition].read_bytes() == trained.embeddings[partition].read_bytes()


def test_an_empty_partition_is_an_empty_table(trained: Any, tmp_path: Path) -> None:
    partition = trained.planted.partitions[0]
    tables = ("images", "region_boxes", "texts", "sections", "mentions")
    for name in tables:
        whole = pq.read_table(trained.planted.data / name / f"{partition}.parquet")
        (tmp_path / name).mkdir()
        pq.write_table(whole.slice(0, 0), tmp_path / name / f"{partition}.parquet")
    (tmp_path / "pixels").mkdir()
    np.save(tmp_path / "pixels" / f"{partition}.npy", np.zeros((0, 48, 48), np.uint8))
    other = type(trained)(type("Empty", (), {"data": tmp_path, "partitions": [partition]}), tmp_path)
    other.tokenizer, other.locate = trained.tokenizer, trained.locate
    other.run_embed(partition)
    assert len(read_table(other.embeddings[partition], EMBEDDINGS)) == 0
