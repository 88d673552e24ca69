"""maple through the stages: it learns the same finding in the same region, freezes its text, repeats, starts warm."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from hilum.errors import UsageError
from hilum.model.inference import load_model
from hilum.model.objectives.maple import FROZEN
from hilum.schema import EMBEDDINGS
from hilum.tables import read_table


@pytest.fixture(scope="session")
def mapled(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The planted collection with maple trained on it; not to be changed."""
    line = type(trained)(trained.planted, tmp_path_factory.mktemp("maple"))
    line.tokenizer = trained.tokenizer
    line.run_align(objective="maple", epochs=12)
    line.run_locate(epochs=12)
    for partition in line.planted.partitions:
        line.run_embed(partition)
    return line


def mirror(region: str) -> str:
    side, rest = region.split(" ", 1)
    return f"{'left' if side == 'right' else 'right'} {rest}"


def same_finding(line: Any, modality: str, mirrored: bool) -> tuple[float, float]:
    """Precision at 5 of "the same finding in this region" among other studies, and its chance."""
    frames = [read_table(line.embeddings[p], EMBEDDINGS) for p in line.planted.partitions]
    rows = pd.concat(frames).query("region.notna()").set_index(["modality", "region"]).sort_index()
    hits, chances = [], []
    for dicom, drawn in line.planted.truth.items():
        if drawn is None:
            continue
        place, study = drawn[0], 50000000 + int(dicom[:8], 16)
        asked = rows.loc[(modality, place)].set_index("study_id")["embedding"]
        gallery = rows.loc[("image", mirror(place) if mirrored else place)]
        gallery = gallery[gallery["study_id"] != study]
        right = np.array([line.planted.truth[other] == drawn for other in gallery["dicom_id"]])
        similarity = np.stack(gallery["embedding"].to_list()) @ asked.loc[study]
        hits.append(right[np.argsort(-similarity, kind="stable")[:5]].mean())
        chances.append(right.mean())
    return float(np.mean(hits)), float(np.mean(chances))


@pytest.mark.parametrize("modality", ["image", "text"])
def test_it_finds_the_same_finding_in_the_same_region(mapled: Any, modality: str) -> None:
    found, chance = same_finding(mapled, modality, mirrored=False)
    elsewhere, _ = same_finding(mapled, modality, mirrored=True)
    assert found > 3 * chance and found > elsewhere + 0.2, (found, elsewhere, chance)


def test_phase_two_has_the_text_of_phase_one(mapled: Any) -> None:
    first, second = (load_file(folder / "model.safetensors") for folder in (mapled.align, mapled.locate))
    same = {name for name, weights in second.items() if np.array_equal(first[name], weights)}
    assert {name for name in second if name.startswith((*FROZEN, "findings.seen"))} <= same
    assert not [name for name in same if name.startswith(("image_encoder.", "findings.evidence"))
                and name.endswith(("weight", "bias"))]  # fmt: skip
    record = json.loads((mapled.locate / "config.json").read_text())
    assert record["objective"] == "maple" and len(record["model"]["findings"]) > 50


def test_twice_is_the_same_bytes(mapled: Any, tmp_path: Path) -> None:
    lines = [type(mapled)(mapled.planted, tmp_path / name) for name in ("1", "2")]
    for line in lines:
        line.tokenizer = mapled.tokenizer
        line.run_align(objective="maple", epochs=1)
        line.run_locate(epochs=1)
        line.run_embed(line.planted.partitions[0])
    for name in ("align/model.safetensors", "locate/model.safetensors", "locate/config.json"):
        assert (lines[0].folder / name).read_bytes() == (lines[1].folder / name).read_bytes(), name
    first, second = (line.embeddings[line.planted.partitions[0]].read_bytes() for line in lines)
    assert first == second


def test_a_warm_start_goes_on_and_another_objective_s_network_is_refused(
    mapled: Any, warm_note: Path, tmp_path: Path
) -> None:
    other = type(mapled)(mapled.planted, tmp_path)
    other.tokenizer = mapled.tokenizer
    with pytest.raises(UsageError, match="another network"):
        other.run_align(start=warm_note, objective="maple")
    model = warm_note.with_suffix("") / "model"
    notes = json.loads(warm_note.read_text())
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (model / name).write_bytes((mapled.locate / name).read_bytes())
    notes["files"] = {name: digest(warm_note.with_suffix("") / name) for name in notes["files"]}
    warm_note.write_text(json.dumps(notes))
    other.run_align(start=warm_note, objective="maple", epochs=0)
    assert load_model(other.align).model_id == load_model(mapled.locate).model_id


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
