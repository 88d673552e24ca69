"""What a finding adds: where it is looked for inside a region, and whether a place or a sentence has it.

In: patches and texts in the shared space, region boxes. Out: one vector a finding (x_kd of a region, y_d of a text),
the probability that it is there, and the mixture of both that stands for all findings together. Only a network whose
`ModelConfig.findings` names some has these weights; of those named, `trained` marks the ones that training has seen.
The mixture is our addition: a region becomes one vector, so that it can be indexed and compared by a cosine.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from hilum.model.pooling import MAX_EVIDENCE, RegionCondition


class FindingReading(nn.Module):
    """A scale and a shift a finding, apart for images and texts; its evidence in a patch; its state as a direction.

    A text's state is that of a linear head; an image is read by the same head, with a bias of its own. A vector that
    points along a finding's `direction` says that the finding is there, one that points against it that it is not.
    """

    trained: Tensor

    def __init__(self, size: int, n_features: int, n_findings: int) -> None:
        super().__init__()
        self.evidence = nn.Linear(n_features, n_findings)
        self.of_image = RegionCondition(size, n_findings)
        self.of_text = RegionCondition(size, n_findings)
        self.direction = nn.Parameter(torch.randn(n_findings, size) / size**0.5)
        self.bias = nn.Parameter(torch.zeros(n_findings))
        self.image_bias = nn.Parameter(torch.zeros(n_findings))
        self.register_buffer("trained", torch.zeros(n_findings, dtype=torch.bool))

    def learn(self, findings: Sequence[int]) -> None:
        """Mark findings (positions in the vocabulary) as trained, beside those marked before."""
        self.trained[list(findings)] = True

    @property
    def rows(self) -> Tensor:
        """The trained findings' positions in the vocabulary, ascending."""
        return torch.nonzero(self.trained).squeeze(1)

    def columns(self, findings: Sequence[int]) -> Tensor:
        """Where some trained findings are on the axis of the trained ones."""
        return (self.trained.cumsum(0) - 1)[list(findings)]

    def pool(self, features: Tensor, patches: Tensor, weights: Tensor) -> Tensor:
        """Each region's patches, averaged where each finding's evidence is: a_kpd, proportional to m_kp exp(e_d . v_p).

        features: (n, patches, n_features), what the evidence is seen in. patches: (n, patches, size), what is averaged.
        weights: (n, regions, patches), rows sum to 1. Returns (n, regions, trained findings, size).
        """
        evidence = MAX_EVIDENCE * torch.tanh(self.evidence(features)[..., self.rows] / MAX_EVIDENCE)
        shares = weights.unsqueeze(2) * evidence.exp().transpose(1, 2).unsqueeze(1)
        shares = shares / shares.sum(-1, keepdim=True)
        n, n_regions, n_findings, _ = shares.shape
        return (shares.flatten(1, 2) @ patches).view(n, n_regions, n_findings, -1)

    def read_images(self, places: Tensor) -> Tensor:
        """x_kd. places: (..., trained findings or 1, size) unit vectors. Returns unit vectors."""
        return normalize(self.of_image(places, self.rows), dim=-1)

    def read_texts(self, texts: Tensor) -> Tensor:
        """y_d. texts: (..., size), of any length. Returns (..., trained findings, size) unit vectors."""
        return normalize(self.of_text(normalize(texts, dim=-1).unsqueeze(-2), self.rows), dim=-1)

    def text_logits(self, vectors: Tensor, scale: Tensor) -> Tensor:
        """How surely a text says that the finding is there. vectors: (..., trained findings, size) as y_d."""
        return scale * (vectors * self.direction[self.rows]).sum(-1) + self.bias[self.rows]

    def image_logits(self, vectors: Tensor, scale: Tensor) -> Tensor:
        """How surely the finding is in a place. vectors: (..., trained findings, size) as x_kd."""
        return self.text_logits(vectors, scale) + self.image_bias[self.rows]

    def mix(self, vectors: Tensor, logits: Tensor) -> Tensor:
        """r = sum_d p_d v_d + (1 - max_d p_d) normal, of unit length: what is there, or that nothing is.

        vectors: (..., trained findings, size), logits: (..., trained findings). `normal` points against all findings'
        directions, so that places without a finding lie together, and texts that only deny lie with them.
        """
        shares = torch.sigmoid(logits)
        found = (shares.unsqueeze(-2) @ vectors).squeeze(-2)
        normal = -normalize(self.direction[self.rows].sum(0), dim=-1)
        rest = 1.0 - shares.amax(-1, keepdim=True) if shares.shape[-1] else torch.ones_like(found[..., :1])
        return normalize(found + rest * normal, dim=-1)

    @torch.no_grad()
    def mix_patches(self, patches: Tensor, scale: Tensor) -> Tensor:
        """Each patch read as a region of its own, without a place's condition. patches: (n, patches, size) units.

        Image by image: a patch has a vector a finding while it is read.
        """
        read = [self.read_images(image.unsqueeze(-2)) for image in patches]
        mixed = [self.mix(vectors, self.image_logits(vectors, scale)) for vectors in read]
        return torch.stack(mixed) if mixed else torch.zeros_like(patches)
