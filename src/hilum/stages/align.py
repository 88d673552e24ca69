"""Images and reports in, checkpoint of phase one out: what a picture and a report have in common."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import UsageError
from hilum.model.batch import move
from hilum.model.configuration import ModelConfig
from hilum.model.inference import load_model
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import make_objective
from hilum.training.batches import make_phrases, seen_cells
from hilum.training.device import choose_device
from hilum.training.examples import build_examples, digest_training_data, findings_in_use, read_training_tables
from hilum.training.fresh import choose_configuration, choose_tokenizer, pretrained
from hilum.training.phase import train_phase
from hilum.training.seed import make_repeatable
from hilum.training.start import MODEL, find_start

if TYPE_CHECKING:
    from hilum.config import AlignParams

log = logging.getLogger(__name__)


def run(
    data: Path,
    partitions: Sequence[str],
    tokenizer: Path,
    start: Path,
    out: Path,
    curves: Path,
    params: AlignParams,
) -> None:
    """Train on the train split alone: from the model that the note `start` names (see `find_start`), else from scratch
    or from the local directories that params name."""
    device = choose_device(params.device)
    make_repeatable(params.seed, params.threads)
    words, version, own = choose_tokenizer(tokenizer, params.text_encoder)
    config = choose_configuration(
        params.image_encoder, params.text_encoder, words, params.embedding_size, params.max_tokens, params.objective
    )
    begun = find_start(start)
    model, origin = (build_model(config, params), None) if begun is None else continue_model(config, begun, tokenizer)
    tables = read_training_tables(data, partitions)
    findings = findings_in_use(tables)
    examples, validation = (
        build_examples(tables, split, words, params.max_tokens, findings) for split in ("train", "validate")
    )
    phrases = move(make_phrases(words, findings, params.max_tokens), device)
    objective = make_objective(
        params.objective,
        "align",
        phrases,
        findings=model.learn_cells(findings, seen_cells(examples)),
        relevance=params.relevance,
    )
    record = {
        "phase": "align",
        "objective": params.objective,
        "params": {"align": params.model_dump()},
        "vocabulary": version,
        "own_tokenizer": own,
        "findings": list(findings),
        "n_images": len(examples),
        "data": digest_training_data(data, partitions),
        **({} if origin is None else {"warm_start": origin}),
    }
    words_json = words.to_str(pretty=True)
    train_phase("align", model.to(device), objective, examples, validation, params, record, words_json, out, curves)
    log.info("align: %d images, %d findings, objective %s", len(examples), len(findings), params.objective)


def build_model(config: ModelConfig, params: AlignParams) -> RegionLanguageModel:
    """A new network, with the weights of the local directories that params name."""
    return RegionLanguageModel(config, pretrained(params.image_encoder), pretrained(params.text_encoder))


def continue_model(config: ModelConfig, begun: Path, tokenizer: Path) -> tuple[RegionLanguageModel, str]:
    """The network that training starts from, and its model_id. Raises UsageError if params ask for another shape."""
    loaded = load_model(begun / MODEL, tokenizer)
    if loaded.config != config:
        raise UsageError(
            f"params.yaml asks for another network than model {loaded.model_id}, which {begun} holds, has. Start from "
            f"scratch: `hilum retrain --cold`."
        )
    return loaded.network, loaded.model_id
