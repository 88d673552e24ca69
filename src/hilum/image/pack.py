"""One image file in, what the model sees out: checked, upright in brightness, stretched, letterboxed, boxed.

In: a file and what the manifest says of it. Out: a `PackedImage`. Contrast is stretched between two percentiles,
since exposure differs between films and means nothing; it is not equalised, so that densities keep their order. A
picture that came as a negative (MONOCHROME1 shown as stored) is turned over.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hilum.errors import BadDataError, ImageError, VerificationError
from hilum.image.decode import read_gray
from hilum.image.geometry import Gray, Letterbox, letterbox
from hilum.image.ladder import Ladder, Regions
from hilum.image.registration import is_negative, negative_of

STRETCH_PERCENTILES = (0.5, 99.5)
MIN_RANGE = 8  # grey levels; a flatter picture is left as it is rather than its noise blown up


@dataclass(frozen=True)
class PackedImage:
    """pixels: (size, size) uint8. regions: in original pixels, within the image. inverted: it came as a negative."""

    pixels: Gray
    place: Letterbox
    rows_px: int
    columns_px: int
    regions: Regions
    inverted: bool


def pack_image(path: Path, sha256: str, dicom_id: str, size_px: int, ladder: Ladder) -> PackedImage:
    """Read one image, see that it is still the one that was ingested, and pack it.

    Raises VerificationError if its bytes are others than the manifest's, BadDataError if it is gone or undecodable.
    """
    data = read_verified(path, sha256)
    try:
        # ingest has judged the size of these very bytes
        gray = read_gray(data, max_pixels=2**40)
    except ImageError as error:
        raise BadDataError(
            f"{path}: {error}; ingest could decode the same bytes. Run `dvc repro` to ingest it again."
        ) from None
    inverted = is_negative(gray)
    if inverted:
        gray = negative_of(gray)
    regions = ladder.regions(gray, dicom_id)
    pixels, place = letterbox(stretch_contrast(gray), size_px)
    return PackedImage(pixels, place, gray.shape[0], gray.shape[1], regions, inverted)


def read_verified(path: Path, sha256: str) -> bytes:
    """A file's bytes, if they are the recorded ones."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadDataError(
            f"{path} cannot be read ({type(error).__name__}), but the manifest lists it as ok. "
            f"Put it back, or record its absence with `hilum land`, and run `dvc repro`."
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise VerificationError(
            f"{path} has sha256 {found[:12]}..., the manifest says {sha256[:12]}...: it changed after it was ingested. "
            f"Put the old file back, or record the new one with `hilum land`, and run `dvc repro`."
        )
    return data


def stretch_contrast(gray: Gray) -> Gray:
    """Grey levels spread so that the 0.5 and 99.5 percentiles become 0 and 255."""
    counts = np.cumsum(np.bincount(gray.ravel(), minlength=256))
    low, high = (int(np.searchsorted(counts, p / 100 * counts[-1])) for p in STRETCH_PERCENTILES)
    if high - low < MIN_RANGE:
        return gray
    levels = np.clip((np.arange(256) - low) / (high - low), 0, 1) * 255
    return np.floor(levels + 0.5).astype(np.uint8)[gray]
