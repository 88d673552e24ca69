"""One batch encoded in parts: over processes (torchrun), and within a process over micro-batches.

In: the network, a whole batch on every process. Out: the embeddings of the whole batch on every process, so that every
image is contrasted with every report wherever it was encoded (cross-device negatives), and losses are those of one
process that had encoded all of it. A micro-batch is encoded once without keeping what its gradient needs and once more
when the gradient is asked for (gradient checkpointing): memory is that of one micro-batch, the step that of the batch.
Known to be imperfect: an encoder with batch normalisation normalises by the micro-batch, and without CUDA, where torch
cannot share the statistics, by the process's part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from hilum.model.batch import Batch
from hilum.model.finding import FindingReading
from hilum.model.network import ImageEmbeddings, RegionLanguageModel, TextEmbeddings
from hilum.model.objectives import Objective


@dataclass(frozen=True)
class World:
    """The processes of a training. rank: this one's number; it alone writes if it is 0."""

    rank: int = 0
    size: int = 1

    def part(self, n: int) -> slice:
        """The rows of n that this process encodes. Parts differ by one row at most."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)


ALONE = World()


@contextmanager
def join_world(device: torch.device) -> Iterator[World]:
    """The processes that torchrun has started, joined by NCCL on CUDA and by gloo elsewhere; alone without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield ALONE
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


class SpreadModel:
    """The network as objectives see it, encoding its part of each batch and gathering the others' parts.

    micro_batch: images encoded at once; 0: all of the part.
    """

    def __init__(self, model: RegionLanguageModel, world: World, micro_batch: int) -> None:
        self._model, self._world, self._micro_batch = model, world, micro_batch
        self.config = model.config

    @property
    def logit_scale(self) -> Tensor:
        """As the network's."""
        return self._model.logit_scale

    @property
    def region_scale(self) -> Tensor:
        """As the network's."""
        return self._model.region_scale

    @property
    def findings(self) -> FindingReading | None:
        """As the network's; what it makes of gathered embeddings, every process makes of all of them."""
        return self._model.findings

    def condition(self, texts: Tensor, regions: Tensor) -> Tensor:
        """As the network's."""
        return self._model.condition(texts, regions)

    def encode_images(self, pixels: Tensor, weights: Tensor) -> ImageEmbeddings:
        """As the network's, for the whole batch."""
        part = self._world.part(len(pixels))
        pixels, weights = pixels[part], weights[part]
        size = self._micro_batch or max(1, len(pixels))
        rows = [slice(start, start + size) for start in range(0, len(pixels), size)]
        if len(rows) < 2:
            encoded = self._encode(pixels, weights)
        else:
            done = [checkpoint(self._encode, pixels[row], weights[row], use_reentrant=False) for row in rows]
            encoded = tuple(torch.cat(parts) for parts in zip(*done, strict=True))
        return ImageEmbeddings(*(self._gather(tensor) for tensor in encoded))  # cells, if any, are the fourth

    def encode_texts(self, token_ids: Tensor, is_word: Tensor) -> TextEmbeddings:
        """As the network's, for the whole batch."""
        part = self._world.part(len(token_ids))
        encoded = self._model.encode_texts(token_ids[part], is_word[part])
        return TextEmbeddings(self._gather(encoded.whole), self._gather(encoded.words))

    def _encode(self, pixels: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        encoded = self._model.encode_images(pixels, weights)
        parts = (encoded.whole, encoded.regions, encoded.patches)
        return parts if encoded.cells is None else (*parts, encoded.cells)

    def _gather(self, tensor: Tensor) -> Tensor:
        """All processes' rows in order. Parts may differ by a row, and gathered tensors may not: padded, then cut."""
        if self._world.size == 1:
            return tensor
        counts = torch.tensor([len(tensor)], device=tensor.device)
        everybody = [torch.zeros_like(counts) for _ in range(self._world.size)]
        dist.all_gather(everybody, counts)
        lengths = [int(count) for count in everybody]
        padding = tensor.new_zeros(max(lengths) - len(tensor), *tensor.shape[1:])
        parts = all_gather(torch.cat([tensor, padding]))
        return torch.cat([part[:n] for part, n in zip(parts, lengths, strict=True)])


class _Step(nn.Module):
    """A batch's losses as a module's forward, which is what DistributedDataParallel wraps."""

    def __init__(self, model: RegionLanguageModel, objective: Objective, world: World, micro_batch: int) -> None:
        super().__init__()
        self.model, self._objective = model, objective
        self._spread = SpreadModel(model, world, micro_batch)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Losses by name."""
        return self._objective(cast(Any, self._spread), batch)


def spread_objective(model: RegionLanguageModel, objective: Objective, world: World, micro_batch: int) -> Objective:
    """The objective, computed by all processes together; the one given where there is nothing to spread.

    Every process computes all losses from all embeddings. The gradient of its own rows comes back once from each of
    them, and the mean over processes that DistributedDataParallel takes makes it that of a single process.
    """
    if world.size == 1 and not micro_batch:
        return objective
    step: nn.Module = _Step(model, objective, world, micro_batch)
    if world.size > 1:
        if next(model.parameters()).is_cuda:
            nn.SyncBatchNorm.convert_sync_batchnorm(model)
        step = DistributedDataParallel(step, find_unused_parameters=True)
    return lambda _, batch: cast(dict[str, Tensor], step(batch))
