"""The whole line on a few dozen phantom studies: it ends, it repeats, and only what must run runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

PARTITION_STAGES = ("ingest", "parse", "label", "pack", "embed")


def stages_with_dep(root: Path, changed: str) -> set[str]:
    """Names of the stages that list the file, or a folder above it."""
    raw = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    keys = list(yaml.safe_load((root / "data/landings.yaml").read_text())["partitions"])
    names: set[str] = set()
    for name, body in raw.items():
        deps = [Path(str(dep)) for dep in body.get("do", body)["deps"]]
        if Path(changed) in deps or set(deps) & set(Path(changed).parents):
            names |= {f"{name}@{key}" for key in keys} if name in PARTITION_STAGES else {name}
    return names


def test_it_ends_with_a_page_and_metrics(line: Any) -> None:
    metrics = json.loads((line.folder / "reports/metrics.json").read_text())
    page = (line.folder / "reports/index.html").read_text()
    assert metrics["collection"] == "phantom"
    assert "phantom" in page and "http://" not in page.replace("http://www.w3.org", "") and "<script src" not in page
    assert "retrieval" in line.run("dvc", "metrics", "show").stdout
    assert line.run("git", "status", "--short", "data").stdout == "", "the root .gitignore must ignore artifacts"


def test_again_nothing_runs(line: Any) -> None:
    lock = line.lock
    assert line.repro() == set()
    assert line.lock == lock


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("language/terms.yaml", marks=pytest.mark.slow),
        pytest.param("concepts/regions.yaml", marks=pytest.mark.long),
    ],
)
def test_one_line_of_the_vocabulary_reruns_what_depends_on_it(line: Any, root: Path, name: str) -> None:
    path = line.folder / "src/hilum/vocabulary" / name
    before = path.read_text()
    path.write_text(before + "\n# one more line\n")
    expected = stages_with_dep(root, f"src/hilum/vocabulary/{name}")
    try:
        assert line.repro() == expected
        by_rules = {name for name in expected if name != "explain"}  # it reads statements by the rules of reports
        assert all(name.startswith("parse@") for name in by_rules) == (name == "language/terms.yaml")
    finally:
        path.write_text(before)
        line.repro()


@pytest.mark.slow
def test_the_flow_one_worker_and_another_folder_give_the_same_bytes(line: Any, root: Path, tmp_path: Path) -> None:
    other = type(line)(tmp_path, root)
    done = other.run("hilum", "run", HILUM_WORKERS="1", PREFECT_HOME=str(tmp_path / "prefect"))
    assert "stages ran" in done.stdout
    assert other.lock == line.lock


def test_a_red_gate_stops_the_line_with_exit_4(line: Any) -> None:
    path = line.folder / "params.yaml"
    before = path.read_text()
    line.set_params({"validate": {"min_labelled_studies": 10_000}})
    try:
        done = line.run("dvc", "repro", check=False)
        assert done.returncode != 0 and "exited with 4" in done.stdout
        assert "Running stage 'align'" not in done.stdout
    finally:
        path.write_text(before)
        line.repro()


def test_a_missing_partition_is_refused_by_fan_in_stages_and_by_the_gate(line: Any) -> None:
    first = sorted((line.folder / "data/texts").glob("*.parquet"))[0]
    aside = line.folder / "aside.parquet"
    first.rename(aside)
    try:
        fan_in = line.run(
            "hilum", "tokenize", "--data", "data", "--start", "data/start.json", "--out", "t", check=False
        )
        assert fan_in.returncode == 3 and f"missing partitions ['{first.stem}']" in fan_in.stdout
        gate = line.run("hilum", "validate", "--data", "data", "--out", "v.json", "--page", "v.html", check=False)
        assert gate.returncode == 4 and "validation is red" in gate.stdout and first.stem in gate.stdout
    finally:
        aside.rename(first)
