"""Find the thorax in a picture: the atlas' template fitted to it by normalised correlation.

In: (H, W) uint8. Out: a `ThoraxFit`, whose placement is the mean one where no thorax is found. Deterministic.

First a search over place, size and proportion (search.py); then, from its best few starts, damped Gauss-Newton steps:
over place, size and turn on a coarse film, at last over the edges of each lung and of the heart on a finer one. The
film's brightness is free up to scale and offset; a prior keeps the proportions those of a thorax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hilum.image.atlas import read_atlas
from hilum.image.film import Film, prepare_film
from hilum.image.geometry import Floats, Gray
from hilum.image.placement import Placement
from hilum.image.rendering import render, to_placement
from hilum.image.search import COARSE_PX, find_starts, sign_margin

FINE_PX = 2 * COARSE_PX
N_STARTS, COARSE_STEPS, FINE_STEPS = 3, 6, 10
MIN_CORRELATION = 0.5  # below it the mean place is no worse
SURE_CORRELATION = 0.7  # a picture that fits less well is tried as a negative too
NEGATIVE_MARGIN = 0.1  # by which a negative must fit better; no real frontal's does by more than 0.04
SURE_MARGIN = 0.1  # of the search's correlations; 6 % of real frontals have less, 0.1 % of their negatives more

# The prior: forms over the parameters (rendering.PARAMETERS), the mean and the spread of each.
PRIOR = (
    # mid_x, widths, right top, height, left top, height, hearts, angle
    ((1, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0.5, 0.15),  # the middle; its mean is that of the picture
    ((0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0), 0.15, 0.10),  # the top; its mean is less the lower the picture
    ((0, 0, 0, 0, 0.5, 0, 0.5, 0, 0, 0), -0.45, 0.18),  # the height
    ((0, 0.5, 0.5, 0, -0.5, 0, -0.5, 0, 0, 0), -0.63, 0.16),  # the width of one side to the height
    ((0, 1, -1, 0, 0, 0, 0, 0, 0, 0), 0.0, 0.15),  # one side to the other
    ((0, 0, 0, 1, 0, -1, 0, 0, 0, 0), 0.0, 0.02),
    ((0, 0, 0, 0, 1, 0, -1, 0, 0, 0), 0.0, 0.12),
    ((0, 0, 0, 0, 0, 0, 0, 1, 0, 0), 0.0, 0.15),
    ((0, 0, 0, 0, 0, 0, 0, 0, 1, 0), 0.0, 0.30),
    ((0, 0, 0, 0, 0, 0, 0, 0, 0, 1), 0.0, 0.12),
)
PRIOR_WEIGHT = 0.012  # of one squared spread, against the whole of the film's variance
_FORMS = np.array([form for form, _, _ in PRIOR], dtype=np.float64)
_MEANS, _SPREADS = np.array([row[1] for row in PRIOR]), np.array([row[2] for row in PRIOR])
_SCALED_FORMS = np.sqrt(PRIOR_WEIGHT) * _FORMS / _SPREADS[:, None]

ALL_MOVES = np.eye(10)
COMMON_MOVES = np.array(  # both sides together: across, wider, down, taller, turned
    [
        (1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (0, 1, 1, 0, 0, 0, 0, 0, 0, 0),
        (0, 0, 0, 1, 0, 1, 0, 0, 0, 0),
        (0, 0, 0, 0, 1, 0, 1, 0, 0, 0),
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    ],
    dtype=np.float64,
).T


@dataclass(frozen=True)
class ThoraxFit:
    """A thorax found. correlation: in [0, 1]. inverted: as a negative. fitted: False = the mean place was taken."""

    placement: Placement
    correlation: float
    inverted: bool
    fitted: bool


def fit_thorax(gray: Gray) -> ThoraxFit:
    """Fit the atlas to a picture, or where that fits badly to its negative. The placement is in the picture's px."""
    fit = _fit(gray)
    if fit.correlation < SURE_CORRELATION:
        negative = _fit(negative_of(gray))
        if negative.correlation > max(SURE_CORRELATION, fit.correlation + NEGATIVE_MARGIN):
            return replace(negative, inverted=True)
    if fit.correlation < MIN_CORRELATION:
        return ThoraxFit(mean_placement(*gray.shape), fit.correlation, inverted=False, fitted=False)
    return fit


