"""How good a model is on the validate split while it trains: region-conditioned retrieval by weak labels.

In: embeddings and labels of the split. Out: mean average precision, macro over cells. The figures that are
reported come from evaluation/, on other labels; this one only chooses among epochs.
"""

from __future__ import annotations

import numpy as np
import torch

from hilum.model.batch import move
from hilum.model.configuration import ModelConfig
from hilum.model.network import RegionLanguageModel
from hilum.training.batches import make_batch
from hilum.training.examples import Examples

MIN_POSITIVES = 3  # a cell with fewer images says more of luck than of the model


def validate(model: RegionLanguageModel, examples: Examples, grid: int, batch_size: int) -> dict[str, float]:
    """`validate_region_ap` and `validate_global_ap`: the same questions, answered by region and by whole image.

    NaN if the split has no cell with enough images, or no image.
    """
    if not len(examples):
        return dict.fromkeys(("validate_region_ap", "validate_global_ap"), float("nan"))
    whole, regions, present = embed_examples(model, examples, model.config, grid, batch_size)
    by_region = average_precision_by_cell(regions.transpose(1, 0, 2), present, examples.subjects)
    everywhere = np.broadcast_to(whole, (regions.shape[1], *whole.shape))
    by_whole = average_precision_by_cell(everywhere, present, examples.subjects)
    return {"validate_region_ap": by_region, "validate_global_ap": by_whole}


@torch.no_grad()
def embed_examples(
    model: RegionLanguageModel, examples: Examples, config: ModelConfig, grid: int, batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole (n, size) and region (n, regions, size) embeddings, and present (n, regions, findings), in order."""
    model.eval()
    device = next(model.parameters()).device
    whole, regions, present = [], [], []
    for start in range(0, len(examples), batch_size):
        rows = np.arange(start, min(start + batch_size, len(examples)))
        batch = move(make_batch(examples, rows, config, grid), device)
        images = model.encode_images(batch.pixels, batch.weights)
        whole.append(images.whole.cpu().numpy())
        regions.append(images.regions.cpu().numpy())
        present.append(batch.present[:, :-1].cpu().numpy())
    return np.concatenate(whole), np.concatenate(regions), np.concatenate(present)


def average_precision_by_cell(embeddings: np.ndarray, present: np.ndarray, subjects: np.ndarray) -> float:
    """Mean average precision of "the same finding in the same region, another patient", macro over cells.

    embeddings: (regions, n, size) unit vectors. present: (n, regions, findings) bool. subjects: (n,).
    """
    other = subjects[:, None] != subjects[None, :]
    scores = []
    for region, vectors in enumerate(embeddings):
        found = present[:, region]
        cells = np.flatnonzero(found.sum(0) >= MIN_POSITIVES)
        if not len(cells):
            continue
        similarity = np.where(other, vectors @ vectors.T, -np.inf)
        order = np.argsort(-similarity, axis=1, kind="stable")
        allowed = np.take_along_axis(other, order, 1)
        for finding in cells:
            queries = np.flatnonzero(found[:, finding])
            hits = found[order[queries], finding] & allowed[queries]
            queries_with = hits.any(1)
            if queries_with.any():
                scores.append(_average_precision(hits[queries_with]))
    return float(np.mean(scores)) if scores else float("nan")


def _average_precision(hits: np.ndarray) -> float:
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    return float(((precision * hits).sum(1) / hits.sum(1)).mean())
