"""A picture made ready for fitting: small, its brightness levelled, its blank borders marked.

In: (H, W) uint8. Out: a `Film`. Brightness becomes rank, so that exposure and gamma do not matter, and then the
departure from the neighbourhood's mean in units of its spread, so that a film darker at one end does not either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hilum.image.geometry import Floats, Gray, resample

NEIGHBOURHOOD = 0.16  # sigma of the neighbourhood, in shares of the longest side: half a lung
MIN_SPREAD = 0.05  # of ranks; a flatter neighbourhood stays flat
FLAT_RANGE = 8  # grey levels from the 10th to the 90th percentile of a row or column that shows nothing
MAX_BORDER = 0.3  # share of the picture that a blank border may take on one side


@dataclass(frozen=True)
class Film:
    """values: (rows, columns), 0 in the blank border. seen: the same shape in [0, 1], 0 in the border.

    size: pixels that the longest side is cut into; the pixels are square.
    """

    values: Floats
    seen: Floats
    size: int

    @property
    def centres(self) -> tuple[Floats, Floats]:
        """x and y of every pixel's centre, in shares of the longest side; (rows, columns) each."""
        rows, columns = self.values.shape
        x = np.broadcast_to((np.arange(columns) + 0.5) / self.size, (rows, columns))
        y = np.broadcast_to((np.arange(rows)[:, None] + 0.5) / self.size, (rows, columns))
        return x, y

    def halved(self) -> Film:
        """Half the pixels along each side; an odd last row or column is lost."""
        rows, columns = (n // 2 for n in self.values.shape)
        values, seen = (
            a[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
            for a in (self.values, self.seen)
        )
        return Film(values, seen, self.size // 2)


def prepare_film(gray: Gray, size: int) -> Film:
    """Reduce a picture to `size` pixels along its longest side, level it and mark its blank borders."""
    step = max(gray.shape) / size
    rows, columns = (max(4, round(n / step)) for n in gray.shape)
    small = resample(gray, *(np.linspace(0, n, m + 1) for n, m in zip(gray.shape, (rows, columns), strict=True)))
    top, bottom = _exposed(small)
    left, right = _exposed(small[top:bottom].T)
    inside = small[top:bottom, left:right]
    seen, ranks = np.zeros(small.shape), np.zeros(small.shape)
    seen[top:bottom, left:right] = 1.0
    ranks[top:bottom, left:right] = np.searchsorted(np.sort(inside, axis=None), inside) / inside.size
    sigma = NEIGHBOURHOOD * size
    across, down = _blurring(columns, sigma), _blurring(rows, sigma)
    share = down @ seen @ across + 1e-9
    departure = ranks - down @ (ranks * seen) @ across / share
    spread = np.sqrt(down @ (seen * departure**2) @ across / share + MIN_SPREAD**2)
    return Film(seen * departure / spread, seen, size)


def _exposed(rows: Floats) -> tuple[int, int]:
    """First and one past the last row that shows something: a collimator's shadow and added bars are flat."""
    low, high = np.percentile(rows, (10, 90), axis=1)
    shows = high - low >= FLAT_RANGE
    n, most = len(rows), int(MAX_BORDER * len(rows))
    top = next((i for i in range(most) if shows[i]), most)
    bottom = next((n - i for i in range(most) if shows[n - 1 - i]), n - most)
    return (top, bottom) if shows.any() else (0, n)


@lru_cache(maxsize=256)
def _blurring(n: int, sigma: float) -> Floats:
    """(n, n) matrix of a Gaussian blur that takes what is outside for 0."""
    distance = np.arange(n)[:, None] - np.arange(n)
    return np.exp(-0.5 * (distance / sigma) ** 2)
