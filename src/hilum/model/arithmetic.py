"""The threads that torch computes with, and libraries that have made up their minds before two threads ask them.

In: a number of threads. Out: nothing. MKL and oneDNN choose their instructions and read their settings (MKL_CBWR) when
they are first called. Where that first call came from two threads at once, one half of one batch has been seen to come
out different in the last bits, in about 1 of 300 processes on a busy machine: 14 of 28 images of one `embed`, the half
of the first thread, by at most 1.1e-6. That the first call is the cause is a guess which fits; it was too rare to be
proved.
"""

from __future__ import annotations

import torch
from torch.nn import functional


@torch.no_grad()
def settle_arithmetic(threads: int) -> None:
    """Let the libraries settle on one thread, then compute with `threads` of them."""
    torch.set_num_threads(1)
    square = torch.ones(1, 1, 16, 16)
    functional.conv2d(square, torch.ones(2, 1, 3, 3))
    functional.scaled_dot_product_attention(square, square, square)
    functional.linear(square, square[0, 0])
    torch.bmm(square[0], square[0]).exp().softmax(-1)
    torch.set_num_threads(threads)
