"""How far a run has come, on the Prefect page while it runs.

In: the report of a run whenever a stage starts or ends. Out: one progress artifact, brought up to date. A server that
does not take it is logged once, and the run goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.driver import RunReport

log = logging.getLogger(__name__)


class Progress:
    """For `on_change` of a run. expected: stage -> seconds it took the last time, as far as known.

    report: the last that it was told of, for the account of a run that raised.
    """

    def __init__(self, key: str, expected: Mapping[str, float]) -> None:
        self._key, self._expected = key, expected
        self._artifact: UUID | None = None
        self.report: RunReport | None = None
        self._works = True

    def __call__(self, report: RunReport) -> None:
        """Show how far the run has come."""
        self.report = report
        if not self._works:
            return
        percent = min(100.0, 100 * share_done(report, self._expected))
        words = describe_progress(report, self._expected)
        try:
            if self._artifact is None:
                self._artifact = create_progress_artifact(percent, key=self._key, description=words)  # type: ignore[assignment]
            else:
                update_progress_artifact(self._artifact, percent, description=words)
        except Exception as error:  # a page that stands still is no reason to stop the work
            self._works = False
            log.warning("run: the progress cannot be shown any more: %s", type(error).__name__)


def share_done(report: RunReport, expected: Mapping[str, float]) -> float:
    """The share of the work that is done, in 0..1: by seconds where a stage's are known, else as their mean."""
    known = [expected[name] for name in report.outs if name in expected]
    mean = sum(known) / len(known) if known else 1.0
    weights = {name: max(expected.get(name, mean), 0.1) for name in report.outs}
    done = sum(weights[name] for name in report.did)
    return done / sum(weights.values()) if weights else 1.0


def describe_progress(report: RunReport, expected: Mapping[str, float]) -> str:
    """How many stages are done, which are at work, and what they took the last time."""
    words = f"{len(report.did)} of {len(report.outs)} stages done"
    failed = [name for name, how in report.did.items() if how == "failed"]
    if failed:
        words += f"; failed: {', '.join(failed)}"
    if report.running:
        rows = [f"{name} ({expected[name]:.0f} s the last time)" if name in expected else name
                for name in report.running]  # fmt: skip
        words += f"; at work: {', '.join(rows)}"
    return words
