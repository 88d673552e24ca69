"""Where the anatomical regions of an image are: one interface, one rung of the ladder a class.

In: a picture and its id. Out: boxes in original pixels, clipped to the image. The lowest rung, the atlas, is here; it
alone has a box for every region of every picture. `ladder.py` sets the rungs one above the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hilum.image.atlas import read_atlas
from hilum.image.geometry import Box, Gray
from hilum.image.registration import fit_thorax

DECIMALS = 2  # of a pixel: what lies below differs with the machine's arithmetic, and means nothing


class NotDrawn(Exception):
    """A source has no boxes for an image; the message is one of few fixed words, to be counted."""


class RegionSource(Protocol):
    """A source of region boxes."""

    name: str

    def boxes(self, gray: Gray, dicom_id: str) -> dict[str, Box]:
        """The regions' boxes, in the picture's pixels and within it; of no area if the region is outside.

        gray: (H, W), the original picture. dicom_id: for sources that look an image up. Raises NotDrawn if the source
        does not know the image, or not well enough; a region that it does not know is missing.
        """
        ...


class AtlasSource:
    """The built-in atlas, fitted to each image."""

    name = "atlas"

    def boxes(self, gray: Gray, dicom_id: str) -> dict[str, Box]:
        """As `RegionSource.boxes`, and always all of them; the id is not used."""
        return fit_in(read_atlas().boxes(fit_thorax(gray).placement), gray)


def fit_in(boxes: Mapping[str, Box], gray: Gray) -> dict[str, Box]:
    """The boxes clipped to a picture and rounded."""
    height, width = gray.shape
    return {name: box.clip(width, height).rounded(DECIMALS) for name, box in boxes.items()}
