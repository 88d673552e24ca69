"""Texts to rows of ids: cutting, padding, empty texts, broken files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum.errors import BadDataError
from hilum.model.tokens import encode_texts, read_tokenizer
from hilum.training.tokenizer import train_tokenizer, write_tokenizer

TEXTS = ["right pleural effusion", "no pleural effusion", "left basal effusion is small"] * 3


def test_rows_are_cut_and_padded() -> None:
    tokenizer = train_tokenizer(TEXTS, 100, 1)
    rows = encode_texts(tokenizer, ["effusion", "right pleural effusion", ""], max_tokens=4)
    assert rows.lengths.tolist() == [3, 4, 2]  # [CLS] and [SEP] count; the second is cut
    ids, is_word = rows.take(np.array([0, 2]))
    assert ids.shape == is_word.shape == (2, 3)  # cut to the longest of the two
    assert is_word.tolist() == [[True, True, True], [True, True, False]]
    assert ids[1, 2] == 0


def test_no_texts_at_all() -> None:
    rows = encode_texts(train_tokenizer(TEXTS, 100, 1), [], max_tokens=4)
    ids, is_word = rows.take(np.array([], np.int64))
    assert ids.shape == (0, 1) and is_word.shape == (0, 1)


def test_letters_never_seen_are_unknown() -> None:
    tokenizer = train_tokenizer(TEXTS, 100, 1)
    assert "[UNK]" in tokenizer.encode("zzz").tokens


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(BadDataError, match=r"tokenizer\.json cannot be read as a tokenizer .*dvc repro tokenize"):
        read_tokenizer(tmp_path)


def test_the_version_is_that_of_the_bytes(tmp_path: Path) -> None:
    version = write_tokenizer(tmp_path, train_tokenizer(TEXTS, 100, 1), len(TEXTS), 1)
    assert read_tokenizer(tmp_path)[1] == version
    other = write_tokenizer(tmp_path / "other", train_tokenizer(TEXTS[:2], 100, 1), 2, 1)
    assert other != version
