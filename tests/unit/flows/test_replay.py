"""Stages and commits of a small line made again: equal bytes are certified, others named, with how much they differ."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from flows.clones import REPLAY, clone_at
from flows.replay import rerun
from flows.reproduction import reproduce
from hilum.errors import BadDataError, UsageError
from hilum.lineage.certificate import render_certificate, verdict
from hilum.lineage.record import open_record
from tests.unit.flows.toy import ServedCheckout

STAGES = ["images@L0001-a", "validate", "tokenize", "locate", "embed@L0001-b", "index", "evaluate"]
CHANCE = """
  noise:
    cmd: python src/noise.py data/index data/noise
    deps: [data/index, src/noise.py]
    outs: [data/noise]
  after:
    cmd: cat data/noise/bytes.bin data/noise/weights.npy > data/after.bin
    deps: [data/noise]
    outs: [data/after.bin]
artifacts:
"""
NOISE = """
import pathlib, sys, os, time
import numpy as np
out = pathlib.Path(sys.argv[2])
out.mkdir()
(out / "bytes.bin").write_bytes(os.urandom(64))
values = np.ones(1000)
values[:10] += 1e-6 * np.random.default_rng(time.time_ns()).random(10)
np.save(out / "weights.npy", values)
(out / "fixed.txt").write_text("always")
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """A line that has run and serves a model, committed."""
    toy = ServedCheckout(tmp_path_factory.mktemp("finished"))
    toy.serve()
    return toy


