"""What would run and why: every stage that is or will be stale.

In: a `Line`. Out: one `PlannedStage` a stage, in the order of the line. `dvc status` and `dvc repro --dry` name only
the stages whose inputs differ already; here a stage's outcome is carried forward: restored outputs have known digests,
a stage whose inputs are those of dvc.lock makes the bytes of dvc.lock again (every stage is repeatable), and where only
the run can tell, the stages behind are planned as `maybe`: they run unless the bytes come out as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from flows.checkout import read_seconds
from flows.graph import THE_LINE, Digests, Line, Look, Reason

RUN, RESTORE, MAYBE, KEEP = "run", "restore", "maybe", "keep"


@dataclass(frozen=True)
class PlannedStage:
    """action: run; restore: its outputs can be had without running it; maybe: runs if what is before it changes; keep.
    where: what has the outputs of a `restore`, cache or remote."""

    stage: str
    action: str
    reasons: tuple[Reason, ...]
    upstream: tuple[str, ...]
    seconds: float | None = None
    where: str | None = None

    @property
    def stale(self) -> bool:
        """Whether the stage is, or may become, out of date."""
        return self.action != KEEP

    def row(self) -> dict[str, object]:
        """The stage as a JSON object."""
        return {
            "stage": self.stage,
            "stale": self.stale,
            "action": self.action,
            "reason": "; ".join(str(reason) for reason in self.reasons),
            "reasons": [{"kind": r.kind, "what": r.what, "change": r.change} for r in self.reasons],
            "upstream": list(self.upstream),
            "seconds": self.seconds,
            "where": self.where,
        }


def plan_checkout(root: Path, target: str = THE_LINE, *, remote: bool = False) -> list[PlannedStage]:
    """The plan of a target in a folder: the whole line, if none is named. remote: as in `Line`."""
    with closing(Line(root, target, remote=remote)) as line:
        return plan_line(line, read_seconds(root))


def describe_plan(plan: Sequence[PlannedStage], everything: bool) -> Iterator[str]:
    """The plan in lines of text; stages that are up to date only where everything is asked for."""
    width = max((len(stage.stage) for stage in plan), default=0)
    for stage in plan:
        if stage.stale or everything:
            yield f"{stage.action:8}{stage.stage:{width}}  {'; '.join(str(r) for r in _first(stage.reasons))}".rstrip()
    counts = {action: sum(stage.action == action for stage in plan) for action in (RUN, RESTORE, MAYBE, KEEP)}
    known = [stage.seconds for stage in plan if stage.stale and stage.seconds is not None]
    yield (
        f"plan: {counts[RUN]} to run, {counts[RESTORE]} to restore{_from(plan)}, {counts[MAYBE]} to run if "
        f"what is before them changes, {counts[KEEP]} up to date"
        + (f"; {sum(known):.0f} s for those that have run here before, one after the other" if known else "")
    )


def _from(plan: Sequence[PlannedStage]) -> str:
    """What the restored outputs come from."""
    found = sorted({stage.where for stage in plan if stage.action == RESTORE and stage.where})
    return f" from the {' and the '.join(found)}" if found else ""


def _first(reasons: Sequence[Reason]) -> list[Reason | str]:
    """The first three reasons, and how many more there are."""
    more = len(reasons) - 3
    return [*reasons[:3], *([f"and {more} more"] if more > 0 else [])]


def plan_line(line: Line, seconds: dict[str, float]) -> list[PlannedStage]:
    """The plan of the whole line. seconds: stage -> what it took the last time, as far as known.

    A file that `dvc add` tracks and that does not lie here is planned like a stage, under the name of its .dvc file.
    """
    coming: dict[str, str | None] = {}
    plan = []
    for name, look in line.missing_sources().items():
        coming.update(look.outs)
        plan.append(PlannedStage(name, RESTORE if look.where else RUN, look.reasons, (), where=look.where))
    for name in line.stages():
        look = line.look(name, coming)
        action = _action(look)
        if action != KEEP:
            coming.update(_outcome(look, action, line.outs(name)))
        expected = seconds.get(name) if action in (RUN, MAYBE) else None
        plan.append(PlannedStage(name, action, look.reasons, tuple(line.upstream(name)), expected, look.where))
    return plan


def _action(look: Look) -> str:
    if not look.reasons:
        return KEEP
    if look.restored is not None:
        return RESTORE
    return RUN if any(reason.sure for reason in look.reasons) else MAYBE


def _outcome(look: Look, action: str, outs: list[str]) -> Digests:
    if look.restored is not None and action == RESTORE:
        return look.restored
    if all(reason.kind == "output" for reason in look.reasons):
        return look.outs
    return dict.fromkeys(outs)
