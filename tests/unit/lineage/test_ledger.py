"""The ledger in a real repository: who adds to it, how branches meet in it, and whatever is changed in it."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from hilum.errors import VerificationError
from hilum.lineage.ledger import LEDGER, append, heads, is_recorded, parse
from hilum.lineage.ledger_check import Noted, check_ledger
from hilum.lineage.signing import own_key, published_key, read_keys
from hilum.lineage.snapshots import open_snapshot

ATTRIBUTES = (Path(__file__).resolve().parents[3] / ".gitattributes").read_text()


class Repository:
    """A repository whose dvc.lock and metrics are written by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@hilum.invalid")
        self.write(".gitattributes", ATTRIBUTES)
        self.write(".gitignore", ".hilum/\n")
        self.run_line(0)
        self.commit("start")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.folder, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def commit(self, message: str, *words: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, *words)
        return self.git("rev-parse", "HEAD")

    def run_line(self, number: int) -> None:
        self.write("dvc.lock", f"schema: '2.0'\nstages: {{}}\n# {number}\n")
        self.write("reports/metrics.json", json.dumps({"figure": number}))

    def record(self, what: str = "run") -> bool:
        return bool(append(self.folder, what, self.git("rev-parse", "HEAD"), lambda: published_key(self.folder)))

    def step(self, number: int) -> str:
        """Run, record, commit."""
        self.run_line(number)
        assert self.record()
        return self.commit(f"run {number}")

    def check(self, revision: str | None = None) -> Noted:
        with open_snapshot(self.folder, revision) as snapshot:
            return check_ledger(snapshot, read_keys(snapshot))

    def breaks(self, revision: str | None = None) -> list[str]:
        return [str(row) for row in self.check(revision).broken]

    @property
    def rows(self) -> list[bytes]:
        return (self.folder / LEDGER).read_bytes().split(b"\n")[:-1]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


@pytest.fixture
def signed(repo: Repository) -> Repository:
    """Five lines, the last three of them signed; a tag of the last commit."""
    repo.step(1)
    repo.step(2)
    key = own_key(make=True)
    assert key is not None
    key.publish(repo.folder)
    for number in (3, 4, 5):
        repo.step(number)
    repo.git("tag", "search@v1.0.0")
    return repo


def test_a_line_is_added_where_there_is_something_to_say(repo: Repository) -> None:
    assert not is_recorded(repo.folder)
    assert repo.record()
    assert is_recorded(repo.folder) and not repo.record()
    (note,) = repo.check().notes
    assert note.startswith("the last line is not signed") and note.endswith("by `run`")
    repo.commit("recorded")
    assert not repo.record() and repo.git("status", "--porcelain") == ""
    repo.run_line(1)
    assert repo.record("refresh")
    repo.run_line(0)
    assert repo.record(), "what was, is again: that is news"
    lines = [*parse((repo.folder / LEDGER).read_bytes())]
    assert [line.entry.what for line in lines] == ["run", "refresh", "run"]
    assert [line.entry.previous for line in lines] == [[], [lines[0].id], [lines[1].id]]
    assert repo.breaks() == []


def test_no_ledger_and_no_entry_are_no_alarm(repo: Repository) -> None:
    assert repo.breaks() == [] and repo.check().notes == ("there is no ledger: no run has recorded itself",)
    repo.step(1)
    repo.run_line(2)
    repo.commit("by dvc repro")
    assert repo.breaks() == []
    assert repo.check("HEAD").notes[0] == (
        "what is here is not recorded by any run (dvc.lock, reports/metrics.json)"
    )  # fmt: skip


def test_every_commit_of_an_untouched_history_is_whole(signed: Repository) -> None:
    assert [line.entry.key is None for line in parse((signed.folder / LEDGER).read_bytes())] == [True] * 2 + [False] * 3
    for commit in [None, *signed.git("rev-list", "HEAD").split()]:
        assert signed.breaks(commit) == []
    assert signed.check().n == 5 and signed.check().notes == ()
    signed.run_line(6)
    assert signed.record() and signed.breaks() == [], "a line that waits for its commit"


def test_who_brings_a_key_wants_what_is_here_signed(signed: Repository) -> None:
    key = own_key()
    assert key is not None

    def breaks() -> list[str]:
        with open_snapshot(signed.folder, None) as snapshot:
            keys = read_keys(snapshot, [signed.folder / key.path])
            return [str(row) for row in check_ledger(snapshot, keys).broken if "signed by a trusted" in row.expected]

    assert breaks() == []
    signed.run_line(6)
    (found,) = breaks()
    assert found.startswith("dvc.lock, reports/metrics.json: expected a line of reports/ledger.jsonl signed by")
    assert append(signed.folder, "run", signed.git("rev-parse", "HEAD"), lambda: None)
    signed.commit("recorded by nobody")
    assert breaks() == [found] and signed.breaks() == []
    signed.run_line(7)
    signed.record()
    assert breaks() == []