def is_negative(gray: Gray) -> bool:
    """Whether a picture shows air bright and tissue dark. Quick where the picture is plainly none."""
    return sign_margin(prepare_film(gray, FINE_PX).halved()) < SURE_MARGIN and fit_thorax(gray).inverted


def negative_of(gray: Gray) -> Gray:
    """The picture with its brightness turned over."""
    return np.subtract(np.uint8(255), gray, dtype=np.uint8)


def mean_placement(height_px: int, width_px: int) -> Placement:
    """Where the thorax lies on an average film of that size: the mean over 250 films of two real collections."""
    longest = max(height_px, width_px)
    half, tall = 0.335 * longest, 0.64 * longest
    middle, top = width_px / 2, 0.47 * height_px - tall / 2
    return Placement(middle, half, half, top, tall, top, tall, 0.0, 0.0, 0.0, middle, height_px / 2)


def _fit(gray: Gray) -> ThoraxFit:
    film = prepare_film(gray, FINE_PX)
    coarse = film.halved()
    tried = [refine(coarse, start, COMMON_MOVES, COARSE_STEPS) for start in find_starts(coarse, N_STARTS)]
    start = min(tried, key=lambda vector: evaluate(coarse, vector).cost)
    vector = refine(film, start, ALL_MOVES, FINE_STEPS)
    placement = to_placement(vector, _pivot(film)).scaled(max(gray.shape))
    return ThoraxFit(placement, evaluate(film, vector).correlation, inverted=False, fitted=True)


@dataclass(frozen=True)
class Evaluation:
    """One vector judged. cost: the unexplained share of the film's variance, plus the prior; residuals, slopes: its
    roots and their slopes by each parameter, (n,) and (n, 10)."""

    cost: float
    correlation: float
    residuals: Floats
    slopes: Floats


def refine(film: Film, vector: Floats, moves: Floats, n_steps: int) -> Floats:
    """Damped Gauss-Newton from a start. moves: (10, k), the directions that are free."""
    damping = 1e-3
    here = evaluate(film, vector)
    for _ in range(n_steps):
        slopes = here.slopes @ moves
        normal = slopes.T @ slopes
        damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
        candidate = vector - moves @ np.linalg.solve(damped, slopes.T @ here.residuals)
        there = evaluate(film, candidate)
        if there.cost >= here.cost:
            damping *= 20
            continue
        gain, vector, here, damping = here.cost - there.cost, candidate, there, damping / 5
        if gain < 1e-5:
            break
    return vector


def evaluate(film: Film, vector: Floats) -> Evaluation:
    """Compare the film with the template at a vector, at the scale (not negative) and offset that suit it best."""
    brightness, window, slopes = render(read_atlas().template, vector, *film.centres, _pivot(film))
    weight = window * film.seen
    weight /= weight.sum() + 1e-9
    level, film_level = (weight * brightness).sum(), (weight * film.values).sum()
    brightness, values = brightness - level, film.values - film_level
    variance = (weight * brightness**2).sum() + 1e-6
    film_variance = (weight * values**2).sum() + 1e-3
    scale = max(0.0, float((weight * brightness * values).sum() / variance))
    root = np.sqrt(weight / film_variance).ravel()
    means = _MEANS.copy()
    means[0], means[1] = _pivot(film)[0], 0.94 * _pivot(film)[1] - 0.32
    prior = np.sqrt(PRIOR_WEIGHT) * (_FORMS @ vector - means) / _SPREADS
    residuals = np.concatenate([root * (scale * brightness - values).ravel(), prior])
    by_vector = np.concatenate([(root * scale * slopes.reshape(len(slopes), -1)).T, _SCALED_FORMS])
    correlation = scale * float(np.sqrt(variance / film_variance))
    return Evaluation(float(residuals @ residuals), correlation, residuals, by_vector)


def _pivot(film: Film) -> tuple[float, float]:
    rows, columns = film.values.shape
    return columns / 2 / film.size, rows / 2 / film.size
