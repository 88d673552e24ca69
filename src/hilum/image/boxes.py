"""Where the anatomical regions of an image are: one interface, one rung of the ladder a class.

In: a picture and its id. Out: 29 boxes in original pixels, clipped to the image. The rung built here is the atlas.
"""

from __future__ import annotations

from typing import Protocol

from hilum.errors import UsageError
from hilum.image.atlas import read_atlas
from hilum.image.geometry import Box, Gray
from hilum.image.registration import fit_thorax

DECIMALS = 2  # of a pixel: what lies below differs with the machine's arithmetic, and means nothing


class RegionSource(Protocol):
    """A source of region boxes."""

    name: str

    def boxes(self, gray: Gray, dicom_id: str) -> dict[str, Box]:
        """Every region's box, in the picture's pixels and within it; of no area if the region is outside.

        gray: (H, W), the original picture. dicom_id: for sources that look an image up.
        """
        ...


class AtlasSource:
    """The built-in atlas, fitted to each image."""

    name = "atlas"

    def boxes(self, gray: Gray, dicom_id: str) -> dict[str, Box]:
        """As `RegionSource.boxes`; the id is not used."""
        height, width = gray.shape
        fit = fit_thorax(gray)
        placed = read_atlas().boxes(fit.placement)
        return {name: box.clip(width, height).rounded(DECIMALS) for name, box in placed.items()}


def region_source(name: str) -> RegionSource:
    """The source of that name (params.yaml, pack.region_source). Raises UsageError if there is none."""
    if name != AtlasSource.name:
        raise UsageError(f"params.yaml: pack.region_source is '{name}'; the sources are: {AtlasSource.name}.")
    return AtlasSource()
