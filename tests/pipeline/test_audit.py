"""`hilum audit` on a line that has run: every figure comes out equal, and a changed byte anywhere is named."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.conftest import Checkout

METRIC = "retrieval.rra_vl.located_at_10"


@pytest.fixture(scope="module")
def audited(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the finished line with everything committed."""
    folder = tmp_path_factory.mktemp("audited") / "checkout"
    shutil.copytree(line.folder, folder, symlinks=True)
    copy = Checkout.__new__(Checkout)
    copy.folder = folder
    if not (folder / ".git").exists():
        copy.run("git", "init", "-q", "-b", "main")
    copy.run("git", "add", "-A")
    copy.run("git", "commit", "-qm", "run")
    return copy


def test_every_figure_is_come_to_again_and_the_chain_is_whole(audited: Checkout) -> None:
    done = audited.run("hilum", "audit", "--all", "--verify", "source", "--json")
    account = json.loads(done.stdout[done.stdout.index("{") :])
    again = account["recomputed"]
    assert again["n"] == again["n_equal"] > 200 and again["unequal"] == {}
    assert again["from"] == ["data/evaluation", "data/explanations"]
    checked = {check["level"]: check for check in account["checks"]}
    assert list(checked) == ["lock", "cache", "source", "ledger", "statement"]
    assert not any(check["broken"] for check in account["checks"])
    assert all(checked[level]["n"] > 0 for level in ("lock", "cache", "source"))  # no ledger yet: only dvc repro ran
    assert account["state"]["changed"] == []
    stages = [hop["stage"].partition("@")[0] for hop in account["hops"]]
    assert {"evaluate", "index", "embed", "locate", "label", "parse", "ingest", "phantom"} <= set(stages)
    (landing,) = account["source"]
    assert landing["landing"] == "L0001" and landing["agreeing"] == landing["listed_by_source"] > 100


def test_one_figure_as_a_person_asks_for_it(audited: Checkout) -> None:
    value = json.loads((audited.folder / "reports/metrics.json").read_text())["retrieval"]["rra_vl"]["located_at_10"]
    said = audited.run("hilum", "audit", f"reports/metrics.json:{METRIC}@HEAD", "--verify", "cache").stdout
    assert said.startswith(f"reports/metrics.json:{METRIC} = {value}\n")
    assert "1 of 1 equal" in said and "BROKEN" not in said and "rows" in said
    found = audited.run("hilum", "audit", f"{METRIC}={value:.3f}").stdout
    head = audited.run("git", "rev-parse", "HEAD").stdout.strip()
    assert head in found


def test_what_cannot_be_answered_is_said(audited: Checkout) -> None:
    for words, code, told in (
        (["no.such_figure"], 2, "there is"),
        ([METRIC, "--rev", "nowhere"], 2, "no revision 'nowhere'"),
        ([], 2, "name a figure"),
        ([METRIC, "--all"], 2, "name a figure"),
    ):
        done = audited.run("hilum", "audit", *words, check=False)
        assert (done.returncode, told in done.stdout) == (code, True), done.stdout


def flip(path: Path, at: int) -> None:
    text = bytearray(path.read_bytes())
    text[at] ^= 1
    side = path.with_name(f"{path.name}.x")
    side.write_bytes(text)
    os.replace(side, path)


def edit(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def one_byte(path: Path) -> None:
    flip(path, random.Random(0).randrange(path.stat().st_size))


def another_model(path: Path) -> None:
    shutil.copyfile(path.parents[1] / "align/model.safetensors", path)


@pytest.mark.parametrize(
    ("path", "change", "level", "told"),
    [
        ("data/manifest/L0001-p10-p14.parquet", one_byte, "cache", "data/manifest/L0001-p10-p14.parquet"),
        ("data/evaluation/queries.parquet", one_byte, "cache", "data/evaluation/queries.parquet"),
        ("data/locate/model.safetensors", another_model, "cache", "data/locate/model.safetensors"),
        ("reports/metrics.json", edit('"located_at_10": 0.', '"located_at_10": 1.'), "lock", "reports/metrics.json"),
        ("params.yaml", edit("n_bootstrap: ", "n_bootstrap: 1"), "lock", "params.yaml:evaluate"),
        ("src/hilum/labels/aggregate.py", edit("import", "import  "), "lock", "aggregate.py, read by label@"),
        ("data/raw/L0001/tree/SHA256SUMS.txt", one_byte, "source", "data/raw/L0001/tree"),
    ],
    ids=["manifest", "per-query table", "swapped model", "figure", "parameter", "code", "raw file"],
)  # fmt: skip
def test_a_changed_byte_is_named(
    audited: Checkout, path: str, change: Callable[[Path], None], level: str, told: str
) -> None:
    file = audited.folder / path
    held = file.read_bytes()
    try:
        change(file)
        done = audited.run("hilum", "audit", METRIC, "--verify", level, check=False)
    finally:
        side = file.with_name(f"{file.name}.y")
        side.write_bytes(held)
        os.replace(side, file)
    assert done.returncode == 5, done.stdout[-2000:]
    assert told in done.stdout.splitlines()[-1] and "expected" in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_any_cached_object_that_was_changed_is_found(audited: Checkout) -> None:
    chance = random.Random(0)
    objects = [p for p in (audited.folder / ".dvc/cache/files").rglob("*") if p.is_file() and p.stat().st_size]
    for path in chance.sample(sorted(objects), 10):
        held, mode = path.read_bytes(), path.stat().st_mode
        flip(path, chance.randrange(len(held)))
        done = audited.run("hilum", "audit", "--all", "--verify", "cache", check=False)
        path.chmod(0o644)
        path.write_bytes(held)
        path.chmod(mode)
        assert done.returncode == 5, (path, done.stdout[-500:])
    assert audited.run("hilum", "audit", "--all", "--verify", "cache").returncode == 0


def test_without_the_cache_it_says_what_is_missing(audited: Checkout) -> None:
    cache, aside = audited.folder / ".dvc/cache", audited.folder / ".dvc/aside"
    cache.rename(aside)
    try:
        done = audited.run("hilum", "audit", METRIC, "--rev", "HEAD", "--verify", "cache", check=False)
    finally:
        aside.rename(cache)
    assert done.returncode == 3 and "dvc pull" in done.stdout
