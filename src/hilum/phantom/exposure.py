"""From density to a film: scatter, tone, noise, marker and collimation.

In: a density picture and a generator. Out: grey levels 0 to 255, bright where dense, as radiologists read them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from hilum.phantom.geometry import smoothstep

_GLYPHS = {
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
    "T": ("11111", "00100", "00100", "00100", "00100", "00100", "00100"),
}


@dataclass(frozen=True)
class Exposure:
    """How one film was taken.

    marker: the letters burned in; margins_px: collimation (left, top, right, bottom), none where negative.
    """

    window: float
    level: float
    gamma: float
    noise: float
    scatter: float
    margins_px: tuple[float, float, float, float]
    tilt: float
    marker: str
    marker_at: tuple[float, float]
    marker_size: int


def draw_exposure(rng: np.random.Generator, view: str, size: tuple[int, int]) -> Exposure:
    """An exposure; portable (AP) films are noisier, flatter and less well collimated. size: width, height."""
    portable = view == "AP"
    on_left = bool(rng.uniform() < 0.7)
    letters = ("L" if on_left else "R") + ("T" if rng.uniform() < 0.2 else "")
    edge = max(size)
    margins = [edge * float(rng.uniform(0.0, 0.035)) if rng.uniform() < 0.35 else -4.0 for _ in range(4)]
    x = float(rng.uniform(0.84, 0.91) if on_left else rng.uniform(0.05, 0.11))
    return Exposure(
        window=float(np.clip(rng.normal(1.0, 0.075), 0.84, 1.2)) * (1.05 if portable else 1.0),
        level=float(rng.normal(0.0, 0.03)),
        gamma=float(np.clip(rng.normal(1.0, 0.08), 0.8, 1.25)),
        noise=float(rng.uniform(0.006, 0.014)) * (1.3 if portable else 1.0),
        scatter=float(rng.uniform(0.08, 0.18)) + (0.05 if portable else 0.0),
        margins_px=(margins[0], margins[1], margins[2], margins[3]),
        tilt=float(rng.normal(0.0, 0.006)),
        marker=letters,
        marker_at=(x, float(rng.uniform(0.04, 0.12))),
        marker_size=max(1, round(edge * float(rng.uniform(0.0055, 0.0085)))),
    )


def expose(density: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """The film: (height, width) float64 in 0 to 255."""
    density = density + exposure.scatter * (_wide_blur(density, 0.06) - density) * 0.6
    density = gaussian_filter(density, 0.55, truncate=2.5)
    grain = rng.standard_normal(density.shape, dtype=np.float32)
    grain = 0.65 * grain + 0.9 * gaussian_filter(grain, 0.8, truncate=2.5)
    density = density + exposure.noise * grain * (0.5 + density)
    level = (density - 0.02 - exposure.level) / exposure.window
    tone = np.clip(level, 0.0, 2.0)
    tone = np.where(tone < 0.75, tone, 0.75 + 0.36 * (1.0 - 1.0 / (1.0 + np.maximum(tone - 0.75, 0.0) / 0.36)))
    grey = 255.0 * np.clip(tone, 0.0, 1.0).astype(np.float64) ** exposure.gamma
    _burn_marker(grey, exposure)
    return grey * _collimation((grey.shape[0], grey.shape[1]), exposure)


def _wide_blur(picture: np.ndarray, share: float) -> np.ndarray:
    """A blur of a share of the width, done on a small copy."""
    height, width = picture.shape
    small = Image.fromarray(picture.astype(np.float32)).resize((width // 8, height // 8), Image.Resampling.BOX)
    blurred = gaussian_filter(np.asarray(small), share * width / 8.0, truncate=2.5)
    back = Image.fromarray(blurred).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(back)


def _collimation(shape: tuple[int, int], exposure: Exposure) -> np.ndarray:
    left, top, right, bottom = exposure.margins_px
    x, y = np.arange(shape[1])[None, :] + 0.5, np.arange(shape[0])[:, None] + 0.5
    across, down = x + exposure.tilt * (y - shape[0] / 2), y - exposure.tilt * (x - shape[1] / 2)
    edges = (
        (left, across - left),
        (top, down - top),
        (right, shape[1] - right - across),
        (bottom, shape[0] - bottom - down),
    )
    inside = np.ones(shape)
    for margin, distance in edges:
        if margin >= 0:
            inside *= smoothstep(distance, 1.0)
    return 0.03 + 0.97 * inside


def _burn_marker(grey: np.ndarray, exposure: Exposure) -> None:
    height, width = grey.shape
    x, y = int(exposure.marker_at[0] * width), int(exposure.marker_at[1] * height)
    for letter in exposure.marker:
        glyph = np.array([[int(c) for c in row] for row in _GLYPHS[letter]], dtype=np.float64)
        stamp = np.kron(glyph, np.ones((exposure.marker_size, exposure.marker_size)))
        part = grey[y : y + stamp.shape[0], x : x + stamp.shape[1]]
        np.maximum(part, 250.0 * stamp[: part.shape[0], : part.shape[1]], out=part)
        x += stamp.shape[1] + exposure.marker_size
