"""A collection small enough to train on in seconds: square pictures with a spot where the report says one is."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.config import AlignParams, EmbedParams, LocateParams, TokenizeParams
from hilum.schema import IMAGES, MENTIONS, REGION_BOXES, REGION_LABELS, REPORTS, SECTIONS
from hilum.stages import align, embed, locate, tokenize
from hilum.tables import write_table
from hilum.vocabulary import REGION_PARENTS, REGIONS

PARTITIONS = ("L0001-p10-p14", "L0001-p15-p19")
SIZE_PX = 48
COLD = Path(__file__).resolve().parents[3] / "data/start.json"
"""The note of a start from scratch, as a fresh clone holds it."""
PLACES = ("right upper lung zone", "right lower lung zone", "left upper lung zone", "left lower lung zone")
FINDINGS = {"consolidation": 90, "hyperaeration": -90}  # how much brighter the spot is
ALIKE: Any = {
    "device": "cpu", "threads": 1, "precision": "float32", "patience": 0, "batch_size": 12,
    "sampler": "grouped", "micro_batch": 0,
    "learning_rate": 2e-3, "weight_decay": 0.05,
}  # fmt: skip
"""The parameters that both phases share."""
SPLITS = ("train", "train", "train", "validate", "test")


class Planted:
    """The data folder of a planted collection, and the truth that only a test may read."""

    def __init__(self, folder: Path, n_studies: int = 60, seed: int = 0) -> None:
        self.data = folder
        self.partitions = list(PARTITIONS)
        self.truth: dict[str, tuple[str, str] | None] = {}
        generator = np.random.default_rng(seed)
        for number, partition in enumerate(PARTITIONS):
            self._write_partition(partition, range(number * n_studies // 2, (number + 1) * n_studies // 2), generator)

    def _write_partition(self, partition: str, studies: range, generator: np.random.Generator) -> None:
        rows: dict[str, list[dict]] = {
            name: [] for name in ("texts", "sections", "mentions", "labels", "images", "boxes")
        }
        pixels = np.zeros((len(studies), SIZE_PX, SIZE_PX), np.uint8)
        for row, number in enumerate(studies):
            drawn = None if number % 5 == 4 else (str(generator.choice(PLACES)), str(generator.choice(list(FINDINGS))))
            shift = generator.integers(-2, 3, 2)
            pixels[row] = draw_picture(drawn, shift, generator)
            describe_study(rows, number, row, drawn, shift)
            self.truth[dicom_id(number)] = drawn
        (self.data / "pixels").mkdir(parents=True, exist_ok=True)
        np.save(self.data / "pixels" / f"{partition}.npy", pixels)
        tables = {"texts": REPORTS, "sections": SECTIONS, "mentions": MENTIONS, "images": IMAGES}
        folders = {**{k: (k, v) for k, v in tables.items()}, "labels": ("region_labels", REGION_LABELS),
                   "boxes": ("region_boxes", REGION_BOXES)}  # fmt: skip
        for name, (folder, table) in folders.items():
            frame = pd.DataFrame(rows[name], columns=list(table.column_names))
            write_table(self.data / folder / f"{partition}.parquet", frame, table)


def dicom_id(number: int) -> str:
    return "-".join([f"{number:08x}"] * 5)


def place_box(place: str, shift: np.ndarray) -> tuple[float, float, float, float]:
    """x, y, width, height of a zone; the patient's right is the picture's left."""
    x = 4 if place.startswith("right") else 26
    y = 4 if "upper" in place else 26
    return float(x + shift[0]), float(y + shift[1]), 18.0, 18.0


def draw_picture(drawn: tuple[str, str] | None, shift: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    picture = 110 + generator.normal(0, 8, (SIZE_PX, SIZE_PX))
    if drawn is not None:
        x, y, width, height = place_box(drawn[0], shift)
        left, top = int(x + generator.integers(1, width - 9)), int(y + generator.integers(1, height - 9))
        picture[top : top + 8, left : left + 8] += FINDINGS[drawn[1]]
    return picture.clip(0, 255).astype(np.uint8)


def describe_study(
    rows: dict[str, list[dict]], number: int, row: int, drawn: tuple[str, str] | None, shift: np.ndarray
) -> None:
    who = {"study_id": 50000000 + number, "subject_id": 10000000 + number, "split": SPLITS[number // 2 % 5]}
    study = {"study_id": who["study_id"]}
    place, finding = drawn or ("right lung", "consolidation")
    word = finding if drawn else "No consolidation"
    sentence = f"{word} in the {place}." if drawn else f"{word} in the {place} or elsewhere."
    text = f"FINDINGS: {sentence}\n"
    start = text.index(sentence)
    assertion = "present" if drawn else "absent"
    rows["texts"].append({**who, "text": text})
    rows["sections"].append(
        {**study, "section_index": 0, "section": "findings", "char_start": 10, "char_end": len(text)}
    )
    rows["mentions"].append(
        {**study, "mention_id": 0, "section": "findings", "sentence": 0, "sentence_start": start,
         "sentence_end": start + len(sentence), "char_start": start, "char_end": start + len(word),
         "finding": finding, "regions": [place], "side": place.split()[0], "assertion": assertion, "severity": None,
         "temporal": None, "size_mm": None, "explains": None, "finding_rule": "test", "assertion_rule": "",
         "region_rule": "test"}
    )  # fmt: skip
    for region in [place, *([REGION_PARENTS[place]] if place in REGION_PARENTS else [])]:
        rows["labels"].append(
            {**study, "region": region, "finding": finding, "label": assertion, "n_mentions": 1, "evidence": [0]}
        )
    rows["images"].append(
        {**who, "dicom_id": dicom_id(number), "view_position": "PA", "study_datetime": None, "row": row,
         "rows_px": SIZE_PX * 2, "columns_px": SIZE_PX * 2, "scale": 0.5, "offset_x_px": 0.0, "offset_y_px": 0.0}
    )  # fmt: skip
    for region in REGIONS:
        x, y, width, height = place_box(region, shift) if region in PLACES else (2.0, 2.0, 44.0, 44.0)
        rows["boxes"].append(
            {"dicom_id": dicom_id(number), "region": region, "x": 2 * x, "y": 2 * y, "width": 2 * width,
             "height": 2 * height, "region_source": "atlas"}
        )  # fmt: skip


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Sixty studies in two partitions; three fifths train, the rest validate and test."""
    return Planted(tmp_path_factory.mktemp("planted"))


