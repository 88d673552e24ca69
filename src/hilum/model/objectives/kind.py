"""What an objective is: anything that turns a batch into named losses, which training sums."""

from __future__ import annotations

from typing import Literal, Protocol

from torch import Tensor

from hilum.model.batch import Batch
from hilum.model.network import RegionLanguageModel

ObjectiveName = Literal["global", "local", "rra_vl", "maple"]
Relevance = Literal["jaccard", "identity"]
Phase = Literal["align", "locate"]


class Objective(Protocol):
    """Anything that turns a batch into named, weighted losses."""

    def __call__(self, model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        """Losses by name; training minimises their sum."""
        ...
