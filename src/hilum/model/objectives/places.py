"""What the labels of a batch say of places: where a finding lies, where it cannot, and where all is normal.

In: a batch. Out: boolean masks over regions and patches.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hilum.model.batch import Batch


def with_normal(batch: Batch) -> tuple[Tensor, Tensor]:
    """Present and possible findings of each region, with "normal" as one more finding at the end.

    A region is normal where the report says of some finding that it is absent, and of none that it may be there.
    Returns two (n, regions, findings + 1) bool.
    """
    present, possible = batch.present[:, :-1], (batch.present | batch.uncertain)[:, :-1]
    found = possible.any(-1, keepdim=True)
    normal = batch.absent[:, :-1].any(-1, keepdim=True) & ~found
    return torch.cat([present, normal], -1), torch.cat([possible, ~found], -1)


def most_specific(present: Tensor, inside: Tensor) -> Tensor:
    """Drop a finding from a region where a region inside of it has the finding too.

    present: (n, regions, findings) bool. inside: (regions, regions) bool, [a, b] True where b lies in a.
    """
    below = torch.einsum("ab,ibf->iaf", inside.float(), present.float()) > 0
    return present & ~below


def covered_patches(weights: Tensor) -> Tensor:
    """Patches that a region's box covers by half or more of its best covered one; (n, regions, patches) bool."""
    return weights >= 0.5 * weights.amax(-1, keepdim=True)


def finding_patches(batch: Batch, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Where each finding is said to lie, and where it cannot: two (n, findings, patches) bool.

    A finding said without a place, or with doubt, leaves the patches it may lie in out of both.
    """
    specific = most_specific(batch.present[:, :-1], inside).float()
    covered = covered_patches(batch.weights).float()
    lies = torch.einsum("ikf,ikp->ifp", specific, covered) > 0
    doubted = torch.einsum("ikf,ikp->ifp", batch.uncertain[:, :-1].float(), covered) > 0
    placed = batch.present[:, :-1].any(1)
    unplaced = (batch.present | batch.uncertain)[:, -1] & ~placed & ~batch.uncertain[:, :-1].any(1)
    return lies, ~lies & ~doubted & ~unplaced.unsqueeze(-1)
