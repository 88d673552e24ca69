"""`hilum watch`: what is still being copied is left alone, what is at rest is landed once."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows.checkout import one_run
from hilum.cli import cli


def watch(source: Path, settle: str, *more: str) -> str:
    done = CliRunner().invoke(cli, ["watch", str(source), "--settle", settle, *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_tree_at_rest_is_landed_once(
    checkout: Path, make_tree: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setattr("hilum.sources.settle.track", lambda root, landings: None)  # DVC's part is tested there
    tree = make_tree().folder
    assert watch(tree, "3600") == "watch: changing\n"
    assert "chest" not in (checkout / "data/landings.yaml").read_text()
    for path in tree.rglob("*"):
        os.utime(path, (1000, 1000))
    assert watch(tree, "0").startswith("L0001: landed ")
    assert watch(tree, "0") == "watch: nothing new\n"
    (tree / "new.csv").write_text("one,two\n")
    assert watch(tree, "3600") == "watch: changing\n"
    assert "nothing new" in watch(tree, "0")


def test_a_source_that_is_not_there_is_named(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    done = CliRunner().invoke(cli, ["watch", "nowhere"])
    assert done.exit_code == 2 and "nowhere is no folder" in done.output


def test_json_says_what_was_landed(
    checkout: Path, make_tree: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setattr("hilum.sources.settle.track", lambda root, landings: None)
    tree = make_tree().folder
    for path in tree.rglob("*"):
        os.utime(path, (1000, 1000))
    (tree / "SHA256SUMS.txt").write_text(f"{'0' * 64} files/p10/p10000000/s59999999.txt\n")
    held = json.loads(watch(tree, "0", "--json"))
    assert held["verdict"] == "changing" and held["landing"] is None and "add --partial" in held["summary"]
    found = json.loads(watch(tree, "0", "--json", "--partial"))
    descriptor = (checkout / "data/landings/L0001.json").read_bytes()
    assert (found["verdict"], found["landing"]) == ("landed", "L0001")
    assert found["digest"] == hashlib.sha256(descriptor).hexdigest()
    assert found["partitions"] == json.loads(descriptor)["partitions"] and found["counts"]["studies"] == 4
    assert json.loads(watch(tree, "0", "--json", "--partial"))["verdict"] == "nothing new"


def test_it_lands_when_the_run_that_holds_the_checkout_has_ended(
    checkout: Path, make_tree: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setattr("hilum.sources.settle.track", lambda root, landings: None)
    tree = make_tree().folder
    said: list[str] = []
    with one_run(checkout):
        waiting = threading.Thread(target=lambda: said.append(watch(tree, "0")))
        waiting.start()
        waiting.join(1.0)
        assert not said and "chest" not in (checkout / "data/landings.yaml").read_text()
    waiting.join(30)
    assert said[0].startswith("L0001: landed ")
