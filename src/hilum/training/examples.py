"""The tables of all partitions as arrays that a batch can be cut from.

In: the data folder. Out: `Examples` of one split: frontal images whose study has a report. Pixels stay on disk
(memory-mapped); labels and sentences are ragged rows, so that memory grows with what reports say and no faster.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from hilum.errors import BadDataError
from hilum.model.tokens import TokenRows, encode_texts
from hilum.schema import IMAGES, MENTIONS, REGION_BOXES, REGION_LABELS, REPORTS, SECTIONS
from hilum.tables import check_partitions, read_table, read_tables
from hilum.training.checkpoint import digest_files
from hilum.training.texts import raw_texts, report_bodies, route_sentences, sentence_states
from hilum.vocabulary import FINDINGS, REGIONS

log = logging.getLogger(__name__)

LABEL_CODES = {"present": 0, "absent": 1, "uncertain": 2}
ANYWHERE = len(REGIONS)  # the place of a label without a region
MAX_SENTENCE_TOKENS = 48


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths. offsets: (n + 1,) int64. values: (total, width) int32."""

    offsets: np.ndarray
    values: np.ndarray

    @classmethod
    def build(cls, owners: np.ndarray, values: np.ndarray, n: int) -> Ragged:
        """Group values by owner (0 .. n - 1), keeping their order."""
        order = np.argsort(owners, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=n))])
        return cls(offsets.astype(np.int64), values[order].astype(np.int32))

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The position in `rows` that each value belongs to, and the values."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        owner = np.repeat(np.arange(len(rows)), lengths)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return owner, self.values[self.offsets[rows][owner] + within]


@dataclass(frozen=True)
class Tables:
    """The tables that both phases read, all partitions together."""

    images: pd.DataFrame
    boxes: pd.DataFrame
    labels: pd.DataFrame
    routed: pd.DataFrame
    said: pd.DataFrame
    bodies: dict[int, str]
    pixels: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Examples:
    """One split's images with what is known of them.

    partition, row: (n,) where each image's pixels are. boxes: (n, regions, 4) float32, left, top, right, bottom as
    fractions of the packed square. subjects: (n,). study: (n,) row of `reports`, `labels`, `routes` and `said`.
    labels: (place, finding, label code); findings are positions in `findings`. routes: (region, sentence).
    said: (sentence, finding, label code), of present and absent.
    """

    pixels: tuple[np.ndarray, ...]
    partition: np.ndarray
    row: np.ndarray
    boxes: np.ndarray
    subjects: np.ndarray
    study: np.ndarray
    reports: TokenRows
    labels: Ragged
    sentences: TokenRows
    routes: Ragged
    said: Ragged
    findings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.study)


def read_training_tables(data: Path, partitions: Sequence[str]) -> Tables:
    """Read what training needs. Raises BadDataError if a partition is missing or pixels do not fit their table."""
    check_partitions(data / "pixels", partitions, ".npy")
    frames, pixels = [], []
    for index, partition in enumerate(partitions):
        frame = read_table(data / "images" / f"{partition}.parquet", IMAGES)
        pixels.append(open_pixels(data / "pixels" / f"{partition}.npy", frame))
        frames.append(frame.assign(partition=index))
    check_partitions(data / "images", partitions, ".parquet")
    reports = read_tables(data / "texts", partitions, REPORTS)
    sections = read_tables(data / "sections", partitions, SECTIONS)
    bodies = report_bodies(reports, sections)
    mentions, texts = read_tables(data / "mentions", partitions, MENTIONS), raw_texts(reports)
    return Tables(
        images=pd.concat(frames, ignore_index=True),
        boxes=read_tables(data / "region_boxes", partitions, REGION_BOXES),
        labels=read_tables(data / "region_labels", partitions, REGION_LABELS),
        routed=route_sentences(mentions, texts),
        said=sentence_states(mentions, texts),
        bodies=bodies,
        pixels=tuple(pixels),
    )


def digest_training_data(data: Path, partitions: Sequence[str]) -> dict[str, str]:
    """sha256 of every file that `read_training_tables` reads."""
    folders = {"pixels": ".npy"} | dict.fromkeys(
        ("images", "region_boxes", "region_labels", "texts", "sections", "mentions"), ".parquet"
    )
    return digest_files(data / folder / f"{name}{suffix}" for folder, suffix in folders.items() for name in partitions)


