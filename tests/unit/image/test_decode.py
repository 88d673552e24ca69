from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from hilum.errors import ImageError
from hilum.image.decode import read_gray, stretch

MAX = 1_000_000


def gradient(rows: int = 40, columns: int = 56) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return ((3 * x + 2 * y) % 256).astype(np.uint8)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def dicom(stored: np.ndarray, photometric: str = "MONOCHROME2", bits: int = 12, **tags: object) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["a"])
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * stored.dtype.itemsize
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.add_new(0x7FE00010, "OW" if stored.dtype.itemsize == 2 else "OB", stored.tobytes())
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def refused(data: bytes, max_pixels: int = MAX) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_gray(data, max_pixels)
    return caught.value


def test_a_grey_png_is_read_as_it_is_and_a_path_like_its_bytes(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(gradient()), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    assert np.array_equal(read_gray(data, MAX), gradient())
    assert np.array_equal(read_gray(tmp_path / "a.png", MAX), gradient())


def test_the_result_is_uint8_two_dimensional_and_writable() -> None:
    pixels = read_gray(encoded(Image.fromarray(gradient()), "JPEG", quality=95), MAX)
    assert pixels.dtype == np.uint8 and pixels.shape == (40, 56) and pixels.flags.writeable
    assert np.abs(pixels.astype(int) - gradient()).mean() < 8


def test_colour_becomes_luminance() -> None:
    colour = np.zeros((8, 8, 3), np.uint8)
    colour[:, :4] = (255, 0, 0)
    colour[:, 4:] = (0, 255, 0)
    pixels = read_gray(encoded(Image.fromarray(colour), "PNG"), MAX)
    assert set(np.unique(pixels)) == {76, 150}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_every_mode_of_a_grey_picture_gives_the_same_pixels(mode: str) -> None:
    pixels = read_gray(encoded(Image.fromarray(gradient()).convert(mode), "PNG"), MAX)
    assert np.abs(pixels.astype(int) - gradient()).max() <= 1


def test_cmyk_jpeg_is_not_turned_over() -> None:
    rgb = Image.fromarray(gradient()).convert("RGB")
    pixels = read_gray(encoded(rgb.convert("CMYK"), "JPEG", quality=100), MAX)
    assert np.corrcoef(pixels.ravel(), gradient().ravel())[0, 1] > 0.97


def test_exif_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_gray(encoded(Image.fromarray(gradient()), "JPEG", exif=exif), MAX).shape == (40, 56)


def test_sixteen_bit_png_keeps_its_order_and_fills_the_range() -> None:
    wide = (np.arange(40 * 56, dtype=np.uint16).reshape(40, 56) * 3) + 500
    pixels = read_gray(encoded(Image.fromarray(wide), "PNG"), MAX)
    assert pixels.min() == 0 and pixels.max() == 255
    assert (np.diff(pixels.ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_truncated_file_is_truncated_and_never_padded(name: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), name)
    assert refused(data[: int(len(data) * share)]).reason == "truncated_image"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_an_empty_file_is_truncated_and_a_page_of_html_is_no_image() -> None:
    assert refused(b"").reason == "truncated_image"
    assert refused(b"<html>404</html>").reason == "undecodable_image"


def test_other_formats_of_pillow_are_not_opened() -> None:
    assert refused(encoded(Image.fromarray(gradient()), "TIFF")).reason == "undecodable_image"
    assert refused(encoded(Image.fromarray(gradient()), "GIF")).reason == "undecodable_image"


def png_header(columns: int, rows: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_hundred_megapixels_are_refused_from_the_header_alone() -> None:
    error = refused(png_header(10_000, 10_000), 64_000_000)
    assert error.reason == "image_too_large"
    assert str(error) == "the header says 10000 x 10000 = 100000000 px; ingest.max_pixels allows 64000000"
    assert refused(png_header(200_000, 200_000), 64_000_000).reason == "image_too_large"


def test_exactly_max_pixels_are_allowed() -> None:
    data = encoded(Image.fromarray(gradient(10, 20)), "PNG")
    assert read_gray(data, 200).shape == (10, 20)
    assert refused(data, 199).reason == "image_too_large"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_grey_level_is_blank(level: int) -> None:
    assert refused(encoded(Image.new("L", (9, 9), level), "PNG")).reason == "blank_image"
    assert refused(encoded(Image.fromarray(np.full((9, 9), 300, np.uint16)), "PNG")).reason == "blank_image"


def test_monochrome1_and_monochrome2_agree() -> None:
    stored = np.linspace(0, 4095, 64 * 48).astype(np.uint16).reshape(64, 48)
    one = read_gray(dicom(4095 - stored, "MONOCHROME1"), MAX)
    two = read_gray(dicom(stored, "MONOCHROME2"), MAX)
    assert np.abs(one.astype(int) - two).max() <= 1
    assert two[0, 0] == 0 and two[-1, -1] == 255


def test_a_window_clips_and_the_rescale_comes_before_it() -> None:
    stored = np.array([[0, 500, 1000, 1500, 2000]], np.uint16)
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1000.5, "WindowWidth": 1001}
    pixels = read_gray(dicom(stored, **tags), MAX)
    assert pixels.tolist() == [[0, 0, 128, 255, 255]]


def test_the_first_of_several_windows_is_used_and_a_senseless_one_is_not() -> None:
    stored = np.array([[0, 1000, 2000, 3000, 4000]], np.uint16)
    several = dicom(stored, WindowCenter=[2000.5, 1], WindowWidth=[2001, 2])
    assert read_gray(several, MAX).tolist() == [[0, 0, 128, 255, 255]]
    senseless = dicom(stored, WindowCenter=2000, WindowWidth=0)
    assert np.array_equal(read_gray(senseless, MAX), read_gray(dicom(stored), MAX))


def test_padding_is_dark_and_does_not_spoil_the_stretch() -> None:
    stored = np.full((20, 20), 4095, np.uint16)
    stored[:, 5:] = np.linspace(1000, 1200, 300).reshape(20, 15)
    pixels = read_gray(dicom(stored, PixelPaddingValue=4095), MAX)
    assert (pixels[:, :5] == 0).all() and pixels[:, 5:].max() == 255


def test_sixteen_bit_dicom_and_colour_dicom() -> None:
    wide = (np.arange(400, dtype=np.uint16).reshape(20, 20)) * 160
    assert read_gray(dicom(wide, bits=16), MAX).max() == 255
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[:2] = 255
    assert set(np.unique(read_gray(dicom(colour, "RGB", bits=8), MAX))) == {0, 255}


def test_a_dicom_may_be_truncated_too_large_or_a_film() -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    data = dicom(stored)
    assert refused(data[:-200]).reason == "truncated_image"
    assert refused(data, 399).reason == "image_too_large"
    assert refused(dicom(stored, NumberOfFrames=3)).reason == "undecodable_image"
    assert refused(data[:132] + b"\x00" * 40).reason == "undecodable_image"


def test_a_voi_lut_sequence_is_followed() -> None:
    table = Dataset()
    table.add_new(0x00283002, "US", [4, 0, 8])
    table.add_new(0x00283006, "US", [0, 10, 20, 255])
    stored = np.array([[0, 1, 2, 3]], np.uint16)
    assert read_gray(dicom(stored, VOILUTSequence=[table]), MAX).tolist() == [[0, 10, 20, 255]]


def test_stretch_of_almost_constant_values_uses_the_whole_range() -> None:
    values = np.full((100, 100), 7.0)
    values[0, 0] = 9.0
    assert stretch(values).max() == 1.0 and stretch(values).min() == 0.0
    assert stretch(np.full((3, 3), 2.0)).tolist() == np.zeros((3, 3)).tolist()
