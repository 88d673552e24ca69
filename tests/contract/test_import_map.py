"""Which way arrows point (the map of the house); heavy things have one door."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BASE = {"schema", "vocabulary", "tables", "errors"}
# room -> rooms it may import at run time, besides the base
MAY_IMPORT: dict[str, set[str]] = {
    "schema": set(),
    "errors": set(),
    "tables": set(),
    "vocabulary": set(),
    "config": set(),
    "phantom": set(),
    "sources": {"image"},  # ingest's door to decode.py: whether a file is a picture is part of reading a source
    "text": set(),
    "labels": set(),
    "image": set(),
    "model": set(),
    "training": {"model", "labels"},
    "retrieval": set(),
    "evaluation": {"retrieval", "model", "labels"},
    # a statement is read by the rules that read reports, and scored by the bootstrap and the truth of evaluation
    "explanation": {"text", "labels", "retrieval", "evaluation"},
    "quality": set(),
    "lineage": set(),
    "report": set(),
    "browse": {"retrieval", "labels", "image", "evaluation", "report"},  # cases with pictures, sentences, boxes, maps
    "stages": {
        "phantom", "sources", "text", "labels", "image", "model", "training", "retrieval", "evaluation",
        "explanation", "quality", "lineage", "report", "browse", "stages",
    },
    "cli": {"config", "stages", "sources", "text", "labels", "lineage", "cli"},  # labels: the form of a csv
}  # fmt: skip
DOORS = {
    "prefect": {"flows"},
    "dvc": {"flows"},
    "dvclive": {"training"},
    "spacy": {"text"},
    "scispacy": {"text"},
    "great_expectations": {"quality"},
    "faiss": {"retrieval"},
    "torch": {"image", "model", "training", "evaluation", "explanation", "stages"},
    "transformers": {"model", "training", "explanation"},  # explanation: a local language model
    "matplotlib": {"report"},
    "pydicom": {"image", "phantom"},
    "starlette": {"browse"},
    "uvicorn": {"browse"},
}
ROOT = Path(__file__).resolve().parents[2]


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    if parts[0] == "flows":
        return "flows"
    return parts[2].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        for child in ast.walk(node):
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                found.add(child.module)
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
    return found


FILES = sorted([*(ROOT / "src/hilum").rglob("*.py"), *(ROOT / "flows").rglob("*.py")])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_point_one_way(path: Path) -> None:
    room = room_of(path)
    if room in ("flows", "__init__"):
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "flows":
            assert path.name in ("running.py", "operating.py", "auditing.py", "replaying.py", "comparing.py"), (
                f"{path.name} starts a flow; only operators' verbs may"
            )
        if parts[0] != "hilum" or len(parts) < 2:
            continue
        other = parts[1]
        assert other == room or other in BASE | MAY_IMPORT[room], f"{room} may not import {other} ({name})"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_things_have_one_door(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        if top in DOORS:
            assert room_of(path) in DOORS[top], f"{path.relative_to(ROOT)} imports {top}; its door is {DOORS[top]}"


def test_flows_know_nothing_of_x_rays() -> None:
    for path in FILES:
        if room_of(path) == "flows":
            names = {n.split(".")[1] for n in imports(path) if n.startswith("hilum.")}
            assert names <= {"errors", "config", "lineage"}, (path.name, names)
