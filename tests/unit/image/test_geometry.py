import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.image.geometry import Box, Letterbox, fit_letterbox, letterbox, patch_weights, resample

sizes = st.integers(1, 700)
edges = st.floats(-500, 500, allow_nan=False)


def slow_mean(gray, x0, x1, y0, y1):
    """The mean of an image over a rectangle, pixel by pixel; nothing outside."""
    total = 0.0
    for i in range(gray.shape[0]):
        for j in range(gray.shape[1]):
            down = max(0.0, min(i + 1, y1) - max(i, y0))
            across = max(0.0, min(j + 1, x1) - max(j, x0))
            total += float(gray[i, j]) * down * across
    return total / ((x1 - x0) * (y1 - y0))


def test_area_average_is_that_of_the_slow_version():
    gray = np.random.Generator(np.random.PCG64(1)).integers(0, 256, (23, 17), dtype=np.uint8)
    rows, columns = np.linspace(-2.0, 24.0, 7), np.linspace(0.3, 18.0, 6)
    means = resample(gray, rows, columns)
    for i in range(6):
        for j in range(5):
            assert means[i, j] == pytest.approx(slow_mean(gray, columns[j], columns[j + 1], rows[i], rows[i + 1]))


@pytest.mark.parametrize(
    "shape", [(300, 200), (200, 300), (144, 144), (500, 499), (40, 31), (1, 1), (1, 900), (900, 1)]
)
def test_any_shape_becomes_the_square_and_keeps_its_brightness(shape):
    packed, place = letterbox(np.full(shape, 200, np.uint8), 64)
    assert packed.shape == (64, 64) and packed.dtype == np.uint8
    inside = place.pack(Box(0, 0, shape[1], shape[0]))
    assert max(inside.width, inside.height) == pytest.approx(64)
    assert packed.sum(dtype=float) == pytest.approx(200 * inside.area, rel=0.02, abs=64)
    full = packed[
        int(np.ceil(inside.y)) : int(inside.y + inside.height + 1e-9),
        int(np.ceil(inside.x)) : int(inside.x + inside.width + 1e-9),
    ]
    assert (full == 200).all()


def test_padding_is_zero_and_on_both_sides():
    packed, place = letterbox(np.full((100, 50), 255, np.uint8), 40)
    assert place == Letterbox(0.4, 10.0, 0.0)
    assert (packed[:, :10] == 0).all() and (packed[:, 30:] == 0).all() and (packed[:, 10:30] == 255).all()


def test_reducing_does_not_alias():
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 200
    packed, _ = letterbox(stripes, 64)
    assert (packed == 100).all()


def test_enlarging_is_smooth():
    packed, _ = letterbox(np.array([[0, 255], [0, 255]], np.uint8), 32)
    assert (np.diff(packed[16].astype(int)) >= 0).all() and len(np.unique(packed)) > 10


def test_a_mark_is_found_where_the_letterbox_says():
    gray = np.zeros((613, 411), np.uint8)
    gray[400:440, 100:150] = 255
    packed, place = letterbox(gray, 144)
    y, x = np.nonzero(packed > 127)
    mark = place.pack(Box(100, 400, 50, 40))
    assert x.min() == pytest.approx(mark.x, abs=1) and x.max() + 1 == pytest.approx(mark.x + mark.width, abs=1)
    assert y.min() == pytest.approx(mark.y, abs=1) and y.max() + 1 == pytest.approx(mark.y + mark.height, abs=1)


@settings(max_examples=50, deadline=None)
@given(sizes, sizes, st.integers(8, 256), edges, edges)
def test_packing_a_box_and_back_changes_nothing(height, width, size, x, y):
    place = fit_letterbox(height, width, size)
    back = place.unpack(place.pack(Box(x, y, 30.0, 20.0)))
    assert (back.x, back.y, back.width, back.height) == pytest.approx((x, y, 30.0, 20.0), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(edges, edges, st.floats(0, 900), st.floats(0, 900))
def test_a_clipped_box_lies_within(x, y, width, height):
    box = Box(x, y, width, height).clip(200, 100)
    assert 0 <= box.x <= box.x + box.width <= 200 + 1e-9
    assert 0 <= box.y <= box.y + box.height <= 100 + 1e-9


def test_a_box_outside_clips_to_nothing():
    assert Box(-50, 10, 20, 20).clip(100, 100) == Box(0, 10, 0, 20)
    assert Box(150, 10, 20, 20).clip(100, 100) == Box(100, 10, 0, 20)


def test_iou_by_hand():
    assert Box(0, 0, 2, 2).iou(Box(1, 1, 2, 2)) == pytest.approx(1 / 7)
    assert Box(0, 0, 2, 2).iou(Box(2, 0, 2, 2)) == 0
    assert Box(0, 0, 0, 0).iou(Box(0, 0, 0, 0)) == 0


def test_patch_weights_by_hand():
    weights = patch_weights(Box(2, 0, 4, 6), 8, 2)  # patches of 4 x 4
    assert weights.tolist() == [[0.5, 0.5], [0.25, 0.25]]


@settings(max_examples=100, deadline=None)
@given(st.floats(-20, 170), st.floats(-20, 170), st.floats(0, 200), st.floats(0, 200), st.integers(1, 20))
def test_patch_weights_sum_to_the_area_inside(x, y, width, height, grid):
    weights = patch_weights(Box(x, y, width, height), 144, grid)
    inside = Box(x, y, width, height).clip(144, 144)
    assert weights.shape == (grid, grid) and weights.min() >= 0 and weights.max() <= 1 + 1e-9
    assert weights.sum() * (144 / grid) ** 2 == pytest.approx(inside.area, abs=1e-6)


def test_no_patch_is_covered_by_an_empty_box():
    assert patch_weights(Box(10, 10, 0, 5), 144, 9).sum() == 0
    assert patch_weights(Box(500, 10, 30, 5), 144, 9).sum() == 0
