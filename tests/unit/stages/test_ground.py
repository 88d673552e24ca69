"""ground: phrases found in images of a folder, scored by boxes; what cannot be used is counted, phrases stay inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hilum.config import Params, read_params
from hilum.errors import BadDataError
from hilum.stages import ground

SCALE = 2  # of the pictures' files to the planted squares


@pytest.fixture
def params(root: Path) -> Params:
    params = read_params(root / "params.yaml")
    return params.model_copy(
        update={
            "pack": params.pack.model_copy(update={"size_px": 48}),
            "evaluate": params.evaluate.model_copy(update={"n_bootstrap": 20, "smoothing_patches": 0.5}),
        }
    )


@pytest.fixture
def annotated(trained: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A csv and the folder of its pictures: every planted picture with a finding, its zone as the box."""
    rows = []
    for partition in trained.planted.partitions:
        images = pd.read_parquet(trained.planted.data / "images" / f"{partition}.parquet")
        boxes = pd.read_parquet(trained.planted.data / "region_boxes" / f"{partition}.parquet")
        pixels = np.load(trained.planted.data / "pixels" / f"{partition}.npy")
        for image in images.itertuples():
            drawn = trained.planted.truth[image.dicom_id]
            if drawn is None:
                continue
            path = f"files/p{str(image.subject_id)[:2]}/p{image.subject_id}/s{image.study_id}/{image.dicom_id}.png"
            (tmp_path / path).parent.mkdir(parents=True)
            Image.fromarray(pixels[image.row].repeat(SCALE, 0).repeat(SCALE, 1)).save(tmp_path / path)
            box = boxes[(boxes["dicom_id"] == image.dicom_id) & (boxes["region"] == drawn[0])].iloc[0]
            place = [box["x"], box["y"], box["width"], box["height"]]
            rows.append([image.dicom_id, drawn[1].title(), drawn[1], path, *place, image.columns_px, image.rows_px])
    names = ["dicom_id", "category_name", "label_text", "path", "x", "y", "w", "h", "image_width", "image_height"]
    table = tmp_path / "boxes.csv"
    pd.DataFrame(rows, columns=names).to_csv(table, index=False)
    return table, tmp_path


def scores_of(found: dict[str, Any], name: str) -> dict[str, float]:
    rows = [row for row in found["scores"] if row["score"] == name and row["average"] == "macro"]
    return {row["metric"]: row["value"] for row in rows}


def test_a_trained_model_finds_its_phrases(
    trained: Any, annotated: tuple[Path, Path], params: Params, tmp_path: Path
) -> None:
    ground.run(annotated[0], annotated[1], trained.locate, tmp_path / "out.json", params)
    found = json.loads((tmp_path / "out.json").read_text())
    n = sum(drawn is not None for drawn in trained.planted.truth.values())
    assert found["counts"] == {"units": n, "images": n, "left_out": {}}
    phrase, other = scores_of(found, "phrase"), scores_of(found, "other_phrase")
    chance = next(row["chance"] for row in found["scores"] if row["metric"] == "pointing_game")
    assert phrase["pointing_game"] > max(other["pointing_game"], chance) + 0.2
    assert phrase["contrast_to_noise_ratio"] > other["contrast_to_noise_ratio"]
    units = pd.DataFrame(found["units"])
    mean = units[units["score"] == "phrase"].groupby("finding")["pointing_game"].mean().mean()
    assert phrase["pointing_game"] == pytest.approx(mean, abs=1e-6)  # every figure can be made again from its rows
    assert set(units["finding"]) == {"Consolidation", "Hyperaeration"}
    assert "label_text" not in (tmp_path / "out.json").read_text()


def test_priors_of_the_training_split_are_judged_on_the_others(
    trained: Any, annotated: tuple[Path, Path], params: Params, tmp_path: Path
) -> None:
    table = pd.read_csv(annotated[0])
    table["split"] = ["train" if n % 2 else "test" for n in range(len(table))]
    table.to_csv(annotated[0], index=False)
    ground.run(annotated[0], annotated[1], trained.locate, tmp_path / "out.json", params)
    found = json.loads((tmp_path / "out.json").read_text())
    units = pd.DataFrame(found["units"])
    n_test = int((table["split"] == "test").sum())
    sizes = units.groupby("score").size()
    assert {sizes[name] for name in ("train_prior", "train_median_box", "phrase_held_out")} == {n_test}
    assert {sizes[name] for name in ("prior", "median_box", "uniform", "phrase")} == {len(table)}
    assert "training split" in found["protocol"]["train_prior"]


def test_what_cannot_be_used_is_counted_and_the_rest_is_scored(
    trained: Any, annotated: tuple[Path, Path], params: Params, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    table = pd.read_csv(annotated[0]).head(8)
    (annotated[1] / table["path"][0]).unlink()
    (annotated[1] / table["path"][1]).write_bytes(b"no picture")
    table.loc[2, "path"] = "../elsewhere.png"
    table.loc[3, "w"] = np.nan
    table.loc[4, "image_height"] = 10 * table["image_height"][4]
    table.loc[5, ["x", "y"]] = 5000
    table["label_text"] = "a secret sentence"
    table.to_csv(annotated[0], index=False)
    ground.run(annotated[0], annotated[1], trained.locate, tmp_path / "out.json", params)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["counts"] == {
        "units": 2, "images": 2,
        "left_out": {"no usable box": 1, "no such file": 1, "undecodable_image": 1, "path outside the folder": 1,
                     "other_shape": 1, "no box within its image": 1},
    }  # fmt: skip
    assert "secret" not in (tmp_path / "out.json").read_text() + caplog.text


def test_without_a_usable_image_it_says_so(
    trained: Any, annotated: tuple[Path, Path], params: Params, tmp_path: Path
) -> None:
    with pytest.raises(BadDataError, match=r"none of its \d+ units has a usable image"):
        ground.run(annotated[0], tmp_path / "empty", trained.locate, tmp_path / "out.json", params)
    assert not (tmp_path / "out.json").exists()
