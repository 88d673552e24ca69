"""Tiny trees in MIMIC-CXR's layout, with real JPEGs, and checkouts to land them in."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

METADATA = "mimic-cxr-2.0.0-metadata.csv.gz"
SPLIT = "mimic-cxr-2.0.0-split.csv.gz"
METADATA_HEADER = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime"
)
LANDINGS_YAML = """# a comment that must stay
collection: phantom
# another one
generated:
  - L0001
partitions:
  L0001-p10-p14: {landing: L0001}
  L0001-p15-p19: {landing: L0001}
"""


def dicom_id_of(study_id: int, image: int = 0) -> str:
    digest = hashlib.sha256(f"{study_id}/{image}".encode()).hexdigest()
    return "-".join(digest[8 * k : 8 * k + 8] for k in range(5))


def jpeg(seed: int = 0, side: int = 24) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side + 2), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


class Tree:
    """A source tree that a test builds, breaks and lands."""

    METADATA, SPLIT = METADATA, SPLIT
    dicom_id_of = staticmethod(dicom_id_of)
    jpeg = staticmethod(jpeg)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[tuple[str, int, int]] = []
        self.split = "train"
        (folder / "files").mkdir(parents=True, exist_ok=True)

    def study_folder(self, subject_id: int, study_id: int) -> Path:
        return self.folder / "files" / f"p{str(subject_id)[:2]}" / f"p{subject_id}" / f"s{study_id}"

    def report(self, subject_id: int, study_id: int) -> Path:
        return self.study_folder(subject_id, study_id).with_suffix(".txt")

    def image(self, subject_id: int, study_id: int, image: int = 0) -> Path:
        return self.study_folder(subject_id, study_id) / f"{dicom_id_of(study_id, image)}.jpg"

    def add(self, subject_id: int, study_id: int, n_images: int = 1, report: bool = True) -> Tree:
        folder = self.study_folder(subject_id, study_id)
        folder.mkdir(parents=True, exist_ok=True)
        if report:
            self.report(subject_id, study_id).write_text(f" FINDINGS: Study {study_id} is clear.\n")
        for k in range(n_images):
            self.image(subject_id, study_id, k).write_bytes(jpeg(study_id + k))
            self.rows.append((dicom_id_of(study_id, k), subject_id, study_id))
        return self

    def write_tables(self) -> Tree:
        metadata = [METADATA_HEADER]
        metadata += [f"{d},{p},{s},CHEST,PA,24,26,21800101,93012.5" for d, p, s in self.rows]
        split = ["dicom_id,study_id,subject_id,split", *(f"{d},{s},{p},{self.split}" for d, p, s in self.rows)]
        self.write_table(METADATA, metadata)
        self.write_table(SPLIT, split)
        return self

    def write_table(self, name: str, lines: Sequence[str]) -> None:
        data = ("\n".join(lines) + "\n").encode()
        (self.folder / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)

    def read_table(self, name: str) -> list[str]:
        data = (self.folder / name).read_bytes()
        return (gzip.decompress(data) if name.endswith(".gz") else data).decode().splitlines()


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Tree]:
    """make_tree(name, n): a tree of n good studies of one image, one subject a study, over all ten shards."""

    def make(name: str = "chest", n: int = 4) -> Tree:
        tree = Tree(tmp_path / "sources" / name)
        for k in range(n):
            tree.add(10_000_000 + 1_000_000 * (k % 10) + k, 50_000_000 + k)
        return tree.write_tables()

    return make


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that holds what a fresh clone holds of landings, and a DVC of its own."""
    folder = tmp_path / "checkout"
    for name in ("landings", "partitions"):
        (folder / "data" / name).mkdir(parents=True)
    (folder / "data/landings.yaml").write_text(LANDINGS_YAML)
    landing = {"landing": "L0001", "collection": "phantom", "source": "phantom", "generated": True}
    names = {"L0001-p10-p14": range(10, 15), "L0001-p15-p19": range(15, 20)}
    (folder / "data/landings/L0001.json").write_text(json.dumps({**landing, "partitions": list(names)}))
    for name, shards in names.items():
        row = {"partition": name, "landing": "L0001", "shards": [f"p{n}" for n in shards]}
        (folder / f"data/partitions/{name}.json").write_text(json.dumps(row))
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    return folder
