"""Digests: read once, and again whenever anything about a file is not as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from hilum.retrieval.digests import Digests


def digest_of(path: Path, note: Path, settled_s: float = 0) -> str:
    digests = Digests(note, settled_s)
    found = digests.of(path)
    digests.write()
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file whose digest is noted, falsely, so that it shows whether it was read again."""
    path, note = tmp_path / "table", tmp_path / "note.json"
    path.write_bytes(b"one")
    assert digest_of(path, note) == hashlib.sha256(b"one").hexdigest()
    noted = json.loads(note.read_text())
    note.write_text(json.dumps(dict.fromkeys(noted, "0" * 64)))
    return path


def test_a_file_that_has_not_changed_is_not_read_again(table: Path) -> None:
    note = table.with_name("note.json")
    assert [digest_of(table, note), digest_of(table, note)] == ["0" * 64] * 2


def test_a_file_with_its_old_size_and_time_is_read_again(table: Path) -> None:
    before = table.stat()
    table.write_bytes(b"two")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert table.stat().st_size == before.st_size and table.stat().st_mtime_ns == before.st_mtime_ns
    assert digest_of(table, table.with_name("note.json")) == hashlib.sha256(b"two").hexdigest()


def test_another_file_in_its_place_is_read(table: Path) -> None:
    other = table.with_name("other")
    other.write_bytes(b"two")
    shutil.copystat(table, other)
    os.replace(other, table)
    assert digest_of(table, table.with_name("note.json")) == hashlib.sha256(b"two").hexdigest()


def test_what_has_just_changed_is_not_noted(tmp_path: Path) -> None:
    path, note = tmp_path / "table", tmp_path / "note.json"
    path.write_bytes(b"one")
    digest_of(path, note, settled_s=60)
    assert json.loads(note.read_text()) == {}


@pytest.mark.parametrize("broken", ["", "[1]", "{", "null"])
def test_a_broken_note_is_an_empty_one(table: Path, broken: str) -> None:
    table.with_name("note.json").write_text(broken)
    assert digest_of(table, table.with_name("note.json")) == hashlib.sha256(b"one").hexdigest()
