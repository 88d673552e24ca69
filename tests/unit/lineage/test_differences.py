"""What differs between two commits of a small line is named by its kind; and by how much two files differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import save_file

from hilum.lineage.difference_text import describe_parts
from hilum.lineage.differences import Cause, find_causes, must_settle, undo
from hilum.lineage.distance import describe_distance, measure
from hilum.lineage.record import open_record
from tests.unit.flows.toy import ServedCheckout

FILES = ["reports/metrics.json"]
PARAMS = "locate:\n  epochs: 1\n  loss: {weight: 0.5, kind: a}\nreport: {n: 1}\n"
SECOND = "  L0002-a: {landing: L0002}\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """A line with parameters, a note beside a tracked folder, and code of several rooms."""
    toy = ServedCheckout(tmp_path_factory.mktemp("base"))
    text = toy.read("dvc.yaml").replace(
        "    deps: [weights.txt, data/tokenizer]\n",
        "    deps: [weights.txt, data/tokenizer, data/start.json, src/hilum/model, src/hilum/text]\n"
        "    params: [locate]\n",
    )
    toy.write("dvc.yaml", text)
    toy.write("params.yaml", PARAMS)
    toy.write("src/hilum/model/net.py", "a = 1\n")
    toy.write("src/hilum/text/scope.py", "a = 1\n")
    toy.write("src/hilum/report/page.py", "a = 1\n")
    toy.write("data/start.json", "{}\n")
    toy.write("data/start/model.bin", "old weights")
    toy.dvc("add", "-q", "data/start")
    toy.repro()
    toy.commit("base")
    return toy


@pytest.fixture
def line(base: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    return ServedCheckout.copy(base, tmp_path / "line")


def causes_of(toy: ServedCheckout) -> list[Cause]:
    with open_record(toy.folder, "HEAD") as old, open_record(toy.folder) as new:
        return find_causes(old, new, FILES)


def land(toy: ServedCheckout) -> None:
    toy.listing("L0002")
    toy.write("data/landings.yaml", toy.read("data/landings.yaml").rstrip() + "\n" + SECOND)


def start_anew(toy: ServedCheckout) -> None:
    toy.write("data/start.json", '{"model_id": "x"}\n')
    toy.write("data/start/model.bin", "new weights")
    toy.dvc("add", "-q", "data/start")


def replace(path: str, old: str, new: str) -> Callable[[ServedCheckout], None]:
    def change(toy: ServedCheckout) -> None:
        assert old in toy.read(path)
        toy.write(path, toy.read(path).replace(old, new))

    return change


CHANGES: dict[str, Callable[[ServedCheckout], None]] = {
    "landing L0002": land,
    "landing L0001": replace("data/raw/L0001/listing.txt.dvc", "size: 15", "size: 16"),
    "parameter locate.epochs": replace("params.yaml", "epochs: 1", "epochs: 2"),
    "parameter locate": replace("params.yaml", "epochs: 1", "rate: 2"),
    "vocabulary": lambda toy: toy.write("src/hilum/vocabulary/concepts/more.yaml", "- oedema\n"),
    "text rules": replace("src/hilum/text/scope.py", "1", "2"),
    "code model": replace("src/hilum/model/net.py", "1", "2"),
    "code embed": replace("src/embed.py", "import", "import os,"),
    "commands dvc.yaml": replace("dvc.yaml", "cat weights.txt", "cat -u weights.txt"),
    "input weights.txt": replace("weights.txt", "first", "second"),
    "input data/start": start_anew,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_one_cause_by_its_name(line: ServedCheckout, name: str) -> None:
    CHANGES[name](line)
    assert list(map(str, causes_of(line))) == [name]


def test_what_the_figure_does_not_rest_on_is_no_cause(line: ServedCheckout) -> None:
    line.write("src/hilum/report/page.py", "a = 2\n")
    line.write("params.yaml", "# said otherwise\n" + PARAMS.replace("n: 1", "n: 2"))
    line.write("README.md", "x")
    line.write("dvc.yaml", "# the same stages\n" + line.read("dvc.yaml"))
    assert causes_of(line) == []


def test_any_of_many_changes_can_be_undone_alone(line: ServedCheckout) -> None:
    for change in CHANGES.values():
        if change is not CHANGES["parameter locate.epochs"] and change is not CHANGES["landing L0001"]:
            change(line)
    causes = {str(cause): cause for cause in causes_of(line)}
    assert set(causes) == set(CHANGES) - {"parameter locate.epochs", "landing L0001"}
    with open_record(line.folder, "HEAD") as old, open_record(line.folder) as new:

        def without(*names: str) -> dict[str, bytes | None]:
            return undo(old.snapshot, new.snapshot, [*causes.values()], [causes[name] for name in names])

        assert without("vocabulary") == {"src/hilum/vocabulary/concepts/more.yaml": None}
        assert without("text rules", "input weights.txt") == {
            "src/hilum/text/scope.py": b"a = 1\n", "weights.txt": b"first",
        }  # fmt: skip
        assert set(without("input data/start")) == {"data/start.json", "data/start.dvc"}
        landing = without("landing L0002")
        assert landing["data/raw/L0002/listing.txt.dvc"] is None
        assert landing["data/landings.yaml"] == old.snapshot.read("data/landings.yaml")
        params = without("parameter locate")["params.yaml"]
        assert params is not None and yaml.safe_load(params) == yaml.safe_load(PARAMS)
        assert not must_settle([*causes.values()], [causes["landing L0002"]])


def test_of_two_landings_one_is_undone_in_landings_yaml(line: ServedCheckout) -> None:
    land(line)
    line.write("data/landings.yaml", line.read("data/landings.yaml") + "  L0003-a: {landing: L0003}\n")
    causes = causes_of(line)
    assert list(map(str, causes)) == ["landing L0002", "landing L0003"]
    with open_record(line.folder, "HEAD") as old, open_record(line.folder) as new:
        text = undo(old.snapshot, new.snapshot, causes, causes[:1])["data/landings.yaml"]
        assert text is not None
        assert set(yaml.safe_load(text)["partitions"]) == {"L0001-a", "L0001-b", "L0003-a"}


def test_parts_that_are_shown_sum_to_the_difference_that_is_shown() -> None:
    def shown(*parts: str) -> str:
        rows = [{"cause": f"c{n}", "exact": part, "value": float(part)} for n, part in enumerate(parts)]
        return describe_parts({"exact": str(sum(map(Fraction, parts))), "parts": rows, "causes": rows})

    assert shown("0.017", "0.006", "-0.002") == "+0.021: c0 +0.017, c1 +0.006, c2 -0.002"
    assert shown("0.0004", "0.0004", "0.0004") == "+0.00120: c0 +0.00040, c1 +0.00040, c2 +0.00040"
    assert shown("0.0104", "0.0104", "0.0104") == "+0.031: c0 +0.011, c1 +0.010, c2 +0.010"
    assert shown("-3", "1.25") == "-1.750: c0 -3.000, c1 +1.250"


def test_how_much_tables_arrays_and_weights_differ(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    values = np.arange(6, dtype=np.float32)
    moved = values.copy()
    moved[2] += 0.5
    for path, array in ((old, values), (new, moved)):
        np.save(path.with_suffix(".npy"), array)
        save_file({"layer.weight": array, "layer.bias": values}, path.with_suffix(".safetensors"))
        frame = pd.DataFrame({"score": array, "id": range(6), "word": list("abcdef"), "row": [[x, x] for x in array]})
        frame.to_parquet(path.with_suffix(".parquet"))
        path.with_suffix(".json").write_text(json.dumps({"a": [1, float(array[2])], "b": {"c": "x"}}))
        path.with_suffix(".txt").write_bytes(array.tobytes())

    def found(suffix: str) -> dict:
        return measure(old.with_suffix(suffix), new.with_suffix(suffix), f"x{suffix}")

    assert found(".npy") == {"values": 6, "differing": 1, "largest": 0.5, "where": ["array"]}
    assert found(".safetensors") == {"values": 12, "differing": 1, "largest": 0.5, "where": ["layer.weight"]}
    assert found(".parquet") == {"values": 30, "differing": 3, "largest": 0.5, "where": ["score", "row"]}
    assert found(".json") == {"values": 3, "differing": 1, "largest": 0.5, "where": ["a.1"]}
    assert found(".txt") == {"bytes": [24, 24], "differing": 1}
    assert describe_distance(found(".npy")) == "1 of 6 values differ, by at most 0.5"
    assert describe_distance(found(".txt")) == "1 of 24 bytes differ"


def test_forms_that_differ_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]}).to_parquet(old)
    pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]}).to_parquet(new, compression="gzip")
    assert describe_distance(measure(old, new, "t.parquet")) == "equal values in other bytes"
    pd.DataFrame({"a": [1.0], "b": ["x"]}).to_parquet(new)
    assert describe_distance(measure(old, new, "t.parquet")) == "a has another form: float64 2 recorded, float64 1 made"
    pd.DataFrame({"a": [1.0, 2.0]}).to_parquet(new)
    assert "b has another form: object 2 recorded, nothing made" in describe_distance(measure(old, new, "t.parquet"))
    new.write_bytes(b"no table")
    assert measure(old, new, "t.parquet")["why_not"].startswith("it cannot be read (Arrow")
