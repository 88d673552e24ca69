"""One phase of training from examples to checkpoint: what align and locate have in common.

In: a network, an objective, the examples of two splits. Out: a checkpoint and its curves, written by one process.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.model.inference import grid_size
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import Objective
from hilum.training.checkpoint import write_checkpoint
from hilum.training.curves import write_curves
from hilum.training.device import in_precision
from hilum.training.examples import Examples
from hilum.training.progress import Keeper
from hilum.training.spread import join_world, spread_objective
from hilum.training.trainer import Settings, train
from hilum.training.watch import watch

if TYPE_CHECKING:
    from hilum.config import PhaseParams

METRICS = {"align": "validate_global_ap", "locate": "validate_region_ap"}
"""The validation figure that chooses a phase's best epoch."""


def train_phase(
    phase: str,
    model: RegionLanguageModel,
    objective: Objective,
    examples: Examples,
    validation: Examples,
    params: PhaseParams,
    record: Mapping[str, Any],
    tokenizer_json: str,
    out: Path,
    curves: Path,
) -> None:
    """Train, alone or with the processes that torchrun has started, and write what came of it.

    model: on the device where it is to be trained. record: what the checkpoint says of how it came to be. A training
    that was killed goes on where it was. While it runs, `live/PHASE` beside the curves shows what it has learned.
    """
    settings = Settings(
        phase, params.seed, params.epochs, params.batch_size, params.learning_rate, params.weight_decay,
        METRICS[phase], params.patience, params.sampler,
    )  # fmt: skip
    device = next(model.parameters()).device
    keeper = Keeper(out, record, model)
    with join_world(device) as world:
        spread = spread_objective(model, in_precision(objective, params.precision, device), world, params.micro_batch)
        grid = grid_size(model, examples.pixels[0].shape[1])
        writes = world.rank == 0
        with watch(curves.parent / "live" / phase) if writes else nullcontext() as watched:
            rows = train(model, spread, examples, validation, settings, grid, keeper, writes, watched)
        if writes:
            write_checkpoint(out, model, tokenizer_json, record)
            write_curves(curves, phase, rows)
            keeper.forget()
