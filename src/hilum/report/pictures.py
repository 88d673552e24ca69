"""Pictures inside a page: X-rays and similarity maps, as PNG.

In: uint8 pixels, float maps. Out: PNG files' bytes, or data URIs, so that nothing is written beside a page.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

HEAT = (255, 122, 24)  # one warm colour over grey: the map is read by how strong it is, not by hue
MAX_ALPHA = 160
FLAT = 1e-6  # cosines closer than this are one


def picture_uri(pixels: np.ndarray) -> str:
    """A grey picture. pixels: (height, width) uint8."""
    return data_uri(picture_png(pixels))


def picture_png(pixels: np.ndarray) -> bytes:
    """As `picture_uri`, as a file's bytes."""
    return _png(Image.fromarray(np.ascontiguousarray(pixels)))


def overlay_uri(similarity_map: np.ndarray, size: int, window: tuple[int, int, int, int]) -> str | None:
    """As `overlay_png`, as a data URI."""
    layer = overlay_png(similarity_map, size, window)
    return None if layer is None else data_uri(layer)


def overlay_png(similarity_map: np.ndarray, size: int, window: tuple[int, int, int, int]) -> bytes | None:
    """A map as a see-through layer: nothing at the map's median and below, strongest at its maximum.

    similarity_map: (g, g) float over the packed square of `size` pixels, NaN where the model did not look. window:
    left, top, right, bottom of the part that is shown; only that part sets the scale. None for a map that says
    nothing: flat, or nowhere a number.
    """
    known = np.isfinite(similarity_map)
    if not known.any():
        return None
    filled = np.where(known, similarity_map, similarity_map[known].min()).astype(np.float32)
    drawn = np.asarray(Image.fromarray(filled).resize((size, size), Image.Resampling.BILINEAR))
    left, top, right, bottom = window
    shown = drawn[top:bottom, left:right]
    low, high = float(np.median(shown)), float(shown.max())
    if high - low < FLAT:
        return None
    strength = np.clip((shown - low) / (high - low), 0.0, 1.0)
    layer = np.zeros((*strength.shape, 4), np.uint8)
    layer[..., :3] = HEAT
    layer[..., 3] = np.round(strength * MAX_ALPHA).astype(np.uint8)
    return _png(Image.fromarray(layer))


def data_uri(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
