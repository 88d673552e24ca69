"""A purge removes what holds somebody withdrawn, from the cache and the remote, and not one object more."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.purge import purge_remote
from hilum.errors import UsageError
from hilum.lineage.purge import BEGUN, Purge, purge_cache
from hilum.lineage.store import Store
from hilum.stages import audit_subject as audit_subject_module
from hilum.stages.audit_subject import audit_subject, purge_subject, render_subject
from tests.unit.lineage.people import DICOMS, FELLOW, PEOPLE, TRAIN, People

WORDS = [str(TRAIN), "50000011", "50000012", DICOMS[50_000_011], DICOMS[50_000_012]]


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory: pytest.TempPathFactory) -> People:
    """A line that has run with everybody, was pushed, and has run again without one person; a landing says so."""
    people = People(tmp_path_factory.mktemp("forgotten") / "checkout")
    people.dvc("remote", "add", "-q", "-d", "store", str(people.folder.parent / "store"))
    people.commit("remote")
    people.dvc("push", "-q", "--run-cache")
    people.with_all = people.first  # type: ignore[attr-defined]
    people.land({t: s for t, s in PEOPLE.items() if s != TRAIN})
    people.dvc("repro", "-q")
    return people


@pytest.fixture
def copy(forgotten: People, tmp_path: Path) -> People:
    new = People.__new__(People)
    new.folder, new.first = tmp_path / "world/checkout", forgotten.first
    shutil.copytree(forgotten.folder.parent, new.folder.parent, symlinks=True)
    new.dvc("remote", "modify", "-q", "store", "url", str(new.folder.parent / "store"))
    return new


def purge(people: People, **more: bool) -> dict[str, Any]:
    root = people.folder
    return purge_subject(root, "subject", str(TRAIN), lambda objects, runs: purge_remote(root, objects, runs), **more)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def holders(people: People, held: dict[str, bytes]) -> set[str]:
    """The objects whose plain bytes name one of the ids; parquet of a few rows is not compressed beyond that."""
    return {path for path, content in held.items() if any(word.encode() in content for word in WORDS)}


def test_before_the_newest_commit_is_without_them_nothing_is_purged(copy: People) -> None:
    before = copy.objects()
    with pytest.raises(UsageError, match=r"still holds subject 10000001.* First commit what `dvc repro` made"):
        purge(copy)
    copy.run("git", "checkout", "-q", "--", ".")
    copy.dvc("checkout", "-q")
    with pytest.raises(UsageError, match=r"as it lies here; .*`hilum withdraw`, then `dvc repro`"):
        purge(copy)
    assert copy.objects() == before


def test_what_holds_them_is_gone_and_all_else_is_as_it_was(copy: People) -> None:
    now = copy.commit("without them")
    copy.dvc("push", "-q", "--run-cache")
    store = copy.folder.parent / "store"
    before, pushed = copy.objects(), files(store)
    assert len(holders(copy, before)) >= 4
    account = purge(copy)
    after, left = copy.objects(), files(store)
    removed = set(before) - set(after)
    objects = {f"files/md5/{digest[:2]}/{digest[2:]}" for digest in account["purged"]["objects"]}
    assert removed == objects | set(account["purged"]["runs"]) and len(account["purged"]["runs"]) == 3
    assert set(pushed) - set(left) == removed
    assert all(after[path] == before[path] for path in after) and all(left[path] == pushed[path] for path in left)
    assert holders(copy, after) == holders(copy, left) == set()
    assert account["absent"] and account["purged"]["remote"] == account["purged"]["cache"]
    assert set(account["purged"]["broken_commits"]) == {copy.first, *account["purged"]["broken_commits"]} - {now}
    assert "Running" not in copy.dvc("repro")
    shutil.rmtree(copy.folder / ".dvc/cache")
    copy.dvc("pull", "-q", "data/index", "data/locate")


def test_the_model_stays_until_it_is_asked_for(copy: People) -> None:
    copy.commit("without them")
    account = purge(copy)
    assert [row["path"] for row in account["purged"]["tainted"]] == [
        "data/locate/config.json",
        "data/locate/model.safetensors",
    ]
    model = next(r["digest"] for r in account["purged"]["tainted"] if r["path"].endswith(".safetensors"))
    assert Store(copy.folder, here=False).cached(model)
    purge(copy, models=True)
    assert Store(copy.folder, here=False).cached(model) is None
    assert "Running" not in copy.dvc("repro")


@pytest.mark.parametrize("n", [0, 1, 4])
def test_killed_halfway_it_is_ended_by_the_next_one(copy: People, monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    copy.commit("without them")

    def killed(store: Store, plan: Purge) -> dict[str, int]:
        purge_cache(store, replace(plan, objects=plan.objects[:n], runs=()))
        raise KeyboardInterrupt

    monkeypatch.setattr(audit_subject_module, "purge_cache", killed)
    with pytest.raises(KeyboardInterrupt):
        purge(copy)
    monkeypatch.undo()
    whole = len(json.loads((copy.folder / BEGUN).read_text())["objects"])
    done = purge(copy)
    after = copy.objects()
    assert done["purged"]["cache"] == {"objects": whole - n, "runs": 3} and holders(copy, after) == set()
    assert not (copy.folder / BEGUN).exists()
    assert purge(copy)["purged"]["cache"] == {"objects": 0, "runs": 0} and copy.objects() == after


def test_after_a_purge_a_model_that_answers_is_still_known_to_be_tainted(copy: People) -> None:
    copy.dvc("get", "-q", ".", "data/locate", "--rev", copy.first, "-o", "data/served/champion/model")
    copy.dvc("add", "-q", "data/served/champion")
    copy.commit("without them, but for the model that answers")
    purge(copy)
    account = audit_subject(copy.folder, "subject", str(TRAIN))
    assert account["absent"] and {row["path"] for row in account["tainted"]} == {
        "data/served/champion/model/config.json", "data/served/champion/model/model.safetensors",
    }  # fmt: skip
    assert {row["path"] for row in account["now"] if row["kind"] == "tombstone"} == {"reports/tainted.json"}


def test_without_a_remote_it_says_so(copy: People) -> None:
    copy.commit("without them")
    copy.dvc("remote", "remove", "-q", "store")
    copy.commit("no remote")
    account = purge(copy)
    assert account["purged"]["remote"] is None
    text = "\n".join(render_subject(account))
    assert "no remote is set" in text and "nothing holds it" in text and "no longer be checked out fully" in text


def test_the_account_says_what_a_purge_would_do(copy: People) -> None:
    now = copy.commit("without them")
    account = audit_subject(copy.folder, "subject", str(TRAIN))
    assert account["absent"] and account["now"] == [] and account["of"]["images"] == sorted(WORDS[3:])
    assert not audit_subject(copy.folder, "subject", str(TRAIN), copy.first)["absent"]
    assert now not in account["purge"]["broken_commits"] and copy.first in account["purge"]["broken_commits"]
    text = "\n".join(render_subject(account))
    assert "what lies here: nothing holds it" in text and "a purge would remove" in text
    assert not audit_subject(copy.folder, "subject", str(FELLOW))["absent"]
