"""Grounding metrics on maps worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hilum.errors import GroundingError
from hilum.evaluation.grounding import box_share, contrast_to_noise_ratio, mean_iou, pointing_game

NAN = np.nan


def grid(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, np.float64)


def mask(rows: list[str]) -> np.ndarray:
    return np.array([[c == "x" for c in row] for row in rows])


# inside {4, 2}: mean 3, variance 1; outside {0, 1, 0, 1}: mean 1/2, variance 1/4
MAP = grid([[4, 2, 0], [1, 0, 1]])
BOX = mask(["xx.", "..."])


def test_contrast_by_hand() -> None:
    assert contrast_to_noise_ratio(MAP, BOX) == pytest.approx(2.5 / np.sqrt(1.25))


def test_contrast_keeps_its_sign() -> None:
    assert contrast_to_noise_ratio(-MAP, BOX) == pytest.approx(-2.5 / np.sqrt(1.25))


def test_contrast_leaves_out_what_the_crop_did_not_see() -> None:
    padded = np.pad(MAP, 1, constant_values=NAN)
    boxes = np.pad(BOX, 1, constant_values=True)  # a box that reaches out of the crop
    assert contrast_to_noise_ratio(padded, boxes) == pytest.approx(2.5 / np.sqrt(1.25))


def test_contrast_of_united_boxes() -> None:
    """Two boxes, {4} and {1, 1}, are one region: mean 2, variance 2; outside {2, 0, 0}: 2/3 and 8/9."""
    united = mask(["x..", "..."]) | mask(["...", "x.x"])
    assert contrast_to_noise_ratio(MAP, united) == pytest.approx((2 - 2 / 3) / np.sqrt(2 + 8 / 9))


def test_contrast_with_one_constant_side_is_defined() -> None:
    """Inside {1, 1}: variance 0. Outside {0, 0, 0, 2}: mean 1/2, variance 3/4."""
    assert contrast_to_noise_ratio(grid([[1, 1, 0], [0, 0, 2]]), BOX) == pytest.approx(0.5 / np.sqrt(0.75))


@pytest.mark.parametrize(
    ("similarities", "boxes", "message"),
    [
        (MAP, np.zeros((2, 3), bool), "no pixel that the crop saw lies in a box"),
        (MAP, np.ones((2, 3), bool), "cover every pixel"),
        (np.full((2, 3), 0.3), BOX, "constant inside and outside"),
        (np.where(BOX, 0.3, 0.1), BOX, "constant inside and outside"),
        (np.full((2, 3), NAN), BOX, "no pixel that the crop saw lies in a box"),
        (MAP, np.ones((3, 2), bool), r"shape \(2, 3\) and the mask of boxes \(3, 2\)"),
    ],
)
def test_contrast_is_refused_where_it_is_undefined(similarities: np.ndarray, boxes: np.ndarray, message: str) -> None:
    with pytest.raises(GroundingError, match=message):
        contrast_to_noise_ratio(similarities, boxes)


def test_iou_by_hand() -> None:
    """Stretched from [0, 4] to [-1, 1]: 4 -> 1, 2 -> 0, others below. Only the peak is above 0.1: IoU 1/2, always."""
    assert mean_iou(MAP, BOX) == pytest.approx(1 / 2)


def test_iou_changes_with_the_threshold() -> None:
    """Stretched: 10 -> 1, 7.4 -> 0.48, 6.2 -> 0.24, 0 -> -1. Above 0.1, 0.2: three pixels, one of them outside the
    box of four: 2/5. Above 0.3, 0.4: {10, 7.4}, both inside: 2/4. Above 0.5: {10}: 1/4."""
    similarities = grid([[10, 7.4, 6.2], [0, 0, 0], [0, 0, 0]])
    boxes = mask(["xx.", "xx.", "..."])
    assert mean_iou(similarities, boxes) == pytest.approx((0.4 + 0.4 + 0.5 + 0.5 + 0.25) / 5)


def test_iou_of_united_boxes_with_a_hidden_part() -> None:
    """United boxes: four pixels, one unseen. Predicted at every threshold: the two of 1. 2 of 3 seen ones."""
    similarities = grid([[1, 1, 0, NAN], [0, 0, 0, NAN]])
    boxes = mask(["xx..", "...."]) | mask(["..xx", "...."])
    assert mean_iou(similarities, boxes) == pytest.approx(2 / 3)


def test_iou_of_an_empty_prediction_is_nought() -> None:
    assert mean_iou(np.full((2, 3), 0.3), BOX) == 0
    assert mean_iou(MAP, BOX, thresholds=(1.0,)) == 0


def test_iou_of_a_perfect_map() -> None:
    assert mean_iou(BOX.astype(float), BOX) == 1


def test_pointing_game() -> None:
    assert pointing_game(MAP, BOX) == 1
    assert pointing_game(-MAP, BOX) == 0
    assert pointing_game(np.where(BOX, NAN, MAP), mask(["xxx", "xxx"])) == 1  # the hidden peak is not the peak
    with pytest.raises(GroundingError, match="no pixel that the crop saw"):
        pointing_game(np.where(BOX, NAN, MAP), BOX)


def test_equal_peaks_share_the_point() -> None:
    assert pointing_game(grid([[2, 0, 2], [0, 0, 0]]), BOX) == 0.5
    assert (
        pointing_game(np.zeros((2, 3)), BOX) == pytest.approx(box_share(np.zeros((2, 3)), BOX)) == pytest.approx(1 / 3)
    )


def test_share_of_boxes_counts_seen_pixels_only() -> None:
    assert box_share(grid([[1, NAN, 0], [NAN, NAN, 0]]), BOX) == pytest.approx(1 / 3)


maps = arrays(np.float64, (4, 5), elements=st.sampled_from([NAN, -0.5, 0.0, 0.25, 0.3, 1.0]))


@given(maps, arrays(bool, (4, 5)))
def test_metrics_equal_pixel_by_pixel_versions(similarities: np.ndarray, boxes: np.ndarray) -> None:
    pixels = [(v, b) for v, b in zip(similarities.ravel(), boxes.ravel()) if not np.isnan(v)]
    near, far = [v for v, b in pixels if b], [v for v, b in pixels if not b]
    if not near:
        return
    low, high = min(v for v, _ in pixels), max(v for v, _ in pixels)
    peaks = [b for v, b in pixels if v == high]
    assert pointing_game(similarities, boxes) == pytest.approx(sum(peaks) / len(peaks))
    assert box_share(similarities, boxes) == pytest.approx(len(near) / len(pixels))
    scores = []
    for threshold in (0.1, 0.2, 0.3, 0.4, 0.5):
        predicted = [low < high and (v - low) / (high - low) * 2 - 1 > threshold for v, _ in pixels]
        both = sum(p and b for p, (_, b) in zip(predicted, pixels))
        either = sum(p or b for p, (_, b) in zip(predicted, pixels))
        scores.append(both / either if any(predicted) else 0)
    assert mean_iou(similarities, boxes) == pytest.approx(np.mean(scores))
    if far and (len(set(near)) > 1 or len(set(far)) > 1):
        expected = (np.mean(near) - np.mean(far)) / np.sqrt(np.var(near) + np.var(far))
        assert contrast_to_noise_ratio(similarities, boxes) == pytest.approx(expected)
