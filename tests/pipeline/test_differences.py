"""A figure before and after a known change of the real line: the cause is named, and the parts sum to the difference.

Five pairs of commits with one base, which is the finished line: data only, code only, a parameter only, the vocabulary
only, data and a parameter. Data and the vocabulary train a model; the others ask the one that is there in other ways.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Checkout, copy_of

METRICS = "reports/metrics.json"


class Pairs:
    """A copy of the line in which L0002 has landed; every pair starts at the commit before that."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.checkout.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def start_from(self, revision: str) -> None:
        """Lay out a commit, and nothing of another; the cache has what was run since."""
        self.checkout.run("git", "checkout", "-q", "--force", revision)
        if revision == "base":
            for path in self.checkout.folder.glob("data/*/L0002*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.checkout.run("dvc", "checkout", "-q", "--force", "--allow-missing")

    def run(self) -> None:
        self.checkout.run("hilum", "run", "--engine", "threads", "--jobs", "2")
        self.checkout.commit("changed")

    def figures(self, revision: str) -> dict[str, Any]:
        text = self.checkout.run("git", "show", f"{revision}:{METRICS}").stdout
        return {key: value for key, value in json.loads(text)["retrieval"]["rra_vl"].items() if value is not None}

    def changed_figure(self) -> str:
        """The first figure of the model that the change has moved."""
        old, new = self.figures("base"), self.figures("HEAD")
        return next(f"retrieval.rra_vl.{name}" for name in old if name in new and old[name] != new[name])

    def explain(self, figure: str, *words: str) -> dict[str, Any]:
        said = self.checkout.run("hilum", "audit", figure, "--diff", "base", "--json", *words).stdout
        facts: dict[str, Any] = json.loads(said[said.index("{") :])
        return facts


@pytest.fixture(scope="module")
def pairs(landed: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return Pairs(copy_of(landed, tmp_path_factory.mktemp("pairs") / "checkout"))


def change_code(pairs: Pairs) -> None:
    pairs.edit("src/hilum/evaluation/retrieval.py", "located_at_k(hits, same, 10)", "located_at_k(hits, same, 5)")


def change_parameter(pairs: Pairs) -> None:
    pairs.checkout.set_params({"evaluate": {"min_positives": 5}})


def change_vocabulary(pairs: Pairs) -> None:
    pairs.edit(
        "src/hilum/vocabulary/language/terms.yaml", "(effusion|effusions|effusons|effussion|effussions)", "effusons"
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("start", "change", "causes"),
    [
        ("landed", None, ["landing L0002"]),
        ("landed", change_parameter, ["landing L0002", "parameter evaluate.min_positives"]),
        ("base", change_parameter, ["parameter evaluate.min_positives"]),
        ("base", change_code, ["code evaluation"]),
        ("base", change_vocabulary, ["vocabulary"]),
    ],
    ids=["data", "data and parameter", "parameter", "code", "vocabulary"],
)
def test_the_true_cause_is_named_and_the_parts_sum(
    pairs: Pairs, start: str, change: Callable[[Pairs], None] | None, causes: list[str]
) -> None:
    pairs.start_from(start)
    if change:
        change(pairs)
        pairs.run()
    figure = pairs.changed_figure()
    facts = pairs.explain(figure, *(["--exact"] if len(causes) > 1 else []))
    assert [cause["cause"] for cause in facts["causes"]] == causes
    old, new = (Fraction(str(pairs.figures(rev)[figure.rpartition(".")[2]])) for rev in ("base", "HEAD"))
    assert sum(Fraction(part["exact"]) for part in facts["parts"]) == new - old != 0
    assert [part["cause"] for part in facts["parts"]] == causes
    assert facts["not_run"] == [] and facts["old"]["broken"] == facts["new"]["broken"] == []
    assert len(causes) == 1 or facts["closes"] is True
    if "landing L0002" in causes:
        files = facts["causes"][0]["added"]["files"]
        assert files > 50 and "withdrawn" not in facts["causes"][0]


@pytest.mark.long
def test_a_commit_can_be_made_again_to_the_byte(landed: Checkout, tmp_path: Path) -> None:
    out = tmp_path / "again.json"
    said = landed.run("hilum", "reproduce", "landed", "--jobs", "2", "--out", str(out)).stdout
    facts = json.loads(out.read_text())
    assert "equal to the byte" in said and facts["exact"] and facts["counts"]["exact"] == len(facts["stages"]) > 10
    outside = {f"data/{name}" for name in ("raw/L0002/listing.parquet", "raw/L0002/tables", "truth/L0002")}
    assert {row["path"] for row in facts["from_outside"]} == outside
    assert facts["record"]["broken"] == [] and facts["environment"]["here"]["packages"]["numpy"]
    assert "bit-exact" in out.with_suffix(".md").read_text()
