"""Keyword search over reports, what text retrieval is measured beside; and which reports say the same.

In: the words of reports. Out: BM25 scores, and groups of reports that differ in no more than order, numbers, case and
repetition of their sentences. Known to be imperfect: words are neither stemmed nor negated ("no effusion" has it too).
Source of BM25: Robertson and Zaragoza, Foundations and Trends in Information Retrieval 2009, with Lucene's idf.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

SATURATION, LENGTH = 1.2, 0.75  # BM25's k1 and b
_WORD = re.compile(r"[a-z]+")
_ENDS = re.compile(r"[.;\n]+")


class Bm25:
    """An index of documents by their words."""

    def __init__(self, documents: Sequence[str]) -> None:
        words = [_WORD.findall(text.lower()) for text in documents]
        self._columns = {word: n for n, word in enumerate(sorted({w for row in words for w in row}))}
        counts = self._count(words)
        length = np.asarray(counts.sum(axis=1), np.float64).ravel()
        n_having = np.bincount(counts.indices, minlength=len(self._columns))
        idf = np.log(1 + (len(words) - n_having + 0.5) / (n_having + 0.5))
        row = np.repeat(np.arange(len(words)), np.diff(counts.indptr))
        norm = SATURATION * (1 - LENGTH + LENGTH * length / max(length.mean() if len(length) else 0.0, 1e-12))
        counts.data = idf[counts.indices] * counts.data * (SATURATION + 1) / (counts.data + norm[row])
        self._weights = counts

    def score(self, queries: Sequence[str]) -> np.ndarray:
        """(n_queries, n_documents): each distinct word of a query counts once; words that no document has, nothing."""
        known = [sorted(set(_WORD.findall(text.lower())) & self._columns.keys()) for text in queries]
        return np.asarray((self._count(known) @ self._weights.T).todense(), np.float64)

    def _count(self, rows: Sequence[Sequence[str]]) -> csr_matrix:
        at = [(n, self._columns[word]) for n, row in enumerate(rows) for word in row]
        row, column = np.array(at, np.int64).reshape(-1, 2).T
        return csr_matrix((np.ones(len(at)), (row, column)), shape=(len(rows), len(self._columns)))


def group_texts(texts: Sequence[str]) -> np.ndarray:
    """(n_texts,) int64: the same number for texts that hold the same set of sentences, numbers and case left out."""
    groups: dict[tuple[str, ...], int] = {}
    codes = [groups.setdefault(_signature(text), len(groups)) for text in texts]
    return np.array(codes, np.int64)


def _signature(text: str) -> tuple[str, ...]:
    sentences = (" ".join(_WORD.findall(part)) for part in _ENDS.split(text.lower()))
    return tuple(sorted({sentence for sentence in sentences if sentence}))
