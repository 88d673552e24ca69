"""What an auditor types, on a line that has run and serves a model: the exit code, and the words that say what to do.

Each command is a process of its own, two at a time. What lies behind them is tested where it is written.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import Checkout, copy_of

pytestmark = pytest.mark.slow
METRIC = "retrieval.rra_vl.located_at_10"
Done = subprocess.CompletedProcess[str]


def ask(checkout: Checkout, *asked: str) -> list[Done]:
    """Run `hilum WORDS` for each of the texts; every word is free of spaces."""
    with ThreadPoolExecutor(2) as pool:
        return [*pool.map(lambda words: checkout.run("hilum", *words.split(), check=False), asked)]


def last(done: Done) -> str:
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def world(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the finished line, run again with one parameter changed, and promoted. Tag: base, before the change."""
    copy = copy_of(line, tmp_path_factory.mktemp("asked") / "checkout")
    copy.commit("run")
    copy.run("git", "tag", "base")
    copy.set_params({"evaluate": {"min_positives": 5}})
    copy.run("hilum", "run", "--engine", "threads")
    copy.commit("run again")
    copy.run("hilum", "promote")
    return copy


def test_a_difference_is_told_in_words(world: Checkout) -> None:
    told, nowhere, all_of_them = ask(
        world, f"audit {METRIC} --diff base", f"audit {METRIC} --diff nowhere", "audit --all --diff base"
    )
    assert told.returncode == 0, told.stdout
    first, *rest = told.stdout.splitlines()
    values = [json.loads(text)["retrieval"]["rra_vl"]["located_at_10"] for text in
              (world.run("git", "show", "base:reports/metrics.json").stdout,
               (world.folder / "reports/metrics.json").read_text())]  # fmt: skip
    assert first.startswith(f"reports/metrics.json:{METRIC}: {values[0]} (") and f" -> {values[1]} (" in first
    assert rest[-1].endswith("evaluate.min_positives 3 -> 5")
    assert (nowhere.returncode, "no revision 'nowhere'" in last(nowhere)) == (2, True)
    assert (all_of_them.returncode, "explains one figure" in last(all_of_them)) == (2, True)


def test_a_stage_is_run_again(world: Checkout) -> None:
    again, unknown = ask(
        world, f"audit {METRIC} --verify rerun --stage index", f"audit {METRIC} --verify rerun --stage idnex"
    )
    assert again.returncode == 0, again.stdout
    (said,) = (row for row in again.stdout.splitlines() if row.startswith("rerun "))
    assert said.endswith("whole") and not said.startswith("rerun     0")
    assert not [*(world.folder / ".hilum/replay").glob("*")]
    assert (unknown.returncode, "no stage idnex; there is" in last(unknown)) == (2, True)


def test_whose_signature_counts_is_the_auditor_s_to_say(world: Checkout) -> None:
    (mine,) = (world.folder / "reports/keys").iterdir()
    other = world.folder.parent / "other.pem"
    program = (
        "import sys; from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as Key\n"
        "from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat\n"
        "key = Key.generate().public_key()\n"
        "sys.stdout.write(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())"
    )
    other.write_text(world.run("python", "-c", program).stdout)
    ours, theirs = ask(world, f"audit {METRIC} --key {mine}", f"audit {METRIC} --key {other}")
    assert ours.returncode == 0, ours.stdout
    assert any(row.startswith("statement ") and row.endswith("whole") for row in ours.stdout.splitlines())
    assert theirs.returncode == 5 and "expected" in last(theirs) and mine.stem[:8] in theirs.stdout


