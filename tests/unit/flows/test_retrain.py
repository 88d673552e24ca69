"""Refresh and retrain on a small served line, with the real git, DVC and GTO: what is decided, tagged and taken."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from flows import promotion
from flows.driver import ThreadEngine
from flows.refresh import refresh
from flows.retrain import Retrained, retrain
from hilum.errors import BadDataError, HilumError, UsageError
from tests.unit.flows.toy import SERVED, SERVED_YAML, ServedCheckout

CHALLENGE_YAML = """
  challenge:
    wdir: ../..
    cmd: python src/challenge.py
    deps: [data/served/champion, data/served/embeddings, data/index, reports/metrics.json, src/challenge.py, says.json]
    outs:
      - reports/challenge.json: {cache: false}
      - reports/challenge.md: {cache: false}
"""
CHALLENGE = """
import json, pathlib, sys
said = json.loads(pathlib.Path("says.json").read_text())
if said["exit"]:
    sys.exit(said["exit"])
new = json.loads(pathlib.Path("data/index/index.json").read_text())["model_id"]
old = json.loads(pathlib.Path("data/served/champion/settings.json").read_text())["model_id"]
figures = {"champion": 0.5, "challenger": 0.6, "difference": 0.1}
evidence = {"verdict": said["verdict"], "reasons": ["as it was told"], "policy": {"metric": "located_at_10"},
            "metrics": {"located_at_10": figures}, "challenger": {"model_id": new}, "champion": {"model_id": old}}
