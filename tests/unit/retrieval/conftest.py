"""A few images and reports with random unit vectors, as the embed stage would leave them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hilum.schema import EMBEDDINGS, IMAGES
from hilum.tables import write_table
from hilum.vocabulary import REGIONS

SPLITS = ("train", "validate", "test")


def dicom(number: int) -> str:
    return "-".join([f"{number:08x}"] * 5)


def unit(random: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = random.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


class Embedded:
    """Images and embeddings by partition, to be spoilt, then written; 2 images a study, 2 studies a subject.

    Every study has a report, which speaks of the regions of `speaks`.
    """

    def __init__(self, n_images: int = 24, dimension: int = 8, partitions: int = 2, seed: int = 0) -> None:
        self.vectors = unit(np.random.default_rng(seed), len(REGIONS) + 1, n_images, dimension)
        self.texts = unit(np.random.default_rng(seed + 1), len(REGIONS) + 1, n_images // 2, dimension)
        self.images: dict[str, pd.DataFrame] = {}
        self.embeddings: dict[str, pd.DataFrame] = {}
        for part in range(partitions):
            name, numbers = f"L0001-p1{part}", np.arange(part, n_images, partitions)
            self.images[name] = pd.DataFrame([self._image(int(i), row) for row, i in enumerate(numbers)])
            rows = [self._vector(int(i), slot) for i in numbers for slot in range(len(REGIONS) + 1)]
            studies = range(part, n_images // 2, partitions)
            rows += [self._text(s, slot) for s in studies for slot in range(len(REGIONS) + 1) if self.speaks(s, slot)]
            self.embeddings[name] = pd.DataFrame(rows)
        self.partitions = list(self.images)

    def _image(self, i: int, row: int) -> dict:
        subject = i // 4
        return {
            "dicom_id": dicom(i), "study_id": 50000000 + i // 2, "subject_id": 10000000 + subject,
            "split": SPLITS[subject % 3], "view_position": "PA", "study_datetime": None, "row": row, "rows_px": 300,
            "columns_px": 200, "scale": 0.5, "offset_x_px": 0.0, "offset_y_px": 0.0,
        }  # fmt: skip

    def _vector(self, i: int, slot: int) -> dict:
        return {
            "dicom_id": dicom(i), "study_id": 50000000 + i // 2, "modality": "image",
            "region": REGIONS[slot - 1] if slot else None, "subject_id": 10000000 + i // 4,
            "embedding": self.vectors[slot, i], "model_id": "0123456789abcdef",
        }  # fmt: skip

    @staticmethod
    def speaks(study: int, slot: int) -> bool:
        return slot == 0 or (study + slot) % 3 == 0

    def _text(self, study: int, slot: int) -> dict:
        row = self._vector(2 * study, slot)
        return {**row, "dicom_id": None, "modality": "text", "embedding": self.texts[slot, study]}

    def write(self, data: Path) -> Path:
        for name in self.partitions:
            write_table(data / "images" / f"{name}.parquet", self.images[name], IMAGES)
            write_table(data / "embeddings" / f"{name}.parquet", self.embeddings[name], EMBEDDINGS)
        return data

    @staticmethod
    def tables(data: Path) -> tuple[Path, Path]:
        return data / "images", data / "embeddings"


@pytest.fixture(scope="session")
def make_embedded() -> Callable[..., Embedded]:
    return Embedded


@pytest.fixture
def embedded() -> Embedded:
    return Embedded()
