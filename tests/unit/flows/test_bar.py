"""What the bar of a run says is left."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from flows.bar import TimeLeft, progress_bar
from flows.checkout import write_seconds
from flows.driver import RunReport

OUTS: dict[str, list[str]] = {"raw": [], "count@a": [], "count@b": [], "words": []}


def test_the_time_left_is_shared_by_the_places_and_at_least_the_longest_stage() -> None:
    guess = TimeLeft({"raw": 10, "count@a": 60, "count@b": 20}, jobs=2)
    report = RunReport("now", OUTS, running=["raw"])
    guess.take(report, 100)
    assert guess.guess(100) == 60
    assert guess.guess(104) == 60
    report.did, report.running = {"raw": "ran"}, ["count@a", "count@b"]
    guess.take(report, 110)
    assert guess.describe(120) == "count@a, count@b, about 00:50 left"
    report.did, report.running = {"raw": "ran", "count@a": "kept", "count@b": "kept"}, ["words"]
    guess.take(report, 120)
    assert guess.describe(125) == "words"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("screen, shown", [(Terminal(), True), (io.StringIO(), False)])
def test_the_bar_is_for_a_terminal(screen: io.StringIO, shown: bool, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    write_seconds(tmp_path, {"count@a": 90})
    monkeypatch.setattr(sys, "stderr", screen)
    with progress_bar(tmp_path, 1) as show:
        show(RunReport("now", OUTS, ["count@a"], {"raw": "ran"}))
    assert ("run 1/4 |" in screen.getvalue()) is shown
    assert ("count@a, about 01:30 left" in screen.getvalue()) is shown
