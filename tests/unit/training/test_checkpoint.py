"""A checkpoint is whole or absent, the same bytes for the same weights, and is read with care."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hilum.errors import BadDataError
from hilum.model.configuration import ModelConfig, image_configuration, text_configuration
from hilum.model.inference import load_model, similarity_map
from hilum.model.network import RegionLanguageModel
from hilum.training import checkpoint
from hilum.training.checkpoint import write_checkpoint
from hilum.training.tokenizer import train_tokenizer, write_tokenizer

WORDS = train_tokenizer(["right lung consolidation"] * 3, 60, 1)
CONFIG = ModelConfig(
    image_configuration("small"), text_configuration("small", WORDS.get_vocab_size(), 16), 16, 16,
    ("right lung", "left lung"), 0.5, 0.25,
)  # fmt: skip
RECORD = {"phase": "align", "own_tokenizer": True}


@pytest.fixture
def model() -> RegionLanguageModel:
    torch.manual_seed(0)
    return RegionLanguageModel(CONFIG)


@pytest.fixture
def saved(model: RegionLanguageModel, tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "align", model, WORDS.to_str(pretty=True), RECORD)
    return tmp_path / "align"


def test_the_same_weights_give_the_same_bytes(model: RegionLanguageModel, saved: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "again", model, WORDS.to_str(pretty=True), RECORD)
    for path in sorted(saved.iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "align"]  # nothing left over


def test_what_is_loaded_answers_as_what_was_saved(model: RegionLanguageModel, saved: Path) -> None:
    loaded = load_model(saved)
    pixels = np.random.default_rng(0).integers(0, 255, (5, 32, 32), dtype=np.uint8)
    boxes = np.tile(np.array([0.1, 0.1, 0.5, 0.9], np.float32), (5, 2, 1))
    one, several = loaded.encode_images(pixels, boxes, batch_size=5), loaded.encode_images(pixels, boxes, batch_size=2)
    assert np.allclose(one.regions, several.regions, atol=1e-5)
    assert np.allclose(np.linalg.norm(one.whole, axis=1), 1, atol=1e-5)
    assert one.patches.shape == (5, 16, 16)
    model.eval()
    weights = torch.full((5, 2, 16), 1 / 16)
    images = torch.from_numpy(pixels).float().unsqueeze(1)
    with torch.no_grad():
        expected = model.encode_images((images / 255 - 0.5) / 0.25, weights)
    assert np.allclose(loaded.encode_images(pixels).whole, expected.whole.numpy(), atol=1e-5)


def test_phrases_and_maps(saved: Path) -> None:
    loaded = load_model(saved)
    phrases = loaded.encode_phrases(["right lung consolidation", "consolidation"])
    assert phrases.shape == (2, 16) and np.allclose(np.linalg.norm(phrases, axis=1), 1, atol=1e-5)
    patches = np.eye(16, dtype=np.float32)
    assert similarity_map(patches[6], patches)[1, 2] == 1.0
    assert loaded.encode_phrases([]).shape == (0, 16)


def test_texts_in_regions(model: RegionLanguageModel, saved: Path) -> None:
    loaded = load_model(saved)
    with torch.no_grad():
        loaded.network.condition_on.shift[1] += 1.0
    left, right = loaded.encode_in_region(["consolidation"] * 2, ["left lung", "right lung"])
    assert not np.allclose(left, right)
    assert np.allclose(right, loaded.encode_phrases(["consolidation"])[0], atol=1e-5)
    with pytest.raises(BadDataError, match=r"unknown regions \['left leg'\]"):
        loaded.encode_in_region(["consolidation"], ["left leg"])


def test_an_interrupted_write_leaves_the_old_one(
    model: RegionLanguageModel, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(saved, model, "{}", RECORD)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == ["align"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_or_broken_file_is_no_checkpoint(saved: Path, name: str) -> None:
    (saved / name).write_bytes(b"{")
    with pytest.raises(BadDataError, match="is not a whole checkpoint"):
        load_model(saved)
    (saved / name).unlink()
    with pytest.raises(BadDataError, match="is not a whole checkpoint"):
        load_model(saved)


def test_another_architecture_is_refused(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    config["model"]["embedding_size"] = 32
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadDataError, match="does not fit the configuration beside it"):
        load_model(saved)


def test_a_vocabulary_that_changed_is_refused(saved: Path, tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "same", WORDS, 3, 1)
    assert load_model(saved, tmp_path / "same").model_id
    write_tokenizer(tmp_path / "other", train_tokenizer(["other words"], 60, 1), 1, 1)
    with pytest.raises(BadDataError, match="was trained with vocabulary"):
        load_model(saved, tmp_path / "other")