def test_who_knows_a_person(world: Checkout) -> None:
    rows = pd.concat([pd.read_parquet(path) for path in sorted((world.folder / "data/texts").glob("*.parquet"))])
    subject, study = rows.loc[rows["split"] == "train", ["subject_id", "study_id"]].iloc[0]
    report = f"files/p{str(subject)[:2]}/p{subject}/s{study}.txt"
    told, one, file, purge, models, two, word = ask(
        world, f"audit --subject {subject}", f"audit --study {study} --json",
        f"audit --file {report} --rev base --json",
        f"audit --subject {subject} --purge", f"audit {METRIC} --purge --models",
        f"audit --subject {subject} --study {study}", "audit --subject me",
    )  # fmt: skip
    assert told.returncode == 0, told.stdout
    assert told.stdout.startswith(f"subject {subject}: ") and "the models are tainted until retrained" in told.stdout
    for place in ("data/served/index", "data/served/embeddings/", "data/served/champion", "data/truth/L0001/"):
        assert any(row.startswith(f"  {place}") for row in told.stdout.splitlines()), place
    known = [json.loads(done.stdout[done.stdout.index("{") :]) for done in (one, file)]
    assert [account["of"]["studies"] for account in known] == [[study], [study]]
    assert [account["at"] for account in known] == ["here", world.run("git", "rev-parse", "base").stdout.strip()]
    assert not any(account["absent"] or account["unseen"] or account["withdrawn_by"] for account in known)
    assert any(row["path"].endswith(report) for row in known[1]["now"])
    assert purge.returncode == 2 and last(purge).endswith(
        "First `hilum withdraw`, then `dvc repro` and `hilum refresh`."
    )
    assert (models.returncode, "--subject or --study that was withdrawn" in last(models)) == (2, True)
    assert (two.returncode, "ask for one subject, study or file" in last(two)) == (2, True)
    assert (word.returncode, "give its 8 digits" in last(word)) == (2, True)


@pytest.fixture(scope="module")
def short(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A line that ends with ingest, has run, and is committed: cheap to make again."""
    made = Checkout(tmp_path_factory.mktemp("short"), root, {"phantom": {"n_subjects": 8}})
    yaml, path = YAML(), made.folder / "dvc.yaml"
    line = yaml.load(path)
    for name in [*line["stages"]][2:]:
        del line["stages"][name]
    del line["plots"]
    yaml.dump(line, path)
    made.repro()
    made.commit("run")
    return made


def test_who_is_withdrawn_and_gone_is_purged(short: Checkout) -> None:
    texts = sorted((short.folder / "data/texts").glob("*.parquet"))
    subject = pd.read_parquet(texts[0])["subject_id"].iloc[0]
    short.run("hilum", "withdraw", "--subject", str(subject))
    (held,) = ask(short, f"audit --subject {subject}")
    assert held.returncode == 5 and last(held).endswith("run `dvc repro`, then audit again.")
    short.repro()
    short.commit("withdrawn")
    (purged,) = ask(short, f"audit --subject {subject} --purge --models")
    assert purged.returncode == 0, purged.stdout
    assert ", withdrawn by L0002" in purged.stdout and "no remote is set" in purged.stdout
    assert "what lies here: nothing holds it" in purged.stdout
    assert "can no longer be checked out fully" in purged.stdout
    short.commit("what stays")


def test_a_commit_is_made_again_and_a_certificate_says_what_differs(short: Checkout) -> None:
    yaml, lock = YAML(), short.folder / "dvc.lock"
    recorded = yaml.load(lock)
    name = sorted(recorded["stages"])[0]
    out = recorded["stages"][name]["outs"][0]
    out["md5"] = out["md5"][::-1]
    yaml.dump(recorded, lock)
    short.commit("another digest")
    again, nothing = ask(short, "reproduce HEAD --out again.json", "reproduce nowhere")
    assert again.returncode == 5 and "again.json" in last(again) and name in last(again)
    facts = json.loads((short.folder / "again.json").read_text())
    verdicts = {row["stage"]: row["verdict"] for row in facts["stages"]}
    assert verdicts.pop(name) == "differs" and len(verdicts) >= 2 and set(verdicts.values()) == {"exact"}
    assert out["path"] in (short.folder / "again.md").read_text()
    assert (nothing.returncode, "nowhere" in last(nothing)) == (2, True)
