"""Where training computes: asked for what is not here it says so; mixed precision is near, and not the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hilum.errors import UsageError
from hilum.training.device import choose_device, in_precision


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="asks for device cuda"):
        choose_device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def test_mixed_precision_gives_losses_of_32_bits_near_the_exact_ones() -> None:
    left, right = (torch.randn(8, 64, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))

    def objective(model: Any, batch: Any) -> dict[str, torch.Tensor]:
        return {"dot": (left @ right.T).logsumexp(1).mean()}

    nothing: Any = None
    exact = objective(nothing, nothing)["dot"]
    assert in_precision(objective, "float32", torch.device("cpu")) is objective
    mixed = in_precision(objective, "bfloat16", torch.device("cpu"))(nothing, nothing)["dot"]
    assert mixed.dtype == torch.float32 and mixed != exact and mixed.item() == pytest.approx(exact.item(), rel=0.02)