class Trained:
    """The four stages on a planted collection: where their outputs are, and how to run them again elsewhere."""

    def __init__(self, planted: Planted, folder: Path) -> None:
        self.planted, self.folder = planted, folder
        self.tokenizer, self.align, self.locate = (folder / name for name in ("tokenizer", "align", "locate"))
        self.embeddings = {partition: folder / "embeddings" / f"{partition}.parquet" for partition in PARTITIONS}
        self.align_params = AlignParams(
            objective="rra_vl", relevance="jaccard", seed=1, epochs=1, image_encoder="small", text_encoder="small",
            embedding_size=32, max_tokens=32, **ALIKE,
        )  # fmt: skip
        self.locate_params = LocateParams(
            seed=2, epochs=20, hard_negatives=True, shuffle_labels=False, **ALIKE
        )  # fmt: skip

    def run_tokenize(self) -> None:
        params = TokenizeParams(vocabulary_size=120, min_frequency=1)
        tokenize.run(self.planted.data, self.planted.partitions, COLD, self.tokenizer, params)

    def run_align(self, start: Path = COLD, **changes: object) -> None:
        params = self.align_params.model_copy(update=changes)
        curves = self.folder / "plots" / "align.csv"
        align.run(self.planted.data, self.planted.partitions, self.tokenizer, start, self.align, curves, params)

    def run_locate(self, **changes: object) -> None:
        params = self.locate_params.model_copy(update=changes)
        curves = self.folder / "plots" / "locate.csv"
        locate.run(self.planted.data, self.planted.partitions, self.tokenizer, self.align, self.locate, curves, params)

    def run_embed(self, partition: str, batch_size: int = 16) -> None:
        tables = ("images", "region_boxes", "texts", "sections", "mentions")
        inputs = [self.planted.data / name / f"{partition}.parquet" for name in tables]
        pixels = self.planted.data / "pixels" / f"{partition}.npy"
        params = EmbedParams(batch_size=batch_size, threads=1)
        embed.run(self.locate, self.tokenizer, pixels, *inputs, self.embeddings[partition], params)

    def run_all(self) -> Trained:
        self.run_tokenize()
        self.run_align()
        self.run_locate()
        for partition in self.planted.partitions:
            self.run_embed(partition)
        return self


@pytest.fixture(scope="session")
def trained(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The planted collection with a model trained on it; not to be changed."""
    return Trained(planted, tmp_path_factory.mktemp("trained")).run_all()


@pytest.fixture
def warm_note(trained: Trained, tmp_path: Path) -> Path:
    """A note that names the trained model, which lies beside it, as the one to start from."""
    folder = tmp_path / "begun/start"
    shutil.copytree(trained.locate, folder / "model")
    shutil.copytree(trained.tokenizer, folder / "tokenizer")
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    note = folder.with_suffix(".json")
    note.write_text(json.dumps({"model_id": "any", "files": digests}))
    return note
