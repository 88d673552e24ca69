"""Pictures and boxes move together, and never mirror."""

from __future__ import annotations

import numpy as np
import torch

from hilum.training.augmentation import MAX_SCALE, MAX_SHIFT, augment
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
    limit = 0.5 * MAX_SCALE + MAX_SHIFT
    assert np.abs(new_boxes - boxes).max() <= limit + 1e-6
