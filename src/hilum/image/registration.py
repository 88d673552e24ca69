"""Find the thorax in a picture: the atlas' template fitted by normalised correlation.

In: (H, W) uint8. Out: a `ThoraxFit`, whose placement is the mean one where no thorax is found. Deterministic.

First a search over place, size and proportion on a coarse grid; then, from the best few starts, damped Gauss-Newton
steps on a finer grid, over place, size and turn, and at last over each lung's own edges. The picture's brightness is
free up to scale and offset, and up to sign; a prior keeps the proportions those of a thorax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hilum.image.atlas import Placement, Template, left_share, read_atlas, smooth
from hilum.image.geometry import Floats, Gray, resample

FINE_PX, COARSE_PX, BANK_PX = 64, 32, 72
MIN_CORRELATION = 0.5
SURE_CORRELATION = 0.7
N_STARTS = 3
COARSE_HEIGHTS = (0.34, 0.40, 0.47, 0.55, 0.64, 0.74)  # of the lungs, in shares of the picture's longest side
COARSE_PROPORTIONS = (0.95, 1.15, 1.4)  # width to height of the thorax
WINDOW = (1.12, -0.12, 1.12)  # what of the template counts: |u| up to, v from, v to; beyond it films differ

# The prior: linear forms of the parameters (see `_vector`), in shares of the picture's longest side where not logs.
# mid, ln right width, ln left width, right top, ln right height, left top, ln left height, angle
PRIOR_FORMS = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0, 0],  # the middle
        [0, 1, -1, 0, 0, 0, 0, 0],  # one side against the other
        [0, 0.5, 0.5, 0, -0.5, 0, -0.5, 0],  # half the width against the height
        [0, 0, 0, 1, 0, -1, 0, 0],  # the tops
        [0, 0, 0, 0, 1, 0, -1, 0],  # the heights
        [0, 0, 0, 0, 0.5, 0, 0.5, 0],  # the size
        [0, 0, 0, 0, 0, 0, 0, 1],  # the turn
    ],
    dtype=np.float64,
)
PRIOR_MEANS = np.array([0.5, 0.0, -0.56, 0.0, 0.0, -0.55, 0.0])
PRIOR_SPREADS = np.array([0.15, 0.15, 0.16, 0.02, 0.12, 0.35, 0.08])
PRIOR_WEIGHT = 0.012
# Before each side is let go, one shift and one scale move both.
COMMON = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
    ],
    dtype=np.float64,
).T


@dataclass(frozen=True)
class ThoraxFit:
    """A thorax found. correlation: in [0, 1]; inverted: lungs brighter than tissue; fitted: False = the mean place."""

    placement: Placement
    correlation: float
    inverted: bool
    fitted: bool


def mean_placement(height_px: int, width_px: int) -> Placement:
    """Where the thorax lies on an average film of that size."""
    half, top, height = 0.40 * width_px, 0.12 * height_px, 0.62 * height_px
    return Placement(width_px / 2, half, half, top, height, top, height, 0.0, width_px / 2, height_px / 2)


def fit_thorax(gray: Gray) -> ThoraxFit:
    """Fit the atlas to a picture; where it fits badly, try the picture's negative too."""
    fit = _fit(gray)
    if fit.correlation < SURE_CORRELATION:
        negative = _fit(negative_of(gray))
        if negative.correlation > max(SURE_CORRELATION, fit.correlation + 0.1):
            fit = replace(negative, inverted=True)
    if fit.correlation >= MIN_CORRELATION:
        return fit
    return ThoraxFit(mean_placement(*gray.shape), fit.correlation, False, False)


