"""`rra_vl`: our reading of ALC-ITR's RRA-VL from its public text (arXiv 2503.07456), not the paper's equations.

In: the network and a batch. Out: losses, already weighted. Phase `align` has relevance-aligned global contrast and
word-patch alignment (GLoRIA's form); phase `locate` has the region-sentence and the location-conditioned contrast, and
phrase-patch contrast, which is our addition for grounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import normalize

from hilum.model.batch import Batch, Phrases
from hilum.model.location import contrast_images, contrast_patches, contrast_phrases, contrast_sentences
from hilum.model.losses import identity, relevance, soft_contrast
from hilum.model.network import ImageEmbeddings, RegionLanguageModel, TextEmbeddings
from hilum.model.objectives.kind import Phase, Relevance
from hilum.model.objectives.places import covered_patches, finding_patches, most_specific, with_normal
from hilum.model.objectives.texts import contrast_findings, contrast_reports, region_texts
from hilum.model.objectives.words import WordScales, word_logits


@dataclass(frozen=True)
class Weights:
    """Weights of rra_vl's losses and their fixed temperature.

    A relevance of 1 against 0 is a factor e^5 in the soft target.
    """

    words: float = 0.5
    sentences: float = 0.5
    images: float = 0.5
    phrases: float = 1.0
    patches: float = 1.0
    region_texts: float = 2.0
    reports: float = 1.0
    findings: float = 0.3
    relevance_temperature: float = 0.2
    scales: WordScales = field(default_factory=WordScales)


class RegionRelevanceObjective:
    """Relevance- and region-aligned objective `rra_vl`; phase `locate` adds what knows of places."""

    def __init__(
        self,
        phase: Phase,
        phrases: Phrases,
        hard_negatives: bool = True,
        relevance: Relevance = "jaccard",
        weights: Weights | None = None,
    ) -> None:
        self.phase = phase
        self.phrases = phrases
        self.hard_negatives = hard_negatives
        self.relevance = relevance
        self.weights = weights or Weights()

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """`global`; in phase align `words`; in phase locate the rest: see `_locate`."""
        images = model.encode_images(batch.pixels, batch.weights)
        reports = model.encode_texts(batch.report_ids, batch.report_is_word)
        targets = relevance(batch.present) if self.relevance == "jaccard" else identity(batch.present)
        logits = model.logit_scale * images.whole @ normalize(reports.whole, dim=-1).T
        losses = {"global": soft_contrast(logits, targets, self.weights.relevance_temperature)}
        if self.phase == "align":
            return losses | {"words": self._words(batch, images, reports, targets)}
        return losses | self._locate(model, batch, images, normalize(reports.whole, dim=-1), targets)

    def _words(self, batch: Batch, images: ImageEmbeddings, reports: TextEmbeddings, targets: Tensor) -> Tensor:
        logits = word_logits(batch, images, reports, self.weights.scales)
        return self.weights.words * soft_contrast(logits, targets, self.weights.relevance_temperature)

    def _locate(
        self, model: RegionLanguageModel, batch: Batch, images: ImageEmbeddings, reports: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        """`images`, `phrases`, `patches`, `findings`, `reports`; where sentences are routed, `sentences`, `texts`."""
        weights, scale, phrases = self.weights, model.region_scale, self.phrases
        n, n_regions = images.regions.shape[:2]
        present, possible = with_normal(batch)
        regions = torch.arange(n_regions, device=images.regions.device)
        whole = model.encode_texts(phrases.finding_ids, phrases.finding_is_word).whole
        placed = model.condition(whole.unsqueeze(0), regions.unsqueeze(1))

        def contrasts(vectors: Tensor, placed: Tensor, present: Tensor, possible: Tensor) -> tuple[Tensor, Tensor]:
            """Both terms of places, of images or of texts in the images' stead: among themselves and with phrases."""
            related, hard = phrases.related, self.hard_negatives
            found, perhaps = present[..., :-1], possible[..., :-1]
            return (
                contrast_images(vectors, found, perhaps, batch.subjects, related, scale, hard),
                contrast_phrases(vectors, placed, present, possible, related, scale, hard),
            )

        by_image, by_phrase = contrasts(images.regions, placed, present, possible)
        losses = {
            "images": weights.images * by_image,
            "phrases": weights.phrases * by_phrase,
            "patches": weights.patches * self._patches(model, batch, images.patches, whole[:-1]),
            "findings": weights.findings * contrast_findings(reports, normalize(whole, dim=-1), batch, scale),
        }
        if self.relevance != "identity":  # a report that is like no other has nothing to be drawn to
            alike = contrast_reports(reports, targets, weights.relevance_temperature, model.logit_scale)
            losses["reports"] = weights.reports * alike
        if len(batch.routes):
            read = model.encode_texts(batch.sentence_ids, batch.sentence_is_word).whole
            sentences = model.condition(read[batch.routes[:, 2]], batch.routes[:, 1])
            losses["sentences"] = weights.sentences * contrast_sentences(
                images.regions, sentences, batch.routes, present[..., :-1], scale
            )
            texts, spoken = region_texts(sentences, batch.routes, n, n_regions)
            silent = ~spoken.unsqueeze(-1)  # neither right nor wrong
            # phrases stay where images put them: texts come to them
            by_text, by_phrase = contrasts(texts, placed.detach(), present & ~silent, possible | silent)
            losses["texts"] = weights.region_texts * (weights.images * by_text + weights.phrases * by_phrase)
        return losses

    def _patches(self, model: RegionLanguageModel, batch: Batch, patches: Tensor, whole: Tensor) -> Tensor:
        """Bare phrases ("pleural effusion") and phrases that name the place, against patches."""
        inside, outside = finding_patches(batch, self.phrases.inside)
        bare = contrast_patches(patches, normalize(whole, dim=-1), inside, outside, model.region_scale)
        specific = most_specific(batch.present[:, :-1], self.phrases.inside)
        cells = torch.nonzero(specific.any(0))
        if not len(cells):
            return bare
        place, finding = cells[:, 0], cells[:, 1]
        ids, is_word = self.phrases.placed_ids[place, finding], self.phrases.placed_is_word[place, finding]
        named = normalize(model.encode_texts(ids, is_word).whole, dim=-1)
        here = specific[:, place, finding].unsqueeze(-1) & covered_patches(batch.weights)[:, place]
        possible = (batch.present | batch.uncertain)[:, :-1].float()
        near = torch.einsum("ab,ibf->iaf", self.phrases.related.float(), possible) > 0
        missing = ~near[:, place, finding]
        elsewhere = outside[:, finding] | (missing.unsqueeze(-1) & inside[:, finding])
        return (bare + contrast_patches(patches, named, here, elsewhere & ~here, model.region_scale)) / 2
