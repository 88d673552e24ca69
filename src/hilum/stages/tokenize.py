"""Reports in, tokenizer out: a WordPiece vocabulary of the train split's findings and impressions.

A warm start brings the tokenizer its weights were learned with, and no other is trained.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import BadDataError
from hilum.schema import REPORTS, SECTIONS
from hilum.tables import read_tables
from hilum.training.start import TOKENIZER, find_start
from hilum.training.texts import report_bodies
from hilum.training.tokenizer import copy_tokenizer, train_tokenizer, write_tokenizer

if TYPE_CHECKING:
    from hilum.config import TokenizeParams

log = logging.getLogger(__name__)


def run(data: Path, partitions: Sequence[str], start: Path, out: Path, params: TokenizeParams) -> None:
    """Train on the train split alone; raises BadDataError if it has no report. start: see `find_start`."""
    begun = find_start(start)
    if begun is not None:
        copy_tokenizer(begun / TOKENIZER, out)
        log.info("tokenize: kept the tokenizer of the model that training starts from")
        return
    reports = read_tables(data / "texts", partitions, REPORTS)
    train = reports[reports["split"] == "train"]
    if train.empty:
        raise BadDataError(f"texts: none of {len(reports)} reports is in the train split; nothing to learn words from.")
    bodies = report_bodies(train, read_tables(data / "sections", partitions, SECTIONS))
    texts = [bodies[study] for study in sorted(bodies)]
    tokenizer = train_tokenizer(texts, params.vocabulary_size, params.min_frequency)
    version = write_tokenizer(out, tokenizer, len(texts), params.min_frequency)
    log.info("tokenize: %d reports -> %d pieces, version %s", len(texts), tokenizer.get_vocab_size(), version)
