"""Grounding units: united boxes, priors of the train images alone, controls, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hilum.evaluation import phrases
from hilum.evaluation.grounding_summary import DIFFERENCE, score_grounding, tabulate_groundings
from hilum.evaluation.heatmaps import Frame
from hilum.evaluation.phrases import Picture, Unit, collect_units, draw_priors, ground_pictures, patch_map
from hilum.schema import GROUNDINGS, SCORES
from hilum.tables import to_arrow

FRAME = Frame(120, 120, 0.5, 0.0, 0.0, 60)
CODES = {"pneumothorax": 1, "pleural_effusion": 2}
IDS = ["-".join([f"{i:08x}"] * 5) for i in range(8)]


class Model:
    """A picture's grey level is a code of what lies there; a phrase looks for its own code."""

    def encode_images(self, pixels: np.ndarray) -> SimpleNamespace:
        cells = pixels.reshape(len(pixels), 6, 10, 6, 10).max(axis=(2, 4)).reshape(len(pixels), 36)
        return SimpleNamespace(patches=np.eye(3)[cells])

    def encode_phrases(self, texts: Sequence[str]) -> np.ndarray:
        codes = [next(code for name, code in CODES.items() if text.endswith(name.replace("_", " "))) for text in texts]
        return np.eye(3)[codes]


def picture(number: int, units: dict[str, list[tuple[int, int]]]) -> Picture:
    """A 60 px square in which each finding fills some patches (row, column), which are its boxes."""
    pixels = np.zeros((60, 60), np.uint8)
    found = []
    for finding, patches in units.items():
        for row, column in patches:
            pixels[row * 10 : row * 10 + 10, column * 10 : column * 10 + 10] = CODES[finding]
        boxes = np.array([[column * 20, row * 20, 20, 20] for row, column in patches], float)
        found.append(Unit(finding, ("left lung",), boxes))
    return Picture(IDS[number], 10000000 + number, FRAME, pixels, tuple(found))


PICTURES = [
    picture(0, {"pneumothorax": [(0, 5)], "pleural_effusion": [(5, 0), (5, 5)]}),
    picture(1, {"pneumothorax": [(1, 1)]}),
    picture(2, {"pleural_effusion": [(4, 4)]}),
]
NO_PRIORS = phrases.Priors({}, {})


def scored(pictures: Sequence[Picture], priors: phrases.Priors = NO_PRIORS) -> pd.DataFrame:
    found = ground_pictures(pictures, Model(), priors, 0.0, 3)
    assert to_arrow(found, GROUNDINGS).num_rows == len(found)
    return found.set_index(["dicom_id", "finding", "score"])


def test_a_model_that_knows_finds_every_box() -> None:
    found = scored(PICTURES)
    for score in ("phrase", "placed_phrase"):
        rows = found.xs(score, level="score")
        assert len(rows) == 4 and (rows["pointing_game"] == 1).all() and (rows["contrast_to_noise_ratio"] > 2).all()


def test_the_other_phrase_is_one_that_the_image_does_not_have() -> None:
    found = scored(PICTURES)
    other = found.xs("other_phrase", level="score")
    assert set(other.index.get_level_values("dicom_id")) == {IDS[1], IDS[2]}  # the first image has both findings
    assert (other["pointing_game"] == other["chance_pointing"]).all()  # a constant map
    assert other["contrast_to_noise_ratio"].isna().all() and (other["mean_iou"] == 0).all()


def test_united_boxes_count_once() -> None:
    row = scored(PICTURES).loc[(IDS[0], "pleural_effusion", "phrase")]
    assert row["chance_pointing"] == pytest.approx(2 / 36)


def test_without_a_prior_the_map_is_constant() -> None:
    rows = scored(PICTURES).xs("prior", level="score")
    assert (rows["pointing_game"] == rows["chance_pointing"]).all() and rows["contrast_to_noise_ratio"].isna().all()


def test_a_unit_whose_boxes_miss_the_image_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    lost = Picture(
        IDS[3], 10000003, FRAME, PICTURES[1].pixels, (Unit("pneumothorax", ("spine",), np.array([[500.0, 5, 9, 9]])),)
    )
    assert IDS[3] not in scored([*PICTURES, lost]).index.get_level_values("dicom_id")
    assert "1 units have no box that meets their image" in caplog.text


def test_no_unit_at_all() -> None:
    assert to_arrow(ground_pictures([], Model(), NO_PRIORS, 1.5, 0), GROUNDINGS).num_rows == 0


def findings(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["dicom_id", "finding", "region", "x", "y", "width", "height"])


def test_units_unite_the_boxes_of_an_image_and_finding() -> None:
    table = findings(
        ("b", "x", "spine", 1, 2, 3, 4), ("a", "y", "carina", 5, 6, 7, 8), ("b", "x", "carina", 9, 9, 1, 1)
    )
    units = collect_units(table)
    assert list(units) == ["a", "b"] and units["b"][0].regions == ("carina", "spine")
    assert units["b"][0].boxes.tolist() == [[1, 2, 3, 4], [9, 9, 1, 1]]


