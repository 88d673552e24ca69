"""Checkpoint of phase one in, checkpoint of phase two out: which finding is in which region."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.model.batch import move
from hilum.model.inference import load_model
from hilum.model.objectives import frozen_weights, make_objective
from hilum.training.batches import make_phrases, seen_cells
from hilum.training.device import choose_device
from hilum.training.examples import (
    build_examples,
    digest_training_data,
    findings_in_use,
    read_training_tables,
    shuffle_labels,
)
from hilum.training.phase import train_phase
from hilum.training.seed import epoch_generator, make_repeatable
from hilum.training.trainer import freeze

if TYPE_CHECKING:
    from hilum.config import LocateParams

log = logging.getLogger(__name__)


def run(
    data: Path,
    partitions: Sequence[str],
    tokenizer: Path,
    start: Path,
    out: Path,
    curves: Path,
    params: LocateParams,
) -> None:
    """Train on from phase one, with the objective that its checkpoint names."""
    device = choose_device(params.device)
    make_repeatable(params.seed, params.threads)
    loaded = load_model(start, tokenizer)
    record = json.loads((start / "config.json").read_text(encoding="utf-8"))
    model, words, max_tokens = loaded.network, loaded.tokenizer, loaded.config.max_tokens
    tables = read_training_tables(data, partitions)
    findings = findings_in_use(tables)
    examples, validation = (
        build_examples(tables, split, words, max_tokens, findings) for split in ("train", "validate")
    )
    if params.shuffle_labels:
        examples = shuffle_labels(examples, epoch_generator(params.seed, 0))
    phrases = move(make_phrases(words, findings, max_tokens), device)
    positions = model.learn_cells(findings, seen_cells(examples))
    objective = make_objective(
        record["objective"], "locate", phrases, params.hard_negatives, positions, record["params"]["align"]["relevance"]
    )
    freeze(model, frozen_weights(record["objective"], "locate"))
    record |= {
        "phase": "locate",
        "params": {**record["params"], "locate": params.model_dump()},
        "start": loaded.model_id,
        "findings": list(findings),
        "n_images": len(examples),
        "data": digest_training_data(data, partitions),
    }
    del record["model"]
    words_json = words.to_str(pretty=True)
    train_phase("locate", model.to(device), objective, examples, validation, params, record, words_json, out, curves)
    log.info("locate: %d images, %d findings, objective %s", len(examples), len(findings), record["objective"])
