"""What a finding adds: where it is looked for inside a region, and whether a place or a sentence has it.

In: patches and texts in the shared space, region boxes. Out: one vector a cell (x_kd of region k and finding d) or a
finding (y_d of a text), the probability that it is there, and the mixture of both that stands for all findings at once.
Only a network whose `ModelConfig.findings` names some has these weights. `seen` marks the cells in which training has
seen the finding: nobody looks for the others, as MApLe has an organ a finding. The mixture is our addition: a region
becomes one vector, so that it can be indexed and compared by a cosine.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from hilum.model.pooling import MAX_EVIDENCE, RegionCondition


class FindingReading(nn.Module):
    """A scale and a shift a finding, apart for images and texts; its evidence in a patch; its state as a direction.

    A text's state is that of a linear head; an image is read by the same head, with a bias of its own. A vector that
    points along a finding's `direction` says that the finding is there, one that points against it that it is not.
    """

    seen: Tensor

    def __init__(self, size: int, n_features: int, n_regions: int, n_findings: int) -> None:
        super().__init__()
        self.evidence = nn.Linear(n_features, n_findings)
        self.of_image = RegionCondition(size, n_findings)
        self.of_text = RegionCondition(size, n_findings)
        self.direction = nn.Parameter(torch.randn(n_findings, size) / size**0.5)
        self.bias = nn.Parameter(torch.zeros(n_findings))
        self.image_bias = nn.Parameter(torch.zeros(n_findings))
        self.register_buffer("seen", torch.zeros(n_regions, n_findings, dtype=torch.bool))

    @property
    def cells(self) -> tuple[Tensor, Tensor]:
        """Region and finding of every cell that training has seen: two (cells,) int64, by region, then finding."""
        region, finding = torch.nonzero(self.seen).unbind(1)
        return region, finding

    @property
    def findings(self) -> Tensor:
        """The findings of some cell, as positions in the configuration, ascending."""
        return torch.nonzero(self.seen.any(0)).squeeze(1)

    def pool(self, features: Tensor, patches: Tensor, weights: Tensor) -> Tensor:
        """Each cell's patches, averaged where its finding's evidence is: a_kpd, proportional to m_kp exp(e_d . v_p).

        features: (n, patches, n_features), what the evidence is seen in. patches: (n, patches, size), what is averaged.
        weights: (n, regions, patches), rows sum to 1. Returns (n, cells, size).
        """
        region, finding = self.cells
        evidence = MAX_EVIDENCE * torch.tanh(self.evidence(features) / MAX_EVIDENCE)
        shares = weights[:, region] * evidence.exp().transpose(1, 2)[:, finding]
        return (shares @ patches) / shares.sum(-1, keepdim=True)

    def read_images(self, places: Tensor, findings: Tensor) -> Tensor:
        """x_kd. places: (..., m, size) unit vectors, read for findings: (m,). Returns unit vectors."""
        return normalize(self.of_image(places, findings), dim=-1)

    def read_texts(self, texts: Tensor, findings: Tensor) -> Tensor:
        """y_d. texts: (..., size), of any length. findings: (m,). Returns (..., m, size) unit vectors."""
        return normalize(self.of_text(normalize(texts, dim=-1).unsqueeze(-2), findings), dim=-1)

    def text_logits(self, vectors: Tensor, findings: Tensor, scale: Tensor) -> Tensor:
        """How surely a text says that each finding is there. vectors: (..., m, size) as y_d. findings: (m,)."""
        return scale * (vectors * self.direction[findings]).sum(-1) + self.bias[findings]

    def image_logits(self, vectors: Tensor, findings: Tensor, scale: Tensor) -> Tensor:
        """How surely each finding is in a place. vectors: (..., m, size) as x_kd. findings: (m,)."""
        return self.text_logits(vectors, findings, scale) + self.image_bias[findings]

    def patch_logits(self, patches: Tensor, findings: Tensor, scale: Tensor) -> Tensor:
        """`image_logits` of single patches, by products of matrices: no patch has a vector a finding.

        patches: (n, patches, size) units. Returns (n, patches, m).
        """
        factor, shift = 1.0 + self.of_image.scale[findings], self.of_image.shift[findings]
        direction = self.direction[findings]
        along = patches @ (factor * direction).T + (shift * direction).sum(-1)
        squared = patches.square() @ factor.square().T + 2.0 * patches @ (factor * shift).T + shift.square().sum(-1)
        return scale * along / squared.clamp_min(1e-6).sqrt() + self.bias[findings] + self.image_bias[findings]

    def mix(self, vectors: Tensor, logits: Tensor, members: Tensor) -> Tensor:
        """r = sum_d p_d v_d + (1 - max_d p_d) normal, of unit length: what is there, or that nothing is.

        vectors: (..., m, size), logits: (..., m). members: (g, m) bool, which of them each mixture is made of. Returns
        (..., g, size). `normal` points against all findings' directions, so that places without a finding lie together,
        and texts that only deny lie with them.
        """
        shares = members * torch.sigmoid(logits).unsqueeze(-2)
        normal = -normalize(self.direction[self.findings].sum(0), dim=-1)
        rest = 1.0 - shares.amax(-1, keepdim=True) if shares.shape[-1] else 1.0
        return normalize(shares @ vectors + rest * normal, dim=-1)

    def mix_regions(self, vectors: Tensor, scale: Tensor) -> Tensor:
        """Each region's mixture of its cells. vectors: (n, cells, size). Returns (n, regions, size)."""
        region, finding = self.cells
        members = torch.arange(len(self.seen), device=region.device).unsqueeze(1) == region
        return self.mix(vectors, self.image_logits(vectors, finding, scale), members)

    def mix_texts(self, texts: Tensor, scale: Tensor) -> Tensor:
        """Each text's mixture of all findings. texts: (..., size), of any length."""
        findings = self.findings
        said = self.read_texts(texts, findings)
        return self.mix(said, self.text_logits(said, findings, scale), torch.ones_like(findings[None]).bool()).squeeze(
            -2
        )

    def tell_texts(self, texts: Tensor, scale: Tensor) -> Tensor:
        """What each text says, finding by finding: (..., size) to (..., m + 1) units, the last says that it is nothing.

        To be compared with `tell_patches`. A mixture of vectors would not do there: nothing in training draws a single
        patch's vector to the sentences', and its probabilities are trained.
        """
        findings = self.findings
        shares = torch.sigmoid(self.text_logits(self.read_texts(texts, findings), findings, scale))
        nothing = 1.0 - shares.amax(-1, keepdim=True) if len(findings) else torch.ones_like(texts[..., :1])
        return normalize(torch.cat([shares, nothing], -1), dim=-1)

    def tell_patches(self, patches: Tensor, scale: Tensor) -> Tensor:
        """What lies in each patch, without a place's condition: (..., patches, size) to (..., patches, m + 1) units.

        p_d / sqrt(m), and what is left to 1: the cosine with a text that says one finding grows with p_d alone.
        """
        findings = self.findings
        shares = torch.sigmoid(self.patch_logits(patches, findings, scale)) / max(1, len(findings)) ** 0.5
        rest = (1.0 - shares.square().sum(-1, keepdim=True)).clamp_min(0.0).sqrt()
        return torch.cat([shares, rest], -1)
