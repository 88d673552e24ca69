"""A run's bar in the terminal: stages done of all, what is at work, and about how long it may still take.

In: a run's reports as it goes on. Out: one line on stderr, and none where that is no terminal. The time left is a guess
from the seconds that each stage took here the last time: stages that turn out to be up to date make it too long, and
those that have never run here too short.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from flows.checkout import read_seconds
from flows.driver import RunReport

_TICK_S = 1.0


@contextmanager
def progress_bar(root: Path, jobs: int) -> Iterator[Callable[[RunReport], None]]:
    """A bar for a run in a checkout; it gives what `drive` is to tell of every change."""
    with tqdm(
        disable=None, dynamic_ncols=True, bar_format="run {n_fmt}/{total_fmt} |{bar:20}| {elapsed}{postfix}"
    ) as bar:
        guess, ended = TimeLeft(read_seconds(root), jobs), threading.Event()

        def show(report: RunReport) -> None:
            guess.take(report, time.monotonic())
            bar.total, bar.n = len(report.outs), len(report.did)
            tick()

        def tick() -> None:
            bar.set_postfix_str(guess.describe(time.monotonic()))

        def keep_ticking() -> None:
            while not ended.wait(_TICK_S):
                tick()

        if bar.disable:
            yield show
            return
        thread = threading.Thread(target=keep_ticking, daemon=True)
        thread.start()
        try:
            with logging_redirect_tqdm():
                yield show
        finally:
            ended.set()
            thread.join()


class TimeLeft:
    """What is left of a run. seconds: stage -> what it took the last time, as far as known."""

    def __init__(self, seconds: Mapping[str, float], jobs: int) -> None:
        self._seconds, self._jobs = seconds, jobs
        self._left: tuple[str, ...] = ()
        self._since: dict[str, float] = {}

    def take(self, report: RunReport, now_s: float) -> None:
        """Learn what is done and what is at work."""
        self._left = tuple(name for name in report.outs if name not in report.did)
        self._since = {name: self._since.get(name, now_s) for name in report.running}

    def describe(self, now_s: float) -> str:
        """The stages at work, and the time left where one is known."""
        names = ", ".join([*list(self._since)[:3], *(["..."] if len(self._since) > 3 else [])])
        left = self.guess(now_s)
        return f"{names}, about {tqdm.format_interval(round(left))} left" if left >= 1 else names

    def guess(self, now_s: float) -> float:
        """Seconds: the work that is left shared by all places, but no less than its longest stage."""
        work = [max(0.0, self._seconds.get(name, 0.0) - (now_s - self._since.get(name, now_s))) for name in self._left]
        return max(sum(work) / self._jobs, max(work, default=0.0))
