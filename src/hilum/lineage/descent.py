"""What was made of somebody: models trained on them, and all that was made of such a model or of their rows.

In: one state of a line, and what each of its files holds. Out: file by file, how it comes from them and through what.
A model counts as trained on them if they were in a split that it learned from (or was chosen by); to be in the tables
that it could have read is not enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from pathlib import Path

from hilum.lineage.history import State
from hilum.lineage.lock import Item, Stage
from hilum.lineage.traces import Trace

TRAINED, VALIDATED, MADE = "trained on", "validated on", "made from"
WEIGHTS = ".safetensors"
GATE = "data/validation/validation.json"
TAINTED = "reports/tainted.json"
"""Id -> digests of the weights trained on them, as a purge leaves it: the tables that would tell are gone by then."""
_TRAINING = {"tokenize": ("train",), "align": ("train", "validate"), "locate": ("train", "validate")}
_BY_ROW = ("phantom", "ingest", "parse", "label", "pack", "embed", "index")
"""Stages that handle rows one by one: what they made of a person is found in what they wrote."""


class Descent:
    """What of one state was made from something that knows them. found: path -> (digest, how, through what)."""

    def __init__(
        self,
        state: State,
        trace: Callable[[str, str], Trace | None],
        place_of: Callable[[str], Path | None],
        noted: Set[str],
    ) -> None:
        """trace: digest and path -> what the file holds; place_of: digest -> its bytes; noted: weights known before."""
        self._state, self._trace, self._place_of, self._noted_weights = state, trace, place_of, noted
        self.found: dict[str, tuple[str, str, str]] = {}

    def files(self, items: Iterable[Item]) -> list[str]:
        """The files of items, by path, as far as the state knows them."""
        names = [item.path for item in items]
        starts = tuple(f"{name}/" for name in names)
        return [path for path in self._state.files if path in names or path.startswith(starts)]

    def step(self, stage: Stage) -> None:
        """Look at one stage, when all that it reads has been looked at."""
        if stage.is_source:
            return
        cause = self._cause(stage) or self._noted(stage)
        for path in self.files(stage.outs) if cause else ():
            how, through = cause or ("", "")
            curve = path.endswith(".csv")  # of a training: made from it, and no model
            self.found.setdefault(path, (self._state.files[path], MADE if curve else how, through))

    def _cause(self, stage: Stage) -> tuple[str, str] | None:
        """How and through which of its inputs a stage's outputs come from them, the plainest reason first."""
        reads = self.files(stage.deps)
        models = sorted(
            (path for path in reads if self._how(path) in (TRAINED, VALIDATED)),
            key=lambda path: (not path.endswith(WEIGHTS), path),
        )
        if stage.verb in _TRAINING:
            for split, how in (("train", TRAINED), ("validate", VALIDATED)):
                for path in reads if split in _TRAINING[stage.verb] else ():
                    trace = self._trace(self._state.files[path], path)
                    if trace and trace.splits.get(split):
                        return how, path
            return (str(self._how(models[0])), models[0]) if models else None
        if models:
            return MADE, models[0]
        if stage.verb not in _BY_ROW:
            for path in reads:
                if self._trace(self._state.files[path], path):
                    return MADE, path
        derived = [path for path in reads if path in self.found and not (stage.verb in _BY_ROW and path == GATE)]
        return (MADE, derived[0]) if derived else None

    def _noted(self, stage: Stage) -> tuple[str, str] | None:
        """A model of which a purge has noted that it was trained on them, if what it was trained on is gone since."""
        made = {self._state.files[path] for path in self.files(stage.outs)}
        gone = any(self._place_of(self._state.files[path]) is None for path in self.files(stage.deps))
        return (TRAINED, TAINTED) if gone and made & self._noted_weights else None

    def _how(self, path: str) -> str | None:
        return self.found[path][1] if path in self.found else None