@pytest.fixture
def line(finished: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    return ServedCheckout.copy(finished, tmp_path / "line")


@pytest.fixture(scope="module")
def by_chance(finished: ServedCheckout, tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """The same with a stage whose output is never the same twice, and one that reads it."""
    toy = ServedCheckout.copy(finished, tmp_path_factory.mktemp("chance") / "line")
    toy.write("dvc.yaml", toy.read("dvc.yaml").replace("artifacts:\n", CHANCE.lstrip("\n"), 1))
    toy.write("src/noise.py", NOISE)
    toy.repro()
    toy.commit("by chance")
    return toy


def run_again(toy: ServedCheckout, *names: str, revision: str | None = None) -> list[str]:
    with open_record(toy.folder, revision) as record:
        done = rerun(record, names, 2)
    assert done.level == "rerun" and done.n >= len(names) and done.size > 0
    return [str(row) for row in done.broken]


def test_a_clone_is_of_its_commit_and_leaves_no_trace(line: ServedCheckout) -> None:
    first = line.git("rev-list", "HEAD").split()[-1]
    line.write("weights.txt", "changed here")
    before = line.git("status", "--porcelain")
    for shared in (True, False):
        with clone_at(line.folder, first, shared=shared) as clone:
            assert (clone.folder / "weights.txt").read_text() == "first"
            clone.write({"weights.txt": None, "new/file.txt": b"new"})
            clone.bring()
            assert (clone.folder / "data/raw/L0001/listing.txt").exists() is shared
            with pytest.raises(UsageError, match="another run"), clone_at(line.folder, first, shared=True):
                pass
        assert not clone.folder.exists()
    assert line.git("status", "--porcelain") == before
    with pytest.raises(UsageError, match="a clone cannot be made"), clone_at(line.folder, "0" * 40, shared=True):
        pass
    assert list((line.folder / REPLAY).iterdir()) == []


def test_a_note_of_what_is_tracked_goes_with_what_it_tracks(line: ServedCheckout) -> None:
    with (
        open_record(line.folder, "HEAD") as record,
        clone_at(line.folder, str(record.snapshot.commit), shared=True) as clone,
    ):
        truth = clone.folder / "data/truth/L0002"
        truth.mkdir(parents=True)
        clone.write({"data/truth/L0002.dvc": b"outs: []"})
        assert truth.is_dir()
        clone.write({"data/truth/L0002.dvc": None})
        assert not truth.exists()


@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_every_stage_gives_its_bytes_again(line: ServedCheckout, revision: str | None) -> None:
    assert run_again(line, *STAGES, "data/served/dvc.yaml:index", revision=revision) == []
    assert list((line.folder / REPLAY).iterdir()) == []


def test_a_stage_is_run_by_the_code_that_lies_here(line: ServedCheckout) -> None:
    line.write("src/embed.py", line.read("src/embed.py").replace("+ images", "+ b'!' + images"))
    (row,) = run_again(line, "embed@L0001-a")
    assert row.startswith("data/embeddings/L0001-a.parquet, written again by embed@L0001-a: expected ")
    assert run_again(line, "embed@L0001-a", revision="HEAD") == []


def test_what_is_not_the_same_twice_is_named_with_how_much_it_differs(by_chance: ServedCheckout) -> None:
    (row,) = run_again(by_chance, "noise", "after")
    assert row.startswith("data/noise, written again by noise: expected ")
    assert "data/noise/bytes.bin: " in row and "of 64 bytes differ" in row


def test_a_stage_that_no_longer_runs_and_inputs_that_were_changed(line: ServedCheckout) -> None:
    line.write("src/index.py", "raise SystemExit('hilum: no such thing')")
    (row,) = run_again(line, "index")
    assert row.startswith("index, run again: expected that it runs from what it read, found exit 1 (no such thing); ")
    assert (line.folder / row.rpartition(" in ")[2]).is_file()
    with open_record(line.folder) as record:
        out = record.lineage.out("data/embeddings/L0001-a.parquet")
        assert out is not None
        path = record.store.cached(out.md5)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"x")
    (row,) = run_again(line, "index", revision="HEAD")
    assert row.startswith(f"data/embeddings/L0001-a.parquet, to be read again: expected {out.md5}")
    path.unlink()
    with open_record(line.folder, "HEAD") as record, pytest.raises(BadDataError, match="dvc pull"):
        rerun(record, ["index"], 2)
    with open_record(line.folder) as record, pytest.raises(UsageError, match="records no stage inde; there is "):
        rerun(record, ["inde"], 2)


def test_a_commit_is_made_again_from_git_and_what_came_from_outside(line: ServedCheckout) -> None:
    objects = sorted(path for path in (line.folder / ".dvc/cache").rglob("*") if path.is_file())
    facts = reproduce(line.folder, "HEAD", 2, {})
    assert facts["exact"] and facts["counts"] == {"exact": 12, "differs": 0, "follows": 0, "not made": 0}
    assert {row["stage"] for row in facts["stages"]} >= {*STAGES, "data/served/dvc.yaml:embed@L0001-a"}
    assert [row["path"] for row in facts["from_outside"]] == ["data/raw/L0001/listing.txt", "data/served/champion"]
    assert all(row["seconds"] is not None for row in facts["stages"])  # none was restored
    assert facts["record"]["broken"] == [] and facts["record"]["links"] > 20
    assert verdict(facts) == f"all 12 stages of {facts['commit'][:12]} were made again, equal to the byte"
    assert json.loads(json.dumps(facts)) == facts
    assert render_certificate(facts).startswith(f"# Reproduction of {facts['commit'][:12]}: bit-exact\n")
    assert sorted(path for path in (line.folder / ".dvc/cache").rglob("*") if path.is_file()) == objects
    assert line.git("status", "--porcelain") == ""


def test_a_certificate_says_what_differs_what_follows_and_by_how_much(by_chance: ServedCheckout) -> None:
    facts = reproduce(by_chance.folder, "HEAD", 2, {})
    rows = {row["stage"]: row for row in facts["stages"]}
    assert facts["counts"] == {"exact": 12, "differs": 1, "follows": 1, "not made": 0} and not facts["exact"]
    assert rows["noise"]["verdict"] == "differs" and rows["after"]["verdict"] == "follows"
    assert rows["after"]["after"] == ["data/noise"]
    differ = {row["path"]: row for row in rows["noise"]["outs"][0]["differ"]}
    assert set(differ) == {"data/noise/bytes.bin", "data/noise/weights.npy"}
    weights = differ["data/noise/weights.npy"]
    assert (weights["values"], weights["differing"]) == (1000, 10) and 0 < weights["largest"] < 1e-6
    text = render_certificate(facts)
    assert "NOT bit-exact" in text and "10 of 1,000 values differ, by at most" in text
    assert "12 of 14 stages" in verdict(facts) and "first noise" in verdict(facts)


def test_what_came_from_outside_must_be_had(line: ServedCheckout, tmp_path: Path) -> None:
    line.dvc("remote", "add", "-d", "store", str(tmp_path / "store"))
    line.commit("remote")
    line.dvc("push", "-q")
    shutil.rmtree(line.folder / ".dvc/cache")
    with pytest.raises(BadDataError, match="`--pull` fetches it from the remote"):
        reproduce(line.folder, "HEAD", 2, {})
    facts = reproduce(line.folder, "HEAD", 2, {}, pull=True)
    assert facts["exact"] and {row["found"] for row in facts["from_outside"]} == {"remote"}


def test_a_commit_whose_line_fails_is_certified_as_that(line: ServedCheckout) -> None:
    line.write("src/index.py", "raise SystemExit(3)")
    line.commit("broken")
    facts = reproduce(line.folder, "HEAD", 2, {})
    rows = {row["stage"]: row for row in facts["stages"]}
    assert rows["index"]["verdict"] == "not made" and "stage index failed (exit 3)" in rows["index"]["why"]
    assert rows["evaluate"]["verdict"] == "not made" and rows["locate"]["verdict"] == "exact"
    assert any("src/index.py, read by index" in row for row in facts["record"]["broken"])
