"""The shape of a model, as it is written beside its weights.

In: the names of params.yaml (`small`, or a local directory). Out: a frozen `ModelConfig` from which the same network
can be built again anywhere, without the directory that its pretrained weights came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hilum.errors import UsageError

SMALL = "small"

# ResNet family at a total stride of 8: 192 px become 24 x 24 patches of about 15 mm.
SMALL_IMAGE = {
    "model_type": "resnet",
    "num_channels": 1,
    "embedding_size": 32,
    "hidden_sizes": [32, 64],
    "depths": [2, 2],
    "layer_type": "basic",
    "downsample_in_first_stage": False,
}
SMALL_TEXT = {
    "model_type": "bert",
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


@dataclass(frozen=True)
class ModelConfig:
    """Everything that the network's shape depends on.

    image, text: dictionaries of transformers configurations with `model_type`. max_tokens: of a report.
    pixel_mean, pixel_std: of pixels in [0, 1], subtracted and divided by. regions: names, in the order of the region
    axis of every tensor. findings: names of those that the network has weights for, in the vocabulary's order; none
    unless the objective reads findings one by one (`maple`).
    """

    image: Mapping[str, Any]
    text: Mapping[str, Any]
    embedding_size: int
    max_tokens: int
    regions: tuple[str, ...]
    pixel_mean: float
    pixel_std: float
    findings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `from_json` turns back into an equal object."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        if not self.findings:  # a network without them is written as it was before there were any
            del values["findings"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Rebuild a configuration that `to_json` wrote."""
        names = {"regions": tuple(values["regions"]), "findings": tuple(values.get("findings", ()))}
        return cls(**{**values, **names})


def image_configuration(name: str) -> dict[str, Any]:
    """The transformers configuration of an image encoder: `small`, or of the weights in a local directory."""
    return dict(SMALL_IMAGE) if name == SMALL else _read_configuration(name, "image_encoder")


def text_configuration(name: str, vocabulary_size: int, max_tokens: int) -> dict[str, Any]:
    """The transformers configuration of a text encoder; a directory's must know every entry of the tokenizer.

    Raises UsageError if the directory has no configuration, or one made for a smaller vocabulary or shorter texts.
    """
    if name == SMALL:
        return {**SMALL_TEXT, "vocab_size": vocabulary_size, "max_position_embeddings": max_tokens}
    values = _read_configuration(name, "text_encoder")
    for key, needed in (("vocab_size", vocabulary_size), ("max_position_embeddings", max_tokens)):
        if int(values.get(key, needed)) < needed:
            raise UsageError(
                f"align.text_encoder: {name} has {key} {values[key]}, and {needed} are needed. "
                f"Lower tokenize.vocabulary_size or align.max_tokens, or choose another encoder."
            )
    return values


def pixel_statistics(name: str) -> tuple[float, float]:
    """Mean and standard deviation that an encoder expects of pixels in [0, 1]; 0.5 and 0.25 unless its folder says.

    A folder's three channels are averaged, because a radiograph has one.
    """
    path = Path(name) / "preprocessor_config.json"
    if name == SMALL or not path.is_file():
        return 0.5, 0.25
    values = json.loads(path.read_text(encoding="utf-8"))
    mean, std = values.get("image_mean", [0.5]), values.get("image_std", [0.25])
    return sum(mean) / len(mean), sum(std) / len(std)


def _read_configuration(name: str, key: str) -> dict[str, Any]:
    path = Path(name) / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise UsageError(
            f"align.{key}: {name} is neither '{SMALL}' nor a local directory with a config.json of transformers. "
            f"hilum downloads nothing: put the weights there first."
        ) from None
    if "model_type" not in values:
        raise UsageError(f"align.{key}: {path} names no model_type, so transformers cannot build it.")
    return values
