"""evaluate: a made collection whose truth is known gives the figures that it must."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.config import EvaluateParams, IndexParams
from hilum.errors import BadDataError
from hilum.evaluation.recompute import recompute_metrics
from hilum.schema import CELLS, QUERIES, REPORT_QUERIES, SCORES
from hilum.stages import evaluate, index
from hilum.tables import read_table
from hilum.vocabulary import REGIONS

PARAMS = EvaluateParams(
    alphas=(0, 0.5, 1), min_positives=5, n_bootstrap=50, min_units=5, smoothing_patches=0.5, crop_px=8, n_examples=4,
    threads=1, seed=3,
)  # fmt: skip

FLAT = IndexParams(kind="flat", flat_up_to=0, train_images=1, candidates=1)


class Bright:
    """A model to which every phrase means brightness: (n, 36, 2) patches of a 6 x 6 grid."""

    model_id = "0123456789abcdef"
    config = SimpleNamespace(regions=REGIONS)

    def encode_images(self, pixels: np.ndarray, boxes: np.ndarray | None = None, batch_size: int = 64) -> Any:
        part = pixels.shape[-1] // 6 if pixels.shape[-1] % 6 == 0 else 1
        grid = pixels.shape[-1] // part
        grey = pixels.reshape(len(pixels), grid, part, grid, part).mean(axis=(2, 4)).reshape(len(pixels), -1) / 255
        patches = np.stack([grey, np.sqrt(1 - grey**2)], axis=2)
        whole = np.pad(patches.mean(axis=1), ((0, 0), (0, 14)))  # of the length of the collection's vectors
        regions = np.repeat(whole[:, None], len(REGIONS), axis=1)
        return SimpleNamespace(patches=patches, whole=whole, regions=regions)

    def encode_phrases(self, phrases: list[str]) -> np.ndarray:
        return np.tile([1.0, 0.0], (len(phrases), 1))


@pytest.fixture(autouse=True)
def bright_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "load_model", lambda model, tokenizer: Bright())


def evaluated(made: Any, folder: Path, collection: str = "phantom", write: bool = True) -> dict:
    data = folder / "data"
    if write:
        made.write(data)
    index.run(*made.tables(data), made.partitions, folder / "index", FLAT)
    evaluate.run(
        data, made.partitions, folder / "index", data / "locate", folder / "tokenizer", folder / "evaluation",
        folder / "metrics.json", folder / "plots", PARAMS, collection,
    )  # fmt: skip
    return json.loads((folder / "metrics.json").read_text())


def test_the_figures_of_a_known_truth(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    figures = evaluated(make_collection(), tmp_path)
    retrieval = figures["retrieval"]
    own, chance = retrieval["rra_vl"], retrieval["rra_vl"]["located_at_10_chance"]
    assert figures["collection"] == "phantom" and figures["relevance"] == "truth"
    assert own["located_at_10_low"] > retrieval["global"]["located_at_10"] > 0
    assert retrieval["oracle"]["located_at_10"] == 1 and retrieval["oracle"]["mean_average_precision"] == 1
    assert retrieval["random"]["located_at_10_low"] < chance < retrieval["random"]["located_at_10_high"]
    assert retrieval["mirrored"]["located_at_10"] < retrieval["mirrored"]["located_at_10_chance"]
    assert retrieval["mix_mirrorable"]["located_at_10"] > retrieval["mirrored"]["located_at_10_high"]
    assert retrieval["difference"]["mix_minus_global"]["located_at_10_low"] > 0
    grounding = figures["grounding"]
    assert grounding["rra_vl"]["pointing_game"] == 1 and grounding["rra_vl"]["contrast_to_noise_ratio_low"] > 2
    assert 0 < grounding["rra_vl"]["pointing_game_chance"] < 0.25 and grounding["prior"]["mean_iou"] > 0.9
    assert figures["labels"]["micro_precision"] == 1 and figures["labels"]["micro_recall"] == pytest.approx(
        0.8, abs=0.02
    )


def test_the_tables_hold_every_query_and_no_same_patient(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection()
    figures = evaluated(made, tmp_path)
    queries = read_table(tmp_path / "evaluation/queries.parquet", QUERIES)
    test = queries[queries["split"] == "test"]
    assert set(test["score"]) == {
        "mix",
        "global",
        "region",
        "mirrored",
        "random",
        "oracle",
        "pixels",
        "rerank",
        "crop",
        "random_box",
    }
    assert set(queries.loc[queries["split"] == "validate", "score"]) == {"alpha=0", "alpha=0.5", "alpha=1"}
    subject = dict(zip(made.images["dicom_id"], made.images["subject_id"]))
    for asking, answers in zip(queries["subject_id"], queries["answers"]):
        assert all(subject[answer] != asking for answer in answers)
    assert figures["counts"]["test_queries"] == (test["score"] == "mix").sum()
    cells = read_table(tmp_path / "evaluation/cells.parquet", CELLS)
    heart = cells[cells["finding"] == "enlarged_cardiac_silhouette"]
    assert not heart["locatable"].any() and set(heart["region"]) == {"cardiac silhouette"}
    scores = read_table(tmp_path / "evaluation/scores.parquet", SCORES)
    scores = scores[scores["task"] == "retrieval"]
    mix = scores[(scores["score"] == "mix") & (scores["average"] == "macro")].set_index("metric")["value"]
    by_cell = cells[(cells["score"] == "mix")]
    assert mix["precision_at_5"] == pytest.approx(by_cell["precision_at_5"].mean())
    assert mix["located_at_10"] == pytest.approx(by_cell.loc[by_cell["locatable"], "located_at_10"].mean())


def test_reports_on_either_side(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection()
    figures = evaluated(made, tmp_path)["reports"]
    queries = read_table(tmp_path / "evaluation/report_queries.parquet", REPORT_QUERIES)
    subject = dict(zip(made.images["dicom_id"], made.images["subject_id"]))
    assert set(queries["task"]) == {"image_to_report", "report_to_image", "report_to_report", "image_to_image"}
    for asking, answers in zip(queries["subject_id"], queries["answers"]):
        assert all(subject[answer] != asking for answer in answers)
    for task in ("image_to_report", "report_to_image", "report_to_report"):
        own = figures[task]
        assert own["oracle"]["mean_average_precision"] == own["oracle"]["ndcg_at_10"] == 1
        assert own["rra_vl"]["located_at_10_low"] > own["random"]["located_at_10"]
        asked = queries[(queries["task"] == task) & (queries["score"] == "mix")]
        same = queries[(queries["task"] == "image_to_image") & (queries["score"] == "mix")]
        for column in ("query", "n_gallery", "n_relevant", "n_same_finding", "weight"):
            assert asked[column].tolist() == same[column].tolist(), column
    words = figures["report_to_image"]
    keyword = words["keyword"]
    assert keyword["precision_at_5"] > 2 * keyword["precision_at_5_chance"]
    assert "keyword" not in figures["image_to_report"]
    assert "mix_minus_keyword" in words["difference"] and words["labels"]["precision_at_5"] > 0.5
    assert figures["exact_pair"]["image_to_report"]["recall_at_1"] == 1  # the made report's vector is its image's


def test_an_audit_comes_to_the_same_figures(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection()
    figures = evaluated(made, tmp_path)
    again = recompute_metrics(
        tmp_path / "data", tmp_path / "index", tmp_path / "data/locate", tmp_path / "evaluation", made.partitions,
        "phantom", PARAMS,
    )  # fmt: skip
    assert again == figures and "reports" in figures


def test_the_controls_say_that_random_is_at_chance(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    controls = evaluated(make_collection(), tmp_path)["controls"]
    assert controls["oracle_least"] == 1
    found = controls["random_at_chance"]
    assert set(found) >= {"precision_at_5", "mean_average_precision", "located_at_10", "ndcg_at_10"}
    for name, row in found.items():
        assert row["low"] < row["chance"] < row["high"] and row["inside"], name
        assert row["low"] < row["mean_low"] < row["mean"] < row["mean_high"] < row["high"], name
    table = pd.read_csv(tmp_path / "plots/controls.csv").set_index(["task", "score", "metric"])
    row = table.loc[("retrieval", "mirrored", "located_at_10")]
    assert row["mix_minus_low"] > 0 and row["chance_low"] < row["chance"] < row["chance_high"]


def test_twice_gives_the_same_bytes(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection(n_images=60)
    for name in ("a", "b"):
        evaluated(made, tmp_path / name)
    for kind in ("evaluation", "plots"):
        for path in sorted((tmp_path / "a" / kind).rglob("*")):
            other = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert path.is_dir() or path.read_bytes() == other.read_bytes(), path
    assert (tmp_path / "a/metrics.json").read_bytes() == (tmp_path / "b/metrics.json").read_bytes()


def test_a_real_collection_is_measured_on_weak_labels_and_says_so(
    make_collection: Callable[..., Any], tmp_path: Path
) -> None:
    figures = evaluated(make_collection(), tmp_path, "iu_cxr")
    assert figures["relevance"] == "weak" and "labels" not in figures and "grounding" not in figures
    assert "no truth" in figures["left_out"] and not (tmp_path / "evaluation/groundings.parquet").exists()
    for path in (tmp_path / "plots").glob("*.csv"):
        header, *rows = path.read_text().splitlines()
        assert "labels" in header and all("weak" in row.split(",") for row in rows), path.name


def test_without_a_cell_it_ends_and_says_so(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    figures = evaluated(make_collection(n_images=6), tmp_path)
    assert figures["counts"]["cells"] == 0 and figures["counts"]["test_queries"] == 0
    assert set(figures["retrieval"]) == {"alpha"}


def test_a_phantom_without_truth_is_refused(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection(n_images=12)
    data = made.write(tmp_path / "data")
    for path in (data / "truth/L0001").iterdir():
        path.unlink()
    (data / "truth/L0001").rmdir()
    with pytest.raises(BadDataError, match="has no landing's truth"):
        evaluated(made, tmp_path, write=False)


def test_a_model_without_objective_is_refused(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    made = make_collection(n_images=12)
    (made.write(tmp_path / "data") / "locate/config.json").write_text("{}")
    with pytest.raises(BadDataError, match="names no objective"):
        evaluated(made, tmp_path, write=False)


def test_an_index_of_another_checkpoint_is_refused(make_collection: Callable[..., Any], tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(Bright, "model_id", "ffffffffffffffff")
    with pytest.raises(BadDataError, match=r"made by checkpoint 0123456789abcdef; .* is ffffffffffffffff"):
        evaluated(make_collection(n_images=12), tmp_path)


def test_the_gallery_shows_what_search_answers(make_collection: Callable[..., Any], tmp_path: Path) -> None:
    evaluated(make_collection(), tmp_path)
    gallery = json.loads((tmp_path / "evaluation/gallery.json").read_text())
    maps = np.load(tmp_path / "evaluation/similarity_maps.npz")["maps"]
    queries = read_table(tmp_path / "evaluation/queries.parquet", QUERIES).set_index(["query", "score"])
    assert len({example["finding"] for example in gallery["examples"]}) == 4
    numbers = []
    for example in gallery["examples"]:
        row = queries.loc[(example["query"], "mix")]
        assert [answer["dicom_id"] for answer in example["answers"]] == list(row["answers"])[:5]
        assert [answer["relevant"] for answer in example["answers"]] == list(row["relevant"])[:5]
        assert example["finding_boxes"] == [[20, 30, 40, 36]]
        numbers += [answer["map"] for answer in example["answers"]] + [example["map"]]
    assert sorted(numbers) == list(range(len(maps))) and maps.shape[1:] == (6, 6)
