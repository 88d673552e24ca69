"""From patches to regions: soft weights of a box on the patch grid, attention inside it, and what a place adds.

In: patch features and region boxes. Out: one vector a region. The reading of ALC-ITR that is built here:
r_k = condition_k(proj(sum_p a_kp v_p)), where a_kp is the box's share of the patch times an attention that a learned
embedding of the region directs. A patch is told where in the picture it lies. Attention, condition and place start as
"none", so that an untrained or `global` model gives the plain mean over the box.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

MAX_EVIDENCE = 8.0  # a patch weighs at most e^16 times another: attention may be sharp, and never overflows
N_WAVES = 4  # cosines along each side that a patch's place is told by


def box_weights(boxes: np.ndarray, grid: int) -> np.ndarray:
    """How much of each patch a box covers, as weights that sum to 1.

    boxes: (..., 4) float, left, top, right, bottom as fractions of the packed square. A box outside of the picture
    or thinner than one patch is moved in and widened to one patch, so that every region has a place.
    Returns (..., grid * grid) float32, rows of patches from the top left.
    """
    across = _coverage(boxes[..., 0], boxes[..., 2], grid)
    down = _coverage(boxes[..., 1], boxes[..., 3], grid)
    weights = down[..., :, None] * across[..., None, :]
    weights = weights.reshape(*boxes.shape[:-1], grid * grid)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def _coverage(low: np.ndarray, high: np.ndarray, grid: int) -> np.ndarray:
    """Share of each of `grid` cells between low and high (fractions), widened to one cell."""
    half = 0.5 / grid
    centre = np.clip((low + high) / 2, half, 1 - half)
    low = np.clip(np.minimum(low, centre - half), 0.0, 1.0)[..., None]
    high = np.clip(np.maximum(high, centre + half), 0.0, 1.0)[..., None]
    left = np.arange(grid) / grid
    return np.clip(np.minimum(high, left + 1 / grid) - np.maximum(low, left), 0.0, None) * grid


def waves(n_patches: int) -> Tensor:
    """The slowest cosines across and down a square grid, so that what is learned for one grid holds for any other.

    Returns (n_patches, N_WAVES squared), rows of patches from the top left.
    """
    steps = (torch.arange(round(n_patches**0.5)) + 0.5) / round(n_patches**0.5)
    along = torch.cos(torch.pi * torch.arange(N_WAVES) * steps.unsqueeze(1))
    return torch.einsum("yi,xj->yxij", along, along).reshape(n_patches, -1)


class RegionPooling(nn.Module):
    """Pool patch features by region: every channel is averaged where its own evidence is strongest inside the box.

    The evidence does not depend on the region, so that all regions cost two matrix products; what a region makes of
    what was found in it is `RegionCondition`'s part.
    """

    def __init__(self, n_features: int, n_channels: int) -> None:
        super().__init__()
        self.value = nn.Linear(n_features, n_channels)
        self.evidence = nn.Linear(n_features, n_channels)
        self.place = nn.Parameter(torch.zeros(N_WAVES**2, n_channels))

    def forward(self, features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """features: (n, patches, size). weights: (n, regions, patches), rows sum to 1.

        Returns the regions' values (n, regions, channels) and the patches' own (n, patches, channels).
        """
        values = gelu(self.value(features) + waves(features.shape[1]).to(features) @ self.place)
        evidence = MAX_EVIDENCE * torch.tanh(self.evidence(features) / MAX_EVIDENCE)
        shares = evidence.exp()
        return (weights @ (shares * values)) / (weights @ shares), values


class RegionCondition(nn.Module):
    """What a place adds to an embedding: a scale and a shift a region, the same for images and texts."""

    def __init__(self, size: int, n_regions: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(n_regions, size))
        self.shift = nn.Parameter(torch.zeros(n_regions, size))

    def forward(self, embeddings: Tensor, regions: Tensor) -> Tensor:
        """embeddings: (..., size). regions: (...) int64, broadcast against the embeddings. Not normalised."""
        return embeddings * (1.0 + self.scale[regions]) + self.shift[regions]
