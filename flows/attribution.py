"""The difference of two values of a figure, shared out among what differs between their commits.

In: a checkout, a figure and two revisions. Out: facts: the causes, and what each one makes of the difference, found by
replaying the new revision with causes undone, over the cache and run-cache: what a cause does not reach is restored.
One at a time, a part is what the figure loses when that cause alone is undone, and `interaction` is the rest; by
Shapley's shares each part is the mean over all orders in which the causes could have come, and there is no rest. All
sums are exact. What cannot be run is said to be so. The replay with every cause undone must give the old value; what
is left between the two has a cause that git does not hold, and is `unexplained`.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from flows.account import with_last_words
from flows.clones import Clone, clone_at
from hilum.errors import HilumError, UsageError
from hilum.lineage.differences import INTERACTION, UNEXPLAINED, Cause, find_causes, must_settle, undo
from hilum.lineage.figures import Figure, find_value
from hilum.lineage.record import Record, open_record
from hilum.lineage.snapshots import WorkingTree
from hilum.lineage.verify import check_lock

log = logging.getLogger(__name__)

MAX_SHAPLEY = 4
"""Causes whose shares are exact over all subsets: 15 replays at most."""
Known = Mapping[frozenset[int], Fraction | str]
"""Causes undone -> the figure's value; a string says why there is none."""


def attribute(
    root: Path,
    figure: Figure,
    old_revision: str,
    jobs: int,
    threads: Mapping[str, int],
    *,
    shapley: bool = False,
    keep: bool = False,
) -> dict[str, Any]:
    """The facts about the figure at its revision (else in the working tree) as against an old revision.

    jobs, threads: as for `drive`. keep: the clone of the replays stays.
    Raises UsageError if either has no such figure, or there are too many causes for Shapley's shares.
    """
    with open_record(root, old_revision) as old, open_record(root, figure.revision) as new:
        values = [find_value(figure, record.snapshot) for record in (old, new)]
        causes = find_causes(old, new, [figure.file])
        if shapley and len(causes) > MAX_SHAPLEY:
            raise UsageError(f"{len(causes)} causes differ; exact shares are for {MAX_SHAPLEY} or fewer.")
        facts: dict[str, Any] = {
            "figure": str(figure),
            "old": _side(old, values[0], figure),
            "new": _side(new, values[1], figure),
            "causes": [cause.to_json() for cause in causes],
        }
        before, after = map(_number, values)
        if before is None or after is None:
            return {**facts, "why_not": "a value that is no number cannot be shared out"}
        known: dict[frozenset[int], Fraction | str] = {frozenset(): after}
        if len(causes) == 1:
            known[frozenset({0})] = before
        elif causes:
            with clone_at(root, str(new.snapshot.commit), shared=True, keep=keep) as clone:
                replays = _Replays(clone, old, new, figure, causes, jobs, threads)
                for undone in _sets(len(causes), shapley=shapley):
                    known[undone] = replays.value(undone)
    return {**facts, **_share_out(before, [str(cause) for cause in causes], known, shapley=shapley)}


def _side(record: Record, value: Any, figure: Figure) -> dict[str, Any]:
    """A revision and its value. broken: links of its record that do not hold: the value is not of these files then."""
    stages = record.lineage.behind([figure.file])[::-1]
    broken = [str(row) for row in check_lock(stages, record).broken if not row.missing]
    return {"of": record.snapshot.name, "commit": record.snapshot.commit, "value": value, "broken": broken}


def _number(value: Any) -> Fraction | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return Fraction(str(value)) if is_number else None  # as it is written: decimal, and exact


def _sets(n: int, *, shapley: bool) -> Iterator[frozenset[int]]:
    """The sets of causes to undo: each cause alone, for Shapley's shares every set, and last of all everything."""
    for size in range(1, n) if shapley else (1,):
        yield from map(frozenset, itertools.combinations(range(n), size))
    yield frozenset(range(n))


