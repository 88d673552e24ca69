"""The difference of two figures on a small line: every cause is named, and the parts sum to it exactly."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from flows.attribution import attribute
from flows.clones import REPLAY
from hilum.errors import UsageError
from hilum.lineage.difference_text import describe_parts, render_difference
from hilum.lineage.figures import Figure
from tests.unit.flows.toy import LANDINGS, ServedCheckout

SCORED = """
  evaluate:
    cmd: python src/score.py data/index/global.faiss reports/metrics.json
    deps: [data/index, src/score.py]
    params: [score]
    metrics:
      - reports/metrics.json:
          cache: false
"""
SCORE = """
import json, pathlib, sys, yaml
index, out = map(pathlib.Path, sys.argv[1:])
score = yaml.safe_load(open("params.yaml"))["score"]
out.parent.mkdir(exist_ok=True)
out.write_text(json.dumps({"score": round(score["times"] * len(index.read_bytes()) / 1000 + 0.1, 6)}))
"""
FIGURE = Figure("reports/metrics.json", "score")
MORE = "- effusion\n- oedema\n"
WORDS = "src/hilum/vocabulary/concepts/findings.yaml"


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """A line whose figure depends on landings, vocabulary, code and a parameter, run and committed."""
    toy = ServedCheckout(tmp_path_factory.mktemp("scored"))
    text = toy.read("dvc.yaml")
    start, end = text.index("\n  evaluate:"), text.index("\nartifacts:")
    toy.write("dvc.yaml", text[:start] + SCORED.rstrip() + text[end:])
    toy.write("src/score.py", SCORE)
    for part in ("L0003-a", "L0003-bb"):
        toy.write(f"parts/{part}.txt", f"{part}\n")
    toy.write("params.yaml", "score:\n  times: 3\n  seed: 1\nother: {x: 1}\n")
    toy.repro()
    toy.commit("scored")
    return toy


@pytest.fixture
def line(scored: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    return ServedCheckout.copy(scored, tmp_path / "line")


def land(toy: ServedCheckout, landing: str, *parts: str) -> None:
    toy.listing(landing)
    text = toy.read("data/landings.yaml").rstrip()
    for part in parts:
        text += f"\n  {part}: {{landing: {landing}}}"
    toy.write("data/landings.yaml", f"{text}\n")


def done(toy: ServedCheckout) -> str:
    toy.repro()
    return toy.commit("changed")


def parts_of(facts: dict[str, Any]) -> dict[str, Fraction]:
    return {part["cause"]: Fraction(part["exact"]) for part in facts["parts"]}


def score(toy: ServedCheckout) -> Fraction:
    return Fraction(str(json.loads(toy.read(FIGURE.file))["score"]))


def test_one_cause_has_all_of_it_and_nothing_is_replayed(line: ServedCheckout) -> None:
    before = score(line)
    line.write("params.yaml", "score: {seed: 1, times: 4}\nother: {x: 2}\n")
    done(line)
    facts = attribute(line.folder, FIGURE, "HEAD~1", 2, {})
    assert parts_of(facts) == {"parameter score.times": score(line) - before}
    assert facts["replays"] == 0 and facts["causes"][0]["changes"] == {"score.times": {"old": 3, "new": 4}}
    assert not (line.folder / REPLAY).exists()


@pytest.mark.slow
def test_parts_of_three_causes_sum_and_a_replay_of_the_old_closes_the_sum(line: ServedCheckout) -> None:
    before = score(line)
    size = (before - Fraction("0.1")) * 1000 / 3
    land(line, "L0002", "L0002-a")
    line.write(WORDS, MORE)
    line.write("params.yaml", "score: {times: 4, seed: 1}\nother: {x: 1}\n")
    done(line)
    status, lock, after = line.git("status", "--porcelain"), line.lock, score(line)

    facts = attribute(line.folder, FIGURE, "HEAD~1", 2, {})

    parts = parts_of(facts)
    assert list(parts) == ["landing L0002", "parameter score.times", "vocabulary", "interaction"]
    assert sum(parts.values()) == Fraction(facts["exact"]) == after - before
    assert parts["parameter score.times"] == (after - Fraction("0.1")) / 4  # one of four times the size of the index
    assert parts["interaction"] != 0 and facts["closes"] is True and facts["replays"] == 4
    assert size == int(size)
    said = describe_parts(facts)
    total, _, rest = said.partition(": ")
    assert Fraction(total) == sum(Fraction(part.rpartition(" ")[2]) for part in rest.split(", "))
    assert any(
        "replays; with everything undone the line gives the old value" in row for row in render_difference(facts)
    )
    assert (line.git("status", "--porcelain"), line.lock) == (status, lock)
    assert list((line.folder / REPLAY).iterdir()) == []

    exact = attribute(line.folder, FIGURE, "HEAD~1", 2, {}, shapley=True)
    shares = parts_of(exact)
    assert exact["shares"] == "shapley" and exact["replays"] == 7 and "interaction" not in shares
    assert sum(shares.values()) == after - before
    assert shares["landing L0002"] < parts["landing L0002"]  # which is by the new parameter alone


def test_what_does_not_run_without_a_cause_is_said_and_not_guessed(line: ServedCheckout) -> None:
    before = score(line)
    line.write("src/score.py", SCORE.replace("+ 0.1", "+ score['offset']"))
    line.write("params.yaml", "score: {times: 4, seed: 1, offset: 0.25}\nother: {x: 1}\n")
    done(line)
    facts = attribute(line.folder, FIGURE, "HEAD~1", 2, {}, shapley=True)
    (row,) = facts["not_run"]
    assert row["cause"] == "parameter score" and "stage evaluate failed (exit 1)" in row["why_not"]
    parts = parts_of(facts)
    assert parts["code score"] == Fraction("0.15") and sum(parts.values()) == score(line) - before
    assert facts["shares"] == "one at a time" and facts["closes"] is True
    assert any("its part is not known" in text for text in render_difference(facts))


@pytest.mark.slow
def test_of_two_landings_each_can_be_undone(line: ServedCheckout) -> None:
    land(line, "L0002", "L0002-a")
    land(line, "L0003", "L0003-a", "L0003-bb")
    done(line)
    facts = attribute(line.folder, FIGURE, "HEAD~1", 2, {})
    parts = parts_of(facts)
    assert list(parts) == ["landing L0002", "landing L0003", "interaction"] and facts["closes"] is True
    assert parts["landing L0003"] > parts["landing L0002"] > 0
    assert sum(parts.values()) == Fraction(facts["exact"])


def test_the_working_tree_is_compared_as_it_lies_here(line: ServedCheckout) -> None:
    line.write(WORDS, MORE)
    line.write("src/score.py", SCORE.replace("+ 0.1", "+ 0.2"))
    line.repro()
    facts = attribute(line.folder, FIGURE, "HEAD", 2, {})
    assert facts["new"]["of"] == "the working tree" and facts["closes"] is True
    assert parts_of(facts)["code score"] == Fraction("0.1")
    assert facts["new"]["broken"] == facts["old"]["broken"] == []


def test_a_value_that_the_files_do_not_make_is_unexplained(line: ServedCheckout) -> None:
    line.write(FIGURE.file, '{"score": 9.5}')
    line.commit("by hand")
    facts = attribute(line.folder, FIGURE, "HEAD~1", 2, {})
    assert facts["causes"] == [] and list(parts_of(facts)) == ["unexplained"]
    assert "reports/metrics.json, written by evaluate" in facts["new"]["broken"][0]


def test_too_many_causes_for_exact_shares_are_refused(line: ServedCheckout) -> None:
    for key in "abcde":
        line.write(f"parts/L0001-{key}.txt", f"{key}{key}\n")
    line.write("data/landings.yaml", LANDINGS + "".join(f"  L0001-{k}: {{landing: L0001}}\n" for k in "cde"))
    done(line)
    with pytest.raises(UsageError, match="6 causes differ; exact shares are for 4 or fewer"):
        attribute(line.folder, FIGURE, "HEAD~1", 2, {}, shapley=True)


@pytest.mark.slow
def test_a_killed_replay_leaves_nothing_to_the_next(line: ServedCheckout) -> None:
    land(line, "L0002", "L0002-a")
    line.write(WORDS, MORE)
    done(line)
    left = line.folder / REPLAY / "left"
    shutil.copytree(line.folder / "src", left)
    attribute(line.folder, FIGURE, "HEAD~1", 2, {}, keep=True)
    (kept,) = (line.folder / REPLAY).iterdir()
    assert kept.name.startswith(line.git("rev-parse", "HEAD")[:12])
    attribute(line.folder, FIGURE, "HEAD~1", 2, {})
    assert kept.is_dir() and (kept / "data/locate").is_dir()
