"""Objectives and ablations under one budget: the line run for every variant and seed.

In: a checkout whose line has run, variants (variants.yaml), seeds. Out: what is taken from each finished clone. The
clone shares the checkout's cache and run-cache: what has been trained before is restored, so that a comparison that was
killed goes on where it was. Known to be imperfect: seeds vary the training, not the phantom.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from flows.account import with_last_words
from flows.clones import clone_at
from flows.repository import head
from hilum.errors import UsageError
from hilum.lineage.snapshots import WorkingTree

log = logging.getLogger(__name__)

Taken = TypeVar("Taken")

VARIANTS = Path(__file__).with_name("variants.yaml")
TARGET = "evaluate"
BEHIND = {"labels": "label", "boxes": "pack"}
"""The stage whose table the truth takes the place of."""


@dataclass(frozen=True)
class Variant:
    """A row of the comparison. changes: parameters by `section.key`. truth: the table that is the phantom's truth."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    truth: str | None = None


def read_variants(path: Path = VARIANTS, names: Sequence[str] = ()) -> list[Variant]:
    """The variants of a file, or those named. Raises UsageError for a name that it has not."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := [name for name in names if name not in rows]:
        raise UsageError(f"there is no variant {unknown}; {path.name} has: {'; '.join(rows)}.")
    return [
        Variant(name, row.get("set", {}), row.get("truth")) for name, row in rows.items() if not names or name in names
    ]


def train_variants(
    root: Path,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    jobs: int,
    threads: Mapping[str, int],
    take: Callable[[Path], Taken],
) -> dict[str, list[Taken]]:
    """Run the line for every variant and seed, and take from each what is wanted. jobs, threads: as for `drive`.

    take: called with the clone's folder when `evaluate` has run there. Raises UsageError if another replay of the
    checkout is at work, or what a stage raised.
    """
    taken: dict[str, list[Taken]] = {}
    with clone_at(root, head(root), shared=True) as clone, WorkingTree(root) as here:
        clone.overlay(here)
        clone.bring("--with-deps", TARGET)
        params, dvc_yaml = (here.read(name) or b"" for name in ("params.yaml", "dvc.yaml"))
        for variant, seed in itertools.product(variants, seeds):
            seeded = {**variant.changes, "align.seed": seed, "locate.seed": seed + 1}
            clone.write({"params.yaml": change_params(params, seeded), "dvc.yaml": put_truth(dvc_yaml, variant.truth)})
            report = clone.build(TARGET, jobs, threads)
            for error in report.errors.values():
                raise with_last_words(error, report, clone.folder)
            taken.setdefault(variant.name, []).append(take(clone.folder))
            log.info("compare: %s, seed %d: done", variant.name, seed)
    return taken


def change_params(text: bytes, changes: Mapping[str, Any]) -> bytes:
    """params.yaml with some values set. Raises UsageError for a key that it has not."""
    params = yaml.safe_load(text)
    for name, value in changes.items():
        section, key = name.split(".")
        if key not in params.get(section, {}):
            raise UsageError(f"params.yaml has no {name}; correct {VARIANTS.name}.")
        params[section][key] = value
    return yaml.safe_dump(params, sort_keys=False).encode()


def put_truth(text: bytes, truth: str | None) -> bytes:
    """dvc.yaml in which the phantom's truth follows the stage whose table it replaces; unchanged without truth.

    The gate rightly refuses labels without a mention behind them; in this line alone it does not stop what follows.
    """
    if truth is None:
        return text
    definitions = yaml.safe_load(text)
    stage = definitions["stages"][BEHIND[truth]]["do"]
    stage["cmd"] = f"{stage['cmd']} && python -m hilum.evaluation.oracle {truth} ${{key}}"
    stage["deps"] += ["data/truth", "src/hilum/evaluation/oracle.py"]
    if truth == "labels":
        gate = definitions["stages"]["validate"]
        gate["cmd"] = f"{gate['cmd']} || test $? -eq 4"
    return yaml.safe_dump(definitions, sort_keys=False).encode()