pathlib.Path("reports/challenge.json").write_text(json.dumps(evidence))
pathlib.Path("reports/challenge.md").write_text("Told so.")
"""


class Judged(ServedCheckout):
    """A served checkout with a judge that says what it is told to, and a first model that is promoted."""

    def prepare(self) -> None:
        self.write(SERVED, SERVED_YAML + CHALLENGE_YAML)
        self.write("src/challenge.py", CHALLENGE)
        self.write("data/start.json", '{"model_id": null, "files": {}}\n')
        self.judge("promoted")

    def judge(self, verdict: str, status: int = 0) -> None:
        self.write("says.json", json.dumps({"verdict": verdict, "exit": status}))
        self.commit(f"the judge says {verdict}")

    def land(self, landing: str) -> None:
        rows = self.read("data/landings.yaml").rstrip()
        self.write("data/landings.yaml", f"{rows}\n  {landing}-a: {{landing: {landing}}}\n")
        self.write(f"parts/{landing}-a.txt", landing)
        self.listing(landing)
        self.commit(f"land {landing}")

    def retrain(self, on_change: Any = None, cold: bool = False) -> Retrained:
        return retrain(self.folder, 2, {}, ThreadEngine(2), on_change, cold)

    def refresh(self) -> dict[str, str]:
        report = refresh(self.folder, 2, {}, ThreadEngine(2))
        assert not report.errors
        return report.did

    @property
    def tags(self) -> list[str]:
        return sorted(self.git("tag").split())

    @property
    def subject(self) -> str:
        return self.git("log", "-1", "--format=%s").strip()

    @property
    def served(self) -> str:
        return self.read("data/served/index/global.faiss")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    checkout = Judged(tmp_path_factory.mktemp("template"))
    checkout.prepare()
    done = checkout.retrain()
    assert (done.verdict, done.tag) == ("promoted", "search@v1.0.0")
    return checkout


@pytest.fixture
def judged(template: Judged, tmp_path: Path) -> Judged:
    checkout = Judged.copy(template, tmp_path / "checkout")
    assert isinstance(checkout, Judged)
    return checkout


def test_the_first_model_needs_no_judge(judged: Judged) -> None:
    assert judged.subject == "Promote the first model"
    assert judged.tags == ["search#prod#1", "search@v1.0.0"]
    assert judged.served.count("first") == 2
    assert judged.git("status", "--porcelain") == ""
    assert not (judged.folder / ".hilum/retrain").exists() or not list((judged.folder / ".hilum/retrain").iterdir())
    decision = json.loads(judged.read("reports/decision.json"))
    assert (decision["verdict"], decision["by"], decision["evidence"]) == ("promoted", "policy", None)
    again = judged.retrain()
    assert (again.verdict, again.report) == ("nothing to do", None)
    judged.git("branch", "-D", again.name)
    assert judged.retrain().reason == "search@v1.0.0 was made from all of this"


def test_a_landing_is_refreshed_and_then_a_better_model_taken(judged: Judged) -> None:
    judged.land("L0002")
    before = judged.read("data/served/champion/settings.json")
    did = judged.refresh()
    assert not {"tokenize", "locate", "embed@L0002-a"} & set(did)
    assert judged.subject == "Refresh the served index: L0001, L0002"
    assert judged.served.count("first") == 3 and "L0002" in judged.served
    assert promotion.current(judged.folder).numbers == (1, 0, 1)  # type: ignore[union-attr]
    assert set(judged.refresh().values()) == {"kept"}
    done = judged.retrain()
    assert (done.verdict, done.tag, done.reason) == ("promoted", "search@v2.0.0", "as it was told")
    assert judged.subject.startswith("Promote model ") and judged.subject.endswith("located_at_10 0.500 -> 0.600")
    assert judged.read("data/served/champion/settings.json") != before
    start = json.loads(judged.read("data/start.json"))
    assert start["model_id"] == json.loads(before)["model_id"] and "model/model.safetensors" in start["files"]
    assert (judged.folder / "data/start/model/model.safetensors").is_file()
    assert set(judged.refresh().values()) == {"kept"}
    assert judged.retrain().verdict == "nothing to do"


def test_a_worse_model_is_kept_and_not_served(judged: Judged) -> None:
    judged.land("L0002")
    judged.judge("refused")
    judged.refresh()
    commit, served = judged.git("rev-parse", "HEAD"), judged.served
    done = judged.retrain()
    assert (done.verdict, done.tag) == ("refused", "search@v1.1.0")
    assert (judged.git("rev-parse", "HEAD"), judged.served) == (commit, served)
    assert [tag for tag in judged.tags if "rejected" in tag]
    assert judged.git("log", "-1", "--format=%s", done.name).startswith("Refuse model ")
    assert "reports/challenge.json" in judged.git("show", "--stat", "--format=", done.name)
    decision = json.loads(judged.git("show", f"{done.name}:reports/decision.json"))
    assert (decision["verdict"], decision["reasons"]) == ("refused", ["as it was told"])
    evidence = judged.git("show", f"{done.name}:reports/challenge.json").encode()
    assert decision["evidence"]["sha256"] == hashlib.sha256(evidence).hexdigest()
    judged.dvc("get", ".", "data/locate", "--rev", "search@v1.1.0", "-o", str(judged.folder.parent / "refused"))
    assert judged.retrain().verdict == "nothing to do"
    assert promotion.current(judged.folder).numbers == (1, 0, 1)  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_checkout_that_went_on_takes_the_model_alone(judged: Judged) -> None:
    judged.land("L0002")

    def meanwhile(report: Any) -> None:
        if not (judged.folder / "data/raw/L0003").exists():
            judged.land("L0003")

    done = judged.retrain(meanwhile)
    assert (done.verdict, done.tag) == ("promoted", "search@v2.0.0")
    assert judged.subject == f"Take the model of {done.name}"
    judged.refresh()
    champion = judged.read("data/served/champion/model/model.safetensors")
    assert "L0003" not in champion and "L0002" in champion
    assert judged.served.startswith(champion) and "L0003" in judged.served


@pytest.mark.slow
def test_a_decision_that_could_not_be_handed_over_is_not_made_twice(judged: Judged) -> None:
    judged.land("L0002")
    hook = judged.folder / ".git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(UsageError, match="could not be pushed"):
        judged.retrain()
    assert judged.tags == ["search#prod#1", "search@v1.0.0"]
    hook.unlink()
    done = judged.retrain()
    assert (done.verdict, done.tag, done.report) == ("promoted", "search@v2.0.0", None)
    assert judged.served.count("first") == 3


def test_a_model_that_could_not_be_taken_is_taken_by_the_next_try_and_not_tagged_before(judged: Judged) -> None:
    judged.land("L0002")
    own = judged.folder / "data/locate/own.txt"
    own.write_text("a file that nothing else holds")
    with pytest.raises(HilumError, match="checkout"):
        judged.retrain()
    assert "search@v2.0.0" not in judged.tags
    own.unlink()
    done = judged.retrain()
    assert (done.verdict, done.tag, done.report) == ("promoted", "search@v2.0.0", None)
    assert "L0002" in judged.served


def test_a_commit_that_was_not_tagged_is_tagged_by_the_next_refresh(judged: Judged) -> None:
    judged.land("L0002")
    judged.refresh()
    judged.git("tag", "-d", "search@v1.0.1", "search#prod#2")
    assert set(judged.refresh().values()) == {"kept"}
    assert promotion.current(judged.folder).numbers == (1, 0, 1)  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_cold_start_is_cold_after_a_warm_one(judged: Judged) -> None:
    judged.land("L0002")
    judged.retrain()
    assert json.loads(judged.read("data/start.json"))["files"]
    judged.land("L0003")
    assert judged.retrain(cold=True).verdict == "promoted"
    assert json.loads(judged.read("data/start.json")) == {"model_id": None, "files": {}}
    assert not (judged.folder / "data/start.dvc").exists()


@pytest.mark.slow
def test_a_failed_stage_says_where_and_is_resumed(judged: Judged) -> None:
    judged.land("L0002")
    judged.judge("promoted", 3)
    with pytest.raises(BadDataError, match=r"challenge failed \(exit 3\).*\.hilum/retrain/L0001|All of this is below"):
        judged.retrain()
    clone = next((judged.folder / ".hilum/retrain").iterdir())
    (clone / "says.json").write_text(json.dumps({"verdict": "promoted", "exit": 0}))
    done = judged.retrain()
    assert done.verdict == "promoted" and done.report is not None
    assert done.report.did["locate"] == "kept" and done.report.did[f"{SERVED}:challenge"] == "ran"


def test_what_is_not_committed_is_not_trained_on(judged: Judged) -> None:
    judged.write("src/embed.py", judged.read("src/embed.py") + "# another\n")
    with pytest.raises(UsageError, match=r"1 files .* are not committed \(src/embed.py\)"):
        judged.retrain()


def test_without_a_promoted_model_there_is_nothing_to_refresh(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model is promoted yet"):
        refresh(tmp_path, 1, {}, ThreadEngine(1))
    with pytest.raises(HilumError):
        promotion.rollback(tmp_path)
