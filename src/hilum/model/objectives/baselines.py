"""The field's baselines under the same budget: whole pairs (CLIP, ConVIRT), and words and patches (GLoRIA).

In: the network and a batch. Out: losses. Neither knows a place: what a region's embedding holds under them comes from
pooling alone.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from hilum.model.batch import Batch
from hilum.model.losses import identity_contrast
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives.words import WordScales, word_logits


class GlobalObjective:
    """Whole image and whole report, each pair against the batch: the baseline that knows no place."""

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """One loss, `global`."""
        images = model.encode_images(batch.pixels, batch.weights)
        texts = model.encode_texts(batch.report_ids, batch.report_is_word)
        logits = model.logit_scale * images.whole @ normalize(texts.whole, dim=-1).T
        return {"global": identity_contrast(logits)}


class LocalObjective:
    """Whole pairs, and words against patches: GLoRIA's sum of both, each pair against the batch."""

    def __init__(self, scales: WordScales | None = None) -> None:
        self.scales = scales or WordScales()

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """`global` and `words`."""
        images = model.encode_images(batch.pixels, batch.weights)
        reports = model.encode_texts(batch.report_ids, batch.report_is_word)
        logits = model.logit_scale * images.whole @ normalize(reports.whole, dim=-1).T
        words = word_logits(batch, images, reports, self.scales)
        return {"global": identity_contrast(logits), "words": identity_contrast(words)}
