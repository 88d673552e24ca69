"""Files of an earlier commit, from a real repository; and what is said where there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hilum.errors import UsageError
from hilum.lineage.revisions import resolve_revision, write_files


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose checkout lies in a folder of it, with two commits and a change that is not committed."""
    root = tmp_path / "all/hilum"
    (root / "src").mkdir(parents=True)
    git(root.parent, "init", "-q", "-b", "main")
    for number in (1, 2):
        (root / "src/rules.yaml").write_text(f"version: {number}\n")
        git(root.parent, "add", "-A")
        git(root.parent, "commit", "-q", "-m", f"Version {number}")
    (root / "src/rules.yaml").write_text("version: 3\n")
    return root


def test_the_files_of_a_revision_and_an_untouched_checkout(repository: Path, tmp_path: Path) -> None:
    commit = resolve_revision(repository, "HEAD~1")
    assert commit == git(repository, "rev-parse", "HEAD~1")
    status = git(repository, "status", "--porcelain")
    (tmp_path / "then").mkdir()
    assert write_files(repository, commit, ["src", "params.yaml"], tmp_path / "then") == ["src"]
    assert (tmp_path / "then/src/rules.yaml").read_text() == "version: 1\n"
    assert (repository / "src/rules.yaml").read_text() == "version: 3\n"
    assert git(repository, "status", "--porcelain") == status


def test_a_commit_that_holds_none_of_the_paths_writes_nothing(repository: Path, tmp_path: Path) -> None:
    assert write_files(repository, resolve_revision(repository, "main"), ["flows"], tmp_path) == []


@pytest.mark.parametrize("revision", ["no-such-branch", "HEAD~9", "--all", "", "HEAD:hilum/src/rules.yaml"])
def test_what_is_no_revision_is_named(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError, match=f"There is no revision '{revision}' in"):
        resolve_revision(repository, revision)


def test_outside_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="is no git checkout"):
        resolve_revision(tmp_path, "HEAD")


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not installed"):
        resolve_revision(tmp_path, "HEAD")
