"""How the learning rate rises and falls over a phase."""

from __future__ import annotations

import math


def learning_rate_factor(step: int, n_steps: int, warmup_share: float = 0.05) -> float:
    """Linear from 0 to 1 over the first share of the steps, then half a cosine down to 0; step counts from 0."""
    n_warmup = max(1, int(n_steps * warmup_share))
    if step < n_warmup:
        return (step + 1) / n_warmup
    progress = (step - n_warmup) / max(1, n_steps - n_warmup)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
