"""What a model is trained for: each objective turns a batch into a dict of named losses, which are summed.

In: a name and what it needs to know of the vocabulary. Out: the objective of a phase. `global` and `local` are the
field's baselines, `rra_vl` and `maple` our readings of two papers; the modules say which part is whose.
"""

from __future__ import annotations

from collections.abc import Sequence

from hilum.model.batch import Phrases
from hilum.model.objectives.baselines import GlobalObjective, LocalObjective
from hilum.model.objectives.kind import Objective, ObjectiveName, Phase, Relevance
from hilum.model.objectives.maple import FROZEN, MapleObjective
from hilum.model.objectives.rra_vl import RegionRelevanceObjective

__all__ = ["Objective", "ObjectiveName", "Phase", "Relevance", "frozen_weights", "make_objective"]


def make_objective(
    name: ObjectiveName,
    phase: Phase,
    phrases: Phrases,
    hard_negatives: bool = True,
    findings: Sequence[int] = (),
    relevance: Relevance = "jaccard",
) -> Objective:
    """The objective of that name, for a phase. findings: where the batches' findings are among the network's.

    hard_negatives, relevance: the ablations of those objectives that have such a thing.
    """
    if name == "global":
        return GlobalObjective()
    if name == "local":
        return LocalObjective()
    if name == "maple":
        return MapleObjective(phase, phrases, findings, hard_negatives)
    return RegionRelevanceObjective(phase, phrases, hard_negatives, relevance)


def frozen_weights(name: ObjectiveName, phase: Phase) -> tuple[str, ...]:
    """Beginnings of the names of the weights that a phase leaves as they are."""
    return FROZEN if (name, phase) == ("maple", "locate") else ()
