"""The phantom's truth as the tables of the line: for ablations."""

from __future__ import annotations

import pandas as pd

from hilum.evaluation.oracle import draw_labels, place_boxes
from hilum.schema import REGION_BOXES
from hilum.vocabulary import REGIONS


def test_what_is_drawn_is_present_and_every_other_place_has_it_not() -> None:
    drawn = pd.DataFrame(
        {"study_id": [1, 1, 2], "region": ["left lung", "left lung", "spine"], "finding": ["mass", "mass", "scoliosis"]}
    )
    labels = draw_labels(pd.Series([1, 2, 3]), drawn)
    assert len(labels) == 3 * len(REGIONS) * 2
    present = labels[labels["label"] == "present"]
    assert present[["study_id", "region", "finding"]].to_numpy().tolist() == [
        [1, "left lung", "mass"], [2, "spine", "scoliosis"],
    ]  # fmt: skip
    assert set(labels["label"]) == {"present", "absent"}


def test_boxes_come_in_the_order_of_the_images() -> None:
    images = pd.DataFrame({"dicom_id": ["b", "a"]})
    boxes = pd.DataFrame(
        {"dicom_id": ["a", "a", "b", "b", "c", "c"], "region": ["left lung", "spine"] * 3,
         "x": range(6), "y": 0.0, "width": 1.0, "height": 1.0}
    )  # fmt: skip
    placed = place_boxes(images, boxes)
    assert list(placed.columns) == list(REGION_BOXES.column_names)
    assert placed["dicom_id"].tolist() == ["b", "b", "a", "a"] and placed["x"].tolist() == [2, 3, 0, 1]
    assert set(placed["region_source"]) == {"truth"}
