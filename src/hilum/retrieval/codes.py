"""Four bits a dimension: how vectors are made small, and how all of them are scanned for the nearest of a mix.

In: unit vectors. Out: trained levels (16 a dimension, the best for the squared error: Lloyd's algorithm, exact in one
dimension), codes as a FAISS `IndexPQFastScan`, and `Scan`: the codes of several slots (the whole, regions) side by side
as FAISS indexes. A mix of cosines is one inner product over the slots' vectors side by side,
(1 - alpha) q_whole . x_whole + alpha q_region . x_region, so one scan finds candidates equally well at any alpha; no
list of the nearest in either part has to hold them. Training and encoding are arithmetic without threads or chance:
the same vectors, the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np

from hilum.errors import BadDataError
from hilum.tables import whole_file

N_LEVELS = 16
BLOCK = 32  # rows that FAISS's fast scan holds together
ROUNDS = 25
_ROWS_AT_ONCE = 2048


@contextmanager
def one_thread() -> Iterator[None]:
    """FAISS without a team of threads, whose members wait longer for each other than one query takes."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def train_levels(sample: np.ndarray) -> np.ndarray:
    """(dimension, 16) float32: rising levels of each dimension of a (n, dimension) sample, n at least 1."""
    levels = np.empty((sample.shape[1], N_LEVELS), np.float32)
    for dimension in range(sample.shape[1]):
        values = np.sort(sample[:, dimension].astype(np.float64))
        sums = np.concatenate([[0.0], np.cumsum(values)])
        found = values[((np.arange(N_LEVELS) + 0.5) / N_LEVELS * len(values)).astype(np.int64)]
        for _ in range(ROUNDS):
            edges = np.concatenate([[0], np.searchsorted(values, (found[1:] + found[:-1]) / 2), [len(values)]])
            counts = np.diff(edges)
            found = np.where(counts > 0, (sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(counts, 1), found)
        levels[dimension] = np.sort(found)
    return levels


def encode(vectors: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(n, dimension / 2) uint8: the nearest level of every value, two a byte, the even dimension in the lower half."""
    edges = np.ascontiguousarray(((levels[:, 1:] + levels[:, :-1]) / 2).T)
    codes = np.empty((len(vectors), vectors.shape[1] // 2), np.uint8)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        part = vectors[start : start + _ROWS_AT_ONCE]
        nearest = np.zeros(part.shape, np.uint8)
        for edge in edges:
            nearest += part > edge
        codes[start : start + len(part)] = nearest[:, 0::2] | (nearest[:, 1::2] << 4)
    return codes


def write_codes(path: Path, vectors: np.ndarray, levels: np.ndarray) -> None:
    """Write the codes of (n, dimension) vectors, an even dimension, as a FAISS fast-scan index."""
    dimension = vectors.shape[1]
    plain = faiss.IndexPQ(dimension, dimension, 4, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(np.ascontiguousarray(levels).ravel(), plain.pq.centroids)
    plain.is_trained = True
    faiss.copy_array_to_vector(encode(vectors, levels).ravel(), plain.codes)
    plain.ntotal = len(vectors)
    with whole_file(path) as temporary:
        packed = faiss.IndexPQFastScan(plain, BLOCK)  # type: ignore[arg-type]  # the stubs lack this form
        faiss.write_index(packed, str(temporary))


class Codes:
    """The codes of one slot of one part, read. blocks: (n_blocks, bytes of a block). levels: as they were trained."""

    def __init__(self, path: Path, count: int, dimension: int) -> None:
        try:
            index = faiss.read_index(str(path))
        except RuntimeError:
            raise BadDataError(f"{path} is not a FAISS index. Run `dvc repro index`.") from None
        if not isinstance(index, faiss.IndexPQFastScan) or index.d != dimension or index.ntotal != count:
            raise BadDataError(
                f"{path} is a {type(index).__name__} of {index.ntotal} vectors of {index.d}; expected an "
                f"IndexPQFastScan of {count} of {dimension}. Run `dvc repro index`."
            )
        self.levels = faiss.vector_to_array(index.pq.centroids)
        self._index = index  # owns the memory that `blocks` shows
        size = -(-count // BLOCK) * BLOCK * dimension // 2
        shown = faiss.rev_swig_ptr(index.codes.get(), size) if size else np.empty(0, np.uint8)
        self.blocks = shown.reshape(-1, BLOCK * dimension // 2)


class Scan:
    """The codes of several slots side by side, over all parts: see the head of this module.

    Memory, not arithmetic, is what a scan waits for, so the parts go into two lanes of about as many rows, which are
    scanned at once. codes: one list a slot, of one `Codes` a part. counts: rows of each part. pool: of two threads.
    Raises BadDataError if the parts of a slot were made with different levels.
    """

    def __init__(self, codes: Sequence[Sequence[Codes]], counts: Sequence[int], dimension: int, pool: Executor) -> None:
        for of_slot in codes:
            if any(not np.array_equal(one.levels, of_slot[0].levels) for one in of_slot):
                raise BadDataError("the parts of an index were made with different levels. Run `dvc repro index`.")
        ends = np.cumsum([0, *counts])
        half = int(np.abs(ends - ends[-1] / 2).argmin())
        self._pool = pool

        def lane(low: int, high: int) -> _Lane:
            return _Lane([of_slot[low:high] for of_slot in codes], counts[low:high], int(ends[low]), dimension)

        cuts = [(low, high) for low, high in ((0, half), (half, len(counts))) if low < high]
        self._lanes = list(pool.map(lane, *zip(*cuts, strict=True)))
        self.nbytes = sum(lane.nbytes for lane in self._lanes)

    def nearest(self, weighted: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of n rows, or all if there are fewer, whose coded inner product with the query is highest, and it.

        The highest first; FAISS rounds it.

        weighted: (n_slots * dimension,) float32, the query's vector of each slot times the slot's weight.
        """
        found = list(self._pool.map(lambda lane: lane.nearest(weighted, n), self._lanes))
        scores, positions = (np.concatenate(each) for each in zip(*found, strict=True))
        best = np.argsort(-scores, kind="stable")[:n]
        return positions[best], scores[best]


class _Lane:
    """Some of a scan's parts, as one FAISS index. first: position of the first row."""

    def __init__(self, codes: Sequence[Sequence[Codes]], counts: Sequence[int], first: int, dimension: int) -> None:
        width = BLOCK * dimension // 2
        n_blocks = [-(-count // BLOCK) for count in counts]
        joined = dimension * len(codes)
        index = faiss.IndexPQFastScan(joined, joined, 4, faiss.METRIC_INNER_PRODUCT, BLOCK)
        faiss.copy_array_to_vector(np.concatenate([of_slot[0].levels for of_slot in codes]), index.pq.centroids)
        index.is_trained = True
        index.ntotal = sum(n_blocks) * BLOCK
        index.ntotal2 = sum(n_blocks) * BLOCK  # type: ignore[attr-defined]
        index.codes.resize(sum(n_blocks) * width * len(codes))
        target = faiss.rev_swig_ptr(index.codes.get(), index.codes.size()).reshape(sum(n_blocks), -1)
        for slot, of_slot in enumerate(codes):
            start = 0
            for one in of_slot:
                target[start : start + len(one.blocks), slot * width : (slot + 1) * width] = one.blocks
                start += len(one.blocks)
        starts = first + np.cumsum([0, *counts[:-1]])
        self._positions = np.full(sum(n_blocks) * BLOCK, -1, np.int64)  # of the rows that fill up a block: -1
        at = 0
        for count, blocks, start in zip(counts, n_blocks, starts, strict=True):
            self._positions[at : at + count] = np.arange(start, start + count)
            at += blocks * BLOCK
        self._n_filling = int((self._positions < 0).sum())
        self._index = index
        self.nbytes = int(index.codes.size()) + self._positions.nbytes

    def nearest(self, weighted: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Coded inner products and positions of at least n rows, if there are as many."""
        wanted = min(n + self._n_filling, len(self._positions))
        with one_thread():
            scores, found = self._index.search(np.ascontiguousarray(weighted[None], np.float32), wanted)
        positions = np.where(found[0] >= 0, self._positions[found[0]], -1)
        return scores[0][positions >= 0], positions[positions >= 0]
