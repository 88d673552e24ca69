import numpy as np
import pytest

from hilum.image.atlas import read_atlas
from hilum.image.boxes import AtlasSource
from hilum.vocabulary import REGION_PARENTS, REGIONS


def film(height=200, width=180, seed=0):
    y, x = np.mgrid[0:height, 0:width]
    lungs = ((x - 0.3 * width) / (0.14 * width)) ** 2 + ((y - 0.45 * height) / (0.3 * height)) ** 2 < 1
    lungs |= ((x - 0.7 * width) / (0.14 * width)) ** 2 + ((y - 0.45 * height) / (0.3 * height)) ** 2 < 1
    noise = np.random.Generator(np.random.PCG64(seed)).normal(0, 5, (height, width))
    return np.clip(np.where(lungs, 50, 190) + noise, 0, 255).astype(np.uint8)


def test_every_region_has_a_box_within_the_image():
    gray = film()
    boxes = AtlasSource().boxes(gray, "any")
    assert len(boxes) == 29
    for name, box in boxes.items():
        assert box.x >= 0 and box.x + box.width <= 180 + 1e-6, name
        assert box.y >= 0 and box.y + box.height <= 200 + 1e-6, name


def test_left_is_the_right_side_of_the_picture():
    boxes = AtlasSource().boxes(film(), "any")
    assert boxes["left lung"].x > boxes["right lung"].x + 50
    assert 0.15 * 180 < boxes["right mid lung zone"].x + boxes["right mid lung zone"].width / 2 < 0.4 * 180


def test_boxes_are_rounded_and_repeatable():
    boxes = AtlasSource().boxes(film(), "one")
    assert boxes == AtlasSource().boxes(film(), "another")
    assert all(round(box.x, 2) == box.x and round(box.height, 2) == box.height for box in boxes.values())


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (50, 50)])
def test_a_picture_without_a_thorax_has_boxes_too(shape):
    boxes = AtlasSource().boxes(np.full(shape, 7, np.uint8), "blank")
    assert len(boxes) == 29
    assert all(np.isfinite([box.x, box.y, box.width, box.height]).all() for box in boxes.values())
    assert all(box.x + box.width <= shape[1] + 1e-6 for box in boxes.values())


def test_the_atlas_and_the_vocabulary_name_the_same_regions():
    assert sorted(read_atlas().regions) == sorted(REGIONS)


def test_a_region_lies_in_its_parent():
    for region, parent in REGION_PARENTS.items():
        inner, outer = read_atlas().regions[region], read_atlas().regions[parent]
        assert all(a >= b - 0.05 for a, b in zip(inner[:2], outer[:2], strict=True)), (region, parent)
        assert all(a <= b + 0.05 for a, b in zip(inner[2:], outer[2:], strict=True)), (region, parent)
