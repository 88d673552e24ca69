"""Where to start the fit: thoraxes of several sizes correlated with a small film at every place, by Fourier transform.

In: a film of `COARSE_PX`. Out: parameter vectors (rendering.py), best first.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hilum.image.atlas import read_atlas
from hilum.image.film import Film
from hilum.image.geometry import Floats
from hilum.image.rendering import render

COARSE_PX = 32
BANK_PX = 72  # room for the film and a thorax half beside it, so that nothing wraps round
HEIGHTS = (0.37, 0.44, 0.52, 0.61, 0.71, 0.82)  # of the lungs, in shares of the picture's longest side
PROPORTIONS = (0.9, 1.05, 1.3)  # width of the thorax to its height
APART, LOG_SIZES_APART = 0.08, 0.25
MIN_VARIANCE = 0.05  # of the film under the thorax; less is a blank that fits anything


def find_starts(film: Film, n_starts: int) -> list[Floats]:
    """The best place of the best few sizes, no two alike."""
    score = _scores(film)
    starts: list[Floats] = []
    for k in np.argsort(-score.max(axis=1), kind="stable"):
        start = _moved(_bank()[0][k], int(score[k].argmax()))
        if all(_differ(start, other) for other in starts):
            starts.append(start)
        if len(starts) == n_starts:
            break
    return starts


def _differ(one: Floats, other: Floats) -> bool:
    """Whether two starts may lead to two places: the fit itself bridges less than this."""
    across, down = one[0] - other[0], _middle(one) - _middle(other)
    return bool(np.hypot(across, down) > APART or abs(one[4] - other[4]) > LOG_SIZES_APART)


def _middle(start: Floats) -> float:
    return float(start[3] + np.exp(start[4]) / 2)


def sign_margin(film: Film) -> float:
    """By how much the film fits a thorax better, at the best place and size, than its negative does."""
    score = _scores(film)
    return float(score.max() + score.min())


def _scores(film: Film) -> Floats:
    """Correlation of every thorax of the bank with the film at every place: (n, BANK_PX * BANK_PX), in [-1, 1]."""
    _, pictures, windows = _bank()
    rows, columns = film.values.shape
    values, seen = np.zeros((BANK_PX, BANK_PX)), np.zeros((BANK_PX, BANK_PX))
    values[:rows, :columns], seen[:rows, :columns] = film.values, film.seen
    variance = _correlate(values**2, windows) - _correlate(values, windows) ** 2
    score = _correlate(values, pictures) / np.sqrt(np.maximum(variance, MIN_VARIANCE))
    score *= np.sqrt(np.clip(_correlate(seen, windows), 0, 1))  # of a thorax half outside little can be known
    return score.reshape(len(score), -1)


def _correlate(picture: Floats, spectra: np.ndarray) -> Floats:
    return np.fft.irfft2(np.fft.rfft2(picture) * np.conj(spectra), s=picture.shape)


def _moved(vector: Floats, place: int) -> Floats:
    """A thorax of the bank at the place of a flat index into its correlation; the far half means negative shifts."""
    down, across = ((shift + BANK_PX // 2) % BANK_PX - BANK_PX // 2 for shift in divmod(place, BANK_PX))
    moved = vector.copy()
    moved[0] += across / COARSE_PX
    moved[[3, 5]] += down / COARSE_PX
    return moved


@lru_cache(maxsize=1)
def _bank() -> tuple[list[Floats], np.ndarray, np.ndarray]:
    """Thoraxes in the middle of the bank's grid: their vectors, and the spectra of their pictures and windows.

    Windows sum to 1; a picture is weighted by its window, of mean 0 and variance 1.
    """
    centres = (np.arange(BANK_PX) + 0.5) / COARSE_PX
    x, y = np.meshgrid(centres, centres)
    middle = BANK_PX / 2 / COARSE_PX
    vectors, pictures, windows = [], [], []
    for height in HEIGHTS:
        for proportion in PROPORTIONS:
            width, top = np.log(height * proportion / 2), middle - height / 2
            tall = np.log(height)
            vector = np.array([middle, width, width, top, tall, top, tall, 0.0, 0.0, 0.0])
            brightness, window, _ = render(read_atlas().template, vector, x, y, (middle, middle))
            window = window / window.sum()
            brightness = brightness - (window * brightness).sum()
            vectors.append(vector)
            windows.append(window)
            pictures.append(window * brightness / np.sqrt((window * brightness**2).sum()))
    return vectors, np.fft.rfft2(np.array(pictures)), np.fft.rfft2(np.array(windows))
