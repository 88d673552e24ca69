"""What is trained: variants of the line, by parameters and by whose table the truth takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from flows.comparison import change_params, put_truth, read_variants
from hilum.errors import UsageError


def test_parameters_are_set_by_name() -> None:
    text = b"align: {seed: 1, objective: rra_vl}\nlocate: {seed: 2}\n"
    assert yaml.safe_load(change_params(text, {"align.objective": "maple", "locate.seed": 9})) == {
        "align": {"seed": 1, "objective": "maple"}, "locate": {"seed": 9},
    }  # fmt: skip
    with pytest.raises(UsageError, match=r"no align\.colour"):
        change_params(text, {"align.colour": "red"})


@pytest.mark.parametrize(("truth", "stage"), [("labels", "label"), ("boxes", "pack")])
def test_truth_follows_the_stage_whose_table_it_replaces(root: Path, truth: str, stage: str) -> None:
    before = (root / "dvc.yaml").read_bytes()
    after = yaml.safe_load(put_truth(before, truth))["stages"]
    changed = [name for name, rows in yaml.safe_load(before)["stages"].items() if rows != after[name]]
    assert changed == [stage, *(["validate"] if truth == "labels" else [])]
    assert after[stage]["do"]["cmd"].endswith(f"&& python -m hilum.evaluation.oracle {truth} ${{key}}")
    assert put_truth(before, None) == before


def test_every_variant_names_parameters_that_there_are(root: Path) -> None:
    params = (root / "params.yaml").read_bytes()
    for variant in read_variants():
        change_params(params, variant.changes)
    assert [variant.name for variant in read_variants(names=["global"])] == ["rra_vl", "global"]
    with pytest.raises(UsageError, match="there is no variant"):
        read_variants(names=["globe"])
