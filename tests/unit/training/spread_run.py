"""A few training steps on a planted batch, by as many processes as torchrun starts: prints every step's losses.

usage: spread_run.py OBJECTIVE MICRO_BATCH
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import torch

from hilum.model.batch import Batch, Phrases
from hilum.model.configuration import ModelConfig, text_configuration
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import frozen_weights, make_objective
from hilum.model.pooling import box_weights
from hilum.training.seed import make_repeatable
from hilum.training.spread import join_world, spread_objective
from hilum.training.trainer import freeze, parameter_groups, train_step
from hilum.vocabulary import REGIONS

VIT = {
    "model_type": "vit", "num_channels": 1, "image_size": 48, "patch_size": 8, "hidden_size": 32,
    "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
CONFIG = ModelConfig(VIT, text_configuration("small", 60, 24), 16, 24, REGIONS, 0.5, 0.25)
N, FINDINGS, WORDS, SENTENCES = 9, 3, 12, 7


def planted_batch(random: np.random.Generator) -> Batch:
    """Random pixels, labels and words."""
    corners = np.sort(random.uniform(size=(N, len(REGIONS), 2, 2)), axis=2)
    boxes = np.stack([corners[..., 0, 0], corners[..., 0, 1], corners[..., 1, 0], corners[..., 1, 1]], -1)
    present = random.uniform(size=(N, len(REGIONS) + 1, FINDINGS)) < 0.2
    absent = (random.uniform(size=present.shape) < 0.2) & ~present
    routes = np.stack([random.integers(0, N, 20), random.integers(0, len(REGIONS), 20), np.arange(20) % SENTENCES], 1)
    return Batch(
        pixels=torch.from_numpy(random.normal(size=(N, 1, 48, 48)).astype(np.float32)),
        weights=torch.from_numpy(box_weights(boxes.astype(np.float32), 6)),
        subjects=torch.arange(N),
        report_ids=torch.from_numpy(random.integers(1, 60, (N, WORDS))),
        report_is_word=torch.ones(N, WORDS, dtype=torch.bool),
        present=torch.from_numpy(present),
        absent=torch.from_numpy(absent),
        uncertain=torch.zeros(present.shape, dtype=torch.bool),
        sentence_ids=torch.from_numpy(random.integers(1, 60, (SENTENCES, WORDS))),
        sentence_is_word=torch.ones(SENTENCES, WORDS, dtype=torch.bool),
        routes=torch.from_numpy(routes),
        said=torch.tensor([[s, f, int(random.integers(2))] for s in range(SENTENCES) for f in range(FINDINGS)]),
    )


def planted_phrases(random: np.random.Generator) -> Phrases:
    """Random words; no region lies in another."""
    alone = torch.eye(len(REGIONS), dtype=torch.bool)
    return Phrases(
        finding_ids=torch.from_numpy(random.integers(1, 60, (FINDINGS + 1, 3))),
        finding_is_word=torch.ones(FINDINGS + 1, 3, dtype=torch.bool),
        placed_ids=torch.from_numpy(random.integers(1, 60, (len(REGIONS), FINDINGS, 4))),
        placed_is_word=torch.ones(len(REGIONS), FINDINGS, 4, dtype=torch.bool),
        inside=torch.zeros_like(alone),
        related=alone,
    )


def main() -> None:
    """Train four steps in each phase."""
    make_repeatable(0, 1)
    name, names = sys.argv[1], tuple("xyz")
    model = RegionLanguageModel(replace(CONFIG, findings=names) if name == "maple" else CONFIG)
    findings = model.learn_cells(names, torch.arange(len(REGIONS) * FINDINGS).view(-1, FINDINGS) % 4 == 0)
    rows = []
    with join_world(torch.device("cpu")) as world:
        for phase in ("align", "locate"):
            random = np.random.default_rng(1)
            own = make_objective(name, phase, planted_phrases(random), findings=findings)  # type: ignore[arg-type]
            freeze(model, frozen_weights(name, phase))  # type: ignore[arg-type]
            objective = spread_objective(model, own, world, int(sys.argv[2]))
            optimizer = torch.optim.AdamW(parameter_groups(model, 0.05), lr=2e-3)
            rows += [train_step(model, objective, optimizer, planted_batch(random), phase) for _ in range(4)]
        if world.rank == 0:
            print(json.dumps(rows))


if __name__ == "__main__":
    main()
