"""The loop: epochs of batches, one step a batch, the best epoch by validation kept.

In: a network, an objective, examples. Out: the curves, and the network with its best weights. What a
run depends on is in `Settings` and the examples alone.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hilum.errors import BadDataError
from hilum.model.batch import Batch, move
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import Objective
from hilum.training.batches import make_batch
from hilum.training.examples import Examples
from hilum.training.progress import Keeper, Progress
from hilum.training.sampler import Sampler, draw_batches, n_batches
from hilum.training.schedule import learning_rate_factor
from hilum.training.seed import epoch_generator
from hilum.training.validation import validate

if TYPE_CHECKING:
    from hilum.training.watch import Watch

log = logging.getLogger(__name__)

MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Settings:
    """What a phase's training depends on beside its data. metric: the validation figure that chooses the epoch.

    patience: epochs without a better one after which training ends; 0: it never ends early.
    """

    phase: str
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    metric: str
    patience: int = 0
    sampler: Sampler = "shuffled"


def train(
    model: RegionLanguageModel,
    objective: Objective,
    examples: Examples,
    validation: Examples,
    settings: Settings,
    grid: int,
    keeper: Keeper | None = None,
    writes: bool = True,
    watch: Watch | None = None,
) -> list[dict[str, float]]:
    """Train for some epochs and leave the weights of the best one in the model.

    The model may be on any device; batches follow it. keeper: saves the progress at intervals, and knows that of a
    training that was killed. writes: whether this process saves, of those that train together. watch: told of what is
    learned while it is learned.
    Returns one row an epoch, from 1: its number, mean losses by name, their total, the validation figures. Raises
    BadDataError if there are fewer than two images, or the loss stops being a number.
    """
    n_steps = settings.epochs * n_batches(len(examples), settings.batch_size)
    if settings.epochs and not n_steps:
        raise BadDataError(
            f"{settings.phase}: the train split has {len(examples)} frontal images with a report; 2 or more are needed."
        )
    optimizer = torch.optim.AdamW(parameter_groups(model, settings.weight_decay), lr=settings.learning_rate)
    progress = keeper.find(model, optimizer) if keeper else Progress()
    device = next(model.parameters()).device
    if watch:
        watch.catch_up(progress.curves, progress.losses, progress.step)
    with _bar(settings, len(examples), progress, hidden=not writes) as bar:
        while progress.epoch <= settings.epochs and not _is_over(progress, settings):
            started, before = time.monotonic(), progress.batch
            set_training(model)
            generator = epoch_generator(settings.seed, progress.epoch)
            orders = draw_batches(examples, settings.batch_size, settings.sampler, generator)
            if progress.generator is not None:
                generator.bit_generator.state = progress.generator
            for rows in orders[progress.batch :]:
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate * learning_rate_factor(progress.step, n_steps)
                batch = move(make_batch(examples, rows, model.config, grid, generator), device)
                progress.losses.append(train_step(model, objective, optimizer, batch, settings.phase))
                progress.step += 1
                progress.batch += 1
                progress.generator = generator.bit_generator.state
                bar.update(len(rows))
                if watch:
                    watch.batch(progress.step, progress.losses[-1])
                if keeper and writes:
                    keeper.keep(progress, model, optimizer)
            n_images = sum(len(rows) for rows in orders[before:])
            images_per_s = n_images / (time.monotonic() - started)
            figures = validate(model, validation, grid, settings.batch_size)
            if watch:
                watch.epoch(progress.step, figures, images_per_s)
            _end_epoch(progress, model, figures, settings, images_per_s)
    if progress.best_weights:
        model.load_state_dict(progress.best_weights)
    return progress.curves


def _bar(settings: Settings, n: int, progress: Progress, *, hidden: bool) -> tqdm:
    """Images done, images/s and time left, on a terminal. n: images of an epoch."""
    batches = np.array_split(np.arange(n), max(1, n_batches(n, settings.batch_size)))
    done = (progress.epoch - 1) * n + sum(len(batch) for batch in batches[: progress.batch])
    hidden = hidden or not sys.stderr.isatty()
    return tqdm(total=settings.epochs * n, initial=done, desc=settings.phase, unit=" images", disable=hidden)


def _is_over(progress: Progress, settings: Settings) -> bool:
    """Whether the best epoch is `patience` epochs ago."""
    scores = [row[settings.metric] for row in progress.curves]
    return settings.patience > 0 and progress.best in scores[: len(scores) - settings.patience]


def _count_silent(losses: list[dict[str, float]]) -> dict[str, int]:
    """In how many batches each loss was exactly 0: nothing there to contrast. Losses that spoke in all are left out."""
    counts = Counter(name for row in losses for name, value in row.items() if value == 0.0)
    return dict(sorted(counts.items()))


def _end_epoch(
    progress: Progress, model: RegionLanguageModel, figures: dict[str, float], settings: Settings, images_per_s: float
) -> None:
    """Write down a finished epoch, keep its weights if it is the best, and go to the next one's beginning."""
    row = {"epoch": progress.epoch, **_means(progress.losses), **figures}
    progress.curves.append(row)
    _log_epoch(settings, row, images_per_s)
    if silent := _count_silent(progress.losses):
        log.info(
            "%s: batches of %d in which a loss had no positive pair: %s", settings.phase, len(progress.losses), silent
        )
    score = row[settings.metric]
    if not progress.best_weights or score > progress.best or math.isnan(score):
        progress.best = progress.best if math.isnan(score) else score
        progress.best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    progress.epoch, progress.batch, progress.generator, progress.losses = progress.epoch + 1, 0, None, []


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


def freeze(model: torch.nn.Module, names: Sequence[str]) -> None:
    """Take the weights whose names begin so out of training."""
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(names)):
            parameter.requires_grad_(False)


def set_training(model: torch.nn.Module) -> None:
    """Training mode, but for modules whose weights are all frozen: what is frozen is computed without dropout."""
    model.train()
    for module in model.modules():
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights that decay (matrices and filters) and those that do not (biases, norms, scales, regions and findings).

    Frozen weights are in neither.
    """
    decayed: list[torch.nn.Parameter] = []
    kept: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        tables = name.startswith(("pooling.place", "condition_on.", "findings.of_", "findings.direction"))
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
