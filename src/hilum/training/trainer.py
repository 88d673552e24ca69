"""The loop: epochs of batches, one step a batch, the best epoch by validation kept.

In: a network, an objective, examples. Out: the curves, and the network with its best weights. One device, one process;
what a run depends on is in `Settings` and the examples alone.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from hilum.errors import BadDataError
from hilum.model.batch import Batch
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import Objective
from hilum.training.batches import batch_orders, training_batches
from hilum.training.examples import Examples
from hilum.training.schedule import learning_rate_factor
from hilum.training.seed import epoch_generator
from hilum.training.validation import validate

log = logging.getLogger(__name__)

MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Settings:
    """What a phase's training depends on beside its data. metric: the validation figure that chooses the epoch."""

    phase: str
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    metric: str


def train(
    model: RegionLanguageModel,
    objective: Objective,
    examples: Examples,
    validation: Examples,
    settings: Settings,
    grid: int,
) -> list[dict[str, float]]:
    """Train for some epochs and leave the weights of the best one in the model.

    Returns one row an epoch, from 1: its number, mean losses by name, their total, the validation figures. Raises
    BadDataError if there are fewer than two images, or the loss stops being a number.
    """
    n_steps = settings.epochs * len(batch_orders(len(examples), settings.batch_size, epoch_generator(0, 0)))
    if settings.epochs and not n_steps:
        raise BadDataError(
            f"{settings.phase}: the train split has {len(examples)} frontal images with a report; 2 or more are needed."
        )
    optimizer = torch.optim.AdamW(parameter_groups(model, settings.weight_decay), lr=settings.learning_rate)
    curves: list[dict[str, float]] = []
    best, step = -math.inf, 0
    best_weights: dict[str, Tensor] = {}
    with tqdm(total=n_steps, desc=settings.phase, unit="batch", disable=not sys.stderr.isatty()) as bar:
        for epoch in range(1, settings.epochs + 1):
            started = time.monotonic()
            losses: list[dict[str, float]] = []
            model.train()
            generator = epoch_generator(settings.seed, epoch)
            for batch in training_batches(examples, model.config, grid, settings.batch_size, generator):
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate * learning_rate_factor(step, n_steps)
                losses.append(train_step(model, objective, optimizer, batch, settings.phase))
                step += 1
                bar.update()
            seconds = time.monotonic() - started
            row = {"epoch": epoch, **_means(losses), **validate(model, validation, grid, settings.batch_size)}
            curves.append(row)
            _log_epoch(settings, row, len(examples) / seconds)
            score = row[settings.metric]
            if not best_weights or score > best or math.isnan(score):
                best = best if math.isnan(score) else score
                best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if best_weights:
        model.load_state_dict(best_weights)
    return curves


def train_step(
    model: RegionLanguageModel, objective: Objective, optimizer: torch.optim.Optimizer, batch: Batch, phase: str
) -> dict[str, float]:
    """One step down the sum of the losses, gradients clipped. Returns the losses by name and their `total`."""
    losses = objective(model, batch)
    total: Tensor = torch.stack(list(losses.values())).sum()
    if not bool(torch.isfinite(total)):
        values = {name: value.item() for name, value in losses.items()}
        raise BadDataError(f"{phase}: the loss is not a number ({values}); lower {phase}.learning_rate.")
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
    optimizer.step()
    return {**{name: value.item() for name, value in losses.items()}, "total": total.item()}


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights that decay (matrices and filters) and those that do not (biases, norms, scales, tables of regions)."""
    decayed: list[torch.nn.Parameter] = []
    kept: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        tables = name.startswith(("pooling.queries", "condition_on."))
        (kept if parameter.ndim < 2 or tables else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]


def _means(losses: list[dict[str, float]]) -> dict[str, float]:
    return {name: math.fsum(row.get(name, 0.0) for row in losses) / len(losses) for name in losses[0]}


def _log_epoch(settings: Settings, row: dict[str, float], images_per_s: float) -> None:
    log.info(
        "%s: epoch %d of %d: loss %.3f, %s %.3f (%.0f images/s)",
        settings.phase,
        row["epoch"],
        settings.epochs,
        row["total"],
        settings.metric,
        row[settings.metric],
        images_per_s,
    )
