"""What a model is trained for: each objective turns a batch into a dict of named losses, which are summed.

In: a name and what it needs to know of the vocabulary. Out: the objective of a phase. `global` and `local` are the
field's baselines, `rra_vl` our reading of a paper; the modules say which part is whose.
"""

from __future__ import annotations

from hilum.model.batch import Phrases
from hilum.model.objectives.baselines import GlobalObjective, LocalObjective
from hilum.model.objectives.kind import Objective, ObjectiveName, Phase
from hilum.model.objectives.rra_vl import RegionRelevanceObjective

__all__ = ["Objective", "ObjectiveName", "Phase", "make_objective"]


def make_objective(name: ObjectiveName, phase: Phase, phrases: Phrases, hard_negatives: bool = True) -> Objective:
    """The objective of that name, for a phase."""
    if name == "global":
        return GlobalObjective()
    if name == "local":
        return LocalObjective()
    return RegionRelevanceObjective(phase, phrases, hard_negatives)
