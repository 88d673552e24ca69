"""`maple`: our reading of MApLe (arXiv 2604.13970, cardiac CT) for chest X-rays, regions and one encoder a modality.

In: the network and a batch. Out: losses, already weighted. MApLe's are: a sentence space tuned on polarity for every
finding, frozen in the second phase; a bag of patches pooled for every region and finding; positives of the same state
from any report; hard sampling at a softmax temperature of 0.1; a triplet with a margin (the paper gives no value); a
cosine term against collapse; a state read off the sentence space.
Ours are: one image encoder conditioned on region and finding for its encoder a region; one text encoder with a scale
and a shift a finding for its BERT a finding; contrast of images and reports for its reconstruction in phase one, kept
in phase two with a small weight; the sentence head for its codebook of 40 vectors a state; the mixture that makes one
vector of a region (hilum.model.finding), the cross-entropy that trains the shares of it, bare names of findings beside
the sentences, and for grounding the contrast of patches where a finding is said to lie with those where it cannot.
And silence: a chest report denies few findings by name (13 of 30 of the phantom's never), so a sentence that does not
speak of a finding stands beside those that deny it, and so does a place where the report lets nothing of it lie. Known
to be imperfect: a sentence that doubts a finding counts as silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from hilum.model.batch import Batch, Phrases
from hilum.model.finding import FindingReading
from hilum.model.location import contrast_bags
from hilum.model.losses import identity_contrast
from hilum.model.network import ImageEmbeddings, RegionLanguageModel
from hilum.model.objectives.kind import Phase
from hilum.model.objectives.places import finding_patches, most_specific
from hilum.model.polarity import contrast_presence, contrast_states, hard_triplets, push_apart

FROZEN = (
    "text_encoder.", "project_text.", "log_region_scale", "findings.of_text.", "findings.direction", "findings.bias",
)  # fmt: skip
"""What phase two leaves as phase one made it: beginnings of names of weights."""


@dataclass(frozen=True)
class MapleWeights:
    """Weights of maple's losses, its margins, and the temperature of its sampling."""

    states: float = 1.0
    image_report: float = 0.2
    triplet: float = 1.0
    collapse: float = 0.5
    presence: float = 1.0
    patches: float = 1.0
    margin: float = 1.0
    collapse_margin: float = 0.0
    temperature: float = 0.1


class MapleObjective:
    """Objective `maple`. findings: positions in the network's findings of those that the batches tell of."""

    def __init__(
        self,
        phase: Phase,
        phrases: Phrases,
        findings: Sequence[int],
        hard_negatives: bool = True,
        weights: MapleWeights | None = None,
    ) -> None:
        self.phase = phase
        self.phrases = phrases
        self.findings = tuple(findings)
        self.weights = weights or MapleWeights()
        self.temperature = self.weights.temperature if hard_negatives else 0.0

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """`global`; in phase align `states`; in phase locate `triplet`, `collapse`, `presence` and `patches`."""
        reading = model.findings
        if reading is None:
            raise ValueError("maple needs a network whose configuration names findings")
        images = model.encode_images(batch.pixels, batch.weights)
        reports = model.encode_texts(batch.report_ids, batch.report_is_word)
        logits = model.logit_scale * images.whole @ normalize(reports.whole, dim=-1).T
        losses = {"global": identity_contrast(logits)}
        sentences = model.encode_texts(batch.sentence_ids, batch.sentence_is_word).whole
        findings = torch.tensor(self.findings, device=sentences.device)
        said = reading.read_texts(sentences, findings)
        if self.phase == "align":
            names = model.encode_texts(self.phrases.finding_ids, self.phrases.finding_is_word).whole
            said = torch.cat([said, reading.read_texts(names, findings)])
            states = reading.text_logits(said, findings, model.region_scale)
            groups = torch.cat([sentence_groups(batch), self._named()], 1)
            return losses | {"states": self.weights.states * contrast_states(states, groups)}
        losses["global"] = self.weights.image_report * losses["global"]
        return losses | self._locate(model, reading, batch, images, said)

    def _named(self) -> Tensor:
        """`sentence_groups` of the findings' bare names and of "normal": a name says that its finding is there."""
        ids = self.phrases.finding_ids
        own = torch.eye(len(ids), len(self.findings), device=ids.device).bool()
        return torch.stack([own, torch.zeros_like(own), ~own])

    def _locate(
        self, model: RegionLanguageModel, reading: FindingReading, batch: Batch, images: ImageEmbeddings, said: Tensor
    ) -> dict[str, Tensor]:
        assert images.cells is not None
        weights, groups = self.weights, sentence_groups(batch)
        region, finding = reading.cells
        told = torch.full_like(reading.seen[0], -1, dtype=torch.int64)
        told[list(self.findings)] = torch.arange(len(self.findings), device=told.device)
        known = torch.nonzero(told[finding] >= 0).squeeze(1)  # a landing that was withdrawn leaves cells behind
        region, finding, own = region[known], finding[known], told[finding[known]]
        cells = images.cells[:, known]
        anchors = torch.stack([state[:, region, own] for state in anchor_states(batch, self.phrases.inside)])
        sentences = torch.stack([groups[0], groups[1] | groups[2]])[:, :, own]
        cosines = cells.transpose(0, 1) @ said[:, own].permute(1, 2, 0)
        triplet = hard_triplets(cosines, anchors.mT, sentences.mT, weights.margin, self.temperature)
        patches = reading.patch_logits(
            images.patches, torch.tensor(self.findings, device=told.device), model.region_scale
        )
        bags = contrast_bags(patches.mT, *finding_patches(batch, self.phrases.inside))
        presence = contrast_presence(reading.image_logits(cells, finding, model.region_scale), *anchors)
        return {
            "triplet": weights.triplet * triplet,
            "collapse": weights.collapse * push_apart(cells.transpose(0, 1), anchors.mT, weights.collapse_margin),
            "presence": weights.presence * presence,
            "patches": weights.patches * bags,
        }


def sentence_groups(batch: Batch) -> Tensor:
    """Which sentences say of each finding that it is there, deny it, or are silent: (3, sentences, findings) bool."""
    spoken = torch.zeros(
        2, len(batch.sentence_ids), batch.present.shape[-1], dtype=torch.bool, device=batch.said.device
    )
    sentence, finding, state = batch.said.unbind(1)
    spoken[state, sentence, finding] = True
    return torch.cat([spoken, ~spoken.any(0, keepdim=True)])


def anchor_states(batch: Batch, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Where each finding lies and where it does not: two (n, regions, findings) bool. A place may be neither.

    Neither: where it is doubted; in the parts of a region that has it and does not say in which part; anywhere in an
    image whose report has it without a place. Everywhere else it is not, whether the report denies it or is silent.
    inside: (regions, regions) bool, [a, b] True where b lies in a.
    """
    present, possible = batch.present[:, :-1], (batch.present | batch.uncertain)[:, :-1]
    vague = most_specific(possible, inside).float()
    within = torch.einsum("ab,iaf->ibf", inside.float(), vague) > 0
    unplaced = (batch.present | batch.uncertain)[:, -1:] & ~possible.any(1, keepdim=True)
    return present, ~(possible | within | unplaced)
