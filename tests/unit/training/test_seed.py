"""Arithmetic that repeats: what MKL and OpenMP are told reaches them, whatever the environment says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hilum.training.seed import epoch_generator, make_repeatable

PRODUCT = """
from hilum.training.seed import make_repeatable
import ctypes, pathlib, torch
make_repeatable(0, 2)
torch.rand(300, 300) @ torch.rand(300, 300)
openmp = next(pathlib.Path(torch.__file__).parent.glob("lib/libgomp*"), None)
print("OpenMP dynamic", ctypes.CDLL(str(openmp)).omp_get_dynamic() if openmp else 0)
"""


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="this torch multiplies without MKL")
def test_mkl_and_openmp_compute_as_we_say_whatever_the_environment_says(root: Path) -> None:
    """MKL's own account of a product: reproducible mode on, threads as asked for."""
    said = {"MKL_CBWR": "AVX2", "MKL_DYNAMIC": "TRUE", "OMP_DYNAMIC": "TRUE"}
    mine = {"MKL_VERBOSE": "1", "PYTHONPATH": str(root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", PRODUCT], env={**os.environ, **said, **mine}, capture_output=True, text=True, check=True
    )
    products = [text for text in done.stdout.splitlines() if text.startswith("MKL_VERBOSE SGEMM")]
    assert products and all("CNR:AUTO Dyn:0" in text for text in products), done.stdout
    assert products[-1].endswith("NThr:2") and all(text.endswith("NThr:1") for text in products[:-1]), done.stdout
    assert "OpenMP dynamic 0" in done.stdout


def test_threads_and_random_numbers_are_what_was_asked_for() -> None:
    make_repeatable(5, 1)
    first = torch.rand(3)
    make_repeatable(5, 1)
    assert torch.equal(torch.rand(3), first)
    assert torch.get_num_threads() == 1 and torch.are_deterministic_algorithms_enabled()
    assert np.array_equal(epoch_generator(1, 2).permutation(9), epoch_generator(1, 2).permutation(9))
    assert not np.array_equal(epoch_generator(1, 2).permutation(9), epoch_generator(1, 3).permutation(9))
