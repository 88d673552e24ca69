"""A small archive behind the pages, with hostile reports: tables, pixels, originals, an index, an untrained model."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hilum.browse.cases import Archive
from hilum.browse.desk import Desk
from hilum.browse.maps import Maps
from hilum.config import read_params
from hilum.model.inference import LoadedModel, load_model
from hilum.retrieval.index import RegionIndex, open_index
from hilum.schema import IMAGES, MANIFEST, MENTIONS, REPORTS
from hilum.stages import index
from hilum.tables import read_table, write_table

_PLANTED = runpy.run_path(str(Path(__file__).parents[1] / "training" / "planted.py"))
HOSTILE = " <script>document.title = 'ran'</script><img src=x onerror=\"document.title='ran'\">"
N_STUDIES = 24
LANDING = "L0001"


class Kept:
    """Twenty-four studies, two of a patient. Reports hold HOSTILE in their sentence; one partition has originals."""

    def __init__(self, folder: Path) -> None:
        planted = _PLANTED["Planted"](folder / "data", N_STUDIES)
        self.data, self.partitions, self.truth = planted.data, list(planted.partitions), planted.truth
        for partition in self.partitions:
            self._rewrite(partition)
        self._write_originals(self.partitions[0])
        trained = _PLANTED["Trained"](planted, folder)
        trained.run_tokenize()
        trained.run_align(epochs=0)
        trained.run_locate(epochs=0)
        for partition in self.partitions:
            trained.run_embed(partition)
        self.model_folder, self.index_folder = trained.locate, folder / "index"
        params = read_params(Path(__file__).parents[3] / "params.yaml").index
        index.run(self.data / "images", folder / "embeddings", self.partitions, self.index_folder, params)
        self.model: LoadedModel = load_model(self.model_folder)

    @property
    def index(self) -> RegionIndex:
        return open_index(self.index_folder)

    @property
    def archive(self) -> Archive:
        return Archive(self.data, self.partitions)

    @property
    def maps(self) -> Maps:
        return Maps(self.model, 0.5)

    def desk(self, collection: str = "phantom") -> Desk:
        return Desk(self.index, self.archive, 0.5, collection)

    def table(self, folder: str, partition: str, table: Any) -> pd.DataFrame:
        return read_table(self.data / folder / f"{partition}.parquet", table)

    def original(self, dicom_id: str) -> Path:
        return self.data / "raw" / LANDING / "tree" / "files" / f"{dicom_id}.png"

    def _rewrite(self, partition: str) -> None:
        for folder, table in (("images", IMAGES), ("texts", REPORTS)):
            frame = self.table(folder, partition, table)
            frame["subject_id"] = 10_000_000 + (frame["study_id"] - 50_000_000) // 2
            if folder == "texts":
                frame["text"] = frame["text"].str.replace(" in the ", f"{HOSTILE} in the ", n=1, regex=False)
            write_table(self.data / folder / f"{partition}.parquet", frame, table)
        mentions = self.table("mentions", partition, MENTIONS)
        write_table(
            self.data / "mentions" / f"{partition}.parquet",
            mentions.assign(sentence_end=mentions["sentence_end"] + len(HOSTILE)).astype({"sentence_end": "int32"}),
            MENTIONS,
        )

    def _write_originals(self, partition: str) -> None:
        """The packed pictures at twice their size, as files of the source tree."""
        rows = []
        pixels = np.load(self.data / "pixels" / f"{partition}.npy")
        for image in self.table("images", partition, IMAGES).itertuples():
            path = self.original(str(image.dicom_id))
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[image.row].repeat(2, 0).repeat(2, 1)).save(path)
            rows.append({
                "path": f"files/{path.name}", "landing": LANDING, "subject_id": image.subject_id,
                "study_id": image.study_id, "dicom_id": image.dicom_id, "kind": "image",
                "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "view_position": "PA", "rows_px": image.rows_px,
                "columns_px": image.columns_px, "split": image.split, "study_datetime": None, "status": "ok",
            })  # fmt: skip
        for name in self.partitions:
            mine = rows if name == partition else []
            frame = pd.DataFrame(mine, columns=list(MANIFEST.column_names))
            write_table(self.data / "manifest" / f"{name}.parquet", frame, MANIFEST)
