"""A checkout that is left alone with its source: files arrive, and what follows is nobody's work.

Three things happen while `hilum serve` runs on a real Prefect server: new studies are copied into the source, then more
new studies whose reports claim what was denied and say left for right, then a patient withdraws. Landings, refreshes,
retrainings, decisions and tags follow by schedule and by event. Slow: three trainings.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

ASKED = "left lower lung zone"
FIRST, SECOND, SPOILT = slice(0, 120), slice(120, 240), slice(240, 540)  # of the source's subjects
NIGHT = {
    "phantom": {"n_subjects": SPOILT.stop},
    "pack": {"size_px": 144},
    "locate": {"epochs": 8},
    "challenge": {"n_bootstrap": 200},
}
SIDES = {"left": "right", "right": "left"}
DENIALS = re.compile(r"\b(no evidence of|without evidence of|negative for|free of|without|no)\b", re.IGNORECASE)


class Night:
    """A served checkout and its source."""

    def __init__(self, checkout: Any, folder: Path) -> None:
        self.checkout, self.folder, self.source = checkout, folder, folder / "clinic"
        self.server: subprocess.Popen[bytes] | None = None
        self.whole = folder / "whole"
        checkout.run("hilum", "phantom", "--tree", str(self.whole), "--listing", str(folder / "listing.parquet"),
                     "--truth", str(folder / "truth"))  # fmt: skip
        self.source.mkdir()
        for table in self.whole.glob("*.csv*"):
            shutil.copy(table, self.source)

    def arrive(self, subjects: slice, rewrite: Callable[[str], str] = str) -> None:
        """Copy the studies of subjects into the source, their reports rewritten."""
        for folder in sorted(self.whole.glob("files/p*/p*"))[subjects]:
            target = self.source / folder.relative_to(self.whole)
            shutil.copytree(folder, target)
            for report in target.glob("s*.txt"):
                report.write_text(rewrite(report.read_text()))

    def serve(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = ["serve", str(self.source), "--watch", "* * * * *", "--settle", "5", "--port", str(port),
                 "--collection", "clinic", "--jobs", "2"]  # fmt: skip
        with (self.folder / "serve.log").open("wb") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-c", "from hilum.cli import main; main()", *words], cwd=self.checkout.folder,
                env=self.checkout.environment(), stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def wait_for(self, what: str, happened: Callable[[], Any], minutes: float) -> Any:
        """Wait until something has happened by itself; fail with the server's last words if it does not."""
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            assert self.server is not None and self.server.poll() is None, self.said()
            if found := happened():
                return found
            time.sleep(2)
        pytest.fail(f"{what} did not happen in {minutes:g} minutes:\n{self.said()}")

    def said(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")[-6000:]

    def tags(self, pattern: str) -> list[str]:
        return sorted(self.checkout.run("git", "tag", "--list", pattern).stdout.split())

    def served_studies(self) -> set[int]:
        """The studies of the served index; none while it is being replaced."""
        if not (self.checkout.folder / "data/served/index/rows.parquet").is_file():
            return set()
        rows = pq.read_table(self.checkout.folder / "data/served/index/rows.parquet", columns=["study_id"])
        return set(rows["study_id"].to_pylist())

    def served_model(self) -> str | None:
        path = self.checkout.folder / "data/served/index/index.json"
        return str(json.loads(path.read_text())["model_id"]) if path.is_file() else None

    def answers(self, study: int, among: set[int]) -> list[tuple[str, float]]:
        """The answers to a study's question that are of earlier known studies, in order, with their scores."""
        asked = ["hilum", "search", "--study", str(study), "--region", ASKED, "-k", "100000", "--json"]
        rows = json.loads(self.checkout.run(*asked).stdout)
        return [(row["dicom_id"], row["score"]) for row in rows if row["study_id"] in among]


def spoil(text: str) -> str:
    """A report that claims what was denied, and says left where right was meant."""
    claimed = DENIALS.sub("there is", text)
    return re.sub(r"\b(left|right)\b", lambda found: SIDES[found[0].lower()], claimed, flags=re.IGNORECASE)


@pytest.fixture
def night(make_checkout: Callable[[dict], Any], tmp_path: Path) -> Iterator[Night]:
    made = Night(make_checkout(NIGHT), tmp_path)
    yield made
    if made.server is not None:
        made.server.send_signal(signal.SIGTERM)
        made.server.wait(60)


@pytest.mark.long
def test_what_arrives_is_landed_refreshed_trained_on_and_judged(night: Night) -> None:
    checkout = night.checkout
    night.arrive(FIRST)
    checkout.run("hilum", "land", str(night.source), "--collection", "clinic")
    checkout.run("hilum", "run", "--engine", "threads", "--jobs", "2")
    checkout.commit("Land and train")
    checkout.run("hilum", "promote")
    night.serve()

    night.arrive(SECOND)
    night.wait_for("a landing", lambda: (checkout.folder / "data/landings/L0002.json").is_file(), 5)
    night.wait_for("a refresh", lambda: "search@v1.0.1" in night.tags("search@*"), 10)
    assert len(night.served_studies()) > 1
    night.wait_for("a promotion", lambda: "search@v2.0.0" in night.tags("search@*"), 25)
    better = json.loads(checkout.run("git", "show", "search@v2.0.0:reports/challenge.json").stdout)["challenger"]
    night.wait_for("its arrival", lambda: night.served_model() == better["model_id"], 5)
    known = night.served_studies()
    study = min(known)
    before = night.answers(study, known)
    assert len(before) > 10

    night.arrive(SPOILT, spoil)
    night.wait_for("a refusal", lambda: night.tags("search#rejected#*"), 40)
    assert night.tags("search@v3*") == []
    assert len(night.served_studies()) > len(known)
    assert night.answers(study, known) == before

    rows = pq.read_table(checkout.folder / "data/served/index/rows.parquet").to_pylist()
    subject = next(row["subject_id"] for row in rows if row["dicom_id"] == before[0][0])
    images = {row["dicom_id"] for row in rows if row["subject_id"] == subject}
    gone = {row["study_id"] for row in rows if row["subject_id"] == subject}
    checkout.run("hilum", "withdraw", "--subject", str(subject))
    night.wait_for("the withdrawal", lambda: (held := night.served_studies()) and not gone & held, 15)
    assert night.answers(study, known) == [row for row in before if row[0] not in images]
    log = checkout.run("git", "log", "--format=%s").stdout
    recorded = [line for line in log.splitlines() if line.startswith("Record landing")]  # one may redact older ones
    assert any("L0004" in line for line in recorded) and any("L0003" in line for line in recorded)
