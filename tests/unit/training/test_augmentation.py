"""Pictures and boxes move together, and never mirror."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.training.augmentation import MAX_SCALE, MAX_SHIFT, MAX_TILT, augment
from hilum.training.seed import epoch_generator


def spot(size: int = 64) -> tuple[torch.Tensor, np.ndarray]:
    """A bright square left of the middle, and its box."""
    images = torch.zeros(8, size, size, dtype=torch.uint8)
    images[:, 24:36, 12:20] = 200
    boxes = np.tile(np.array([12, 24, 20, 36], np.float32) / size, (8, 1, 1))
    return images, boxes


def test_the_box_follows_the_spot() -> None:
    images, boxes = spot()
    moved, new_boxes = augment(images, boxes, epoch_generator(0, 1))
    for picture, (box,) in zip(moved, new_boxes):
        bright = torch.nonzero(picture > picture.median() + 60)
        top, left = bright.min(0).values.tolist()
        bottom, right = (bright.max(0).values + 1).tolist()
        assert np.allclose([left, top, right, bottom], 64 * box, atol=1.6)
    assert not np.allclose(new_boxes, boxes)


def test_left_stays_left() -> None:
    images, boxes = spot()
    _, new_boxes = augment(images, boxes, epoch_generator(0, 2))
    assert (new_boxes[..., 2] < 0.5).all() and (new_boxes[..., 0] < new_boxes[..., 2]).all()


def test_the_same_generator_gives_the_same_pictures() -> None:
    images, boxes = spot()
    first, second = (augment(images, boxes, epoch_generator(3, 4)) for _ in range(2))
    assert torch.equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert not torch.equal(first[0], augment(images, boxes, epoch_generator(3, 5))[0])


def test_values_stay_in_range_and_input_is_kept() -> None:
    images, boxes = spot()
    before = images.clone()
    moved, new_boxes = augment(images, boxes, epoch_generator(0, 6))
    assert moved.min() >= 0 and moved.max() <= 255 and moved.dtype == torch.float32
    assert torch.equal(images, before)
    limit = 0.5 * MAX_SCALE + MAX_SHIFT + 0.5 * (1 + MAX_SCALE) * MAX_TILT
    assert np.abs(new_boxes - boxes).max() <= limit + 1e-6


def test_corners_are_turned_with_their_boxes() -> None:
    images = torch.zeros(16, 96, 96, dtype=torch.uint8)
    boxes = np.zeros((16, 2, 4), np.float32)
    for number, (left, top) in enumerate(((24, 24), (64, 64))):
        images[:, top : top + 8, left : left + 8] = 200
        boxes[:, number] = np.array([left, top, left + 8, top + 8], np.float32) / 96
    moved, new_boxes = augment(images, boxes, epoch_generator(1, 1))
    slopes = []
    for picture, places in zip(moved, new_boxes):
        for left, top, right, bottom in 96 * places:
            y, x = np.mgrid[int(top) - 3 : int(bottom) + 4, int(left) - 3 : int(right) + 4]
            bright = (picture[y, x] - picture.median()).clamp_min(0).numpy()
            assert (bright * x).sum() / bright.sum() + 0.5 == pytest.approx((left + right) / 2, abs=0.4)
            assert (bright * y).sum() / bright.sum() + 0.5 == pytest.approx((top + bottom) / 2, abs=0.4)
        (ax, ay), (bx, by) = (places[:, :2] + places[:, 2:]) / 2
        slopes.append(np.arctan2(by - ay, bx - ax) - np.pi / 4)
    assert 0.03 < np.abs(slopes).max() < 0.25