def open_pixels(path: Path, images: pd.DataFrame) -> np.ndarray:
    """The memory-mapped pixels of a partition. Raises BadDataError unless it is a uint8 array with a row an image."""
    try:
        pixels: np.ndarray = np.load(path, mmap_mode="r" if len(images) else None, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadDataError(
            f"{path} cannot be read ({type(error).__name__}). Run `dvc repro` to make it again."
        ) from error
    n_rows = int(images["row"].max()) + 1 if len(images) else 0
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or len(pixels) < n_rows:
        raise BadDataError(
            f"{path} holds {pixels.dtype} {pixels.shape}; {n_rows} square uint8 images are expected. "
            f"Run `dvc repro` to pack them again."
        )
    return pixels


def findings_in_use(tables: Tables, split: str = "train") -> tuple[str, ...]:
    """The findings that some study of the split has in some region, in the vocabulary's order."""
    studies = tables.images.loc[tables.images["split"] == split, "study_id"]
    labels = tables.labels
    present = labels[(labels["label"] == "present") & labels["region"].notna() & labels["study_id"].isin(studies)]
    found = set(present["finding"])
    return tuple(finding for finding in FINDINGS if finding in found)


def build_examples(
    tables: Tables, split: str, tokenizer: Tokenizer, max_tokens: int, findings: Sequence[str]
) -> Examples:
    """The examples of a split, in the order of the tables. Images without a report are left out and counted."""
    of_split = tables.images[tables.images["split"] == split]
    images = of_split[of_split["study_id"].isin(list(tables.bodies))]
    if len(images) < len(of_split):
        log.info("%s: %d images without a report are left out", split, len(of_split) - len(images))
    studies = np.unique(images["study_id"].to_numpy(np.int64))
    bodies = [tables.bodies[int(study)] for study in studies]
    routed = tables.routed[tables.routed["study_id"].isin(studies)]
    said = tables.said[tables.said["study_id"].isin(studies) & tables.said["finding"].isin(list(findings))]
    texts = np.concatenate([frame["sentence_text"].to_numpy(str) for frame in (routed, said)])
    sentences, sentence = np.unique(texts, return_inverse=True)
    routes = np.stack([_positions(routed["region"], REGIONS), sentence[: len(routed)]], 1)
    states = [sentence[len(routed) :], _positions(said["finding"], findings), said["state"].map(LABEL_CODES)]
    return Examples(
        pixels=tables.pixels,
        partition=images["partition"].to_numpy(np.int64),
        row=images["row"].to_numpy(np.int64),
        boxes=box_fractions(images, tables.boxes, [p.shape[1] for p in tables.pixels]),
        subjects=images["subject_id"].to_numpy(np.int64),
        study=np.searchsorted(studies, images["study_id"].to_numpy(np.int64)),
        reports=encode_texts(tokenizer, bodies, max_tokens),
        labels=_label_rows(tables.labels, studies, findings),
        sentences=encode_texts(tokenizer, [str(s) for s in sentences], min(max_tokens, MAX_SENTENCE_TOKENS)),
        routes=Ragged.build(np.searchsorted(studies, routed["study_id"].to_numpy(np.int64)), routes, len(studies)),
        said=Ragged.build(
            np.searchsorted(studies, said["study_id"].to_numpy(np.int64)), np.stack(states, 1), len(studies)
        ),
        findings=tuple(findings),
    )


def box_fractions(images: pd.DataFrame, boxes: pd.DataFrame, sizes_px: Sequence[int]) -> np.ndarray:
    """Region boxes in the packed square, as fractions of its side: (n, regions, 4) left, top, right, bottom.

    images: needs dicom_id, scale, offset_x_px, offset_y_px and partition (its position in sizes_px).
    Raises BadDataError if an image lacks a region.
    """
    n = len(images)
    image = pd.Index(images["dicom_id"]).get_indexer(pd.Index(boxes["dicom_id"]))
    boxes, image = boxes[image >= 0], image[image >= 0]
    corners = np.full((n, len(REGIONS), 4), np.nan)
    x, y, width, height = (boxes[name].to_numpy(np.float64) for name in ("x", "y", "width", "height"))
    corners[image, _positions(boxes["region"], REGIONS)] = np.stack([x, y, x + width, y + height], 1)
    if np.isnan(corners).any():
        n_missing = int(np.isnan(corners).any((1, 2)).sum())
        raise BadDataError(
            f"region_boxes: {n_missing} of {n} images lack a box for one of the {len(REGIONS)} regions. "
            f"Run `dvc repro` to pack them again."
        )
    scale = images["scale"].to_numpy(np.float64)[:, None, None]
    offset = images[["offset_x_px", "offset_y_px"] * 2].to_numpy(np.float64)[:, None, :]
    size = np.asarray(sizes_px, np.float64)[images["partition"].to_numpy()][:, None, None]
    return ((corners * scale + offset) / size).astype(np.float32)


def shuffle_labels(examples: Examples, generator: np.random.Generator) -> Examples:
    """The control that must fail: labels and sentences of each study go to another one, images stay."""
    n = len(examples.labels.offsets) - 1
    order = generator.permutation(n)
    shuffled: dict[str, Any] = {}
    for name in ("labels", "routes", "said"):
        owner, values = getattr(examples, name).take(order)
        shuffled[name] = Ragged.build(owner, values, n)
    return replace(examples, **shuffled)


def _label_rows(labels: pd.DataFrame, studies: np.ndarray, findings: Sequence[str]) -> Ragged:
    kept = labels[labels["study_id"].isin(studies) & labels["finding"].isin(list(findings))]
    place = pd.Index(REGIONS).get_indexer(pd.Index(kept["region"]))
    values = np.stack(
        [
            np.where(place < 0, ANYWHERE, place),
            _positions(kept["finding"], findings),
            kept["label"].map(LABEL_CODES).to_numpy(np.int64),
        ],
        1,
    )
    return Ragged.build(np.searchsorted(studies, kept["study_id"].to_numpy(np.int64)), values, len(studies))


def _positions(names: pd.Series, known: Sequence[str]) -> np.ndarray:
    positions = pd.Index(known).get_indexer(pd.Index(names))
    if (positions < 0).any():
        unknown = sorted(set(names[positions < 0]))
        raise BadDataError(
            f"unknown names {unknown}; the vocabulary lists {len(known)}. Run `dvc repro` from parse on."
        )
    return positions
