"""A running training as dvclive shows it: what DVC, its extension for VS Code and people can watch.

In: losses of batches and figures of epochs as they come. Out: a folder that dvclive writes beside the curves. Git
ignores it and no stage names it: it is no part of the result. A training that goes on after it was killed begins the
folder anew, and a finished epoch has one point then. Nothing leaves this machine, whatever DVC Studio is set to.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from dvclive import Live
from scmrepo.exceptions import SCMError

log = logging.getLogger(__name__)

EVERY = 10
"""Batches behind one point."""


@contextmanager
def watch(folder: Path) -> Iterator[Watch | None]:
    """A training's watch, which writes to a folder.

    None where dvclive cannot work: outside of a DVC checkout, which it would make, and before git's first commit.
    """
    os.environ["DVC_STUDIO_OFFLINE"] = "true"
    try:
        live = Live(str(folder), save_dvc_exp=False, dvcyaml=None) if Path(".dvc").is_dir() else None
    except SCMError as error:
        log.info("this training cannot be watched: %s", error)
        live = None
    with live or nullcontext():
        yield None if live is None else Watch(live)


class Watch:
    """A phase as it is watched. Each point is the mean of the batches since the last one; `validate_...` an epoch's."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._since: list[Mapping[str, float]] = []

    def catch_up(self, curves: Sequence[Mapping[str, float]], losses: Sequence[Mapping[str, float]], step: int) -> None:
        """Show what a training that goes on has done: the rows of its finished epochs, and this epoch's losses."""
        n_batches = (step - len(losses)) // max(1, len(curves))
        for row in curves:
            self._show(int(row["epoch"]) * n_batches, row)
        for number, row in enumerate(losses, step - len(losses) + 1):
            self.batch(number, row)

    def batch(self, step: int, losses: Mapping[str, float]) -> None:
        """A batch has been learned from. step: how many have been."""
        self._since.append(losses)
        if len(self._since) == EVERY:
            self._show_losses(step)

    def epoch(self, step: int, figures: Mapping[str, float], images_per_s: float) -> None:
        """An epoch has ended and was validated."""
        self._show_losses(step)
        self._show(step, {**figures, "images_per_s": images_per_s})

    def _show_losses(self, step: int) -> None:
        if self._since:
            names = self._since[0]
            self._show(
                step, {name: sum(row.get(name, 0.0) for row in self._since) / len(self._since) for name in names}
            )
            self._since = []

    def _show(self, step: int, values: Mapping[str, float]) -> None:
        self._live.step = step
        for name, value in values.items():
            if name != "epoch" and value == value:
                self._live.log_metric(name, value)
        self._live.next_step()
