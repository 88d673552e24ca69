"""Any transformers encoder behind one form: shapes, padding, local directories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, ConvNextConfig, ConvNextModel, ViTConfig, ViTModel

from hilum.errors import UsageError
from hilum.model.configuration import (
    ModelConfig,
    image_configuration,
    pixel_statistics,
    text_configuration,
)
from hilum.model.encoders import ImageEncoder, TextEncoder, as_pixels, mean_of_words
from hilum.model.inference import grid_size
from hilum.model.network import RegionLanguageModel


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8,
        num_channels=3,
    )  # fmt: skip
    torch.manual_seed(0)
    ViTModel(config).save_pretrained(tmp_path / "vit")
    statistics = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.2, 0.2]}
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps(statistics))
    return tmp_path / "vit"


def test_small_image_encoder_halves_three_times() -> None:
    encoder = ImageEncoder(image_configuration("small"))
    assert encoder(torch.randn(2, 1, 144, 144)).shape == (2, 18 * 18, encoder.n_features)


def test_patches_come_in_rows_from_the_top_left() -> None:
    encoder = ImageEncoder(image_configuration("small")).eval()
    pixels = torch.zeros(2, 1, 64, 64)
    pixels[1, 0, :8, 56:] = 5.0
    with torch.no_grad():
        plain, marked = encoder(pixels)
    changed = (marked - plain).abs().sum(-1).view(8, 8)
    row, column = divmod(changed.argmax().item(), 8)
    assert row <= 2 and column >= 5


def test_a_local_vit_takes_one_channel_of_another_size(vit: Path) -> None:
    encoder = ImageEncoder(image_configuration(str(vit)), vit)
    assert encoder(torch.randn(2, 1, 48, 48)).shape == (2, 36, 16)
    mean, std = pixel_statistics(str(vit))
    assert (mean, std) == (pytest.approx(0.5), pytest.approx(0.2))
    wanted = ViTModel.from_pretrained(vit).state_dict()["layernorm.weight"]
    assert torch.equal(encoder.backbone.state_dict()["layernorm.weight"], wanted)


def test_a_convnext_from_its_configuration_alone() -> None:
    config = ConvNextConfig(num_channels=1, depths=[1, 1], hidden_sizes=[8, 16], num_stages=2, patch_size=4)
    values = {**config.to_dict(), "model_type": "convnext"}
    encoder = ImageEncoder(values)
    assert isinstance(encoder.backbone, ConvNextModel)
    assert encoder(torch.randn(1, 1, 64, 64)).shape == (1, 64, 16)


def test_a_local_bert_and_what_it_must_know(tmp_path: Path) -> None:
    config = BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "bert")
    name = str(tmp_path / "bert")
    encoder = TextEncoder(text_configuration(name, 40, 32), tmp_path / "bert")
    assert encoder(torch.ones(2, 5, dtype=torch.int64), torch.ones(2, 5, dtype=torch.bool)).shape == (2, 5, 16)
    with pytest.raises(UsageError, match="vocab_size 40, and 41 are needed"):
        text_configuration(name, 41, 32)
    with pytest.raises(UsageError, match="max_position_embeddings 32, and 33 are needed"):
        text_configuration(name, 40, 33)


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(text_configuration("small", 50, 16)).eval()
    ids = torch.tensor([[2, 7, 9, 3]])
    is_word = torch.ones(1, 4, dtype=torch.bool)
    padded_ids = torch.tensor([[2, 7, 9, 3, 0, 0]])
    padded = torch.tensor([[True] * 4 + [False] * 2])
    with torch.no_grad():
        short = mean_of_words(encoder(ids, is_word), is_word)
        long = mean_of_words(encoder(padded_ids, padded), padded)
    assert torch.allclose(short, long, atol=1e-5)


def test_a_text_without_words_is_zero() -> None:
    assert torch.equal(mean_of_words(torch.ones(1, 3, 2), torch.zeros(1, 3, dtype=torch.bool)), torch.zeros(1, 2))


@pytest.mark.parametrize("what", ["missing", "empty", "nameless"])
def test_a_directory_that_holds_no_model(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "weights"
    if what != "missing":
        folder.mkdir()
    if what == "nameless":
        (folder / "config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"align\.image_encoder: .*(local directory|no model_type)"):
        image_configuration(str(folder))


def test_a_directory_without_weights_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**image_configuration("small")}))
    with pytest.raises(UsageError, match="encoder cannot be built from"):
        ImageEncoder(image_configuration(str(tmp_path)), tmp_path)


def test_pixels_are_normalised() -> None:
    pixels = as_pixels(torch.tensor([[[0, 255]]], dtype=torch.uint8), 0.5, 0.25)
    assert pixels.tolist() == [[[[-2.0, 2.0]]]]


def test_a_network_of_local_encoders_is_rebuilt_from_its_configuration(vit: Path) -> None:
    config = ModelConfig(
        image_configuration(str(vit)), text_configuration("small", 50, 16), 16, 16, ("a", "b"), 0.5, 0.2
    )
    torch.manual_seed(0)
    network = RegionLanguageModel(config, vit)
    again = RegionLanguageModel(ModelConfig.from_json(json.loads(json.dumps(config.to_json()))))
    again.load_state_dict(network.state_dict())
    assert again.config == config and grid_size(again, 48) == 6
