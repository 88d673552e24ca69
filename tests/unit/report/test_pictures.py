from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from hilum.report.pictures import MAX_ALPHA, overlay_uri, picture_uri

WHOLE = (0, 0, 40, 40)


def opened(uri: str) -> np.ndarray:
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


def test_a_picture_keeps_its_pixels_even_when_cut_from_another() -> None:
    square = np.arange(100, dtype=np.uint8).reshape(10, 10)
    assert np.array_equal(opened(picture_uri(square[2:7, 3:9])), square[2:7, 3:9])


def test_the_overlay_is_strongest_where_the_map_is_and_empty_at_its_median() -> None:
    similarity = np.zeros((4, 4))
    similarity[0, 3] = 1.0
    alpha = opened(overlay_uri(similarity, 40, WHOLE))[..., 3]
    assert alpha.shape == (40, 40)
    assert (
        np.unravel_index(alpha.argmax(), alpha.shape)[0] < 10 and np.unravel_index(alpha.argmax(), alpha.shape)[1] >= 30
    )
    assert alpha.max() == MAX_ALPHA and (alpha == 0).mean() > 0.5


def test_the_overlay_is_cut_and_scaled_by_what_is_shown() -> None:
    similarity = np.zeros((4, 4))
    similarity[0, 0], similarity[3, 3] = 5.0, 1.0  # the greater peak lies outside the window
    alpha = opened(overlay_uri(similarity, 40, (20, 20, 40, 35)))[..., 3]
    assert alpha.shape == (15, 20) and alpha.max() == MAX_ALPHA


def test_a_map_that_says_nothing_has_no_overlay() -> None:
    assert overlay_uri(np.full((3, 3), 0.2), 40, WHOLE) is None
    assert overlay_uri(np.full((3, 3), np.nan), 40, WHOLE) is None


def test_what_the_model_did_not_see_is_not_warm() -> None:
    similarity = np.full((4, 4), np.nan)
    similarity[:, :2] = [[0.0, 0.1], [0.2, 0.9], [0.1, 0.0], [0.0, 0.0]]
    alpha = opened(overlay_uri(similarity, 40, WHOLE))[..., 3]
    assert alpha[:, 26:].max() == 0 and alpha[:, :20].max() > 100
