"""A made collection behind the embed stage: images, vectors, pixels, boxes, labels and truth, as files."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hilum.schema import (
    EMBEDDINGS,
    IMAGES,
    MENTIONS,
    REGION_BOXES,
    REGION_LABELS,
    REPORTS,
    SECTIONS,
    TRUTH_FINDINGS,
    TRUTH_REGION_BOXES,
    TRUTH_STATEMENTS,
)
from hilum.tables import write_table
from hilum.vocabulary import REGION_PARENTS, REGIONS

PLACES = {
    "pleural_effusion": ("left costophrenic angle", "right costophrenic angle"),
    "pneumothorax": ("left apical zone", "right apical zone"),
    "consolidation": ("left lower lung zone", "right lower lung zone", "right upper lung zone"),
    "enlarged_cardiac_silhouette": ("cardiac silhouette",),
}
_PLANTED = runpy.run_path(str(Path(__file__).parents[1] / "training" / "planted.py"))
planted, trained, warm_note = _PLANTED["planted"], _PLANTED["trained"], _PLANTED["warm_note"]
SIZE = 48  # px of the packed square
BOX = {"x": 20.0, "y": 30.0, "width": 40.0, "height": 36.0}


class MadeCollection:
    """One image a study. A region's vector leans towards the findings that lie in it, by `signal`."""

    def __init__(self, n_images: int = 120, dimension: int = 16, signal: float = 1.0, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.partitions = ["L0001-p10-p14", "L0001-p15-p19"]
        self.ids = ["-".join([f"{i:08x}"] * 5) for i in range(n_images)]
        subjects = np.arange(n_images) // 2
        self.images = pd.DataFrame(
            {
                "dicom_id": self.ids, "study_id": 50000000 + np.arange(n_images), "subject_id": 10000000 + subjects,
                "split": np.array(["train", "validate", "test"])[subjects % 3], "view_position": "PA",
                "study_datetime": None, "row": np.arange(n_images) // 2, "rows_px": 100, "columns_px": 80,
                "scale": SIZE / 100, "offset_x_px": 4.8, "offset_y_px": 0.0,
            }
        )  # fmt: skip
        directions = random.normal(size=(len(PLACES), dimension))
        vectors = random.normal(size=(len(REGIONS) + 1, n_images, dimension))
        drawn = []
        for i in range(n_images):
            for number, (finding, places) in enumerate(PLACES.items()):
                if random.random() < 0.5:
                    region = places[int(random.integers(len(places)))]
                    drawn.append({"dicom_id": self.ids[i], "study_id": 50000000 + i, "finding": finding,
                                  "region": region, "finding_index": number, "severity": "mild", **BOX})  # fmt: skip
                    for touched in (region, REGION_PARENTS.get(region)):
                        if touched:
                            vectors[1 + REGIONS.index(touched), i] += 4 * signal * directions[number]
                    vectors[0, i] += 2 * signal * directions[number]
        self.truth = pd.DataFrame(drawn)
        self.vectors = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)
        self.pixels = random.integers(0, 99, size=(n_images, SIZE, SIZE), dtype=np.uint8)
        self.pixels[:, 15:32, 15:33] += 150  # what lies in BOX is bright

    def labels(self) -> pd.DataFrame:
        """Weak labels that say what is drawn, parents included, but for every fifth finding."""
        said = self.truth.iloc[[i for i in range(len(self.truth)) if i % 5]]
        above = said.assign(region=said["region"].map(REGION_PARENTS)).dropna(subset=["region"])
        both = pd.concat([said, above])[["study_id", "region", "finding"]].drop_duplicates()
        return both.assign(label="present", n_mentions=1, evidence=[[0]] * len(both))

    @staticmethod
    def tables(data: Path) -> tuple[Path, Path]:
        return data / "images", data / "embeddings"

    def write(self, data: Path) -> Path:
        (data / "pixels").mkdir(parents=True, exist_ok=True)
        labels, boxes = self.labels(), self._region_boxes()
        for part, name in enumerate(self.partitions):
            images = self.images[part::2]
            write_table(data / f"images/{name}.parquet", images, IMAGES)
            write_table(data / f"embeddings/{name}.parquet", self._embeddings(images), EMBEDDINGS)
            mine = labels[labels["study_id"].isin(images["study_id"])]
            write_table(data / f"region_labels/{name}.parquet", mine, REGION_LABELS)
            mine = boxes[boxes["dicom_id"].isin(images["dicom_id"])].assign(region_source="atlas")
            write_table(data / f"region_boxes/{name}.parquet", mine, REGION_BOXES)
            np.save(data / f"pixels/{name}.npy", self.pixels[part::2])
            self._write_texts(data, name, images)
        truth = data / "truth/L0001"
        write_table(truth / "findings.parquet", self.truth, TRUTH_FINDINGS)
        write_table(truth / "region_boxes.parquet", boxes, TRUTH_REGION_BOXES)
        statements = self.truth[["study_id", "region", "finding"]].assign(label="present")
        write_table(truth / "statements.parquet", statements, TRUTH_STATEMENTS)
        (data / "locate").mkdir(exist_ok=True)
        (data / "locate/config.json").write_text(json.dumps({"objective": "rra_vl"}))
        return data

    def sentences(self, study: int) -> list[tuple[str, str, str]]:
        """What a study's report says, a row a finding: sentence, finding, region."""
        rows = self.truth[self.truth["study_id"] == study]
        return [(f"There is {f} in the {r}.", f, r) for f, r in zip(rows["finding"], rows["region"])]

    def _write_texts(self, data: Path, name: str, images: pd.DataFrame) -> None:
        reports, sections, mentions = [], [], []
        for study, subject, split in zip(images["study_id"], images["subject_id"], images["split"]):
            text, start = "FINDINGS: ", len("FINDINGS: ")
            for number, (sentence, finding, region) in enumerate(self.sentences(study)):
                at, end = len(text), len(text) + len(sentence)
                mentions.append(
                    {"study_id": study, "mention_id": number, "section": "findings", "sentence": number,
                     "sentence_start": at, "sentence_end": end, "char_start": at, "char_end": end, "finding": finding,
                     "regions": [region], "assertion": "present", "finding_rule": "", "assertion_rule": "",
                     "region_rule": ""}
                )  # fmt: skip
                text += sentence + " "
            reports.append({"study_id": study, "subject_id": subject, "split": split, "text": text})
            sections.append({"study_id": study, "section_index": 0, "section": "findings", "char_start": start,
                             "char_end": len(text)})  # fmt: skip
        for folder, rows, table in (("texts", reports, REPORTS), ("sections", sections, SECTIONS),
                                    ("mentions", mentions, MENTIONS)):  # fmt: skip
            frame = pd.DataFrame(rows, columns=list(table.column_names))
            for column in table.columns:
                if column.type in ("int64", "int32") and column.nullable:
                    frame[column.name] = frame[column.name].astype("Int64")
            write_table(data / f"{folder}/{name}.parquet", frame, table)

    def _region_boxes(self) -> pd.DataFrame:
        rows = [
            {"dicom_id": i, "region": region, "x": float(number), "y": 5.0, "width": 40.0, "height": 60.0}
            for i in self.ids
            for number, region in enumerate(REGIONS)
        ]
        return pd.DataFrame(rows)

    def _embeddings(self, images: pd.DataFrame) -> pd.DataFrame:
        slots = [None, *REGIONS]
        rows = [
            {"study_id": study, "dicom_id": image, "modality": "image", "region": region, "subject_id": subject,
             "embedding": self.vectors[slot, self.ids.index(image)], "model_id": "0123456789abcdef"}
            for image, study, subject in zip(images["dicom_id"], images["study_id"], images["subject_id"])
            for slot, region in enumerate(slots)
        ]  # fmt: skip
        # a report's vectors are its image's, and it speaks of the regions of its findings alone
        for image, study, subject in zip(images["dicom_id"], images["study_id"], images["subject_id"]):
            named = {region for *_, region in self.sentences(study)}
            spoken = named | {REGION_PARENTS[region] for region in named if region in REGION_PARENTS}
            rows += [
                {"study_id": study, "dicom_id": None, "modality": "text", "region": region, "subject_id": subject,
                 "embedding": self.vectors[slot, self.ids.index(image)], "model_id": "0123456789abcdef"}
                for slot, region in enumerate(slots) if region is None or region in spoken
            ]  # fmt: skip
        return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def make_collection() -> Callable[..., MadeCollection]:
    """Build a collection; `.write(folder)` makes the files."""
    return MadeCollection
