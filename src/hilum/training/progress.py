"""Where a training stands between two batches, and the file from which a killed one goes on.

In: a network, its optimizer, what the loop has counted. Out: one safetensors file beside the checkpoint that is to
come, written at intervals and removed at the end. Going on from it gives the bytes that a run which was never killed
gives: weights, moments of the optimizer, random states and losses are all in it. Its name holds a digest of all that
the result depends on (parameters, data, the weights it began from, the code), so that no other training takes it up.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save, save_file
from torch import Tensor

from hilum.tables import whole_file

log = logging.getLogger(__name__)

INTERVAL_S = 30.0  # between two savings; HILUM_SAVE_S sets another. It never changes a byte of the result
MODEL, BEST, OPTIMIZER, RANDOM = "model/", "best/", "optimizer/", "random"


@dataclass
class Progress:
    """What the loop knows. epoch: the one in progress, from 1. batch: the next of this epoch. step: batches done.

    generator: state of the epoch's random numbers before that batch, None at an epoch's beginning. losses: of this
    epoch's batches. curves: a row a finished epoch. best: the best validation figure, of the epoch whose
    weights are in best_weights.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    generator: Mapping[str, Any] | None = None
    losses: list[dict[str, float]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)
    best: float = -math.inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)


class Keeper:
    """Saves the progress of one training, and finds it again."""

    def __init__(self, out: Path, record: Mapping[str, Any], model: torch.nn.Module) -> None:
        """out: the checkpoint's folder. record: what it will say of how it came to be. model: as training begins."""
        weights = save({name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()})
        facts = {"code": digest_code(), "torch": torch.__version__, "weights": hashlib.sha256(weights).hexdigest()}
        text = json.dumps({**facts, "record": record}, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.path = out.with_name(f".{out.name}.{key}.progress")
        self._interval_s = float(os.environ.get("HILUM_SAVE_S", INTERVAL_S))
        self._saved = time.monotonic()
        others = [path for path in out.parent.glob(f".{out.name}.*.progress") if path != self.path]
        for path in (*others, *out.parent.glob(f"..{out.name}.*")):  # nobody goes on with them; killed while saving
            path.unlink(missing_ok=True)

    def find(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """The progress that was saved, model and optimizer brought to it; that of a beginning if there is none.

        A file that cannot be read is a killed machine's: it is removed, and training begins again.
        """
        if not self.path.is_file():
            return Progress()
        try:
            with safe_open(self.path, "pt") as file:
                facts = json.loads(file.metadata()["progress"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            log.warning("%s cannot be read (%s); training begins again", self.path.name, type(error).__name__)
            self.path.unlink(missing_ok=True)
            return Progress()
        model.load_state_dict(_below(tensors, MODEL))
        _restore(optimizer, _below(tensors, OPTIMIZER))
        torch.set_rng_state(tensors[RANDOM])
        log.info("going on from epoch %d, batch %d", facts["epoch"], facts["batch"])
        return Progress(**facts, best_weights=_below(tensors, BEST))

    def keep(self, progress: Progress, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Save, if the last time is long enough ago."""
        if time.monotonic() - self._saved < self._interval_s:
            return
        moments = {
            f"{OPTIMIZER}{number}/{name}": value
            for number, values in optimizer.state_dict()["state"].items()
            for name, value in values.items()
        }
        tensors = {
            **{f"{MODEL}{name}": tensor for name, tensor in model.state_dict().items()},
            **{f"{BEST}{name}": tensor for name, tensor in progress.best_weights.items()},
            **moments,
            RANDOM: torch.get_rng_state(),
        }
        facts = {name: value for name, value in vars(progress).items() if name != "best_weights"}
        with whole_file(self.path) as temporary:
            contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
            save_file(contiguous, temporary, metadata={"progress": json.dumps(facts)})
        self._saved = time.monotonic()

    def forget(self) -> None:
        """Remove what was saved: the training has ended, and its checkpoint is written."""
        self.path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def digest_code() -> str:
    """sha256 over every file of this package's code and vocabulary."""
    digest = hashlib.sha256()
    for name, path in sorted(_walk(files("hilum"), "")):
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for path in folder.iterdir():
        if path.is_dir():
            found += _walk(path, f"{prefix}{path.name}/") if path.name != "__pycache__" else []
        elif path.name.endswith((".py", ".yaml")):
            found.append((f"{prefix}{path.name}", path))
    return found


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore(optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    """Give every parameter its moments back, in the parameter's own memory layout: sums depend on it."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        number, _, kind = name.partition("/")
        like = parameters[int(number)]
        same = value if value.shape != like.shape else torch.empty_like(like, dtype=value.dtype).copy_(value)
        state.setdefault(int(number), {})[kind] = same
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