def _fit(gray: Gray) -> ThoraxFit:
    film = prepare_film(gray, FINE_PX)
    lengths, logs = np.array([1, 0, 0, 1, 0, 1, 0, 0]), np.array([0, 1, 1, 0, 1, 0, 1, 0])
    starts = _search(prepare_film(gray, COARSE_PX))
    starts = [np.where(lengths, s * film.size, s + logs * np.log(film.size)) for s in starts]
    tried = [refine(film, start, COMMON, 6) for start in starts]
    vector, _ = min(tried, key=lambda pair: pair[1])
    vector, _ = refine(film, vector, np.eye(8), 8)
    placement = _placement(vector, film).scaled(max(gray.shape) / FINE_PX)
    return ThoraxFit(placement, film_correlation(film, vector), False, True)


@dataclass(frozen=True)
class Film:
    """A picture made ready. values: (h, w), locally normalised; seen: (h, w) in [0, 1], 0 where nothing was exposed."""

    values: Floats
    seen: Floats

    @property
    def size(self) -> int:
        """The longest side."""
        return max(self.values.shape)


def prepare_film(gray: Gray, size: int) -> Film:
    """Reduce a picture to `size` px along its longest side, level its brightness and mark the blank borders."""
    height, width = gray.shape
    step = max(height, width) / size
    rows, columns = max(2, int(height / step + 1e-9)), max(2, int(width / step + 1e-9))
    small = resample(gray, step * np.arange(rows + 1), step * np.arange(columns + 1))
    seen = np.zeros(small.shape)
    top, bottom = _border(small)
    left, right = _border(small[top:bottom].T)
    seen[top:bottom, left:right] = 1.0
    ranks = np.zeros(small.shape)
    inside = small[top:bottom, left:right]
    ranks[top:bottom, left:right] = np.searchsorted(np.sort(inside, axis=None), inside) / inside.size
    blur = size * 0.16
    share = smooth(seen, blur) + 1e-6
    mean = smooth(ranks * seen, blur) / share
    spread = np.sqrt(smooth(seen * (ranks - mean) ** 2, blur) / share + 0.05**2)
    return Film(seen * (ranks - mean) / spread, seen)


def _border(rows: Floats) -> tuple[int, int]:
    """First and one past the last row that shows something: collimated edges are flat. Keeps at least 40 %."""
    flat = np.percentile(rows, 90, axis=1) - np.percentile(rows, 10, axis=1) < 8
    n, most = len(rows), int(0.3 * len(rows))
    top = 0
    while top < most and flat[top]:
        top += 1
    bottom = n
    while bottom > n - most and flat[bottom - 1]:
        bottom -= 1
    return top, bottom


