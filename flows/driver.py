"""Stages in parallel, wherever the DAG allows: the one scheduler behind every engine.

In: a checkout, the number of jobs and an engine. Out: the artifacts and the dvc.lock that `dvc repro` leaves. A stage
starts as soon as all it reads is up to date, if there is room: a stage whose parameters say `threads` needs as many
places, since two trainings on the same cores are slower than one after the other; not so a stage of a partition, which
spends a good part of its seconds on starting. A stage that its plan calls uncertain is looked at again when its turn
comes. Short stages that follow one another share one DVC process. When a stage fails, those that do not need it go on.
An engine may compute stages of partitions elsewhere; those take no place here.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from flows.checkout import log_path, one_run, read_seconds, remove_leftovers, write_seconds
from flows.graph import THE_LINE, Line, section_of
from flows.plan import KEEP, RUN, PlannedStage, plan_line
from flows.stage_process import KEPT, RAN, RESTORED, StageFailed, StageRun, end_all, run_through_dvc

log = logging.getLogger(__name__)

SHORT_S = 5.0
"""Stages shorter than this share a process with the next: DVC itself costs a part of a second a process."""


@dataclass(frozen=True)
class Command:
    """The command line of a stage that must be computed. outs: the paths it writes, below the checkout."""

    line: str
    outs: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """Stages to bring up to date, one after the other and through DVC.

    command: of a single stage that the engine may compute elsewhere.
    """

    root: Path
    names: tuple[str, ...]
    log: Path
    workers: int
    command: Command | None = None

    def __call__(self) -> StageRun:
        """Do it here."""
        return run_through_dvc(self.names, self.root, self.log, self.workers)


class Engine(Protocol):
    """Where the work of stages is done. elsewhere: it computes stages of partitions on other machines."""

    elsewhere: bool

    def submit(self, work: Work, after: Sequence[Any]) -> Any:
        """Start work and return a handle that has `add_done_callback` and `result`.

        after: the handles of what it waited for, so that an engine can show it.
        """


class ThreadEngine:
    """The engine without Prefect: a thread a place."""

    elsewhere = False

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(jobs)

    def submit(self, work: Work, after: Sequence[Any]) -> Future[StageRun]:
        """Start the work in a thread."""
        return self._pool.submit(work)


@dataclass
class RunReport:
    """What a run did. did: stage -> ran, restored, kept, failed or not reached. seconds: of the stages that ran.

    outs: stage -> the paths it writes. running: the stages at work now.
    """

    run: str
    outs: dict[str, list[str]] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    did: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)

    def count(self, *how: str) -> int:
        """How many stages ended so."""
        return sum(value in how for value in self.did.values())


def drive(
    root: Path,
    jobs: int,
    engine: Engine,
    threads: Mapping[str, int],
    target: str = THE_LINE,
    before: Callable[[], object] | None = None,
    on_change: Callable[[RunReport], object] | None = None,
    wait: bool = False,
    remote: bool = False,
) -> RunReport:
    """Bring a target up to date; `errors` of the report holds what failed, when all that could run has run.

    threads: section of params.yaml -> the threads its stages compute with; one where it is missing. target: see
    `Line`. before: done first, when no other run can be at work here. on_change: told of the report whenever a stage
    starts or ends. wait: for the end of another run of this checkout. remote: restore from
    the default DVC remote what it holds.
    Raises UsageError if another run holds the checkout and shall not be waited for.
    """
    with one_run(root, wait), closing(Line(root, target, remote=remote)) as line:
        report = RunReport(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        report.outs = {name: line.outs(name) for name in line.stages()}
        remove_leftovers(root, chain.from_iterable(report.outs.values()))
        if before is not None:
            before()
        line.note_order()
        try:
            _Walk(root, jobs, engine, line, report, threads, on_change).walk()
            line.order_locks(done=not report.errors)
        finally:
            end_all()
            write_seconds(root, report.seconds)
    return report


class _Walk:
    """One run over the DAG."""

    def __init__(
        self,
        root: Path,
        jobs: int,
        engine: Engine,
        line: Line,
        report: RunReport,
        threads: Mapping[str, int],
        on_change: Callable[[RunReport], object] | None,
    ) -> None:
        self._root, self._jobs, self._engine, self._line, self._report = root, jobs, engine, line, report
        self._on_change = on_change or (lambda report: None)
        self._seconds = read_seconds(root)
        self._plan = {stage.stage: stage for stage in plan_line(line, self._seconds)}
        self._report.did.update(dict.fromkeys(line.bring(), RESTORED))
        self._costs = {name: 1 if "@" in name else min(jobs, threads.get(section_of(name), 1)) for name in self._plan}
        self._commands: dict[str, Command | None] = {}
        self._handles: dict[str, Any] = {}
        self._running: dict[str, int] = {}
        self._ended: queue.Queue[tuple[tuple[str, ...], Any]] = queue.Queue()

    def walk(self) -> None:
        for name, stage in self._plan.items():
            if stage.action == KEEP:
                self._report.did[name] = KEPT
        while len(self._report.did) < len(self._plan):
            self._start_ready()
            if not self._running:
                break
            self._take(*self._ended.get())
        for name in self._plan:
            self._report.did.setdefault(name, "not reached")

    def _start_ready(self) -> None:
        ready = self._ready()
        for name in ready:
            free = self._jobs - sum(self._running.values())
            if name not in self._running and (self._command(name) or self._costs[name] <= free):
                alone = len(ready) == 1 and not self._running
                self._start(self._bundle(self._plan[name]), alone=alone)

    def _ready(self) -> list[str]:
        """The stages that can be started, once those that turn out to be up to date are passed over."""
        ready: list[str] = []
        for name, stage in self._plan.items():  # in the order of the line: what a kept stage lets through comes later
            if name in self._report.did or name in self._running or not self._is_ready(stage, ()):
                continue
            if stage.action != RUN and not self._line.is_stale(name):
                self._report.did[name] = KEPT
            else:
                ready.append(name)
        return ready

    def _is_ready(self, stage: PlannedStage, beside: Sequence[str]) -> bool:
        done = (RAN, RESTORED, KEPT)
        return all(self._report.did.get(other) in done or other in beside for other in stage.upstream)

    def _command(self, name: str) -> Command | None:
        """The command of a ready stage that the engine is to compute elsewhere; None where DVC has nothing to compute,
        and for any other stage."""
        if not self._is_far(name):
            return None
        if name not in self._commands:
            must_run = self._line.is_stale(name) and self._line.look(name, {}).restored is None
            command = Command(self._line.command(name), tuple(self._line.outs(name)))
            self._commands[name] = command if must_run else None
        return self._commands[name]

    def _is_far(self, name: str) -> bool:
        return self._engine.elsewhere and "@" in name

    def _bundle(self, first: PlannedStage) -> list[str]:
        """The stage, and the short ones behind it that need nothing else."""
        names = [first.stage]
        if self._is_far(first.stage):
            return names
        expected = self._seconds.get(first.stage, SHORT_S)
        for name, stage in self._plan.items():
            seconds = self._seconds.get(name, SHORT_S)
            if expected >= SHORT_S or seconds >= SHORT_S or self._is_far(name):
                continue
            if name in self._report.did or name in self._running:
                continue
            follows = not set(stage.upstream).isdisjoint(names) and self._is_ready(stage, names)
            if name not in names and follows and self._costs[name] == self._costs[first.stage]:
                names.append(name)
                expected += seconds
        return names

    def _start(self, names: list[str], *, alone: bool) -> None:
        """Hand stages to the engine. alone: nothing can run beside them, and their workers may have every core."""
        command = self._command(names[0])
        cost = 0 if command else self._costs[names[0]]
        self._running.update(dict.fromkeys(names[1:], 0) | {names[0]: cost})
        cores = len(os.sched_getaffinity(0))
        # no stage keeps its workers busy from its first second to its last: twice its share of the cores
        workers = cores if alone else max(1, min(cores, 2 * cores * cost // self._jobs))
        log_file = log_path(self._root, self._report.run, names)
        before = {name: self._handles[name] for n in names for name in self._plan[n].upstream if name in self._handles}
        work = Work(self._root, tuple(names), log_file, workers, command)
        handle = self._engine.submit(work, list({id(h): h for h in before.values()}.values()))
        self._handles.update(dict.fromkeys(names, handle))
        log.info("run: %s", ", ".join(names))
        self._report.running = list(self._running)
        self._on_change(self._report)
        handle.add_done_callback(lambda done: self._ended.put((tuple(names), done)))

    def _take(self, names: tuple[str, ...], handle: Any) -> None:
        for name in names:
            del self._running[name]
        self._report.running = list(self._running)
        self._take_result(names, handle)
        self._on_change(self._report)

    def _take_result(self, names: tuple[str, ...], handle: Any) -> None:
        try:
            done: StageRun = handle.result()
        except StageFailed as failure:
            self._fail(failure.stage, failure.error)
            self._report.did.update(failure.did)
            return
        except Exception as error:  # nothing of it is known to have worked; the others go on
            self._fail(names[0], error)
            return
        share = done.seconds / max(1, sum(done.did.get(name) == RAN for name in names))
        for name in names:
            self._report.did[name] = done.did.get(name, KEPT)
            if self._report.did[name] == RAN:
                self._report.seconds[name] = share
        log.info("run: %s %s in %.1f s", ", ".join(names), "/".join(sorted(set(done.did.values()))), done.seconds)

    def _fail(self, name: str, error: Exception) -> None:
        log.error("run: %s", error)
        self._report.errors[name] = error
        self._report.did[name] = "failed"
