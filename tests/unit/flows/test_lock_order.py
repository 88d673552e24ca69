"""The order of a dvc.lock's entries after stages that ran side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.lock_order import NOTE, note_order, order_locks

LINE = ["raw", "count@a", "count@b", "words", "upper"]


def write(root: Path, names: Sequence[str]) -> None:
    entries = "".join(f"  {name}:\n    cmd: make {name}\n    outs:\n    - path: {name}\n" for name in names)
    (root / "dvc.lock").write_text(f"schema: '2.0'\nstages:\n{entries}")


def names_in(root: Path) -> list[str]:
    return re.findall(r"^  (?! )(.+):$", (root / "dvc.lock").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("held", "left", "expected"),
    [
        ([], ["raw", "count@b", "count@a", "words"], ["raw", "count@a", "count@b", "words"]),
        (["words", "raw"], ["words", "raw", "upper", "count@b", "count@a"],
         ["words", "raw", "count@a", "count@b", "upper"]),
        (["gone", "raw"], ["gone", "raw", "count@b", "count@a"], ["gone", "raw", "count@a", "count@b"]),
    ],
    ids=["none held", "held in another order", "held and no longer in the line"],
)  # fmt: skip
def test_new_entries_follow_those_that_were_there(
    tmp_path: Path, held: list[str], left: list[str], expected: list[str]
) -> None:
    write(tmp_path, held)
    note_order(tmp_path, ["dvc.lock"])
    write(tmp_path, left)
    order_locks(tmp_path, {"dvc.lock": LINE}, done=True)
    assert names_in(tmp_path) == expected
    assert "dvc.lock" not in (tmp_path / NOTE).read_text()


def test_what_a_killed_run_added_is_put_in_order_by_the_next(tmp_path: Path) -> None:
    write(tmp_path, ["words"])
    note_order(tmp_path, ["dvc.lock"])
    write(tmp_path, ["words", "count@b", "raw"])  # killed here
    note_order(tmp_path, ["dvc.lock"])
    write(tmp_path, ["words", "count@b", "raw", "count@a"])
    order_locks(tmp_path, {"dvc.lock": LINE}, done=False)  # one stage failed
    note_order(tmp_path, ["dvc.lock"])
    write(tmp_path, [*names_in(tmp_path), "upper"])
    order_locks(tmp_path, {"dvc.lock": LINE}, done=True)
    assert names_in(tmp_path) == ["words", "raw", "count@a", "count@b", "upper"]


@pytest.mark.parametrize("note", [None, '{"dvc.lock": ["ra'], ids=["of another cut", "cut short"])
def test_a_note_that_no_longer_fits_the_file_is_written_anew(tmp_path: Path, note: str | None) -> None:
    write(tmp_path, ["raw", "words"])
    note_order(tmp_path, ["dvc.lock"])
    if note:
        (tmp_path / NOTE).write_text(note)
    write(tmp_path, ["words", "count@b"])  # killed, and then another commit's file was checked out
    note_order(tmp_path, ["dvc.lock"])
    write(tmp_path, ["words", "count@b", "count@a", "raw"])
    order_locks(tmp_path, {"dvc.lock": LINE}, done=True)
    assert names_in(tmp_path) == ["words", "count@b", "raw", "count@a"]


def test_no_lock_is_made_where_there_is_none(tmp_path: Path) -> None:
    note_order(tmp_path, ["dvc.lock"])
    order_locks(tmp_path, {"dvc.lock": LINE}, done=True)
    assert not (tmp_path / "dvc.lock").exists()
