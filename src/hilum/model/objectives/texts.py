"""What makes reports alike: the space of texts, ordered by what the reports say and where.

In: a batch's reports and sentences. Out: a vector for every region that a report speaks of, and losses among texts.
Our addition: the public text of ALC-ITR contrasts across image-report pairs, and says nothing of report to report.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

from hilum.model.batch import Batch
from hilum.model.losses import NEVER, multi_positive_contrast


def region_texts(sentences: Tensor, routes: Tensor, n_images: int, n_regions: int) -> tuple[Tensor, Tensor]:
    """What each report says of each region: the mean of the sentences routed there, as `embed` writes it.

    sentences: (n_routes, size) unit vectors, each conditioned on its route's region. routes: (n_routes, 3) image,
    region, sentence. Returns (n, regions, size), of unit length or zero, and (n, regions) bool: spoken of.
    """
    cell = routes[:, 0] * n_regions + routes[:, 1]
    sums = torch.zeros(n_images * n_regions, sentences.shape[-1], dtype=sentences.dtype, device=sentences.device)
    sums = sums.index_add(0, cell, sentences)
    spoken = torch.zeros(len(sums), dtype=torch.bool, device=sums.device)
    spoken[cell] = True
    shape = (n_images, n_regions, -1)
    return normalize(sums, dim=-1).view(shape), spoken.view(shape[:2])


def contrast_reports(reports: Tensor, relevance: Tensor, temperature: float, scale: Tensor) -> Tensor:
    """Cross-entropy of each report's similarity to all others against their relevance to it.

    reports: (n, size) unit vectors. relevance: (n, n) in [0, 1]. A single report has nothing to be compared with: 0.
    """
    if len(reports) < 2:
        return (reports * 0.0).sum()
    itself = torch.eye(len(reports), dtype=torch.bool, device=reports.device)
    targets = torch.softmax((relevance / temperature).masked_fill(itself, NEVER), 1)
    logits = (scale * reports @ reports.T).masked_fill(itself, NEVER)
    return -(targets * log_softmax(logits, 1)).sum(1).mean()


def contrast_findings(wholes: Tensor, findings: Tensor, batch: Batch, scale: Tensor) -> Tensor:
    """Each whole against the bare phrases of findings: those that its study has anywhere stand out.

    wholes: (n, size), findings: (findings + 1, size), unit vectors, the last of them "normal", which is right where
    nothing is present or doubted.
    """
    present, possible = batch.present[:, -1], (batch.present | batch.uncertain)[:, -1]
    nothing = ~possible.any(-1, keepdim=True)
    positives, candidates = torch.cat([present, nothing], -1), torch.cat([~possible, ~nothing], -1)
    return multi_positive_contrast(scale * wholes @ findings.T, positives, candidates)
