"""Losses of present against not: what a text space of states is made of, and what draws images into it.

In: logits or cosines, and masks of who has which state. Out: scalars. Triplet, hard sampling and anti-collapse are
MApLe's (arXiv 2604.13970); two things are our reading of them. The mean over the softmax from which the paper draws
one positive and one negative takes the place of the draw, so that a step repeats without a random state. And every
group counts alike however often a batch holds it, because most findings are rarely there: a cell (a finding in a
region) in one state, and of sentences a finding in one state. A group that the batch does not hold is left out; a batch
with none gives 0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from hilum.model.losses import NEVER


def mean_of_groups(losses: Tensor, groups: Tensor) -> Tensor:
    """Mean over the groups that have members of each group's mean. losses: (rows, m), groups: (g, rows, m) bool."""
    counts = groups.sum(1)
    means = (losses * groups).sum(1) / counts.clamp_min(1)
    return means.sum() / (counts > 0).sum().clamp_min(1)


def contrast_states(logits: Tensor, groups: Tensor) -> Tensor:
    """Cross-entropy of "the finding is said to be there", its groups weighted alike.

    logits: (rows, findings). groups: (g, rows, findings) bool, apart: the first is there, all others are not.
    """
    losses = binary_cross_entropy_with_logits(logits, groups[0].to(logits.dtype), reduction="none")
    return mean_of_groups(losses, groups)


def contrast_presence(logits: Tensor, present: Tensor, absent: Tensor) -> Tensor:
    """Cross-entropy of what is there in images, each state weighing as the root of its count, findings alike.

    logits, present, absent: (rows, findings). The root stands between the collection's own rates, by which rare
    findings are never found, and equal weights, by which every place has some.
    """
    losses = binary_cross_entropy_with_logits(logits, present.to(logits.dtype), reduction="none")
    groups = torch.stack([present, absent])
    roots = groups.sum(1).to(logits.dtype).sqrt()
    per_finding = ((losses * groups).sum(1) / roots.clamp_min(1.0)).sum(0) / roots.sum(0).clamp_min(1.0)
    return per_finding.sum() / (roots.sum(0) > 0).sum().clamp_min(1)


def hard_triplets(cosines: Tensor, anchors: Tensor, sentences: Tensor, margin: float, temperature: float) -> Tensor:
    """max(0, |x - y_p|^2 - |x - y_n|^2 + margin) of unit vectors, hard positives and hard negatives, groups alike.

    cosines: (findings, rows, sentences) of x and y. anchors: (2, findings, rows), sentences: (2, findings, sentences)
    bool: who is present and who is not. Positives share the anchor's finding and state, from any report, and weigh as
    softmax(-cosine / temperature); negatives have the other state and weigh as softmax(+cosine / temperature). The
    weights are no part of the gradient, as a draw is none. temperature: 0 or less for equal weights.
    """
    hinges, groups = [], []
    for state in (0, 1):
        near = _sampled(cosines, sentences[state], -1.0, temperature)
        far = _sampled(cosines, sentences[1 - state], 1.0, temperature)
        hinges.append((2.0 * (far - near) + margin).clamp_min(0.0))
        both = (sentences[0].any(-1) & sentences[1].any(-1)).unsqueeze(-1)
        groups.append(anchors[state] & both)
    return (mean_of_groups(hinges[0].T, groups[0].T[None]) + mean_of_groups(hinges[1].T, groups[1].T[None])) / 2


def _sampled(cosines: Tensor, chosen: Tensor, sign: float, temperature: float) -> Tensor:
    """Each anchor's mean cosine with the chosen sentences of its finding, under the softmax: (findings, rows)."""
    chosen = chosen.unsqueeze(1)
    scores = sign * cosines.detach() / temperature if temperature > 0 else torch.zeros_like(cosines)
    return (torch.softmax(scores.masked_fill(~chosen, NEVER), -1) * chosen * cosines).sum(-1)


def push_apart(vectors: Tensor, anchors: Tensor, margin: float) -> Tensor:
    """Anti-collapse: how far cosines of the same cell's anchors in different states lie above a margin, cells alike.

    vectors: (cells, rows, size) units. anchors: (2, cells, rows) bool.
    """
    excess = (vectors @ vectors.mT - margin).clamp_min(0.0)
    pairs = anchors[0].unsqueeze(2) & anchors[1].unsqueeze(1)
    return mean_of_groups(excess.flatten(1).T, pairs.flatten(1).T[None])
