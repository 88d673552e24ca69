"""What a new model is made of: which tokenizer, which shapes, whose weights.

In: the names in params.yaml. Out: a tokenizer, a `ModelConfig`, directories of weights.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from hilum.errors import UsageError
from hilum.model.configuration import (
    SMALL,
    ModelConfig,
    image_configuration,
    pixel_statistics,
    text_configuration,
)
from hilum.model.objectives import ObjectiveName
from hilum.model.tokens import read_tokenizer
from hilum.vocabulary import FINDINGS, REGIONS


def pretrained(name: str) -> Path | None:
    """The directory of an encoder's weights; None for `small`, which starts from scratch."""
    return None if name == SMALL else Path(name)


def choose_tokenizer(trained: Path, text_encoder: str) -> tuple[Tokenizer, str, bool]:
    """The tokenizer, its version, and whether it is our own: a pretrained text encoder brings the one it learned with.

    Raises UsageError if a pretrained directory has no tokenizer.json.
    """
    directory = pretrained(text_encoder)
    if directory is None:
        return (*read_tokenizer(trained), True)
    if not (directory / "tokenizer.json").is_file():
        raise UsageError(
            f"align.text_encoder: {directory} has no tokenizer.json; its weights mean nothing with another vocabulary. "
            f"Save the tokenizer beside them (transformers: tokenizer.save_pretrained)."
        )
    return (*read_tokenizer(directory), False)


def choose_configuration(
    image_encoder: str,
    text_encoder: str,
    tokenizer: Tokenizer,
    embedding_size: int,
    max_tokens: int,
    objective: ObjectiveName = "global",
) -> ModelConfig:
    """The shape of the network that params.yaml asks for.

    Under `maple` it has weights for every finding of the vocabulary, so that a landing may bring new ones.
    """
    mean, std = pixel_statistics(image_encoder)
    return ModelConfig(
        image=image_configuration(image_encoder),
        text=text_configuration(text_encoder, tokenizer.get_vocab_size(), max_tokens),
        embedding_size=embedding_size,
        max_tokens=max_tokens,
        regions=REGIONS,
        pixel_mean=mean,
        pixel_std=std,
        findings=FINDINGS if objective == "maple" else (),
    )
