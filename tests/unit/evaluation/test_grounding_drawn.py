"""CNR and mIoU of maps and boxes drawn here, against values worked by hand: crops, unseen pixels, united boxes."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from hilum.errors import GroundingError
from hilum.evaluation.grounding import contrast_to_noise_ratio, mean_iou
from hilum.evaluation.heatmaps import Frame, draw_boxes, draw_map

# A map's rows, ? where the crop did not look; boxes as pictures, united; the contrast, and the IoU over thresholds.
DRAWN = [
    # inside {8, 4}: 6 and variance 4; outside {0, 0}. Stretched to 1, 0, -1: only the 8 is predicted, 1 of 2
    pytest.param("84 00", ["xx .."], 6 / 2, 1 / 2, id="one box"),
    # the same of two boxes that do not touch
    pytest.param("804 000", ["x.. ...", "..x ..."], 6 / 2, 1 / 2, id="two boxes"),
    # inside {8, 4, 2}: 14/3 and 56/9; the pixel that both boxes hold counts once
    pytest.param("842 000", ["xx. ...", ".xx ..."], 14 / sqrt(56), 1 / 3, id="overlapping boxes"),
    # the box reaches into what the crop did not see: {8, 4} again
    pytest.param("?84? ?00?", ["xxx. ...."], 6 / 2, 1 / 2, id="crop at both sides"),
    # seen of the box {8}; outside {0, 4, 0}: 4/3 and 32/9
    pytest.param("?80 ?40", ["xx. ..."], 20 / sqrt(32), 1.0, id="box half outside the crop"),
    # inside {0, 4}: 2 and 4; outside {8, 8}, which is all that is predicted
    pytest.param("04 88", ["xx .."], -6 / 2, 0.0, id="the map points away"),
]


def read(drawn: str) -> np.ndarray:
    return np.array([[np.nan if c == "?" else float(c) for c in row] for row in drawn.split()])


@pytest.mark.parametrize(("drawn", "boxes", "contrast", "iou"), DRAWN)
def test_drawn_cases(drawn: str, boxes: list[str], contrast: float, iou: float) -> None:
    inside = np.any([[[c == "x" for c in row] for row in box.split()] for box in boxes], axis=0)
    assert contrast_to_noise_ratio(read(drawn), inside) == pytest.approx(contrast)
    assert mean_iou(read(drawn), inside) == pytest.approx(iou)


def test_a_map_that_says_nothing_predicts_nothing() -> None:
    inside = np.array([[True, False], [False, False]])
    assert mean_iou(read("33 33"), inside) == 0
    with pytest.raises(GroundingError, match="constant inside and outside"):
        contrast_to_noise_ratio(read("33 33"), inside)


def test_boxes_that_cover_all_that_was_seen() -> None:
    assert mean_iou(read("?84 ?00"), np.ones((2, 3), bool)) == 1 / 4
    with pytest.raises(GroundingError, match="cover every pixel"):
        contrast_to_noise_ratio(read("?84 ?00"), np.ones((2, 3), bool))


def test_a_crop_and_boxes_from_the_image_s_own_pixels() -> None:
    """An image of 4 x 2 px whose square, 2 px, holds its middle, columns 1 and 2: patches {8, 4 / 0, 0}, a pixel each.

    Two boxes of the left half, one within the other, are columns 0 and 1; seen of them {8, 0}, outside {4, 0}:
    (4 - 2) / sqrt(16 + 4). Predicted {8}, of two pixels: 1/2.
    """
    frame = Frame(4, 2, 1.0, -1.0, 0.0, 2)
    drawn = draw_map(np.array([[8.0, 4.0], [0.0, 0.0]]), frame)
    np.testing.assert_array_equal(np.isnan(drawn), [[True, False, False, True]] * 2)
    inside = draw_boxes(np.array([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]]), frame)
    assert contrast_to_noise_ratio(drawn, inside) == pytest.approx(2 / sqrt(20))
    assert mean_iou(drawn, inside) == pytest.approx(1 / 2)


def test_thresholds_cut_at_five_heights() -> None:
    """Stretched 1, .5, .25, -1. Above .1, .2 three pixels, two in the box of two: 2/3; above .3, .4 two, one in it:
    1/3; above .5 one: 1/2. Inside {20, 12.5}: 16.25 and 14.0625; outside {15, 0}: 7.5 and 56.25."""
    drawn, box = np.array([[20, 15], [12.5, 0]]), np.array([[True, False], [True, False]])
    assert mean_iou(drawn, box) == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 / 3 + 1 / 2) / 5)
    assert contrast_to_noise_ratio(drawn, box) == pytest.approx(8.75 / sqrt(70.3125))
