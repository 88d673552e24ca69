"""Codes: four bits a dimension, the same bytes every time, and a scan that is one inner product at any alpha."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import BadDataError
from hilum.retrieval.codes import Codes, Scan, encode, train_levels, write_codes

RANDOM = np.random.default_rng(5)
POOL = ThreadPoolExecutor(2)


def decode(codes: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The vectors that codes stand for, the slow obvious way."""
    out = np.empty((len(codes), len(levels)), np.float32)
    for row, coded in enumerate(codes):
        for dimension in range(len(levels)):
            byte = int(coded[dimension // 2])
            out[row, dimension] = levels[dimension, byte & 15 if dimension % 2 == 0 else byte >> 4]
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(0, 10_000))
def test_every_value_is_coded_by_its_nearest_level(n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 6)).astype(np.float32)
    levels = train_levels(vectors)
    assert (np.diff(levels, axis=1) >= 0).all()
    nearest = np.abs(vectors[:, :, None] - levels[None]).min(axis=2)
    np.testing.assert_allclose(np.abs(decode(encode(vectors, levels), levels) - vectors), nearest, atol=1e-6)


def test_levels_of_a_normal_variable_are_those_of_the_book() -> None:
    """Max (1960): 16 levels of a normal variable have a mean squared error of 0.0095."""
    values = RANDOM.normal(size=(60_000, 2)).astype(np.float32)
    levels = train_levels(values)
    error = ((decode(encode(values[:4000], levels), levels) - values[:4000]) ** 2).mean()
    assert error == pytest.approx(0.0095, abs=0.0015)


def test_faiss_reads_the_codes_as_its_own(tmp_path: Path) -> None:
    vectors = RANDOM.normal(size=(100, 8)).astype(np.float32)
    levels = train_levels(vectors)
    write_codes(tmp_path / "x.codes.faiss", vectors, levels)
    write_codes(tmp_path / "y.codes.faiss", vectors, levels)
    assert (tmp_path / "x.codes.faiss").read_bytes() == (tmp_path / "y.codes.faiss").read_bytes()
    index = faiss.read_index(str(tmp_path / "x.codes.faiss"))
    np.testing.assert_allclose(index.reconstruct_n(0, 100), decode(encode(vectors, levels), levels), atol=1e-6)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two slots of three parts, whose sizes fill no block."""
    folder, counts = tmp_path_factory.mktemp("codes"), [40, 1, 95]
    vectors = RANDOM.normal(size=(2, sum(counts), 8)).astype(np.float32)
    levels = [train_levels(slot) for slot in vectors]
    codes, decoded = [], []
    for slot in range(2):
        pieces = np.split(vectors[slot], np.cumsum(counts)[:-1])
        for number, piece in enumerate(pieces):
            write_codes(folder / f"{slot}-{number}.faiss", piece, levels[slot])
        codes.append([Codes(folder / f"{slot}-{n}.faiss", count, 8) for n, count in enumerate(counts)])
        decoded.append(decode(encode(vectors[slot], levels[slot]), levels[slot]))
    return codes, counts, decoded


@settings(max_examples=40, deadline=None)
@given(alpha=st.floats(0, 1), seed=st.integers(0, 10_000), n=st.integers(1, 136))
def test_a_scan_ranks_by_the_mix_of_decoded_vectors(parts: Any, alpha: float, seed: int, n: int) -> None:
    codes, counts, decoded = parts
    whole, region = np.random.default_rng(seed).normal(size=(2, 8)).astype(np.float32)
    weighted = np.concatenate([(1 - alpha) * whole, alpha * region])
    found, coded = Scan(codes, counts, 8, POOL).nearest(weighted, n)
    assert len(found) == len(set(found)) == n and found.min() >= 0 and found.max() < 136
    assert (np.diff(coded) <= 0).all()
    scores = (1 - alpha) * decoded[0] @ whole + alpha * decoded[1] @ region
    np.testing.assert_allclose(coded, scores[found], atol=0.05 * np.abs(scores).max())  # FAISS rounds tables to 8 bits
    left_out = np.setdiff1d(np.arange(136), found)
    if len(left_out):
        assert scores[left_out].max() <= scores[found].min() + 0.05 * np.abs(scores).max()


def test_parts_of_other_levels_are_refused(parts: Any, tmp_path: Path) -> None:
    codes, counts, _ = parts
    vectors = RANDOM.normal(size=(40, 8)).astype(np.float32)
    write_codes(tmp_path / "other.faiss", vectors, train_levels(vectors))
    mixed = [[Codes(tmp_path / "other.faiss", 40, 8), *codes[0][1:]], codes[1]]
    with pytest.raises(BadDataError, match="different levels"):
        Scan(mixed, counts, 8, POOL)


def test_a_file_of_another_form_is_refused(parts: Any, tmp_path: Path) -> None:
    (tmp_path / "x.faiss").write_bytes(b"\0" * 100)
    with pytest.raises(BadDataError, match="is not a FAISS index"):
        Codes(tmp_path / "x.faiss", 3, 8)
    write_codes(tmp_path / "y.faiss", np.ones((3, 4), np.float32), train_levels(np.ones((3, 4), np.float32)))
    with pytest.raises(BadDataError, match="IndexPQFastScan of 3 vectors of 4; expected an IndexPQFastScan of 3 of 8"):
        Codes(tmp_path / "y.faiss", 3, 8)
