"""What can be watched is what was learned; watching changes nothing."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest

from hilum.training.watch import EVERY, watch


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC checkout, and the folder that commands start in."""
    who = ["-c", "user.name=test", "-c", "user.email=test@hilum.invalid"]
    for words in (["git", "init", "-q"], ["dvc", "init", "-q"], ["git", *who, "commit", "-q", "-m", "start"]):
        subprocess.run(words, cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def points(folder: Path, name: str) -> list[tuple[int, float]]:
    rows = csv.DictReader((folder / "plots" / "metrics" / f"{name}.tsv").read_text().splitlines(), delimiter="\t")
    return [(int(row["step"]), float(row[name])) for row in rows]


def test_a_point_is_the_mean_of_the_batches_since_the_last_one(checkout: Path) -> None:
    folder = checkout / "live"
    with watch(folder) as seen:
        assert seen is not None
        for step in range(1, 13):
            seen.batch(step, {"total": float(step)})
        assert points(folder, "total") == [(EVERY, 5.5)]  # there while it trains
        seen.epoch(12, {"validate_region_ap": 0.25, "validate_global_ap": float("nan")}, 40.0)
    assert points(folder, "total") == [(10, 5.5), (12, 11.5)] and points(folder, "validate_region_ap") == [(12, 0.25)]
    assert not (folder / "plots/metrics/validate_global_ap.tsv").exists()
    latest = json.loads((folder / "metrics.json").read_text())
    assert latest == {"total": 11.5, "validate_region_ap": 0.25, "images_per_s": 40.0, "step": 12}
    shown = subprocess.run(
        ["dvc", "metrics", "show", "--json", "live/metrics.json"], cwd=checkout, check=True, capture_output=True
    )
    assert json.loads(shown.stdout)[""]["data"]["live/metrics.json"]["data"]["total"] == 11.5
    changed = subprocess.run(["git", "status", "--short", "-uall"], cwd=checkout, check=True, capture_output=True)
    assert {line.split()[-1].split("/")[0] for line in changed.stdout.decode().splitlines()} == {"live"}


def test_a_training_that_goes_on_begins_with_what_it_has_done(checkout: Path) -> None:
    for _ in range(2):  # what the killed one left is not kept beside it
        with watch(checkout / "live") as seen:
            assert seen is not None
            seen.catch_up([{"epoch": 1, "total": 3.0}, {"epoch": 2, "total": 2.0}], [{"total": 1.0}] * 9, 49)
            seen.batch(50, {"total": 2.0})
    assert points(checkout / "live", "total") == [(20, 3.0), (40, 2.0), (50, 1.1)]


@pytest.mark.parametrize("words", [["git", "init", "-q"], ["dvc", "init", "-q"]])
def test_where_dvclive_cannot_work_nothing_is_made_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(words, cwd=tmp_path, check=True)
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    with watch(tmp_path / "live") as seen:
        assert seen is None
    assert sorted(path.name for path in tmp_path.iterdir()) == before