class _Replays:
    """Values of a figure in one clone of the new revision, in which one set of causes after another is undone."""

    def __init__(
        self,
        clone: Clone,
        old: Record,
        new: Record,
        figure: Figure,
        causes: Sequence[Cause],
        jobs: int,
        threads: Mapping[str, int],
    ) -> None:
        self._clone, self._old, self._new, self._causes = clone, old.snapshot, new.snapshot, causes
        self._figure = replace(figure, revision=None)
        self._target = new.lineage.behind([figure.file])[0].name
        self._jobs, self._threads = jobs, threads
        self._written: set[str] = set()
        clone.overlay(new.snapshot)
        clone.bring("--with-deps", self._target)

    def value(self, undone: Collection[int]) -> Fraction | str:
        """The figure with some causes undone; why there is none where that cannot be run."""
        chosen = [self._causes[number] for number in sorted(undone)]
        words = ", ".join(map(str, chosen))
        try:
            self._write(chosen)
            report = self._clone.build(self._target, self._jobs, self._threads)
            for error in report.errors.values():
                raise with_last_words(error, report, self._clone.folder)
            with WorkingTree(self._clone.folder) as snapshot:
                found = find_value(self._figure, snapshot)
        except HilumError as error:
            log.warning("diff: without %s the line does not run", words)
            return " ".join(str(error).split())
        log.info("diff: without %s: %s", words, found)
        number = _number(found)
        return f"the figure is {found}" if number is None else number

    def _write(self, undone: Sequence[Cause]) -> None:
        files = undo(self._old, self._new, self._causes, undone)
        back = {path: self._new.read(path) for path in self._written - set(files)}
        self._clone.write({**back, **files})
        self._written |= set(files)
        self._clone.bring()
        if must_settle(self._causes, undone):
            self._clone.settle()
            with WorkingTree(self._clone.folder) as snapshot:
                self._written |= {*snapshot.files("data/partitions"), *self._new.files("data/partitions")}


def _share_out(old: Fraction, names: Sequence[str], known: Known, *, shapley: bool) -> dict[str, Any]:
    """The parts of new - old, which sum to it exactly. closes: whether all causes undone give the old value."""
    every = frozenset(range(len(names)))
    new, end = known[frozenset()], known[every]
    assert isinstance(new, Fraction)
    reached = end if isinstance(end, Fraction) else old
    missing = [str(value) for value in known.values() if not isinstance(value, Fraction)]
    shapley = shapley and not missing
    weigh: Callable[[int], Fraction | str] = (
        (lambda number: _shapley(number, len(names), known)) if shapley else (lambda number: _alone(number, known))
    )
    found = {name: weigh(number) for number, name in enumerate(names)}
    sure = {name: part for name, part in found.items() if isinstance(part, Fraction)}
    rest = {INTERACTION: new - reached - sum(sure.values()), UNEXPLAINED: reached - old}
    parts = [
        {"cause": name, "value": float(part), "exact": str(part)}
        for name, part in (*sure.items(), *((name, part) for name, part in rest.items() if part))
    ]
    return {
        "difference": float(new - old),
        "exact": str(new - old),
        "shares": "shapley" if shapley else "one at a time",
        "parts": parts,
        "not_run": [{"cause": name, "why_not": part} for name, part in found.items() if isinstance(part, str)],
        "closes": end == old if isinstance(end, Fraction) and len(names) > 1 else None,
        "replays": 0 if len(names) < 2 else len(known) - 1,
    }


def _alone(number: int, known: Known) -> Fraction | str:
    new, without = known[frozenset()], known[frozenset({number})]
    return new - without if isinstance(new, Fraction) and isinstance(without, Fraction) else str(without)


def _shapley(number: int, n: int, known: Known) -> Fraction:
    """The mean loss by undoing a cause, over all orders in which n causes are undone one after the other."""
    total = Fraction(0)
    for undone, value in known.items():
        if number not in undone:
            after = known[undone | {number}]
            assert isinstance(value, Fraction) and isinstance(after, Fraction)
            orders = math.factorial(len(undone)) * math.factorial(n - len(undone) - 1)
            total += Fraction(orders, math.factorial(n)) * (value - after)
    return total
