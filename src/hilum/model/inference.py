"""A checkpoint as an object that answers: embeddings of pictures and phrases, and where a phrase lies in a picture.

In: a checkpoint folder, uint8 pixels, strings. Out: numpy arrays. The only file reader of this room, because search,
evaluation and embedding all begin here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn.functional import normalize

from hilum.errors import BadDataError
from hilum.model.configuration import ModelConfig
from hilum.model.encoders import as_pixels
from hilum.model.network import RegionLanguageModel
from hilum.model.pooling import box_weights
from hilum.model.tokens import encode_texts, read_tokenizer


@dataclass(frozen=True)
class EncodedImages:
    """whole: (n, size). regions: (n, regions, size). patches: (n, grid * grid, m), to be compared with phrases alone.

    float32, unit length.
    """

    whole: np.ndarray
    regions: np.ndarray
    patches: np.ndarray


@dataclass(frozen=True)
class LoadedModel:
    """A trained network with its vocabulary. model_id: first 16 hex digits of the weights' sha256."""

    network: RegionLanguageModel
    tokenizer: Tokenizer
    model_id: str

    @property
    def config(self) -> ModelConfig:
        """The network's shape."""
        return self.network.config

    @torch.no_grad()
    def encode_images(self, pixels: np.ndarray, boxes: np.ndarray | None = None, batch_size: int = 64) -> EncodedImages:
        """pixels: (n, size, size) uint8. boxes: (n, regions, 4) left, top, right, bottom as fractions of the side.

        Without boxes every region is the whole picture: good enough where only `whole` or `patches` is used.
        """
        self.network.eval()
        if boxes is None:
            boxes = np.tile(np.array([0.0, 0.0, 1.0, 1.0], np.float32), (len(pixels), len(self.config.regions), 1))
        n_patches = grid_size(self.network, pixels.shape[-1]) ** 2
        size = self.config.embedding_size
        told = self.network.tell_patches(torch.zeros(0, n_patches, size))
        encoded = EncodedImages(
            np.zeros((len(pixels), size), np.float32),
            np.zeros((len(pixels), len(self.config.regions), size), np.float32),
            np.zeros((len(pixels), *told.shape[1:]), np.float32),
        )
        for start in range(0, len(pixels), batch_size):
            rows = slice(start, start + batch_size)
            images = torch.from_numpy(np.array(pixels[rows]))
            weights = torch.from_numpy(box_weights(boxes[rows], round(n_patches**0.5)))
            out = self.network.encode_images(as_pixels(images, self.config.pixel_mean, self.config.pixel_std), weights)
            encoded.whole[rows] = out.whole.numpy()
            encoded.regions[rows] = out.regions.numpy()
            encoded.patches[rows] = self.network.tell_patches(out.patches).numpy()
        return encoded

    def encode_reports(self, reports: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Unit vectors of whole reports, to be compared with whole images: (n, size) float32."""
        return _unit(self._encode_texts(reports, batch_size)).numpy()

    @torch.no_grad()
    def encode_phrases(self, phrases: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Unit vectors of texts spoken of no region in particular, to be compared with patches: (n, m) float32."""
        return self.network.tell_texts(self._encode_texts(phrases, batch_size)).numpy()

    @torch.no_grad()
    def encode_in_region(self, texts: Sequence[str], regions: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Unit vectors of texts read as spoken of a region each: (n, size) float32. KeyError-free: names are checked.

        Raises BadDataError naming regions that the model does not know.
        """
        unknown = sorted(set(regions) - set(self.config.regions))
        if unknown:
            raise BadDataError(f"unknown regions {unknown}; the model knows {list(self.config.regions)}.")
        numbers = torch.tensor([self.config.regions.index(region) for region in regions], dtype=torch.int64)
        return self.network.condition(self._encode_texts(texts, batch_size), numbers).numpy()

    @torch.no_grad()
    def _encode_texts(self, texts: Sequence[str], batch_size: int) -> torch.Tensor:
        self.network.eval()
        rows = encode_texts(self.tokenizer, texts, self.config.max_tokens)
        parts = [torch.zeros(0, self.config.embedding_size)]
        for start in range(0, len(texts), batch_size):
            ids, is_word = rows.take(np.arange(start, min(start + batch_size, len(texts))))
            parts.append(self.network.encode_texts(torch.from_numpy(ids), torch.from_numpy(is_word)).whole)
        return torch.cat(parts)


def similarity_map(phrase: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Cosine between a phrase and every patch of an image, on the patch grid.

    phrase: (size,), patches: (grid * grid, size), unit vectors. Returns (grid, grid) float32 in [-1, 1], row 0 on top.
    """
    grid = round(len(patches) ** 0.5)
    return (patches @ phrase).reshape(grid, grid).astype(np.float32)


def load_model(directory: Path, tokenizer_directory: Path | None = None) -> LoadedModel:
    """Open a checkpoint. tokenizer_directory: the tokenizer in use, to make sure that it is the checkpoint's.

    Raises BadDataError if a file is missing or broken, the weights are of another shape, or the vocabulary changed.
    """
    path = directory / "model.safetensors"
    try:
        record = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        config = ModelConfig.from_json(record["model"])
        weights = load_file(path)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BadDataError(
            f"{directory} is not a whole checkpoint ({type(error).__name__}); config.json and model.safetensors are "
            f"expected. Run `dvc repro` to make it again."
        ) from error
    tokenizer, version = read_tokenizer(directory)
    if tokenizer_directory is not None and record["own_tokenizer"]:
        _, in_use = read_tokenizer(tokenizer_directory)
        if in_use != version:
            raise BadDataError(
                f"{directory} was trained with vocabulary {version}, {tokenizer_directory} is {in_use}. "
                f"Run `dvc repro` to train again."
            )
    network = RegionLanguageModel(config)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadDataError(
            f"{path} does not fit the configuration beside it. Run `dvc repro` to make it again."
        ) from error
    network.eval()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return LoadedModel(network, tokenizer, digest[:16])


@torch.no_grad()
def grid_size(network: RegionLanguageModel, size_px: int) -> int:
    """Patches along a side that the image encoder makes of a square of size_px pixels."""
    training = network.training
    network.eval()
    features = network.image_encoder(torch.zeros(1, 1, size_px, size_px, device=network.log_scale.device))
    network.train(training)
    return round(features.shape[1] ** 0.5)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return normalize(vectors, dim=-1)