def test_priors_are_shares_of_units_whatever_the_image_size() -> None:
    sizes = pd.DataFrame({"dicom_id": ["a", "b"], "columns_px": [100, 200], "rows_px": [100, 400]})
    table = findings(
        ("a", "x", "left lung", 0, 0, 50, 100), ("b", "x", "left lung", 0, 0, 100, 200),
        ("b", "x", "spine", 100, 0, 9, 9),
    )  # fmt: skip
    priors = draw_priors(table, sizes)
    whole = priors.by_finding["x"]
    assert whole.shape == (64, 64) and whole[5, 5] == 1 and whole[60, 5] == 0.5 and whole[60, 60] == 0
    assert priors.by_place["x", "spine"][0, 32] == 1 and priors.by_place["x", "left lung"][0, 32] == 0


def test_a_prior_points_where_boxes_were() -> None:
    table = findings((IDS[5], "pneumothorax", "left lung", 100, 0, 20, 20))
    sizes = pd.DataFrame({"dicom_id": [IDS[5]], "columns_px": [120], "rows_px": [120]})
    found = scored(PICTURES[:2], draw_priors(table, sizes)).xs("prior", level="score")
    by_image = found.reset_index().set_index(["dicom_id", "finding"])["pointing_game"]
    assert by_image[IDS[0], "pneumothorax"] == 1 and by_image[IDS[1], "pneumothorax"] == 0


def test_the_median_box_is_of_the_train_boxes_and_uniform_is_at_chance() -> None:
    table = findings(*[(IDS[i], "pneumothorax", "left lung", x, 0, 20, 20) for i, x in ((5, 100), (6, 100), (7, 0))])
    sizes = pd.DataFrame({"dicom_id": IDS[5:8], "columns_px": 120, "rows_px": 120})
    priors = draw_priors(table, sizes)
    np.testing.assert_allclose(priors.boxes["pneumothorax"], [100 / 120, 0, 1 / 6, 1 / 6])
    found = scored(PICTURES[:2], priors)
    there = found.loc[(IDS[0], "pneumothorax", "median_box")]  # the very box
    assert there["mean_iou"] == 1 and there["pointing_game"] == 1
    assert found.loc[(IDS[1], "pneumothorax", "median_box"), "mean_iou"] == 0
    unknown = found.loc[(IDS[0], "pleural_effusion", "median_box")]  # not seen in training: predicts nothing
    assert unknown["mean_iou"] == 0 and unknown["pointing_game"] == unknown["chance_pointing"]
    uniform = found.xs("uniform", level="score")
    assert (uniform["pointing_game"] == uniform["chance_pointing"]).all() and (uniform["mean_iou"] == 0).all()
    assert uniform["contrast_to_noise_ratio"].isna().all()


def test_a_map_has_its_first_row_on_top() -> None:
    patches = np.zeros((9, 2))
    patches[1] = [1, 0]
    assert patch_map(np.array([1.0, 0.0]), patches).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_macro_means_need_enough_units_and_micro_means_take_all() -> None:
    rows = [
        {"dicom_id": IDS[i], "subject_id": 10000000 + i, "finding": "x" if i < 5 else "y", "score": score,
         "pointing_game": float(i < 4) if score == "phrase" else 0.5, "mean_iou": 0.25, "chance_pointing": 0.1,
         "contrast_to_noise_ratio": None if i == 0 else 1.0}
        for i in range(6) for score in ("phrase", "prior")
    ]  # fmt: skip
    table = score_grounding(pd.DataFrame(rows), 5, 50, 0)
    assert to_arrow(table, SCORES).num_rows == len(table)
    found = table.set_index(["score", "average", "metric"])
    assert found.loc[("phrase", "macro", "pointing_game"), "value"] == pytest.approx(4 / 5)
    assert found.loc[("phrase", "micro", "pointing_game"), "value"] == pytest.approx(4 / 6)
    assert found.loc[("phrase", "micro", "contrast_to_noise_ratio"), ["value", "n_units"]].tolist() == [1, 5]
    assert found.loc[("phrase", "macro", "pointing_game"), ["chance", "n_units", "n_groups"]].tolist() == [0.1, 5, 1]
    assert found.loc[(DIFFERENCE, "macro", "pointing_game"), "value"] == pytest.approx(0.3)
    assert np.isnan(found.loc[(DIFFERENCE, "macro", "pointing_game"), "chance"])
    assert not (score_grounding(pd.DataFrame(rows), 6, 50, 0)["average"] == "macro").any()
    assert tabulate_groundings(pd.DataFrame(rows))["n_units"].tolist() == [5, 5, 1, 1]