def _search(film: Film) -> list[Floats]:
    """The best starts, as parameter vectors in shares of the longest side."""
    size = film.size
    candidates, pictures, windows = _bank()
    values, seen = np.zeros((BANK_PX, BANK_PX)), np.zeros((BANK_PX, BANK_PX))
    rows, columns = film.values.shape
    values[:rows, :columns], seen[:rows, :columns] = film.values, film.seen

    def correlate(picture: Floats, spectra: np.ndarray) -> Floats:
        return np.fft.irfft2(np.fft.rfft2(picture) * np.conj(spectra), s=picture.shape)

    share = correlate(seen, windows)
    variance = correlate(values**2, windows) - correlate(values, windows) ** 2
    score = correlate(values, pictures) / np.sqrt(np.maximum(variance, 0.05))
    score *= np.sqrt(np.clip(share, 0, 1))  # of a thorax half outside little can be known
    best = score.reshape(len(score), -1).argmax(axis=1)
    order = np.argsort(-score.reshape(len(score), -1).max(axis=1), kind="stable")[:N_STARTS]
    starts = []
    for k in order:
        shift_y, shift_x = divmod(int(best[k]), BANK_PX)
        shift_y -= BANK_PX * (shift_y > BANK_PX // 2)
        shift_x -= BANK_PX * (shift_x > BANK_PX // 2)
        start = candidates[k].copy()
        start[[0]] += shift_x
        start[[3, 5]] += shift_y
        start[[0, 3, 5]] /= size
        start[[1, 2, 4, 6]] -= np.log(size)
        starts.append(start)
    return starts


@lru_cache(maxsize=1)
def _bank() -> tuple[list[Floats], np.ndarray, np.ndarray]:
    """Thoraxes of several sizes on a grid of BANK_PX: their vectors, and the spectra of picture and window."""
    template = read_atlas().template
    vectors, pictures, windows = [], [], []
    y, x = _centres(BANK_PX, BANK_PX)
    for share in COARSE_HEIGHTS:
        for proportion in COARSE_PROPORTIONS:
            height, width = share * COARSE_PX, share * COARSE_PX * proportion / 2
            middle, top = BANK_PX / 2, BANK_PX / 2 - height / 2
            vector = np.array([middle, np.log(width), np.log(width), top, np.log(height), top, np.log(height), 0])
            brightness, window, *_ = _render(template, vector, x, y, (middle, middle))
            window = window / window.sum()
            level = (window * brightness).sum()
            spread = np.sqrt((window * (brightness - level) ** 2).sum())
            vectors.append(vector)
            pictures.append(window * (brightness - level) / spread)
            windows.append(window)
    return vectors, np.fft.rfft2(np.array(pictures)), np.fft.rfft2(np.array(windows))


def _centres(rows: int, columns: int) -> tuple[Floats, Floats]:
    return np.arange(rows)[:, None] + 0.5 + np.zeros((1, columns)), np.arange(columns) + 0.5 + np.zeros((rows, 1))


def _render(
    template: Template, vector: Floats, x: Floats, y: Floats, pivot: tuple[float, float]
) -> tuple[Floats, Floats, Floats]:
    """The template's brightness at pixels, how much each counts, and the brightness' slopes (8, ...) by the vector."""
    mid, log_right, log_left, right_top, log_rh, left_top, log_lh, angle = vector
    cos, sin = np.cos(angle), np.sin(angle)
    dx, dy = x - pivot[0], y - pivot[1]
    across, down = pivot[0] + cos * dx + sin * dy, pivot[1] - sin * dx + cos * dy
    inverse_width = np.where(across < mid, np.exp(-log_right), np.exp(-log_left))
    u = (across - mid) * inverse_width
    left = left_share(u)
    irh, ilh = np.exp(-log_rh), np.exp(-log_lh)
    v_right, v_left = (down - right_top) * irh, (down - left_top) * ilh
    v = (1 - left) * v_right + left * v_left
    brightness, by_u, by_v = _sample(template, u, v)
    inverse_height = (1 - left) * irh + left * ilh
    on_right = u < 0
    derivatives = np.stack(
        [
            -by_u * inverse_width,
            np.where(on_right, -by_u * u, 0.0),
            np.where(on_right, 0.0, -by_u * u),
            -by_v * (1 - left) * irh,
            -by_v * (1 - left) * v_right,
            -by_v * left * ilh,
            -by_v * left * v_left,
            by_u * inverse_width * (down - pivot[1]) - by_v * inverse_height * (across - pivot[0]),
        ]
    )
    edge = 0.08
    window = np.clip((WINDOW[0] - np.abs(u)) / edge, 0, 1)
    window = window * np.clip((v - WINDOW[1]) / edge, 0, 1) * np.clip((WINDOW[2] - v) / edge, 0, 1)
    return brightness, window, derivatives


def _sample(template: Template, u: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Brightness and its slopes along u and v, linear between the template's cells; the edge's beyond it."""
    cells = template.brightness
    rows, columns = cells.shape
    column = np.clip((u - template.u0) / template.step, 0, columns - 1.001)
    row = np.clip((v - template.v0) / template.step, 0, rows - 1.001)
    j, i = column.astype(np.int64), row.astype(np.int64)
    a, b = column - j, row - i
    at = i * columns + j
    flat = cells.ravel()
    c00, c01, c10, c11 = flat[at], flat[at + 1], flat[at + columns], flat[at + columns + 1]
    upper, lower = c00 + a * (c01 - c00), c10 + a * (c11 - c10)
    by_u = ((1 - b) * (c01 - c00) + b * (c11 - c10)) / template.step
    return upper + b * (lower - upper), by_u, (lower - upper) / template.step


def refine(film: Film, vector: Floats, directions: Floats, n_steps: int) -> tuple[Floats, float]:
    """Damped Gauss-Newton from a start. directions: (8, k), the moves allowed. Returns the vector and its cost."""
    damping = 1e-3
    cost, residual, jacobian = _cost(film, vector)
    for _ in range(n_steps):
        moves = jacobian @ directions
        normal = moves.T @ moves
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), moves.T @ residual)
        candidate = vector - directions @ step
        new = _cost(film, candidate)
        if new[0] < cost:
            gain = cost - new[0]
            vector, (cost, residual, jacobian), damping = candidate, new, damping / 5
            if gain < 1e-5:
                break
        else:
            damping *= 20
    return vector, cost


def _cost(film: Film, vector: Floats) -> tuple[float, Floats, Floats]:
    """What is minimised: unexplained share of the film's variance in the window, plus the prior."""
    size = film.size
    scale, offset, brightness, weight, derivatives = _explain(film, vector)
    root = np.sqrt(weight).ravel()
    residual = root * (scale * brightness + offset - film.values).ravel()
    jacobian = (root * scale) * derivatives.reshape(8, -1)
    relative = vector.copy()
    relative[[0, 3, 5]] /= size
    relative[[1, 2, 4, 6]] -= np.log(size)
    forms = PRIOR_FORMS / PRIOR_SPREADS[:, None]
    middle = film.values.shape[1] / 2 / size
    means = PRIOR_MEANS.copy()
    means[0] = middle
    strength = np.sqrt(PRIOR_WEIGHT)
    prior = strength * (forms @ relative - means / PRIOR_SPREADS)
    by_vector = strength * forms / np.where(np.isin(np.arange(8), (0, 3, 5)), size, 1.0)
    residual = np.concatenate([residual, prior])
    return float(residual @ residual), residual, np.concatenate([jacobian.T, by_vector])


def _explain(film: Film, vector: Floats) -> tuple[float, float, Floats, Floats, Floats]:
    """The scale and offset that make the template most like the film; weights sum to 1 / the film's variance."""
    rows, columns = film.values.shape
    y, x = _centres(rows, columns)
    brightness, window, derivatives = _render(read_atlas().template, vector, x, y, (columns / 2, rows / 2))
    weight = window * film.seen
    weight = weight / (weight.sum() + 1e-9)
    level, film_level = (weight * brightness).sum(), (weight * film.values).sum()
    variance = (weight * (brightness - level) ** 2).sum() + 1e-6
    film_variance = (weight * (film.values - film_level) ** 2).sum() + 1e-3
    scale = max(0.0, float((weight * (brightness - level) * (film.values - film_level)).sum() / variance))
    return scale, film_level - scale * level, brightness, weight / film_variance, derivatives


def film_correlation(film: Film, vector: Floats) -> float:
    """Correlation of template and film in the window, in [-1, 1]."""
    scale, _, brightness, weight, _ = _explain(film, vector)
    share = weight / (weight.sum() + 1e-9)
    level = (share * brightness).sum()
    return float(scale * np.sqrt((weight * (brightness - level) ** 2).sum()))


def _placement(vector: Floats, film: Film) -> Placement:
    rows, columns = film.values.shape
    mid, log_right, log_left, right_top, log_rh, left_top, log_lh, angle = (float(p) for p in vector)
    right, left, right_height, left_height = (float(np.exp(p)) for p in (log_right, log_left, log_rh, log_lh))
    return Placement(mid, right, left, right_top, right_height, left_top, left_height, angle, columns / 2, rows / 2)


def is_negative(gray: Gray) -> bool:
    """Whether a picture shows air bright and tissue dark: the template fits its negative, and fits it much better."""
    return fit_thorax(gray).inverted


def negative_of(gray: Gray) -> Gray:
    """The picture with its brightness turned over."""
    return np.subtract(np.uint8(255), gray, dtype=np.uint8)
