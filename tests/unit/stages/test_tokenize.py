"""tokenize: the train split's words, and nothing else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hilum.config import TokenizeParams
from hilum.errors import BadDataError
from hilum.model.tokens import read_tokenizer
from hilum.schema import REPORTS, SECTIONS
from hilum.stages.tokenize import run
from hilum.tables import write_table

COLD = Path(__file__).resolve().parents[3] / "data/start.json"
PARAMS = TokenizeParams(vocabulary_size=100, min_frequency=1)


def write_reports(data: Path, *rows: tuple[str, str]) -> Path:
    """One report a row: split and text, all of it findings."""
    texts = pd.DataFrame(
        [{"study_id": 50000001 + i, "subject_id": 10000001 + i, "split": s, "text": t} for i, (s, t) in enumerate(rows)]
    )
    sections = pd.DataFrame(
        [{"study_id": 50000001 + i, "section_index": 0, "section": "findings", "char_start": 0, "char_end": len(t)}
         for i, (_, t) in enumerate(rows)]
    )  # fmt: skip
    write_table(data / "texts" / "p.parquet", texts, REPORTS)
    write_table(data / "sections" / "p.parquet", sections, SECTIONS)
    return data


def test_only_the_train_split_gives_words(tmp_path: Path) -> None:
    data = write_reports(tmp_path, ("train", "small effusion"), ("validate", "xyzzy"), ("test", "xyzzy"))
    run(data, ["p"], COLD, tmp_path / "tokenizer", PARAMS)
    tokenizer, version = read_tokenizer(tmp_path / "tokenizer")
    assert "x" not in tokenizer.get_vocab() and "effusion" in tokenizer.get_vocab()
    note = json.loads((tmp_path / "tokenizer" / "vocabulary.json").read_text())
    assert note["version"] == version and note["n_texts"] == 1 and note["size"] == tokenizer.get_vocab_size()


def test_twice_is_the_same_bytes(trained: Any, tmp_path: Path) -> None:
    params = TokenizeParams(vocabulary_size=120, min_frequency=1)
    run(trained.planted.data, trained.planted.partitions, COLD, tmp_path, params)
    for name in ("tokenizer.json", "vocabulary.json"):
        assert (tmp_path / name).read_bytes() == (trained.tokenizer / name).read_bytes()


def test_no_train_report_is_refused(tmp_path: Path) -> None:
    data = write_reports(tmp_path, ("test", "small effusion"))
    with pytest.raises(BadDataError, match="none of 1 reports is in the train split"):
        run(data, ["p"], COLD, tmp_path / "tokenizer", PARAMS)


def test_a_warm_start_brings_its_tokenizer(trained: Any, warm_note: Path, tmp_path: Path) -> None:
    data = write_reports(tmp_path, ("train", "small effusion"))
    run(data, ["p"], warm_note, tmp_path / "tokenizer", PARAMS)
    for name in ("tokenizer.json", "vocabulary.json"):
        assert (tmp_path / "tokenizer" / name).read_bytes() == (trained.tokenizer / name).read_bytes()
