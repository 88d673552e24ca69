"""Small changes of position, size and exposure, made to a whole batch at once, boxes following.

Never a flip: left and right are what the labels are about. No rotation: a box would not follow it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

MAX_SHIFT = 0.05  # of the side
MAX_SCALE = 0.10
MAX_CONTRAST = 0.20
MAX_BRIGHTNESS = 0.08  # of the range of grey


def augment(images: Tensor, boxes: np.ndarray, generator: np.random.Generator) -> tuple[Tensor, np.ndarray]:
    """Shift, scale and re-expose each image. images: (n, size, size) in [0, 255]. boxes: (n, regions, 4) fractions.

    Returns float32 images in [0, 255], black where the shift uncovers nothing, and the boxes where they now lie.
    """
    n = len(images)
    scale = 1.0 + generator.uniform(-MAX_SCALE, MAX_SCALE, n)
    shift = generator.uniform(-MAX_SHIFT, MAX_SHIFT, (n, 2))
    contrast = 1.0 + generator.uniform(-MAX_CONTRAST, MAX_CONTRAST, n)
    brightness = 255.0 * generator.uniform(-MAX_BRIGHTNESS, MAX_BRIGHTNESS, n)

    theta = np.zeros((n, 2, 3), np.float32)  # output to input, in coordinates from -1 to 1
    theta[:, 0, 0] = theta[:, 1, 1] = 1.0 / scale
    theta[:, :, 2] = -2.0 * shift / scale[:, None]
    grid = affine_grid(torch.from_numpy(theta), [n, 1, *images.shape[1:]], align_corners=False)
    moved = grid_sample(images.to(torch.float32).unsqueeze(1), grid, align_corners=False).squeeze(1)
    gain = torch.from_numpy(contrast.astype(np.float32)).view(n, 1, 1)
    offset = torch.from_numpy(brightness.astype(np.float32)).view(n, 1, 1)
    exposed = ((moved - 127.5) * gain + 127.5 + offset).clamp(0.0, 255.0)

    centre = 0.5 + np.concatenate([shift, shift], 1)[:, None, :]
    return exposed, (boxes - 0.5) * scale[:, None, None] + centre
