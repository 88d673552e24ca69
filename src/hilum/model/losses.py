"""The contrasts that training is made of, as functions of embeddings and masks.

In: logits and boolean masks. Out: scalars. They are our reading of what the public text of ALC-ITR
says, not that paper's equations, which could not be read; the word-patch form is GLoRIA's (ICCV 2021).
Rows without a positive say nothing and are left out of the mean; a batch with none gives 0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

NEVER = -1e4  # a logit that no candidate reaches; finite, so that gradients stay so


def relevance(labels: Tensor) -> Tensor:
    """Jaccard similarity of the studies' positive labels, 1 on the diagonal and between two studies without any.

    labels: (n, ...) bool, what is present. Returns (n, n) float in [0, 1].
    """
    sets = labels.flatten(1).to(torch.float32)
    shared = sets @ sets.T
    n_labels = sets.sum(1)
    union = n_labels.unsqueeze(0) + n_labels.unsqueeze(1) - shared
    jaccard = torch.where(union > 0, shared / union.clamp_min(1.0), torch.ones_like(shared))
    return jaccard.fill_diagonal_(1.0)


def identity(labels: Tensor) -> Tensor:
    """The relevance of the ablation: each study to itself alone. labels: (n, ...). Returns (n, n) float.

    So far from 0 that `soft_contrast` at any temperature in use is CLIP's loss.
    """
    return 100.0 * torch.eye(len(labels), device=labels.device)


def soft_contrast(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Symmetric cross-entropy of image-report logits against soft targets: L_G.

    logits, targets: (n, n). The target of row i is softmax_j(targets_ij / temperature), so that reports which say the
    same are not pushed apart. With the identity and a temperature near 0 this is CLIP's loss.
    """
    rows = -(torch.softmax(targets / temperature, 1) * log_softmax(logits, 1)).sum(1).mean()
    columns = -(torch.softmax(targets / temperature, 0) * log_softmax(logits, 0)).sum(0).mean()
    return (rows + columns) / 2


def identity_contrast(logits: Tensor) -> Tensor:
    """CLIP's symmetric cross-entropy: the diagonal is right, everything else is wrong."""
    own = torch.arange(len(logits), device=logits.device)
    loss = torch.nn.functional.cross_entropy
    return (loss(logits, own) + loss(logits.T, own)) / 2


def word_patch_scores(
    words: Tensor, is_word: Tensor, patches: Tensor, attention_scale: float, word_scale: float
) -> Tensor:
    """How well each report's words find their place in each image: S of GLoRIA.

    words: (n_texts, words, size), patches: (n_images, patches, size), unit vectors; is_word: (n_texts, words).
    Each word w attends to patches with softmax_p(attention_scale w.v_p), giving a context c_w; the score is
    log sum_w exp(word_scale cos(w, c_w)) / word_scale. Returns (n_images, n_texts).
    """
    similarity = torch.einsum("twc,ipc->itwp", words, patches)
    attention = torch.softmax(attention_scale * similarity, -1)
    aligned = (attention * similarity).sum(-1)  # w . c_w
    gram = patches @ patches.transpose(1, 2)
    length = torch.einsum("itwp,ipq,itwq->itw", attention, gram, attention).clamp_min(1e-6).sqrt()
    cosine = (aligned / length).masked_fill(~is_word.unsqueeze(0), NEVER)
    return torch.logsumexp(word_scale * cosine, -1) / word_scale


def multi_positive_contrast(logits: Tensor, positives: Tensor, candidates: Tensor) -> Tensor:
    """-mean over positives of log softmax over candidates, averaged over the rows that have a positive.

    logits: (n, m). positives, candidates: (n, m) bool; a positive is always a candidate.
    """
    logits = logits.masked_fill(~(candidates | positives), NEVER)
    log_share = logits - torch.logsumexp(logits, 1, keepdim=True)
    n_positives = positives.sum(1)
    per_row = -(log_share * positives).sum(1) / n_positives.clamp_min(1)
    n_rows = (n_positives > 0).sum().clamp_min(1)
    return per_row.sum() / n_rows