def test_branches_meet_in_a_union_and_criss_cross(signed: Repository) -> None:
    for turn in range(3):
        signed.git("switch", "-q", "-c", f"one{turn}")
        signed.step(10 + turn)
        signed.git("switch", "-q", "-c", f"two{turn}", "HEAD~")
        signed.step(20 + turn)
        signed.step(30 + turn)
        signed.git("switch", "-q", f"one{turn}")
        signed.git("merge", "-q", "-X", "ours", f"two{turn}")
        signed.git("switch", "-q", f"two{turn}")
        signed.git("merge", "-q", "-X", "ours", f"one{turn}~")  # the other way round, before they meet again
        signed.step(40 + turn)
        signed.git("merge", "-q", "-X", "ours", f"one{turn}")
        assert signed.breaks() == [] and signed.breaks("HEAD") == []
    lines = [*parse((signed.folder / LEDGER).read_bytes())]
    assert len(lines) == 5 + 3 * 4 and len(heads(lines)) == 1
    signed.git("switch", "-q", "-c", "third")
    signed.step(50)
    signed.git("switch", "-q", "two2")
    signed.step(60)
    signed.git("merge", "-q", "-X", "ours", "third")
    assert len(heads([*parse((signed.folder / LEDGER).read_bytes())])) == 2 and is_recorded(signed.folder)
    signed.step(70)
    (last,) = heads([*parse((signed.folder / LEDGER).read_bytes())])
    assert len(last.entry.previous) == 2 and signed.breaks() == []


def test_two_ledgers_that_began_apart_become_one(repo: Repository) -> None:
    repo.git("switch", "-q", "-c", "other")
    repo.step(1)
    repo.git("switch", "-q", "main")
    repo.step(2)
    repo.git("merge", "-q", "-X", "ours", "other")
    assert repo.breaks() == [] and repo.check().n == 2
    assert repo.step(3) and repo.breaks() == []


@pytest.mark.parametrize("committed", [False, True])
def test_any_byte_that_is_changed_is_found_and_named(signed: Repository, committed: bool) -> None:
    rng = random.Random(committed)
    path = signed.folder / LEDGER
    held = path.read_bytes()
    for at in rng.sample(range(len(held)), 8 if committed else 40):
        text = bytearray(held)
        text[at] = rng.choice([byte for byte in range(256) if byte != held[at]])
        path.write_bytes(bytes(text))
        if committed:
            signed.commit("an innocent change")
        found = signed.breaks("HEAD" if committed else None)
        number = held[:at].count(b"\n") + 1
        assert found, (at, bytes(text[at - 10 : at + 10]))
        assert any(f"{LEDGER}, line {number}" in row or "changed or removed some" in row for row in found), found
        if committed:
            signed.git("reset", "-q", "--hard", "HEAD~")
        path.write_bytes(held)
    assert signed.breaks() == []


def test_lines_that_go_or_slip_in_are_found(signed: Repository) -> None:
    path, rows = signed.folder / LEDGER, signed.rows
    for kept in (rows[1:], rows[:-1], rows[:2] + rows[3:], []):
        path.write_bytes(b"".join(row + b"\n" for row in kept))
        assert signed.breaks(), len(kept)
    path.unlink()
    assert "found none" in signed.breaks()[0]
    signed.commit("gone")
    assert "changed or removed some" in signed.breaks()[0]
    signed.git("reset", "-q", "--hard", "HEAD~")
    assert signed.breaks() == []
    forged = json.loads(rows[-1]) | {"decision": "promoted"}
    path.write_bytes(path.read_bytes() + json.dumps(forged, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    assert [row for row in signed.breaks() if "line 6: expected a signature" in row]
    path.write_bytes(path.read_bytes()[:-20])
    assert "line 6" in signed.breaks()[0]
    with pytest.raises(VerificationError, match="line 6"):
        is_recorded(signed.folder)


def test_lines_that_are_moved_or_doubled_say_the_same(signed: Repository) -> None:
    rows = signed.rows
    (signed.folder / LEDGER).write_bytes(b"".join(row + b"\n" for row in [*rows[::-1], rows[0]]))
    signed.commit("as a merge may leave it")
    assert signed.breaks() == [] and signed.check().n == 5


@pytest.mark.parametrize("back", [0, 1, 2, 3])
def test_a_rewritten_commit_is_found(signed: Repository, back: int) -> None:
    """back: how many commits stand on it; the last one is known by its tag."""
    if back:
        todo = "sed -i '1s/^pick/edit/' "
        signed.git("-c", f"sequence.editor={todo}", "rebase", "-q", "-i", f"HEAD~{back + 1}")
    signed.git("commit", "-q", "--amend", "-m", "it was always so")
    if back:
        signed.git("rebase", "--continue")
    assert signed.git("log", "--format=%s", "-1", f"HEAD~{back}") == "it was always so"
    found = signed.breaks()
    assert found and all("it was rewritten" in row or "a commit was rewritten" in row for row in found), found


def test_a_refused_branch_and_a_tag_on_it_are_no_alarm(signed: Repository) -> None:
    signed.git("switch", "-q", "-c", "retrain/worse")
    signed.step(7)
    signed.git("tag", "search@v1.1.0")
    signed.git("switch", "-q", "main")
    assert signed.breaks() == [] and signed.breaks("HEAD~2") == []
    signed.commit("a landing")
    signed.git("tag", "search@v1.0.1")
    signed.git("switch", "-q", "-c", "other", "HEAD~")
    signed.commit("another way")
    assert signed.breaks() == []
    signed.git("merge", "-q", "retrain/worse")
    assert signed.breaks() == []


def test_a_shallow_clone_cannot_tell_and_says_so(signed: Repository, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{signed.folder}", tmp_path / "shallow"], check=True)
    with open_snapshot(tmp_path / "shallow", None) as snapshot:
        found = check_ledger(snapshot, read_keys(snapshot)).broken
    assert found and all(row.missing for row in found)


def test_what_a_killed_writer_left_is_the_ledger_as_it_was(signed: Repository) -> None:
    (signed.folder / ".hilum/ledger.jsonl.new").write_bytes(b"half of a li")
    assert signed.breaks() == [] and signed.git("status", "--porcelain") == ""
    signed.run_line(6)
    assert signed.record() and signed.breaks() == []
