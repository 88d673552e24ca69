"""The bytes of one image file in, one grey picture out; anything that is not a usable radiograph is refused.

In: JPEG, PNG (8 or 16 bit, grey, colour, CMYK, palette) or DICOM (8 to 16 bit, MONOCHROME1 or 2, or colour).
Out: uint8 array, (height, width), dark = little attenuation, as a radiologist sees it.
Nothing is decoded before the header has said how many pixels there are. Only the two Pillow readers that are
needed are ever tried, so a file cannot choose a rarer one by its content. EXIF is ignored: a radiograph's
orientation is that of its pixels. Known to be imperfect: a JPEG whose missing end was filled with zero bytes
decodes to a grey area and is accepted (the source's SHA256SUMS.txt is what finds it); compressed DICOM is
read only where pydicom or Pillow can.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from hilum.errors import ImageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

STRETCH_PERCENTILES = (0.5, 99.5)  # of images with more than 8 bits and no window of their own
JPEG_MAGIC, PNG_MAGIC, DICOM_MAGIC = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"DICM"
_WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_BROKEN = (OSError, ValueError, TypeError, SyntaxError, KeyError, IndexError, EOFError, OverflowError, AttributeError,
           NotImplementedError, RuntimeError, struct.error, zlib.error)  # fmt: skip


def read_gray(source: Path | bytes, max_pixels: int) -> np.ndarray:
    """Decode one image file completely, to 256 grey levels.

    source: a path, or the file's bytes. max_pixels: height x width allowed; judged from the header alone.
    Returns (H, W) uint8 in the file's own geometry; colour becomes luminance, more than 8 bits are windowed (DICOM
    window, else the 0.5 to 99.5 percentiles are stretched), MONOCHROME1 is inverted.
    Raises ImageError whose `reason` is image_too_large, truncated_image, undecodable_image or blank_image.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    if data.startswith(JPEG_MAGIC) or data.startswith(PNG_MAGIC):
        pixels = _read_picture(data, max_pixels)
    elif data[128:132] == DICOM_MAGIC:
        pixels = _read_dicom(data, max_pixels)
    elif not data:
        raise ImageError("truncated_image", "the file is empty; expected a JPEG, PNG or DICOM")
    else:
        raise ImageError("undecodable_image", "the file begins like neither a JPEG, a PNG nor a DICOM")
    if pixels.min() == pixels.max():
        raise ImageError("blank_image", f"all {pixels.size} pixels have one grey level")
    return pixels


