"""How well a similarity map finds the place that a phrase speaks of: the metrics of phrase grounding.

In: a map on the original image's grid, NaN where the crop did not look, and the mask of the phrase's boxes. Out: one
number. The protocol is that of MS-CXR as AFLoc scores it, but that an empty prediction counts 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.errors import GroundingError

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)


def contrast_to_noise_ratio(similarity_map: np.ndarray, inside: np.ndarray) -> float:
    """How far a similarity map stands out within the annotated region.

    similarity_map: (H, W) float, cosine in [-1, 1], original-image grid; NaN where the crop did not look, and left out.
    inside: (H, W) bool, union of the phrase's boxes.
    Returns (mean_in - mean_out) / sqrt(var_in + var_out), no unit, ddof 0, signed. Higher is better.
    Raises GroundingError if no seen pixel lies inside, or none outside, or both variances are zero.
    Source: Boecking et al., ECCV 2022 (BioViL).
    """
    values, within = _seen(similarity_map, inside)
    if within.all():
        raise GroundingError("the boxes cover every pixel that the crop saw; the contrast needs some outside.")
    near, far = values[within], values[~within]
    if np.ptp(near) == 0 and np.ptp(far) == 0:  # asked of the range: rounding may give a constant a variance of 1e-33
        raise GroundingError("the similarity map is constant inside and outside the boxes; its contrast is undefined.")
    return float((near.mean() - far.mean()) / np.sqrt(near.var() + far.var()))


def mean_iou(similarity_map: np.ndarray, inside: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> float:
    """Overlap of the map's bright part with the boxes, averaged over thresholds of brightness.

    The map is stretched so that its least seen value is -1 and its greatest 1, then a pixel is predicted if it lies
    above the threshold. IoU is over seen pixels. A constant map predicts nothing, and an empty prediction scores 0.
    Arguments, and GroundingError for boxes outside what was seen, as in `contrast_to_noise_ratio`. In [0, 1].
    """
    values, within = _seen(similarity_map, inside)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return 0.0
    stretched = 2 * (values - low) / (high - low) - 1
    scores = []
    for threshold in thresholds:
        predicted = stretched > threshold
        scores.append((predicted & within).sum() / (predicted | within).sum() if predicted.any() else 0.0)
    return float(np.mean(scores))


def pointing_game(similarity_map: np.ndarray, inside: np.ndarray) -> float:
    """1 if the map's peak lies in a box, 0 if not; of several equal peaks, the share that does.

    So a constant map scores what a point at random would. Arguments and errors as in `mean_iou`.
    """
    values, within = _seen(similarity_map, inside)
    return float(within[values == values.max()].mean())


def box_share(similarity_map: np.ndarray, inside: np.ndarray) -> float:
    """Share of the seen pixels inside the boxes: how often a point at random hits. Arguments as in `mean_iou`."""
    _, within = _seen(similarity_map, inside)
    return float(within.mean())


def _seen(similarity_map: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and membership of the seen pixels. Raises GroundingError if none lies inside."""
    if similarity_map.shape != inside.shape:
        raise GroundingError(f"the map has shape {similarity_map.shape} and the mask of boxes {inside.shape}.")
    seen = ~np.isnan(similarity_map)
    within = inside[seen].astype(bool)
    if not within.any():
        raise GroundingError("no pixel that the crop saw lies in a box; check the boxes' frame (original pixels).")
    return similarity_map[seen].astype(np.float64), within
