import gzip
import io

import numpy as np
import pydicom
import pytest
from PIL import Image

from hilum.phantom.encode import csv_bytes, dicom_bytes, gzip_bytes, jpeg_bytes
from hilum.phantom.labellers import CHEXPERT, labeller_rows

GREY = np.linspace(0, 255, 48 * 40).reshape(48, 40)
DICOM_ID = "0000000a-0000000b-0000000c-0000000d-0000000e"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 200_000])
def test_gzip_of_stored_blocks_is_read_back(size: int) -> None:
    content = np.random.default_rng(size).bytes(size)
    assert gzip.decompress(gzip_bytes(content)) == content


def test_jpeg_keeps_the_grey_levels() -> None:
    with Image.open(io.BytesIO(jpeg_bytes(GREY))) as picture:
        assert picture.size == (40, 48)
        assert np.abs(np.asarray(picture, dtype=float) - GREY).max() < 12
    assert jpeg_bytes(GREY + 300) == jpeg_bytes(np.full(GREY.shape, 255.0))


@pytest.mark.parametrize("inverted", [False, True])
def test_dicom_is_12_bit_and_may_be_inverted(inverted: bool) -> None:
    content = dicom_bytes(GREY, DICOM_ID, 10000001, 50000001, "PA", "21100101123000", inverted)
    assert content == dicom_bytes(GREY, DICOM_ID, 10000001, 50000001, "PA", "21100101123000", inverted)
    data = pydicom.dcmread(io.BytesIO(content))
    pixels = data.pixel_array.astype(float)
    shown = 4095 - pixels if data.PhotometricInterpretation == "MONOCHROME1" else pixels
    assert (data.PhotometricInterpretation == "MONOCHROME1") == inverted
    assert (data.BitsAllocated, data.BitsStored) == (16, 12)
    assert np.abs(shown / 4095 * 255 - GREY).max() < 0.1


def test_csv_leaves_none_empty() -> None:
    assert csv_bytes(("a", "b"), [(1, None), ("x,y", 1.0)]) == b'a,b\n1,\n"x,y",1.0\n'


def test_labeller_rows_follow_chexperts_rules() -> None:
    studies = [(10000001, 50000001, "a"), (10000001, 50000002, "b"), (10000002, 50000003, "c")]
    statements = [
        (50000001, "left costophrenic angle", "pleural_effusion", "absent"),
        (50000001, "right costophrenic angle", "pleural_effusion", "present"),
        (50000001, None, "consolidation", "uncertain"),
        (50000001, None, "pneumothorax", "absent"),
        (50000002, "svc", "picc", "present"),
    ]
    rows = labeller_rows(studies, statements)
    first = dict(zip(CHEXPERT, rows[0][2:], strict=True))
    assert first["Pleural Effusion"] == 1.0 and first["Consolidation"] == -1.0 and first["Pneumothorax"] == 0.0
    assert first["No Finding"] is None and first["Edema"] is None
    second = dict(zip(CHEXPERT, rows[1][2:], strict=True))
    assert second["No Finding"] == 1.0 and second["Support Devices"] == 1.0
    assert dict(zip(CHEXPERT, rows[2][2:], strict=True)) == {
        name: 1.0 if name == "No Finding" else None for name in CHEXPERT
    }
