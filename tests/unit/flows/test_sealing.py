"""What runs, refreshes, retrainings and promotions leave for an auditor, and that none of it is ever in their way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows import promotion, repository
from flows.sealing import record_run, start_of
from hilum.errors import VerificationError
from hilum.lineage.ledger import LEDGER, STATEMENT, parse
from hilum.lineage.ledger_check import check_ledger
from hilum.lineage.record import open_record
from hilum.lineage.signing import own_key, read_keys
from hilum.lineage.statement_check import check_statement
from tests.unit.flows.test_retrain import Judged

ATTRIBUTES = Path(__file__).resolve().parents[3] / ".gitattributes"
RUN = "import sys; from hilum.cli import main; main()"


class Sealed(Judged):
    """A served checkout whose history an auditor looks at."""

    def breaks(self, revision: str | None = None) -> list[str]:
        with open_record(self.folder, revision) as record:
            keys = read_keys(record.snapshot)
            rows = [*check_ledger(record.snapshot, keys).broken]
            rows += check_statement(record, keys, 2, with_bytes=revision is None).broken
        return [str(row) for row in rows]

    def notes(self) -> tuple[str, ...]:
        with open_record(self.folder, None) as record:
            return check_ledger(record.snapshot, read_keys(record.snapshot)).notes

    def breaks_anywhere(self) -> dict[str, list[str]]:
        """Of every commit on every branch, and of what lies here."""
        commits = [None, *self.git("rev-list", "--all").split()]
        return {str(commit): found for commit in commits if (found := self.breaks(commit))}

    @property
    def whats(self) -> list[str]:
        return [line.entry.what for line in parse((self.folder / LEDGER).read_bytes())]

    def change_params_and_run(self, words: str) -> None:
        """A run that the user has not committed: only reports/ledger.jsonl and what the line makes differ."""
        self.write("weights.json", json.dumps({"retrieval": {"alpha": 0.5}, "objective": words, "collection": "toy"}))
        commit = start_of(self.folder)
        self.repro()
        record_run(self.folder, commit)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    checkout = Sealed(tmp_path_factory.mktemp("template"))
    shutil.copy(ATTRIBUTES, checkout.folder)
    checkout.prepare()
    assert checkout.retrain().verdict == "promoted"
    return checkout


@pytest.fixture
def sealed(template: Sealed, tmp_path: Path) -> Sealed:
    checkout = Sealed.copy(template, tmp_path / "checkout")
    assert isinstance(checkout, Sealed)
    return checkout


def test_a_life_of_operations_is_recorded_signed_and_whole(sealed: Sealed) -> None:
    signer = own_key()
    assert signer is not None
    assert sealed.whats == ["retrain"] and sealed.git("status", "--porcelain") == ""
    assert {LEDGER, STATEMENT, signer.path} <= set(sealed.git("ls-files").split())
    sealed.land("L0002")
    sealed.refresh()
    assert sealed.git("show", "--format=", "--name-only", "HEAD").split() == [
        "data/served/dvc.lock", "dvc.lock", LEDGER, STATEMENT,
    ]  # fmt: skip
    head = repository.head(sealed.folder)
    sealed.refresh()
    assert repository.head(sealed.folder) == head, "nothing to say, nothing said"
    sealed.train("second", 0.75)
    sealed.commit("second")
    promotion.promote_by_hand(sealed.folder, "green", force=True)
    promotion.rollback(sealed.folder)
    assert sealed.breaks() == []
    sealed.refresh()
    assert sealed.whats == ["retrain", "refresh", "promote", "rollback", "refresh"]
    assert all(line.entry.key == signer.id for line in parse((sealed.folder / LEDGER).read_bytes()))
    assert sealed.git("status", "--porcelain") == ""
    assert sealed.breaks_anywhere() == {}


def test_a_run_leaves_its_line_and_one_without_news_leaves_nothing(sealed: Sealed) -> None:
    sealed.change_params_and_run("other")
    assert sealed.whats == ["retrain", "run"] and sealed.breaks() == []
    assert repository.changed(sealed.folder) == ["dvc.lock", LEDGER, "reports/metrics.json", "weights.json"]
    sealed.commit("a run")
    record_run(sealed.folder, start_of(sealed.folder))
    assert sealed.git("status", "--porcelain") == "" and sealed.notes() == ()
    sealed.write("weights.json", sealed.read("weights.json").replace("other", "by dvc alone"))
    sealed.repro()
    sealed.commit("by dvc repro")
    assert sealed.breaks() == []
    assert sealed.notes() == ("what is here is not recorded by any run (dvc.lock, reports/metrics.json)",)
    record_run(sealed.folder, start_of(sealed.folder))
    assert sealed.whats == ["retrain", "run", "run"] and sealed.notes() == ()
    (sealed.folder / LEDGER).write_text("no ledger\n")
    with pytest.raises(VerificationError, match="line 1: not an entry"):
        record_run(sealed.folder, start_of(sealed.folder))
    bare = sealed.folder.parent / "bare"
    bare.mkdir()
    record_run(bare, start_of(bare))
    assert not list(bare.iterdir())


def test_the_line_of_a_run_is_not_in_the_way_of_a_promotion_by_hand(sealed: Sealed) -> None:
    sealed.train("second", 0.75)
    sealed.commit("second")
    record_run(sealed.folder, start_of(sealed.folder))
    assert repository.changed(sealed.folder) == [LEDGER]
    assert str(promotion.promote_by_hand(sealed.folder, "green", force=True)) == "v2.0.0"
    assert sealed.whats == ["retrain", "run", "promote"] and sealed.git("status", "--porcelain") == ""
    assert sealed.breaks_anywhere() == {}


def test_the_line_of_a_run_is_not_in_the_way_of_a_retrained_model(sealed: Sealed) -> None:
    sealed.land("L0002")

    def meanwhile(report: Any) -> None:
        """Somebody runs the line here while the clone trains, and keeps only the ledger."""
        if "run" not in sealed.whats:
            sealed.change_params_and_run("meanwhile")
            sealed.git("checkout", "--", "dvc.lock", "reports/metrics.json", "weights.json")

    done = sealed.retrain(meanwhile)
    assert (done.verdict, done.tag) == ("promoted", "search@v2.0.0")
    assert repository.head(sealed.folder) == repository.resolve(sealed.folder, done.name), "all of it was taken"
    assert sealed.whats == ["retrain", "retrain", "run"]
    assert repository.changed(sealed.folder) == [LEDGER] and sealed.breaks() == []
    sealed.refresh()
    assert sealed.git("status", "--porcelain") == "", "the line goes with the next commit of an operation"
    assert sealed.breaks_anywhere() == {}


@pytest.mark.slow
def test_a_model_that_is_taken_alone_is_signed_here(sealed: Sealed) -> None:
    sealed.land("L0002")

    def meanwhile(report: Any) -> None:
        if not (sealed.folder / "data/raw/L0003").exists():
            sealed.land("L0003")

    done = sealed.retrain(meanwhile)
    assert sealed.subject == f"Take the model of {done.name}"
    assert sealed.breaks() == [] and sealed.git("status", "--porcelain") == ""
    sealed.refresh()
    assert sealed.whats == ["retrain", "take", "refresh"]
    assert sealed.breaks_anywhere() == {}


def test_a_refused_model_leaves_its_line_on_its_branch(sealed: Sealed) -> None:
    sealed.land("L0002")
    sealed.judge("refused")
    sealed.refresh()
    statement = sealed.read(STATEMENT)
    done = sealed.retrain()
    assert done.verdict == "refused" and sealed.whats == ["retrain", "refresh"]
    assert sealed.git("show", f"{done.name}:{STATEMENT}") == statement, "it is still of the model that answers"
    sealed.land("L0003")
    sealed.refresh()
    sealed.git("merge", "-q", "-s", "ort", "-X", "ours", done.name)
    assert sorted(sealed.whats) == ["refresh", "refresh", "retrain", "retrain"]
    assert sealed.breaks_anywhere() == {}


def rewrite(sealed: Sealed, back: int) -> None:
    if back:
        sealed.git("-c", "sequence.editor=sed -i 1s/^pick/edit/", "rebase", "-q", "-i", f"HEAD~{back + 1}")
    sealed.git("commit", "-q", "--amend", "-m", "it was always so")
    if back:
        sealed.git("-c", "core.editor=true", "rebase", "--continue")


def test_a_rewritten_commit_is_found_wherever_it_is(sealed: Sealed) -> None:
    sealed.land("L0002")
    sealed.refresh()
    n = len(sealed.git("rev-list", "HEAD").split())
    tip = repository.head(sealed.folder)
    for back in range(n - 1):
        rewrite(sealed, back)
        assert any("rewritten" in row for row in sealed.breaks()), back
        sealed.git("reset", "-q", "--hard", tip)
    assert sealed.breaks() == []


def test_a_union_loses_no_line_and_needs_no_clean_file(tmp_path: Path) -> None:
    from tests.unit.lineage.test_ledger import Repository

    repo = Repository(tmp_path / "repo")
    repo.git("switch", "-q", "-c", "retrain/one")
    repo.step(1)
    repo.step(2)
    repo.git("switch", "-q", "main")
    repo.write("dvc.lock", "other\n")
    assert repo.record()
    repo.git("checkout", "--", "dvc.lock")
    assert repository.changed(repo.folder) == [LEDGER], "not yet known to git"
    mine = repo.rows
    repo.write("reports/metrics.json", "in the way")
    assert not repository.fast_forward(repo.folder, "retrain/one", [LEDGER])
    assert repo.rows == mine
    repo.git("checkout", "--", "reports/metrics.json")
    hook = repo.folder / ".git/index.lock"
    hook.touch()  # git refuses
    with pytest.raises(Exception, match="could not be united"):
        repository.fast_forward(repo.folder, "retrain/one", [LEDGER])
    hook.unlink()
    assert set(mine) <= set(repo.rows)
    assert not repository.fast_forward(repo.folder, "retrain/one"), "only where it is told so"
    assert repository.fast_forward(repo.folder, "retrain/one", [LEDGER])
    assert len(repo.rows) == 3 and repo.rows[2:] == mine
    assert repository.changed(repo.folder) == [LEDGER] and repo.breaks() == []
    repo.commit("the line of the run")
    assert repo.breaks() == [] and repo.breaks("HEAD~") == []


def test_hilum_run_records_and_is_quick_where_nothing_is_to_say(sealed: Sealed, root: Path) -> None:
    sealed.write("params.yaml", (root / "params.yaml").read_text())
    sealed.write("weights.txt", "third")
    sealed.commit("third")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words, RUN, "run", "--engine", "threads"]
        return subprocess.run(command, cwd=sealed.folder, text=True, capture_output=True, check=False)

    done = run("-c")
    assert done.returncode == 0, done.stderr
    assert sealed.whats == ["retrain", "run"] and sealed.breaks() == []
    sealed.commit("ran")
    done = run("-X", "importtime", "-c")
    assert "0 stages ran" in done.stdout and sealed.git("status", "--porcelain") == ""
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "hilum.lineage.ledger" in loaded and not {"cryptography", "hilum.lineage.signing", "prefect"} & loaded
