"""Checkpoint of phase one in, checkpoint of phase two out: which finding is in which region."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.model.inference import grid_size, load_model
from hilum.model.objectives import make_objective
from hilum.training.batches import make_phrases
from hilum.training.checkpoint import write_checkpoint
from hilum.training.curves import write_curves
from hilum.training.examples import (
    build_examples,
    digest_training_data,
    findings_in_use,
    read_training_tables,
    shuffle_labels,
)
from hilum.training.progress import Keeper
from hilum.training.seed import epoch_generator, make_repeatable
from hilum.training.trainer import Settings, train

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
    phrases = make_phrases(words, findings, max_tokens)
    objective = make_objective(record["objective"], "locate", phrases, params.hard_negatives)
    settings = Settings(
        "locate", params.seed, params.epochs, params.batch_size, params.learning_rate, params.weight_decay,
        metric="validate_region_ap",
    )  # fmt: skip
    record |= {
        "phase": "locate",
        "params": {**record["params"], "locate": params.model_dump()},
        "start": loaded.model_id,
        "findings": list(findings),
        "n_images": len(examples),
        "data": digest_training_data(data, partitions),
    }
    del record["model"]
    keeper = Keeper(out, record, model)
    rows = train(model, objective, examples, validation, settings, grid_size(model, tables.pixels[0].shape[1]), keeper)
    write_checkpoint(out, model, words.to_str(pretty=True), record)
    write_curves(curves, "locate", rows)
    keeper.forget()
    log.info("locate: %d images, %d findings, objective %s", len(examples), len(findings), record["objective"])
