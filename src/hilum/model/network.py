"""The dual encoder: one picture and its regions, one text and its words, in one space.

In: normalised pixels with region weights; token ids. Out: embeddings of unit length, and patch and word embeddings
in the same space, so that any phrase can be compared with any patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from hilum.model.configuration import ModelConfig
from hilum.model.encoders import ImageEncoder, TextEncoder, mean_of_words
from hilum.model.finding import FindingReading
from hilum.model.pooling import RegionCondition, RegionPooling


@dataclass(frozen=True)
class ImageEmbeddings:
    """whole: (n, size). regions: (n, regions, size). patches: (n, patches, size). All of unit length.

    cells: (n, cells, size), x_kd, of a network that reads findings one by one; else None.
    """

    whole: Tensor
    regions: Tensor
    patches: Tensor
    cells: Tensor | None = None


@dataclass(frozen=True)
class TextEmbeddings:
    """whole: (n, size), not normalised (`condition` may follow). words: (n, words, size) of unit length."""

    whole: Tensor
    words: Tensor


class RegionLanguageModel(nn.Module):
    """Image and text encoders, region pooling and the projections into the shared space."""

    def __init__(
        self, config: ModelConfig, image_weights: Path | None = None, text_weights: Path | None = None
    ) -> None:
        super().__init__()
        self.config = config
        size = config.embedding_size
        self.image_encoder = ImageEncoder(config.image, image_weights)
        self.text_encoder = TextEncoder(config.text, text_weights)
        self.pooling = RegionPooling(self.image_encoder.n_features, 2 * size)
        self.project_image = nn.Linear(2 * size, size)
        self.project_text = nn.Linear(self.text_encoder.n_features, size)
        self.condition_on = RegionCondition(size, len(config.regions))
        self.log_scale = nn.Parameter(torch.tensor(2.65926))  # log(1 / 0.07), CLIP's start
        self.log_region_scale = nn.Parameter(torch.tensor(2.30259))  # log(1 / 0.1)
        self.findings: FindingReading | None = None
        if config.findings:
            self.findings = FindingReading(
                size, self.image_encoder.n_features, len(config.regions), len(config.findings)
            )

    @property
    def logit_scale(self) -> Tensor:
        """Inverse temperature of whole images and reports, held below 100 as in CLIP."""
        return self.log_scale.exp().clamp(max=100.0)

    @property
    def region_scale(self) -> Tensor:
        """Inverse temperature of regions and phrases, held below 50."""
        return self.log_region_scale.exp().clamp(max=50.0)

    def learn_cells(self, names: Sequence[str], seen: Tensor) -> tuple[int, ...]:
        """Mark where findings are to be looked for, beside where they were before; nothing in a network without them.

        seen: (regions, len(names)) bool. Returns where the findings are in the configuration.
        """
        if self.findings is None:
            return ()
        positions = [self.config.findings.index(name) for name in names]
        self.findings.seen[:, positions] |= seen.to(self.findings.seen.device)
        return tuple(positions)

    def encode_images(self, pixels: Tensor, weights: Tensor) -> ImageEmbeddings:
        """pixels: (n, 1, size, size), normalised. weights: (n, regions, patches), rows sum to 1."""
        features = self.image_encoder(pixels)
        if self.findings is not None:
            return self._encode_findings(features, weights, self.findings)
        regions = torch.arange(len(self.config.regions), device=features.device)
        whole = torch.full_like(weights[:, :1], 1.0 / weights.shape[-1])
        pooled, patches = self.pooling(features, torch.cat([whole, weights], 1))
        pooled = self.project_image(pooled)
        return ImageEmbeddings(
            whole=normalize(pooled[:, 0], dim=-1),
            regions=normalize(self.condition_on(pooled[:, 1:], regions), dim=-1),
            patches=normalize(self.project_image(patches), dim=-1),
        )

    def _encode_findings(self, features: Tensor, weights: Tensor, reading: FindingReading) -> ImageEmbeddings:
        """The same where a region is the mixture of what each finding sees in it."""
        pooled, patches = self.pooling(features, torch.full_like(weights[:, :1], 1.0 / weights.shape[-1]))
        patches = self.project_image(patches)
        region, finding = reading.cells
        placed = normalize(self.condition_on(reading.pool(features, patches, weights), region), dim=-1)
        cells = reading.read_images(placed, finding)
        return ImageEmbeddings(
            whole=normalize(self.project_image(pooled[:, 0]), dim=-1),
            regions=reading.mix_regions(cells, self.region_scale),
            patches=normalize(patches, dim=-1),
            cells=cells,
        )

    def encode_texts(self, token_ids: Tensor, is_word: Tensor) -> TextEmbeddings:
        """token_ids, is_word: (n, words); is_word is False where padding."""
        words = self.project_text(self.text_encoder(token_ids, is_word))
        return TextEmbeddings(whole=mean_of_words(words, is_word), words=normalize(words, dim=-1))

    def condition(self, texts: Tensor, regions: Tensor) -> Tensor:
        """Texts read as spoken of regions. texts: (..., size), regions: (...) int64. Returns unit vectors.

        Where findings are read one by one a text's region is the mixture of the findings that it says, in any region:
        images are drawn towards sentences that know no place, and the place is where in the image was looked.
        """
        if self.findings is not None:
            return self.findings.mix_texts(texts, self.region_scale)
        return normalize(self.condition_on(texts, regions), dim=-1)

    def tell_texts(self, texts: Tensor) -> Tensor:
        """Texts as they are compared with `tell_patches`, units: what they say of each finding, where that is read."""
        return normalize(texts, dim=-1) if self.findings is None else self.findings.tell_texts(texts, self.region_scale)

    def tell_patches(self, patches: Tensor) -> Tensor:
        """Patches as phrases are compared with them, units; as they are unless findings are read one by one."""
        return patches if self.findings is None else self.findings.tell_patches(patches, self.region_scale)
