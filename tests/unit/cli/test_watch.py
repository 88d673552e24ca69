"""`hilum watch`: what is still being copied is left alone, what is at rest is landed once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hilum.cli import cli


def watch(source: Path, settle: str) -> str:
    done = CliRunner().invoke(cli, ["watch", str(source), "--settle", settle], catch_exceptions=False)
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
