"""Commits, branches and clones by the real git, as a retraining needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import repository
from flows.checkout import read_seconds, write_seconds
from hilum.errors import UsageError
from tests.unit.flows.toy import ServedCheckout


@pytest.fixture
def served(tmp_path: Path) -> ServedCheckout:
    return ServedCheckout(tmp_path / "checkout")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedCheckout:
    """A small git repository, without the line, and a git that nobody has told who works with it."""
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    checkout = ServedCheckout.__new__(ServedCheckout)
    checkout.folder = tmp_path / "repo"
    checkout.folder.mkdir()
    checkout.git("init", "-q", "-b", "main")
    for name in ("changed", "gone", "other", "a [b]*"):
        checkout.write(f"files/{name}", name)
    checkout.write(".gitignore", "/ignored\n")
    assert repository.commit(checkout.folder, ["files", ".gitignore"], "start")
    return checkout


def test_a_commit_takes_its_paths_and_nothing_else(repo: ServedCheckout) -> None:
    root = repo.folder
    repo.write("files/changed", "2")
    repo.write("files/new", "1")
    repo.write("files/a [b]*", "2")
    (root / "files/gone").unlink()
    repo.write("other", "staged by hand")
    repo.git("add", "other")
    repo.write("ignored", "")
    assert repository.changed(root) == ["files/a [b]*", "files/changed", "files/gone", "files/new", "other"]
    commit = repository.commit(root, ["files", "nowhere"], "Second\n\nWhy.")
    assert commit == repository.head(root)
    names = repo.git("show", "--name-status", "--format=%s", "HEAD").split("\n")
    assert names[0] == "Second"
    assert set(filter(None, names[1:])) == {"M\tfiles/a [b]*", "M\tfiles/changed", "D\tfiles/gone", "A\tfiles/new"}
    assert repo.git("status", "--porcelain") == "A  other\n"
    assert repository.commit(root, ["files"], "nothing") is None
    assert repository.commit(root, [], "nothing") is None
    assert not repository.is_clean(root) and repository.is_clean(root, ["files"])


def test_an_identity_of_its_own_only_where_git_has_none(repo: ServedCheckout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repo.git("log", "-1", "--format=%an <%ae> %cn") == "hilum <hilum@localhost> hilum\n"
    repo.git("config", "user.name", "Ada")
    repo.git("config", "user.email", "ada@hilum.invalid")
    repo.write("files/new", "1")
    repository.commit(repo.folder, ["files"], "by Ada")
    assert repo.git("log", "-1", "--format=%an <%ae> %cn") == "Ada <ada@hilum.invalid> Ada\n"
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Bob")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "bob@hilum.invalid")
    assert repository.identity(repo.folder) == ("Bob", "bob@hilum.invalid")


def test_what_git_refuses_is_said(repo: ServedCheckout, tmp_path: Path) -> None:
    hook = repo.folder / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho 'no commits on Sundays' >&2; exit 1\n")
    hook.chmod(0o755)
    repo.write("files/new", "1")
    with pytest.raises(UsageError, match="no commits on Sundays"):
        repository.commit(repo.folder, ["files"], "never")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="not a git repository"):
        repository.changed(tmp_path / "empty")


def test_branch_files_and_tags_are_read(repo: ServedCheckout) -> None:
    root, first = repo.folder, repository.head(repo.folder)
    assert (repository.branch(root), repository.resolve(root, first[:8])) == ("main", first)
    assert repository.resolve(root, "nowhere") is None
    repo.write("files/changed", "2")
    second = repository.commit(root, ["files"], "second")
    assert repository.file_at(root, first, "files/changed") == "changed"
    assert repository.file_at(root, first, "files/new") is None
    repo.git("-c", "user.name=a", "-c", "user.email=a", "tag", "-a", "model#prod#1", "-m", "annotated", first)
    repo.git("tag", "model@v1")
    assert {tag.name: tag.commit for tag in repository.tags(root, "model*")} == {
        "model#prod#1": first, "model@v1": second,
    }  # fmt: skip
    repo.git("checkout", "-q", "--detach")
    assert repository.branch(root) is None


def test_a_clone_works_over_the_same_cache_and_remotes(served: ServedCheckout, tmp_path: Path) -> None:
    root, source, folder = served.folder, tmp_path / "source", served.folder / ".hilum/retrain/one"
    source.mkdir()
    (root / "data/raw/L0001/tree").symlink_to(source)
    served.dvc("remote", "add", "-q", "--local", "-d", "store", "../store")
    served.write("weights.txt", "not committed")
    write_seconds(root, {"locate": 7.0})
    assert repository.clone_at_head(root, folder, "retrain/one") == repository.head(root)
    clone = ServedCheckout.__new__(ServedCheckout)
    clone.folder = folder
    assert repository.branch(folder) == "retrain/one" and repository.is_clean(folder)
    assert clone.read("weights.txt") == "first"
    assert (folder / "data/raw/L0001/tree").resolve() == source
    assert read_seconds(folder) == {"locate": 7.0}
    clone.dvc("checkout", "-q", "--allow-missing")
    assert clone.read("data/index/index.json") == served.read("data/index/index.json")
    clone.dvc("push", "-q")
    assert any((tmp_path / "store/files/md5").iterdir())
    assert repository.is_clean(folder) and (root / "data/raw/L0001/tree").is_symlink()
    with pytest.raises(UsageError, match="it is there already"):
        repository.clone_at_head(root, folder, "retrain/two")


def test_a_branch_comes_back_and_the_checkout_takes_it_if_nothing_is_in_the_way(
    repo: ServedCheckout, tmp_path: Path
) -> None:
    root, clone = repo.folder, ServedCheckout.clone(repo.folder, tmp_path / "clone")
    clone.git("switch", "-qc", "retrain/one")
    clone.write("files/changed", "by the clone")
    clone.write("files/new", "by the clone")
    commit = repository.commit(clone.folder, ["files"], "retrained")
    clone.git("-c", "user.name=a", "-c", "user.email=a", "tag", "-a", "v1", "-m", "v1")
    repository.push_branch(clone.folder, "retrain/one")
    assert repository.resolve(root, "retrain/one") == commit
    assert [tag.name for tag in repository.tags(root)] == ["v1"]
    repo.write("files/changed", "by hand")
    repo.write("files/other", "elsewhere, by hand")
    assert not repository.fast_forward(root, "retrain/one"), "a touched file is not clean"
    repo.git("checkout", "--", "files/changed")
    repo.write("files/new", "in the way")
    assert not repository.fast_forward(root, "retrain/one"), "a new file is in the way"
    (root / "files/new").unlink()
    assert repository.fast_forward(root, "retrain/one")
    assert (repository.head(root), repo.read("files/new")) == (commit, "by the clone")
    assert repo.read("files/other") == "elsewhere, by hand"
    repo.git("reset", "-q", "--hard", "HEAD~")
    repo.write("files/third", "")
    repository.commit(root, ["files"], "meanwhile")
    assert not repository.fast_forward(root, "retrain/one"), "the branches have parted"


def test_a_branch_is_published_where_git_has_a_remote(repo: ServedCheckout, tmp_path: Path) -> None:
    assert repository.publish(repo.folder) is None
    repo.git("init", "-q", "--bare", str(tmp_path / "bare"))
    repo.git("remote", "add", "upstream", str(tmp_path / "bare"))
    assert repository.publish(repo.folder) == "upstream"
    assert repository.resolve(tmp_path / "bare", "main") == repository.head(repo.folder)
    repo.git("checkout", "-q", "--detach")
    with pytest.raises(UsageError, match="HEAD is detached"):
        repository.publish(repo.folder)
