"""Strings to rows of token ids, padded to one length, with any `tokenizers` file.

In: tokenizer.json. Out: id arrays and masks. Padding has id 0, as in BERT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from hilum.errors import BadDataError


@dataclass(frozen=True)
class TokenRows:
    """Many texts as one array. ids: (n, words) int32, 0 where padding. lengths: (n,) int32, words of each."""

    ids: np.ndarray
    lengths: np.ndarray

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ids (len(rows), longest) int64 and is_word bool of some texts, cut to the longest of them (1 at least)."""
        lengths = self.lengths[rows]
        longest = max(1, int(lengths.max(initial=1)))
        return self.ids[rows, :longest].astype(np.int64), np.arange(longest) < lengths[:, None]


def vocabulary_version(text: str) -> str:
    """The first 16 hex digits of the sha256 of a tokenizer.json's text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def read_tokenizer(directory: Path) -> tuple[Tokenizer, str]:
    """The tokenizer of a directory, and its vocabulary's version. Raises BadDataError if it cannot be read."""
    path = directory / "tokenizer.json"
    try:
        text = path.read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises bare Exception for a file that it cannot parse
        raise BadDataError(
            f"{path} cannot be read as a tokenizer ({type(error).__name__}). Run `dvc repro tokenize` to make it again."
        ) from error
    return tokenizer, vocabulary_version(text)


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int) -> TokenRows:
    """Token ids of texts, each cut to max_tokens. The last id kept of a cut text is its own, not [SEP]."""
    rows = [encoding.ids[:max_tokens] for encoding in tokenizer.encode_batch(list(texts))]
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = np.zeros((len(rows), int(lengths.max(initial=1))), np.int32)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
    return TokenRows(ids, lengths)
