"""Small changes of position, size, tilt and exposure, made to a whole batch at once, boxes following.

Never a flip: left and right are what the labels are about. Known to be imperfect: of a tilted picture the boxes turn
with their centres and stay upright.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

MAX_SHIFT = 0.06  # of the side
MAX_SCALE = 0.12  # across and down apart
MAX_TILT = 0.09  # radians, 5 degrees
MAX_CONTRAST = 0.25
MAX_BRIGHTNESS = 0.10  # of the range of grey
MAX_GAMMA = 0.35  # of its logarithm


def augment(images: Tensor, boxes: np.ndarray, generator: np.random.Generator) -> tuple[Tensor, np.ndarray]:
    """Shift, scale, tilt and re-expose each image, each in its own way.

    images: (n, size, size) in [0, 255]. boxes: (n, regions, 4) fractions. Returns float32 images in [0, 255], black
    where the shift uncovers nothing, and the boxes where they now lie.
    """
    n = len(images)
    scale = 1.0 + generator.uniform(-MAX_SCALE, MAX_SCALE, (n, 2))
    shift = generator.uniform(-MAX_SHIFT, MAX_SHIFT, (n, 2))
    tilt = generator.uniform(-MAX_TILT, MAX_TILT, n)
    contrast = 1.0 + generator.uniform(-MAX_CONTRAST, MAX_CONTRAST, n)
    brightness = 255.0 * generator.uniform(-MAX_BRIGHTNESS, MAX_BRIGHTNESS, n)
    gamma = np.exp(generator.uniform(-MAX_GAMMA, MAX_GAMMA, n))

    turn = np.stack([np.cos(tilt), -np.sin(tilt), np.sin(tilt), np.cos(tilt)], 1).reshape(n, 2, 2)
    forward = turn * scale[:, None, :]  # a place is scaled, then turned, then shifted
    back = np.linalg.inv(forward)
    theta = np.zeros((n, 2, 3), np.float32)  # output to input, in coordinates from -1 to 1
    theta[:, :, :2] = back
    theta[:, :, 2] = -2.0 * np.einsum("nij,nj->ni", back, shift)
    grid = affine_grid(torch.from_numpy(theta), [n, 1, *images.shape[1:]], align_corners=False)
    moved = grid_sample(images.to(torch.float32).unsqueeze(1), grid, align_corners=False).squeeze(1)
    gain, offset, power = (
        torch.from_numpy(values.astype(np.float32)).view(n, 1, 1) for values in (contrast, brightness, gamma)
    )
    bent = 255.0 * (moved / 255.0).clamp(0.0, 1.0).pow(power)
    exposed = ((bent - 127.5) * gain + 127.5 + offset).clamp(0.0, 255.0)

    centre = (boxes[..., :2] + boxes[..., 2:]) / 2 - 0.5
    half = (boxes[..., 2:] - boxes[..., :2]) / 2 * scale[:, None, :]
    centre = np.einsum("nij,nrj->nri", forward, centre) + shift[:, None, :] + 0.5
    return exposed, np.concatenate([centre - half, centre + half], -1)
