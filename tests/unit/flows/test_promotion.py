"""Bundles, versions and the way back, with the real DVC, git and GTO on a small line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows import promotion, repository
from flows.bundle import BUNDLE, bundle
from flows.remotes import push
from hilum.errors import BadDataError, GateError, UsageError
from tests.unit.flows.toy import SERVED, ServedCheckout


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    return ServedCheckout(tmp_path_factory.mktemp("template"))


@pytest.fixture
def served(template: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    return ServedCheckout.copy(template, tmp_path / "checkout")


def model_in(folder: Path) -> str:
    return (folder / "champion/model/model.safetensors").read_text().splitlines()[0]


def promote(checkout: ServedCheckout) -> promotion.Version:
    settings = bundle(checkout.folder)
    assert repository.commit(checkout.folder, BUNDLE, f"model {settings['model_id']}")
    return promotion.promote(checkout.folder, "HEAD")


def evidence(checkout: ServedCheckout, **changes: Any) -> None:
    model_id = json.loads(checkout.read("data/index/index.json"))["model_id"]
    champion = json.loads(checkout.read("data/served/champion/settings.json"))["model_id"]
    found = {"verdict": "promoted", "reasons": ["better"], "challenger": {"model_id": model_id},
             "champion": {"model_id": champion}}  # fmt: skip
    checkout.write("reports/challenge.json", json.dumps(found | changes))
    checkout.commit("evidence")


def test_a_bundle_holds_all_and_is_what_its_stages_would_make(served: ServedCheckout) -> None:
    shutil.rmtree(served.folder / "data/served", ignore_errors=False)
    served.git("checkout", "data/served")
    settings = bundle(served.folder)
    held = json.loads(served.read("data/served/champion/settings.json"))
    assert held == settings
    assert held == {"alpha": 0.5, "model_id": settings["model_id"], "objective": "rra_vl", "collection": "toy",
                    "partitions": ["L0001-a", "L0001-b"], "landings": ["L0001"]}  # fmt: skip
    names = {str(p.relative_to(served.folder / "data/served")) for p in (served.folder / "data/served").rglob("*.*")}
    assert {"champion/model/model.safetensors", "champion/tokenizer/tokenizer.json", "embeddings/L0001-a.parquet",
            "champion/vocabulary/concepts/findings.yaml", "index/index.json"} <= names  # fmt: skip
    assert served.git("status", "--porcelain") == "?? data/served/champion.dvc\n?? data/served/dvc.lock\n"
    assert "Running" not in served.dvc("repro", SERVED)
    lock = served.read("data/served/dvc.lock")
    for path in ("data/served/dvc.lock", "data/served/embeddings", "data/served/index", ".dvc/cache/runs"):
        gone = served.folder / path
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert served.dvc("repro", SERVED).count("Running stage") == 3
    assert served.read("data/served/dvc.lock") == lock


def test_a_partition_that_is_gone_leaves_the_bundle(served: ServedCheckout) -> None:
    bundle(served.folder)
    listed = served.read("data/landings.yaml").replace("  L0001-b: {landing: L0001}\n", "")
    served.write("data/landings.yaml", listed)
    for folder in ("images", "embeddings"):
        (served.folder / f"data/{folder}/L0001-b.parquet").unlink()
    served.repro()
    assert bundle(served.folder)["partitions"] == ["L0001-a"]
    assert [path.name for path in (served.folder / "data/served/embeddings").iterdir()] == ["L0001-a.parquet"]


def test_an_index_of_another_model_is_no_bundle(served: ServedCheckout) -> None:
    served.write("data/locate/model.safetensors", "another")
    with pytest.raises(BadDataError, match="data/index was made by checkpoint"):
        bundle(served.folder)


def test_versions_tell_promotions_refusals_and_landings_apart(served: ServedCheckout) -> None:
    root = served.folder
    assert promotion.current(root) is None
    first = promote(served)
    assert (str(first), first.commit, promotion.current(root)) == ("v1.0.0", repository.head(root), first)
    assert promotion.promote(root, "HEAD") == first, "a second time is no other version"
    with pytest.raises(UsageError, match="first promoted model"):
        promotion.rollback(root)
    served.git("commit", "-q", "--allow-empty", "-m", "a landing")
    assert str(promotion.renew(root, "HEAD")) == "v1.0.1"
    served.git("switch", "-qc", "retrain/worse")
    assert promotion.decision_of(root, "retrain/worse") == "search@v1.0.1 prod"
    served.git("commit", "-q", "--allow-empty", "-m", "worse")
    assert promotion.decision_of(root, "retrain/worse") is None
    assert str(promotion.reject(root, "retrain/worse")) == "v1.1.0"
    assert promotion.decision_of(root, "retrain/worse") == "search@v1.1.0 rejected"
    assert promotion.decision_of(root, "retrain/none") is None
    served.git("switch", "-q", "main")
    assert str(promotion.current(root)) == "v1.0.1"

    served.train("second", 0.75)
    served.commit("trained")
    assert str(promote(served)) == "v2.0.0"
    assert model_in(root / "data/served").startswith("second")
    back = promotion.rollback(root)
    assert str(back) == "v1.0.1" and promotion.current(root) == back
    assert model_in(root / "data/served").startswith("first") and repository.is_clean(root)
    assert served.git("log", "-1", "--format=%s") == "Roll back to search v1.0.1\n"
    assert len(served.repro_served()) == 3, "the refresh that must follow"
    served.commit("refreshed")
    assert str(promotion.renew(root, "HEAD")) == "v1.0.2"
    assert str(promotion.rollback(root, "search@v2.0.0")) == "v2.0.0"
    assert model_in(root / "data/served").startswith("second")
    for wrong in ("v9.9.9", "v2.0.0", "v1.1.0"):
        with pytest.raises(UsageError, match=r"there are: v1\.0\.0, v1\.0\.1, v1\.0\.2, v2\.0\.0\."):
            promotion.rollback(root, wrong)
    served.write("data/served/dvc.lock", "by hand")
    with pytest.raises(UsageError, match=r"dvc\.lock differ"):
        promotion.rollback(root, "v1.0.0")


def test_by_hand_needs_a_committed_line_a_good_gate_and_evidence(served: ServedCheckout) -> None:
    root = served.folder
    served.write("weights.txt", "second")
    with pytest.raises(UsageError, match=r"1 files are not committed \(weights.txt\); 5 stages are not up to date"):
        promotion.promote_by_hand(root, "green", force=True)
    served.git("checkout", "weights.txt")
    assert str(promotion.promote_by_hand(root, "green")) == "v1.0.0", "the first has nothing to be compared with"
    assert served.git("log", "-1", "--format=%b").strip() == "By hand. The gate is green."
    with pytest.raises(UsageError, match="is promoted already"):
        promotion.promote_by_hand(root, "green")

    served.write("dvc.yaml", served.read("dvc.yaml").replace("green", "amber"))
    served.train("second", 0.75)
    served.commit("second")
    with pytest.raises(GateError, match="the gate is amber, the policy asks for green or better"):
        promotion.promote_by_hand(root, "green", force=True)
    with pytest.raises(UsageError, match=r"reports/challenge.json does not compare .* with .*; --force"):
        promotion.promote_by_hand(root, "amber")
    evidence(served, verdict="refused", reasons=["located_at_10 fell"])
    with pytest.raises(UsageError, match=r"it was refused \(located_at_10 fell\); --force"):
        promotion.promote_by_hand(root, "amber")
    evidence(served)
    assert str(promotion.promote_by_hand(root, "amber")) == "v2.0.0"
    served.train("third", 0.75)
    served.commit("third")
    assert str(promotion.promote_by_hand(root, "amber", force=True)) == "v3.0.0"
    assert "although reports/challenge.json does not compare" in served.git("log", "-1", "--format=%b")
    assert served.git("status", "--porcelain") == ""


def test_a_promoted_bundle_is_fetched_by_its_stage_or_version(served: ServedCheckout, tmp_path: Path) -> None:
    served.dvc("remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    served.commit("a remote")
    promote(served)
    assert push(served.folder) == "pushed artifacts to store"
    served.train("second", 0.75)
    served.commit("trained")
    promote(served)
    push(served.folder)
    clone = ServedCheckout.clone(served.folder, tmp_path / "clone")
    for words, model in ((("--stage", "prod"), "second"), (("--rev", "v1.0.0"), "first")):
        out = tmp_path / model
        clone.dvc("artifacts", "get", str(clone.folder), "search", *words, "-o", str(out))
        assert model_in(out).startswith(model)
        settings = json.loads((out / "champion/settings.json").read_text())
        assert json.loads((out / "index/index.json").read_text())["model_id"] == settings["model_id"]
        assert {path.name for path in (out / "embeddings").iterdir()} == {"L0001-a.parquet", "L0001-b.parquet"}
    promotion.rollback(clone.folder)
    assert model_in(clone.folder / "data/served").startswith("first"), "the remote alone holds the old model"