def stretch(values: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Map values to [0, 1] so that the 0.5 percentile becomes 0 and the 99.5 percentile 1; clipped.

    known: bool mask of the pixels that the percentiles are taken from (None: all).
    """
    chosen = values if known is None or not known.any() else values[known]
    low, high = np.percentile(chosen, STRETCH_PERCENTILES)
    if high <= low:
        low, high = float(chosen.min()), float(chosen.max())
    if high <= low:
        return np.zeros(values.shape, np.float64)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _to_uint8(unit: np.ndarray) -> np.ndarray:
    return np.rint(unit * 255.0).astype(np.uint8)


def _check_size(rows: int, columns: int, max_pixels: int) -> None:
    if rows < 1 or columns < 1:
        raise ImageError("undecodable_image", f"the header says {columns} x {rows} px")
    if rows * columns > max_pixels:
        raise ImageError(
            "image_too_large",
            f"the header says {columns} x {rows} = {rows * columns} px; ingest.max_pixels allows {max_pixels}",
        )


def _read_picture(data: bytes, max_pixels: int) -> np.ndarray:
    """JPEG or PNG. The readers are called directly: Image.open would warn of a size before we can judge it."""
    is_jpeg = data.startswith(JPEG_MAGIC)
    name = "JPEG" if is_jpeg else "PNG"
    try:
        image: Image.Image = (JpegImageFile if is_jpeg else PngImageFile)(io.BytesIO(data))
    except _BROKEN as error:
        reason = "truncated_image" if _ends_early(error) else "undecodable_image"
        raise ImageError(reason, f"the {name} header cannot be read ({type(error).__name__})") from None
    _check_size(image.height, image.width, max_pixels)
    try:
        image.load()
        return _picture_to_gray(image)
    except _BROKEN as error:
        reason = "truncated_image" if _ends_early(error) else "undecodable_image"
        raise ImageError(reason, f"the {name} of {image.width} x {image.height} px cannot be decoded "
                         f"({type(error).__name__})") from None  # fmt: skip


def _ends_early(error: BaseException) -> bool:
    """Whether an exception of Pillow or pydicom means that the file ends before the picture does."""
    words = str(error).lower()
    signs = ("truncated", "unexpected end", "end of file", "eof", "broken png", "less than expected", "too few bytes",
             "unrecognized data stream", "less than the expected")  # fmt: skip
    return isinstance(error, EOFError) or any(sign in words for sign in signs)


def _picture_to_gray(image: Image.Image) -> np.ndarray:
    if image.mode in _WIDE_MODES:
        values = np.asarray(image, dtype=np.float64)
        return _to_uint8(stretch(values))
    if image.mode in ("L", "1"):
        return np.array(image.convert("L"))
    if image.mode == "LA":
        return np.array(image.getchannel("L"))
    return np.array(image.convert("RGB").convert("L"))


def _read_dicom(data: bytes, max_pixels: int) -> np.ndarray:
    import pydicom  # takes 0.2 s, and few collections hold DICOM

    try:
        header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        rows, columns = int(header.Rows), int(header.Columns)
    except _BROKEN as error:
        reason = "truncated_image" if _ends_early(error) else "undecodable_image"
        raise ImageError(reason, f"the DICOM header cannot be read ({type(error).__name__})") from None
    _check_size(rows, columns, max_pixels)
    n_frames = header.get("NumberOfFrames") or 1
    if n_frames != 1:
        raise ImageError("undecodable_image", f"the DICOM holds {n_frames} frames; a radiograph has one")
    try:
        return _dicom_to_gray(pydicom.dcmread(io.BytesIO(data)))
    except _BROKEN as error:
        reason = "truncated_image" if _ends_early(error) else "undecodable_image"
        raise ImageError(
            reason, f"the DICOM of {columns} x {rows} px cannot be decoded ({type(error).__name__})"
        ) from None


def _dicom_to_gray(dataset: Dataset) -> np.ndarray:
    """Stored values -> rescaled -> windowed -> 8 bits; MONOCHROME1 turned over last, before rounding."""
    from pydicom.pixels import apply_rescale, apply_voi_lut

    stored = dataset.pixel_array
    photometric = str(dataset.PhotometricInterpretation)
    if stored.ndim == 3:
        return _colour_dicom_to_gray(stored, dataset, photometric)
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(f"photometric interpretation {photometric}")
    if "VOILUTSequence" in dataset:
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        unit = np.clip(apply_voi_lut(stored, dataset, prefer_lut=True).astype(np.float64) / (2**bits - 1), 0, 1)
    else:
        values = np.asarray(apply_rescale(stored, dataset), dtype=np.float64)
        window = _window(dataset)
        padding = _padding(stored, dataset)
        unit = stretch(values, None if padding is None else ~padding) if window is None else _apply(values, *window)
        if padding is not None:
            unit = np.where(padding, 1.0 if photometric == "MONOCHROME1" else 0.0, unit)
    if photometric == "MONOCHROME1":
        unit = 1.0 - unit
    return _to_uint8(unit)


def _colour_dicom_to_gray(stored: np.ndarray, dataset: Dataset, photometric: str) -> np.ndarray:
    from pydicom.pixels import convert_color_space

    if stored.dtype != np.uint8 or stored.shape[-1] != 3:
        raise ValueError(f"colour of shape {stored.shape} and type {stored.dtype}")
    if photometric.startswith("YBR"):
        stored = convert_color_space(stored, photometric, "RGB")
    elif photometric != "RGB":
        raise ValueError(f"photometric interpretation {photometric}")
    return np.array(Image.fromarray(np.ascontiguousarray(stored)).convert("L"))


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    """Mask of the pixels that only fill the frame; None if there are none, or nothing else."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    mask: np.ndarray = stored == value
    return mask if mask.any() and not mask.all() else None


def _window(dataset: Dataset) -> tuple[float, float, str] | None:
    """Centre, width and function of the first VOI window; None if there is none that can be used."""
    try:
        centre, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    except (TypeError, ValueError, IndexError):
        return None
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    smallest = 1.0 if function == "LINEAR" else 0.0
    if not (np.isfinite(centre) and np.isfinite(width)) or width <= smallest:
        return None
    return centre, width, function


def _first(value: Any) -> float:
    return float(value[0] if not isinstance(value, (str, float, int)) else value)


def _apply(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """A VOI window to [0, 1]. Source: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -500, 500)))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    return np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)
