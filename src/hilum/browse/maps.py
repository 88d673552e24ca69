"""Where a model sees a phrase in a film, as a see-through layer over its picture.

In: films, phrases, a model. Out: PNG bytes, drawn as on the page of results: smoothed by the frozen protocol's
Gaussian, nothing at the median and below. What has been encoded is kept for a while: a page asks for it again.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np

from hilum.browse.films import Film
from hilum.evaluation.heatmaps import smooth_patches
from hilum.evaluation.phrases import Encoder, patch_map
from hilum.report.pictures import overlay_png

KEPT = 64  # films whose patches are held: half a megabyte each at most


class Maps:
    """Draws maps by one model. May be asked from several threads."""

    def __init__(self, model: Encoder, sigma: float) -> None:
        """sigma: of the Gaussian, in patches."""
        self._model, self._sigma = model, sigma
        self._patches: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def draw(self, film: Film, phrase: str) -> bytes | None:
        """The layer, over the whole image; None where the map is flat and says nothing."""
        with self._lock:
            patches = self._encode(film)
            sought = self._model.encode_phrases([phrase])[0]
        smooth = smooth_patches(patch_map(sought, patches), film.frame, self._sigma)
        return overlay_png(smooth.astype(np.float32), film.frame.size_px, film.window())

    def _encode(self, film: Film) -> np.ndarray:
        if film.name not in self._patches:
            self._patches[film.name] = self._model.encode_images(film.packed[None]).patches[0]
            while len(self._patches) > KEPT:
                self._patches.popitem(last=False)
        self._patches.move_to_end(film.name)
        return self._patches[film.name]
