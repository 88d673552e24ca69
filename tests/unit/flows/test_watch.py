"""When a source tree is taken for complete."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.watch import (
    AT_REST,
    CHANGING,
    NOTHING_NEW,
    Memory,
    describe,
    judge,
    look_at,
    read_memory,
    remember_landed,
    write_memory,
)

SETTLE_S = 60.0


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source" / "files/p10/p10000001"
    folder.mkdir(parents=True)
    (folder / "s50000001.txt").write_text("one")
    os.utime(folder / "s50000001.txt", (1000, 1000))
    return tmp_path / "source"


def test_a_tree_is_landed_once_it_has_rested_and_then_holds_nothing_new(source: Path) -> None:
    verdict, memory = judge(look_at(source), Memory("x"), SETTLE_S, 5000)
    assert verdict == CHANGING  # seen for the first time: it may be growing
    verdict, memory = judge(look_at(source), memory, SETTLE_S, 5059)
    assert verdict == CHANGING
    verdict, memory = judge(look_at(source), memory, SETTLE_S, 5060)
    assert verdict == AT_REST
    assert judge(look_at(source), remember_landed(memory), SETTLE_S, 5061)[0] == NOTHING_NEW


@pytest.mark.parametrize("change", ["grows", "is touched", "appears", "vanishes"])
def test_any_change_begins_the_wait_anew(source: Path, change: str) -> None:
    _, memory = judge(look_at(source), Memory("x"), SETTLE_S, 5000)
    path = source / "files/p10/p10000001/s50000001.txt"
    if change == "grows":
        path.write_text("one and more")
        os.utime(path, (1000, 1000))
    elif change == "is touched":
        os.utime(path, (1001, 1001))
    elif change == "appears":
        (source / "new.csv").write_text("a")
        os.utime(source / "new.csv", (1000, 1000))
    else:
        path.unlink()
    verdict, memory = judge(look_at(source), memory, SETTLE_S, 5100)
    assert (verdict, memory.since_s) == (CHANGING, 5100)
    assert judge(look_at(source), memory, SETTLE_S, 5160)[0] == AT_REST


def test_a_young_file_is_waited_for_though_two_looks_saw_the_same(source: Path) -> None:
    os.utime(source / "files/p10/p10000001/s50000001.txt", (5050, 5050))
    _, memory = judge(look_at(source), Memory("x"), SETTLE_S, 5000)
    assert judge(look_at(source), memory, SETTLE_S, 5100)[0] == CHANGING
    assert judge(look_at(source), memory, SETTLE_S, 5110)[0] == AT_REST


def test_the_memory_is_of_one_source_and_a_broken_one_is_forgotten(source: Path, tmp_path: Path) -> None:
    _, memory = judge(look_at(source), read_memory(tmp_path, source), SETTLE_S, 5000)
    write_memory(tmp_path, memory)
    assert read_memory(tmp_path, source) == memory
    assert read_memory(tmp_path, tmp_path).seen == ""
    (tmp_path / ".hilum/watch.json").write_text('{"half')
    assert read_memory(tmp_path, source).seen == ""


def test_a_tree_that_lacks_named_files_is_still_being_copied(source: Path) -> None:
    names = ["files/p10/p10000001/s50000001.txt", "files/p10/p10000001/s50000002.txt", "LICENSE.txt"]
    (source / "SHA256SUMS.txt").write_text("".join(f"{'0' * 64} {name}\n" for name in names))
    os.utime(source / "SHA256SUMS.txt", (1000, 1000))
    look = look_at(source)
    assert look.n_missing == 1  # LICENSE.txt is none of those that are landed
    _, memory = judge(look, Memory("x"), SETTLE_S, 5000)
    verdict, memory = judge(look, memory, SETTLE_S, 9999)
    assert verdict == CHANGING and "1 files that SHA256SUMS.txt names are not there yet" in describe(verdict, look)
    assert judge(look, memory, SETTLE_S, 9999, partial=True)[0] == AT_REST
    last = source / names[1]
    last.write_text("two")
    os.utime(last, (1000, 1000))
    verdict, memory = judge(look_at(source), memory, SETTLE_S, 10_000)
    assert verdict == CHANGING and describe(verdict, look_at(source)) == CHANGING  # all are there; now it must rest
    assert judge(look_at(source), memory, SETTLE_S, 10_060)[0] == AT_REST


@pytest.mark.parametrize("line", ["{} files/a.txt", "{}  files/a.txt", "{} *files/a.txt", "{}  ./files/a.txt"])
def test_lists_of_checksums_are_read_however_they_are_written(tmp_path: Path, line: str) -> None:
    (tmp_path / "SHA256SUMS.txt").write_text(line.format("0" * 64) + "\n")
    assert look_at(tmp_path).n_missing == 1
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.txt").write_text("a")
    assert look_at(tmp_path).n_missing == 0
