"""A figure before and after a known change of the real line: the cause is named, and the parts sum to the difference.

Five pairs of commits: data only, code only, a parameter only, the vocabulary only, data and a parameter. Slow: six runs
of the line and two replays that must train.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Checkout

METRICS = "reports/metrics.json"
AT_FIRST, LATER = slice(0, 50), slice(50, 80)  # of the source's subjects


class Pairs:
    """A checkout with a real landing, run and committed as `base`; every pair starts there."""

    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self.checkout, self.whole, self.source = checkout, folder / "whole", folder / "clinic"
        words = ["--listing", str(folder / "listing.parquet"), "--truth", str(folder / "truth")]
        checkout.run("hilum", "phantom", "--tree", str(self.whole), *words)
        self.source.mkdir()
        for table in self.whole.glob("*.csv*"):
            shutil.copy(table, self.source)
        self.land(AT_FIRST)
        self.run("base")
        checkout.run("git", "tag", "base")

    def land(self, subjects: slice = LATER) -> None:
        for folder in sorted(self.whole.glob("files/p*/p*"))[subjects]:
            shutil.copytree(folder, self.source / folder.relative_to(self.whole), dirs_exist_ok=True)
        self.checkout.run("hilum", "land", str(self.source), "--collection", "clinic")

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.checkout.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def run(self, name: str) -> None:
        self.checkout.run("hilum", "run", "--engine", "threads", "--jobs", "2")
        self.checkout.commit(name)

    def go_back(self) -> None:
        self.checkout.run("git", "checkout", "-q", "--force", "base")
        self.checkout.run("dvc", "checkout", "-q", "--force", "--allow-missing")
        for name in ("manifest", "quarantine", "texts", "published_labels", "sections", "mentions", "unknown_terms",
                     "region_labels", "chexpert", "pixels", "images", "region_boxes", "embeddings"):  # fmt: skip
            for path in (self.checkout.folder / "data" / name).glob("L0002*"):
                path.unlink()

    def figures(self, revision: str) -> dict[str, Any]:
        text = self.checkout.run("git", "show", f"{revision}:{METRICS}").stdout
        return {key: value for key, value in json.loads(text)["retrieval"]["rra_vl"].items() if value is not None}

    def changed_figure(self) -> str:
        """The first figure of the model that the change has moved."""
        old, new = self.figures("base"), self.figures("HEAD")
        return next(f"retrieval.rra_vl.{name}" for name in old if name in new and old[name] != new[name])

    def explain(self, *words: str) -> dict[str, Any]:
        program = (
            "import json, sys\nfrom pathlib import Path\nfrom flows.attribution import attribute\n"
            "from hilum.lineage.figures import parse_figure\n"
            "facts = attribute(Path.cwd(), parse_figure(sys.argv[1]), 'base', 2, {'align': 2, 'locate': 2},"
            " shapley='--exact' in sys.argv)\n"
            "Path('.hilum/facts.json').write_text(json.dumps(facts))\n"
        )
        self.checkout.run("python", "-c", program, *words)
        facts: dict[str, Any] = json.loads((self.checkout.folder / ".hilum/facts.json").read_text())
        return facts


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Pairs:
    folder = tmp_path_factory.mktemp("pairs")
    return Pairs(Checkout(folder / "checkout", root, {"phantom": {"n_subjects": LATER.stop}}), folder)


@pytest.fixture
def at_base(pairs: Pairs) -> Iterator[Pairs]:
    yield pairs
    pairs.go_back()


def change_code(pairs: Pairs) -> None:
    pairs.edit("src/hilum/training/augmentation.py", "MAX_SCALE = 0.10", "MAX_SCALE = 0.15")


def change_parameter(pairs: Pairs) -> None:
    pairs.checkout.set_params({"locate": {"seed": 5}})


def change_vocabulary(pairs: Pairs) -> None:
    pairs.edit(
        "src/hilum/vocabulary/language/terms.yaml", "(effusion|effusions|effusons|effussion|effussions)", "effusons"
    )


def change_data_and_parameter(pairs: Pairs) -> None:
    pairs.land()
    change_parameter(pairs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "causes"),
    [
        (Pairs.land, ["landing L0002"]),
        (change_code, ["code training"]),
        (change_parameter, ["parameter locate.seed"]),
        (change_vocabulary, ["vocabulary"]),
        (change_data_and_parameter, ["landing L0002", "parameter locate.seed"]),
    ],
    ids=["data", "code", "parameter", "vocabulary", "data and parameter"],
)
def test_the_true_cause_is_named_and_the_parts_sum(
    at_base: Pairs, change: Callable[[Pairs], None], causes: list[str]
) -> None:
    change(at_base)
    at_base.run("changed")
    figure = at_base.changed_figure()
    facts = at_base.explain(figure)
    assert [cause["cause"] for cause in facts["causes"]] == causes
    old, new = (Fraction(str(at_base.figures(rev)[figure.rpartition(".")[2]])) for rev in ("base", "HEAD"))
    assert sum(Fraction(part["exact"]) for part in facts["parts"]) == new - old != 0
    assert facts["not_run"] == [] and facts["old"]["broken"] == facts["new"]["broken"] == []
    assert {part["cause"] for part in facts["parts"]} <= {*causes, "interaction"}
    if len(causes) > 1:
        assert facts["closes"] is True
        exact = at_base.explain(figure, "--exact")
        assert sum(Fraction(part["exact"]) for part in exact["parts"]) == new - old
        assert [part["cause"] for part in exact["parts"]] == causes
    if "landing L0002" in causes:
        files = facts["causes"][0]["added"]["files"]
        assert files > 50 and "withdrawn" not in facts["causes"][0]


@pytest.mark.slow
def test_the_first_commit_can_be_made_again_to_the_byte(pairs: Pairs) -> None:
    program = "import sys; from hilum.cli.replaying import reproduce; reproduce(sys.argv[1:])"
    said = pairs.checkout.run("python", "-c", program, "base", "--jobs", "2", "--out", ".hilum/again.json").stdout
    facts = json.loads((pairs.checkout.folder / ".hilum/again.json").read_text())
    assert "equal to the byte" in said and facts["exact"] and facts["counts"]["exact"] == len(facts["stages"]) > 10
    assert {row["path"] for row in facts["from_outside"]} >= {"data/raw/L0001/listing.parquet"}
    assert facts["record"]["broken"] == [] and facts["environment"]["here"]["packages"]["numpy"]
    assert "bit-exact" in (pairs.checkout.folder / ".hilum/again.md").read_text()
