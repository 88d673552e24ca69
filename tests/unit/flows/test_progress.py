"""How far a run has come."""

from __future__ import annotations

import pytest

from flows import progress
from flows.driver import RunReport
from flows.progress import Progress, describe_progress, share_done


def report(**did: str) -> RunReport:
    return RunReport("x", outs={name: [] for name in ("a", "b", "c")}, did=did, running=["c"])


def test_stages_count_by_what_they_took_the_last_time() -> None:
    assert share_done(report(a="ran"), {"a": 30.0, "b": 10.0, "c": 60.0}) == pytest.approx(0.3)
    assert share_done(report(a="ran"), {"a": 30.0, "b": 10.0}) == pytest.approx(0.5)  # c as the mean of the others
    assert share_done(report(a="ran"), {}) == pytest.approx(1 / 3)
    assert share_done(RunReport("x"), {}) == 1.0


def test_the_words_name_what_failed_and_what_is_at_work() -> None:
    words = describe_progress(report(a="ran", b="failed"), {"c": 61.0})
    assert words == "2 of 3 stages done; failed: b; at work: c (61 s the last time)"


def test_a_server_that_takes_no_progress_stops_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(*args: object, **kwargs: object) -> None:
        calls.append(args)
        raise ConnectionError("gone")

    monkeypatch.setattr(progress, "create_progress_artifact", refuse)
    show = Progress("line", {})
    for _ in range(3):
        show(report(a="ran"))
    assert len(calls) == 1 and show.report is not None
