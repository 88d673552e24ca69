"""The DAG as DVC sees it: which stages there are, in the order `dvc repro` takes them, and which are stale.

In: dvc.yaml and dvc.lock of the checkout. Out: stage names. Uses DVC's internals (`Repo.index.graph`,
`plan_repro`, `Stage.changed`), which are no public contract: dvc is pinned, and a test compares with `dvc repro`.
"""

from __future__ import annotations

from pathlib import Path

from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage


class Line:
    """The stages of one checkout. Not safe for threads: DVC's Repo is not."""

    def __init__(self, root: Path) -> None:
        self._repo = Repo(str(root))

    def stages(self) -> list[str]:
        """Names of all stages of dvc.yaml, each after everything it depends on."""
        plan = plan_repro(get_active_graph(self._repo.index.graph))
        return [stage.name for stage in plan if isinstance(stage, PipelineStage)]

    def is_stale(self, name: str) -> bool:
        """Whether the stage's command, parameters, dependencies or outputs differ from dvc.lock, now."""
        self._repo._reset()
        stage = next(s for s in self._repo.index.stages if isinstance(s, PipelineStage) and s.name == name)
        with self._repo.lock:
            return bool(stage.changed())

    def close(self) -> None:
        """Let go of the repository."""
        self._repo.close()
