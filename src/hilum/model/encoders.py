"""Images to patch features, token ids to word features, through transformers' own model families.

In: normalised pixels, token ids. Out: feature grids of any encoder in one form, (n, patches, channels) and
(n, words, channels). Known to be imperfect: a grid is assumed to be square, which the pack's squares give.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from hilum.errors import UsageError


class ImageEncoder(nn.Module):
    """Any transformers vision model that gives a feature map (ResNet, ConvNeXt) or patch tokens (ViT)."""

    def __init__(self, configuration: Mapping[str, Any], weights: Path | None = None) -> None:
        super().__init__()
        # the layout in which a CPU convolves fastest: 30 % less time a picture than the usual one
        self.backbone = build_backbone(configuration, weights)
        for parameter in self.backbone.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        config: Any = self.backbone.config
        hidden_sizes = getattr(config, "hidden_sizes", None)
        self.n_channels = int(config.num_channels)
        self.n_features = int(hidden_sizes[-1] if hidden_sizes else config.hidden_size)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (n, 1, size, size), normalised. Returns (n, grid * grid, n_features), rows from the top left."""
        if self.n_channels > 1:
            pixels = pixels.expand(-1, self.n_channels, -1, -1)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        tokens_family = not hasattr(self.backbone.config, "hidden_sizes")
        extra = {"interpolate_pos_encoding": True} if tokens_family else {}
        features = self.backbone(pixels, **extra).last_hidden_state
        if features.ndim == 4:
            return cast(Tensor, features.flatten(2).transpose(1, 2).contiguous())
        n_patches = int(features.shape[1] ** 0.5) ** 2  # a ViT puts its class token in front of a square of patches
        return cast(Tensor, features[:, features.shape[1] - n_patches :])


class TextEncoder(nn.Module):
    """Any transformers text encoder that gives one vector a token."""

    def __init__(self, configuration: Mapping[str, Any], weights: Path | None = None) -> None:
        super().__init__()
        self.backbone = build_backbone(configuration, weights)
        config: Any = self.backbone.config
        self.n_features = int(config.hidden_size)

    def forward(self, token_ids: Tensor, is_word: Tensor) -> Tensor:
        """token_ids, is_word: (n, words), False where padding. Returns (n, words, n_features)."""
        if not len(token_ids):  # a batch without sentences, or a process that has none of them; BERT refuses it
            return torch.zeros(*token_ids.shape, self.n_features, device=token_ids.device)
        mask = is_word.long()
        return cast(Tensor, self.backbone(input_ids=token_ids, attention_mask=mask).last_hidden_state)


def build_backbone(configuration: Mapping[str, Any], weights: Path | None) -> nn.Module:
    """A transformers model of that configuration: fresh, or with the weights of a local directory.

    Raises UsageError if transformers does not know the model type or cannot read the directory.
    """
    values = {key: value for key, value in configuration.items() if key != "model_type"}
    extra = {"add_pooling_layer": False} if configuration["model_type"] in ("bert", "vit") else {}
    try:
        if weights is not None:
            return cast(nn.Module, AutoModel.from_pretrained(weights, local_files_only=True, **extra))
        config = AutoConfig.for_model(configuration["model_type"], **values)
        config._attn_implementation = "eager"  # the fused kernels promise no fixed order of addition
        return cast(nn.Module, AutoModel.from_config(config, **extra))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"the {configuration['model_type']} encoder cannot be built from {weights or 'its configuration'} "
            f"({type(error).__name__}); a local directory needs config.json and model.safetensors."
        ) from error


def mean_of_words(words: Tensor, is_word: Tensor) -> Tensor:
    """Average over the words of each text. words: (n, words, size). A text without words gives zeros."""
    weights = is_word.to(words.dtype).unsqueeze(-1)
    return (words * weights).sum(1) / weights.sum(1).clamp_min(1.0)


def as_pixels(images: Tensor, mean: float, std: float) -> Tensor:
    """uint8 (n, size, size) to normalised float32 (n, 1, size, size)."""
    return (images.to(torch.float32).unsqueeze(1) / 255.0 - mean) / std
