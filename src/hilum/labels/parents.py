"""What a label in one region says of the regions that hold it, and of those that lie in it.

In: labels as arrays by region and finding. Out: arrays of the same shape. The one home of the parent relation: region
labels are kept as they were said, and training and evaluation complete them here. What is present or doubted in a
region is so in every region that holds it (an opacity of a lower zone is an opacity of the lung); what is absent from a
region is absent from every region in it; nothing follows the other way. Which of two labels stands where both arrive is
for the caller: present over uncertain over absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hilum.vocabulary import REGION_PARENTS, REGIONS


def find_ancestors(regions: Sequence[str], parents: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Region -> the regions that it lies in, nearest first. parents: region -> the region that holds it."""

    def above(region: str) -> tuple[str, ...]:
        parent = parents.get(region)
        return () if parent is None else (parent, *above(parent))

    return {region: above(region) for region in regions}


ANCESTORS: Mapping[str, tuple[str, ...]] = find_ancestors(REGIONS, REGION_PARENTS)
"""Region -> the regions that it lies in, nearest first."""


def spread_up(seen: np.ndarray, ancestors: Mapping[str, tuple[str, ...]] = ANCESTORS) -> np.ndarray:
    """What is seen in a region, seen in the regions that hold it too.

    seen: (n, regions, findings) bool, regions in the order of `ancestors`; it may have more places behind them, which
    stay as they are. The same shape comes back.
    """
    spread, regions = seen.copy(), list(ancestors)
    for index, region in enumerate(regions):
        for around in ancestors[region]:
            spread[:, regions.index(around)] |= seen[:, index]
    return spread


def spread_down(denied: np.ndarray, ancestors: Mapping[str, tuple[str, ...]] = ANCESTORS) -> np.ndarray:
    """What is denied of a region, denied of the regions in it too. denied: as in `spread_up`."""
    spread, regions = denied.copy(), list(ancestors)
    for index, region in enumerate(regions):
        for around in ancestors[region]:
            spread[:, index] |= denied[:, regions.index(around)]
    return spread
