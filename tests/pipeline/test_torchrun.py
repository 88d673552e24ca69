"""The trainings of the line launched by torchrun: two processes learn what one learns, and one of them writes."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import ViTConfig, ViTModel

from tests.pipeline.conftest import copy_of

pytestmark = pytest.mark.slow
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python")
INPUTS = "--data data --tokenizer data/tokenizer"


def rows(path: Path) -> list[dict[str, float]]:
    """A curve's numbers; a validation figure that no cell of so few images has is left out."""
    kept = csv.DictReader(path.read_text().splitlines())
    return [{name: float(value) for name, value in row.items() if value and name != "phase"} for row in kept]


def test_two_processes_learn_what_one_learns_and_one_writes(line: Any, tmp_path: Path) -> None:
    """Without batch normalisation, whose statistics only CUDA shares; each process is told of a place of its own."""
    checkout = copy_of(line, tmp_path / "checkout")
    encoder = ViTConfig(
        num_channels=1, image_size=144, patch_size=16, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    ViTModel(encoder).save_pretrained(tmp_path / "vit")
    alike = {"epochs": 2, "threads": 1, "micro_batch": 5}
    checkout.set_params({"align": {**alike, "image_encoder": str(tmp_path / "vit")}, "locate": alike})
    for phase, start in (("align", "data/start.json"), ("locate", "one/align")):
        command = f"hilum {phase} {INPUTS} --start {start}"
        checkout.run(*f"{command} --out one/{phase} --curves one/{phase}.csv".split(), HILUM_SAVE_S="0")
        mine = f"{command} --out two$RANK/{phase} --curves two$RANK/{phase}.csv"
        checkout.run(*TORCHRUN, "sh", "-c", mine, HILUM_SAVE_S="0", OMP_NUM_THREADS="1")
        one, two = (rows(checkout.folder / name / f"{phase}.csv") for name in ("one", "two0"))
        assert len(one) == 2 and one[1]["total"] != pytest.approx(one[0]["total"], rel=1e-3)  # something is learned
        for expected, row in zip(one, two, strict=True):
            assert row == pytest.approx(expected, rel=1e-4), phase
    written = {path.name for path in (checkout.folder / "two0").iterdir()}
    assert written == {"align", "align.csv", "locate", "locate.csv", "live"}
    assert not (checkout.folder / "two1").exists()
