"""From patches to the original image: where things land, what is not seen, what is smoothed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hilum.evaluation import heatmaps
from hilum.evaluation.heatmaps import GRID_PX, Frame, draw_boxes, draw_centre, draw_fractions, draw_map, smooth_patches

SQUARE = Frame(96, 96, 1.0, 0.0, 0.0, 96)


def test_a_square_is_drawn_as_torch_interpolates() -> None:
    patches = np.random.default_rng(0).random((6, 6))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(patches)[None, None], size=(96, 96), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(draw_map(patches, SQUARE), expected[0, 0].numpy(), atol=1e-8)


def test_a_letterboxed_image_gets_its_own_part_of_the_grid() -> None:
    """100 wide, 50 high, packed in 60 px at scale 0.6: 15 px of padding above and below."""
    frame = Frame(100, 50, 0.6, 0.0, 15.0, 60)
    patches = np.zeros((4, 4))
    patches[0] = 9  # of the padding: rows 0 to 15 of 60
    patches[1:3, 3] = 1  # the image's right edge
    drawn = draw_map(smooth_patches(patches, frame, 0), frame)
    assert drawn.shape == (50, 100) and not np.isnan(drawn).any()
    assert drawn[25, 99] == 1 and drawn[25, 10] == 0
    smoothed = draw_map(smooth_patches(patches, frame, 0.5), frame)
    assert smoothed.max() <= 1  # nothing of the padding's 9 leaks in


def test_what_lies_outside_a_crop_is_not_a_number() -> None:
    """A centre crop: the packed square shows original px 20 to 80 of 100."""
    frame = Frame(100, 100, 1.0, -20.0, -20.0, 60)
    drawn = draw_map(np.arange(9.0).reshape(3, 3), frame)
    assert np.isnan(drawn[:20]).all() and np.isnan(drawn[:, 80:]).all()
    assert not np.isnan(drawn[20:80, 20:80]).any()


def test_a_large_image_is_drawn_small() -> None:
    frame = Frame(2544, 3056, 144 / 3056, 12.0, 0.0, 144)
    assert max(frame.shape) == GRID_PX and frame.shape[1] / frame.shape[0] == pytest.approx(2544 / 3056, abs=0.01)
    assert Frame(30, 20, 1.0, 0.0, 0.0, 30).shape == (20, 30)


def test_smoothing_keeps_a_constant_and_spreads_a_peak() -> None:
    np.testing.assert_allclose(smooth_patches(np.full((6, 6), 0.4), SQUARE, 1.5), 0.4)
    peak = np.zeros((7, 7))
    peak[3, 3] = 1
    smoothed = smooth_patches(peak, SQUARE, 1.0)
    assert smoothed[3, 3] == smoothed.max() < 1 and smoothed[3, 2] == pytest.approx(smoothed[3, 4])
    assert smoothed[3, 4] / smoothed[3, 3] == pytest.approx(np.exp(-0.5), rel=0.05)


def test_smoothing_a_sliver_of_an_image_gives_numbers() -> None:
    for sigma in (0.05, 1.5):
        frame = Frame(2, 100, 0.96, 47.0, 0.0, 96)
        smoothed = smooth_patches(np.random.default_rng(0).random((6, 6)), frame, sigma)
        assert np.isfinite(smoothed).all()


def test_boxes_are_united_and_clipped() -> None:
    frame = Frame(10, 8, 1.0, 0.0, 0.0, 10)
    inside = draw_boxes(np.array([[1, 1, 2, 2], [2, 2, 2, 2], [8, 6, 50, 50], [-9, -9, 2, 2]]), frame)
    expected = np.zeros((8, 10), bool)
    expected[1:3, 1:3] = expected[2:4, 2:4] = expected[6:, 8:] = True
    np.testing.assert_array_equal(inside, expected)


@pytest.mark.parametrize("box", [[3.2, 3.2, 0.1, 0.1], [9.99, 7.99, 5, 5], [0, 0, 0.2, 0.2], [4, 4, 0, 0]])
def test_a_box_of_less_than_a_pixel_gets_one(box: list[float]) -> None:
    assert draw_boxes(np.array([box]), Frame(10, 8, 1.0, 0.0, 0.0, 10)).sum() == 1


@given(st.floats(-5, 25), st.floats(-5, 25), st.floats(0, 30), st.floats(0, 30))
def test_a_box_covers_the_pixels_whose_centre_it_holds(x: float, y: float, width: float, height: float) -> None:
    inside = draw_boxes(np.array([[x, y, width, height]]), Frame(20, 16, 1.0, 0.0, 0.0, 20))
    rows, columns = np.indices((16, 20)) + 0.5
    held = (columns >= x) & (columns < x + width) & (rows >= y) & (rows < y + height)
    if held.any():
        np.testing.assert_array_equal(inside, held)
    else:
        assert inside.sum() <= max(width, height) + 2


def test_a_picture_of_fractions_spans_the_image() -> None:
    picture = np.zeros((4, 4))
    picture[3, 0] = 1
    drawn = draw_fractions(picture, Frame(40, 80, 1.0, 0.0, 0.0, 80))
    assert drawn.shape == (80, 40) and np.unravel_index(drawn.argmax(), drawn.shape)[0] >= 60 and drawn[0, 39] == 0


def test_the_centre_points_to_the_centre() -> None:
    drawn = draw_centre(Frame(41, 21, 1.0, 0.0, 0.0, 41))
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (10, 20)


def test_patches_and_boxes_agree_on_where_things_are() -> None:
    """A patch that lies in a box peaks in that box, whatever the letterbox."""
    for frame in (Frame(300, 200, 0.48, 0.0, 24.0, 144), Frame(200, 300, 0.48, 24.0, 0.0, 144)):
        for row, column in ((5, 8), (12, 6), (9, 13)):
            patches = np.zeros((18, 18))
            patches[row, column] = 1
            left, top = (column * 8 - frame.offset_x_px) / 0.48, (row * 8 - frame.offset_y_px) / 0.48
            inside = draw_boxes(np.array([[left, top, 8 / 0.48, 8 / 0.48]]), frame)
            drawn = draw_map(patches, frame)
            assert inside[drawn == drawn.max()].all()
    assert heatmaps.DIGITS == 9
