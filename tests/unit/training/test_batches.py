"""Batches: their orders, the places that labels imply, phrases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.training.batches import dense_labels, make_batch, make_phrases
from hilum.training.examples import ANYWHERE, Examples, Ragged, build_examples, read_training_tables
from hilum.training.seed import epoch_generator
from hilum.training.tokenizer import train_tokenizer
from hilum.vocabulary import REGIONS

WORDS = train_tokenizer(["no consolidation in the right left upper lower lung zone hyperaeration elsewhere"] * 3, 90, 1)
CONFIG = ModelConfig(image_configuration("small"), text_configuration("small", 90, 32), 16, 32, REGIONS, 0.5, 0.25)


@pytest.fixture
def examples(planted: Any) -> Examples:
    tables = read_training_tables(planted.data, planted.partitions)
    return build_examples(tables, "train", WORDS, 32, ("consolidation", "hyperaeration"))


def labels_of(*rows: tuple[str | None, int, int]) -> Any:
    """Examples with one study; rows are (region, finding, label code)."""
    values = np.array([[ANYWHERE if r is None else REGIONS.index(r), f, code] for r, f, code in rows]).reshape(-1, 3)

    class OneStudy:
        labels = Ragged.build(np.zeros(len(values), np.int64), values, 1)
        findings = ("a", "b")

    return OneStudy()


def at(labels: np.ndarray, finding: int) -> set[str]:
    """Names of the regions in which the only study has the finding."""
    return {([*REGIONS, "anywhere"])[k] for k in np.flatnonzero(labels[0, :, finding])}


def test_present_spreads_outwards_and_absent_inwards() -> None:
    found, missing, _ = dense_labels(
        labels_of(("left lower lung zone", 0, 0), ("right lung", 1, 1), ("right hilar structures", 1, 0)),
        np.array([0]),
    )
    assert at(found, 0) == {"left lower lung zone", "left lung", "anywhere"}
    assert at(found, 1) == {"right hilar structures", "right lung", "anywhere"}
    assert at(missing, 1) == {
        "right upper lung zone", "right mid lung zone", "right lower lung zone", "right apical zone",
        "right costophrenic angle",
    }  # fmt: skip


def test_present_beats_uncertain_beats_absent() -> None:
    present, absent, uncertain = dense_labels(
        labels_of(("left lung", 0, 2), ("left mid lung zone", 0, 0), ("spine", 0, 1), ("left mid lung zone", 1, 2)),
        np.array([0]),
    )
    assert "left lung" in at(present, 0) and not at(uncertain, 0)
    assert at(uncertain, 1) == {"left mid lung zone", "left lung", "anywhere"}
    assert not (present & absent).any() and not (uncertain & absent).any()


def test_an_unplaced_finding_is_anywhere_and_in_no_region() -> None:
    present, _, _ = dense_labels(labels_of((None, 0, 0)), np.array([0]))
    assert at(present, 0) == {"anywhere"}


def test_not_mentioned_is_nothing() -> None:
    assert not np.any(dense_labels(labels_of(), np.array([0])))


def test_a_batch_is_what_the_contract_says(examples: Examples) -> None:
    rows = np.array([3, 0, 5])
    batch = make_batch(examples, rows, CONFIG, grid=6)
    assert batch.pixels.shape == (3, 1, 48, 48)
    assert torch.allclose(batch.weights.sum(-1), torch.ones(3, len(REGIONS)))
    assert batch.present.shape == (3, len(REGIONS) + 1, 2)
    assert batch.subjects.tolist() == examples.subjects[rows].tolist()
    assert int(batch.routes[:, 2].max()) < len(batch.sentence_ids)
    image, region, sentence = batch.routes[0].tolist()
    assert bool(batch.sentence_is_word[sentence].any()) and image < 3 and region < len(REGIONS)
    said = [(int(f), int(c)) for s, f, c in batch.said if s == sentence]
    assert said == [
        (f, c) for c, m in enumerate((batch.present, batch.absent)) for f in range(2) if m[image, region, f]
    ]
    raw = examples.pixels[examples.partition[3]][examples.row[3]]
    assert torch.allclose(batch.pixels[0, 0], (torch.from_numpy(raw.astype(np.float32)) / 255 - 0.5) / 0.25)


def test_augmented_batches_repeat_with_their_generator(examples: Examples) -> None:
    rows = np.arange(4)
    first, second = (make_batch(examples, rows, CONFIG, 6, epoch_generator(1, 1)) for _ in range(2))
    assert torch.equal(first.pixels, second.pixels) and torch.equal(first.weights, second.weights)
    assert not torch.equal(first.pixels, make_batch(examples, rows, CONFIG, 6).pixels)


def test_phrases_name_findings_and_places() -> None:
    phrases = make_phrases(WORDS, ("consolidation", "hyperaeration"), 32)
    assert phrases.finding_ids.shape[0] == 3  # with "normal"
    ids = phrases.placed_ids[REGIONS.index("left lower lung zone"), 0]
    words = WORDS.decode(ids[phrases.placed_is_word[REGIONS.index("left lower lung zone"), 0]].tolist())
    assert words.replace(" ##", "").startswith("left lower lung zone consolidation")
    lung, zone, heart = (REGIONS.index(r) for r in ("left lung", "left lower lung zone", "cardiac silhouette"))
    assert phrases.inside[lung, zone] and not phrases.inside[zone, lung]
    assert phrases.related[zone, lung] and phrases.related[heart, heart] and not phrases.related[heart, lung]
