import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.phantom.geometry import Pose, bump, canonical_grid, mask_box, outline_box, smoothstep, to_pixels


def pose(angle: float = 0.05, bend: float = 0.02) -> Pose:
    return Pose(300, 320, 115.0, 121.0, angle, 148.0, 161.0, (bend, 0.7, bend, 2.1, 2.0))


@given(st.floats(-0.1, 0.1), st.floats(0, 0.03), st.integers(5, 290), st.integers(5, 310))
def test_to_pixels_inverts_canonical_grid(angle: float, bend: float, column: int, row: int) -> None:
    u, v = canonical_grid(pose(angle, bend))
    x, y = to_pixels(pose(angle, bend), u[row, column], v[row, column])
    assert x == pytest.approx(column + 0.5, abs=0.02)
    assert y == pytest.approx(row + 0.5, abs=0.02)


def test_patients_left_is_the_pictures_right() -> None:
    u, v = canonical_grid(pose())
    assert (u[:, -1] > 0.8).all() and (u[:, 0] < -0.8).all()
    assert (v[-1] > v[0]).all()


def test_outline_box_is_clipped_to_the_picture() -> None:
    x, y, width, height = outline_box(pose(0.0, 0.0), np.array([-9.0, 9.0]), np.array([0.5, 9.0]))
    assert (x, width) == (0.0, 300.0)
    assert y > 0 and y + height == 320.0


def test_mask_box_leaves_out_what_is_faint() -> None:
    mask = np.zeros((20, 30))
    mask[5:8, 10:14] = 1.0
    mask[15, 25] = 0.1
    assert mask_box(mask) == (10.0, 5.0, 4.0, 3.0)
    assert mask_box(mask, (100, 200)) == (110.0, 205.0, 4.0, 3.0)


def test_mask_box_of_nothing_has_no_size() -> None:
    assert mask_box(np.zeros((4, 4))) == (0.0, 0.0, 0.0, 0.0)


def test_smoothstep_and_bump_reach_their_ends_exactly() -> None:
    assert smoothstep(np.array([-1.0, -0.1, 0.0, 0.1, 1.0]), 0.1).tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    assert bump(np.array([0.0, 1.0, 2.0])).tolist() == [1.0, 0.0, 0.0]
