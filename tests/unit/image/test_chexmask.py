"""Masks as CheXmask publishes them: where rows lie, what is read of them, and what costs an image its masks."""

import pickle

import numpy as np
import pytest

from hilum.errors import BadDataError, UsageError
from hilum.image.boxes import NotDrawn
from hilum.image.chexmask import open_masks
from hilum.vocabulary import REGIONS
from tests.unit.image.region_files import HEADER, image_id, mask_row, thorax_masks, write_masks

ONE, TWO, THREE = image_id(1), image_id(0xABCDEF12), image_id(3)


@pytest.fixture(scope="module")
def masks():
    return thorax_masks(1)


def blank(masks):
    return np.zeros(masks[0][0].shape, np.uint8)


def test_all_regions_follow_the_masks_which_draw_three_themselves(tmp_path, masks):
    (right, left, heart), truth = masks
    write_masks(tmp_path, mask_row(ONE, masks[0]))
    boxes = open_masks(tmp_path, [ONE]).boxes(blank(masks), ONE)
    assert sorted(boxes) == sorted(REGIONS)
    assert np.mean([boxes[name].iou(box) for name, box in truth.items()]) > 0.75
    for name, mask in (("right lung", right), ("left lung", left), ("cardiac silhouette", heart)):
        y, x = np.nonzero(mask)
        box = boxes[name]
        assert (box.x, box.y, box.width, box.height) == (x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1)
    height, width = right.shape
    assert all(b.x >= 0 and b.y >= 0 and b.x + b.width <= width and b.y + b.height <= height for b in boxes.values())


def test_left_lung_is_the_patient_s(tmp_path, masks):
    right, left, heart = masks[0]
    write_masks(tmp_path, mask_row(ONE, masks[0]), mask_row(TWO, (left, right, heart)))
    source = open_masks(tmp_path, [ONE, TWO])
    boxes = source.boxes(blank(masks), ONE)
    for zone in ("lung", "lower lung zone", "costophrenic angle", "clavicle"):
        assert boxes[f"left {zone}"].x > boxes[f"right {zone}"].x + boxes[f"right {zone}"].width
    with pytest.raises(NotDrawn, match="broken mask"):
        source.boxes(blank(masks), TWO)


def test_rows_are_found_among_their_landmarks_and_read_from_the_file(tmp_path, masks):
    other = thorax_masks(2)
    rows = [mask_row(THREE, masks[0]), mask_row(ONE, masks[0]), mask_row(TWO, other[0]), mask_row(ONE, other[0])]
    table = write_masks(tmp_path, *rows)
    assert len(table.read_bytes().splitlines()) > 4 * 120  # a row goes over as many lines as there are landmarks
    source = open_masks(tmp_path, [TWO, ONE])
    alone = write_masks(tmp_path / "alone", mask_row(ONE, masks[0]))
    assert source.boxes(blank(masks), ONE) == open_masks(alone.parent, [ONE]).boxes(blank(masks), ONE)
    assert source.boxes(blank(other), TWO) != source.boxes(blank(masks), ONE)
    with pytest.raises(NotDrawn, match="no mask"):
        source.boxes(blank(masks), THREE)
    assert pickle.loads(pickle.dumps(source)).boxes(blank(masks), ONE) == source.boxes(blank(masks), ONE)
    assert len(pickle.dumps(source)) < 1000  # places, and no masks


@pytest.mark.parametrize(
    "dice, reason",
    [(0.7, None), (0.6999, "poor mask"), ("nan", "poor mask"), ("", "broken mask"), ("x", "broken mask")],
)
def test_a_poor_mask_is_left_to_the_next_rung(tmp_path, masks, dice, reason):
    write_masks(tmp_path, mask_row(ONE, masks[0], dice))
    source = open_masks(tmp_path, [ONE])
    if reason is None:
        assert len(source.boxes(blank(masks), ONE)) == 29
        return
    with pytest.raises(NotDrawn, match=reason):
        source.boxes(blank(masks), ONE)


@pytest.mark.parametrize("column", ["Left Lung", "Right Lung", "Heart", "Height", "Width"])
@pytest.mark.parametrize("value", ["", "7 x", "-1 4", "99999999999999999999 2"])
def test_a_broken_field_costs_its_image_the_mask(tmp_path, masks, column, value):
    broken = mask_row(ONE, masks[0])
    broken[HEADER.index(column)] = value
    write_masks(tmp_path, broken, mask_row(TWO, masks[0]))
    source = open_masks(tmp_path, [ONE, TWO])
    with pytest.raises(NotDrawn, match="broken mask"):
        source.boxes(blank(masks), ONE)
    assert len(source.boxes(blank(masks), TWO)) == 29


def test_a_row_with_too_few_fields_or_cut_is_broken(tmp_path, masks):
    table = write_masks(tmp_path, mask_row(ONE, masks[0])[:-1], mask_row(TWO, masks[0]))
    table.write_bytes(table.read_bytes()[:-200])
    source = open_masks(tmp_path, [ONE, TWO])
    for name in (ONE, TWO):
        with pytest.raises(NotDrawn, match="broken mask"):
            source.boxes(blank(masks), name)


def test_masks_of_another_size_are_not_the_image_s(tmp_path, masks):
    """Such as those of the folder Preprocessed."""
    write_masks(tmp_path, mask_row(ONE, masks[0]))
    with pytest.raises(NotDrawn, match="mask of another size"):
        open_masks(tmp_path, [ONE]).boxes(blank(masks)[:-1], ONE)


def test_a_long_mask_is_read(tmp_path):
    """A mask of more characters than Python's csv takes by itself."""
    shape = (600, 500)
    y, x = np.mgrid[0:600, 0:500]
    comb = x % 2 == 0
    right = comb & (x > 40) & (x < 220) & (y > 50) & (y < 500)
    left = comb & (x > 280) & (x < 460) & (y > 50) & (y < 500)
    heart = (x > 190) & (x < 350) & (y > 250) & (y < 450)
    row = mask_row(ONE, (right, left, heart))
    assert len(row[HEADER.index("Left Lung")]) > 131_072
    write_masks(tmp_path, row)
    assert len(open_masks(tmp_path, [ONE]).boxes(np.zeros(shape, np.uint8), ONE)) == 29


def test_a_named_source_without_its_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"has no MIMIC-CXR-JPG\.csv\. Put .*`dvc add` it, or take chexmask out"):
        open_masks(tmp_path, [ONE])
    (tmp_path / "MIMIC-CXR-JPG.csv.gz").write_bytes(b"")
    with pytest.raises(UsageError, match=r"MIMIC-CXR-JPG\.csv\.gz is there: unpack it"):
        open_masks(tmp_path, [ONE])


@pytest.mark.parametrize("header", [HEADER[:6] + HEADER[7:], HEADER[1:] + HEADER[:1], []])
def test_another_table_is_refused(tmp_path, header):
    write_masks(tmp_path, header=header)
    with pytest.raises(BadDataError, match=r"expected CheXmask's OriginalResolution.*Fetch it again"):
        open_masks(tmp_path, [ONE])
