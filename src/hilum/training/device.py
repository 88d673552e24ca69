"""What a training computes on: a processor or a CUDA device, and with how many bits.

In: the names in params.yaml. Out: a torch device, and objectives that compute in mixed precision. Known to be
imperfect: on CUDA the same inputs give the same bytes on the same device and versions alone.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

from hilum.errors import UsageError
from hilum.model.batch import Batch
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import Objective


def choose_device(name: str) -> torch.device:
    """`cpu`, or `cuda`: the device that torchrun has numbered for this process, else the first one.

    Raises UsageError if this machine has none. Before CUDA starts, its matrix products are told to be repeatable.
    """
    if name == "cpu":
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if not torch.cuda.is_available():
        raise UsageError("params.yaml asks for device cuda, and torch finds none here. Set it to cpu.")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def in_precision(objective: Objective, precision: str, device: torch.device) -> Objective:
    """The objective computed with float32 alone, or with bfloat16 where torch's autocast holds that to be safe."""
    if precision == "float32":
        return objective

    def mixed(model: RegionLanguageModel, batch: Batch) -> dict[str, Tensor]:
        with torch.autocast(device.type, torch.bfloat16):
            return {name: loss.float() for name, loss in objective(model, batch).items()}

    return mixed
