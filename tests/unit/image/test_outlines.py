"""Run lengths, and a thorax fitted to masks of lungs and heart. The masks are those of phantoms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hilum.image.atlas import read_atlas
from hilum.image.outlines import common_tilt, decode_runs, fit_outlines
from tests.unit.image.region_files import run_lengths, thorax_masks

SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7))


def paint(organ, shape):
    mask = np.zeros(shape, dtype=bool)
    for row, start, end in zip(organ.rows, organ.starts, organ.ends, strict=True):
        assert start < end and not mask[row, start:end].any()
        mask[row, start:end] = True
    return mask


def organs(masks):
    height, width = masks[0].shape
    return *(decode_runs(run_lengths(mask), height, width) for mask in masks), height, width


@settings(deadline=None)
@given(SHAPES.flatmap(lambda shape: arrays(bool, shape)).filter(np.any))
def test_a_mask_is_decoded_as_it_was_encoded(mask):
    assert (paint(decode_runs(run_lengths(mask), *mask.shape), mask.shape) == mask).all()


@settings(deadline=None)
@given(SHAPES.flatmap(lambda shape: arrays(bool, shape)).filter(np.any))
def test_box_and_spread_are_those_of_the_pixels(mask):
    organ = decode_runs(run_lengths(mask), *mask.shape)
    y, x = np.nonzero(mask)
    box = organ.box()
    assert (box.x, box.y, box.x + box.width, box.y + box.height) == (x.min(), y.min(), x.max() + 1, y.max() + 1)
    cov = np.cov(np.stack([x, y]), bias=True)
    assert organ.spread() == pytest.approx([cov[0, 0], cov[0, 1], cov[1, 1]], abs=1e-9)


def test_a_published_mask_reads_as_its_data_set_says():
    """Pixels are counted from 1, row by row: the first run here is pixels 5 to 8, over the end of a row of 6."""
    assert paint(decode_runs("5 4 12 1", 2, 6), (2, 6)).astype(int).tolist() == [[0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 1]]


@pytest.mark.parametrize(
    "text", ["", "5", "5 4 9", "0 3", "1 0", "1 3 2 2", "9 1 1 2", "11 3", "a b", "1.5 2", "1 99999999999999999999"]
)
def test_what_is_no_mask_is_refused(text):
    with pytest.raises((ValueError, OverflowError)):
        decode_runs(text, 2, 6)


@pytest.mark.parametrize("angle", [-12, -5, 0, 5, 12])
def test_the_turn_is_found(angle):
    found = []
    for seed in range(6):
        right, left, *_ = organs(thorax_masks(seed, np.radians(angle))[0])
        found.append(np.degrees(common_tilt(right, left)))
    assert np.mean(found) == pytest.approx(angle, abs=1.5)
    assert found == pytest.approx([angle] * 6, abs=4)


@pytest.mark.parametrize("changes", [{}, {"heart": 1.3}, {"raised": 0.3}, {"angle": 0.15}], ids=str)
def test_every_region_follows_the_masks(changes):
    for seed in range(4):
        masks, truth = thorax_masks(seed, **changes)
        boxes = read_atlas().boxes(fit_outlines(*organs(masks)))
        assert np.mean([boxes[name].iou(box) for name, box in truth.items()]) > 0.72


def test_the_lungs_reach_exactly_as_far_as_their_masks():
    masks, _ = thorax_masks(1)
    right, left, heart, height, width = organs(masks)
    place = fit_outlines(right, left, heart, height, width)
    pivot = place.pivot_x, place.pivot_y
    u0, v0, _, v1 = read_atlas().regions["right lung"]
    x0, _, *ends = right.extent(place.angle, pivot)
    assert place.mid_x + u0 * place.right_width == pytest.approx(x0)
    assert [place.right_top + v * place.right_height for v in (v0, v1)] == pytest.approx(ends)
    _, v0, u1, v1 = read_atlas().regions["left lung"]
    _, x1, *ends = left.extent(place.angle, pivot)
    assert place.mid_x + u1 * place.left_width == pytest.approx(x1)
    assert [place.left_top + v * place.left_height for v in (v0, v1)] == pytest.approx(ends)


def test_a_wider_heart_is_pushed_further_and_never_folds():
    right, left, heart, height, width = organs(thorax_masks(2)[0])
    wide = np.zeros((height, width), dtype=bool)
    wide[heart.rows.min() : heart.rows.max(), 5 : width - 5] = True  # from wall to wall
    usual = fit_outlines(right, left, heart, height, width)
    most = fit_outlines(right, left, decode_runs(run_lengths(wide), height, width), height, width)
    assert most.left_heart > usual.left_heart and most.right_heart > usual.right_heart
    u = np.linspace(-1, 1, 200)
    assert (np.diff(most.to_image(u, np.full(200, 0.7))[0]) > 0).all(), "the push folds the image"


def test_lungs_on_the_wrong_sides_or_in_one_place_are_no_thorax():
    right, left, heart, height, width = organs(thorax_masks(3)[0])
    with pytest.raises(ValueError, match="left lung lies on the right"):
        fit_outlines(left, right, heart, height, width)
    with pytest.raises(ValueError, match="left lung lies on the right"):
        fit_outlines(right, right, heart, height, width)
    small, wide = np.zeros((2, 9, 200), dtype=bool)
    small[:, 60:100] = wide[:, :] = True  # one lung within the other
    with pytest.raises(ValueError, match="no room for a midline"):
        fit_outlines(*(decode_runs(run_lengths(mask), 9, 200) for mask in (small, wide, small)), 9, 200)
