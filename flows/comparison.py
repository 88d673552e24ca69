"""Objectives and ablations under one budget: the line run for every variant and seed.

In: a checkout whose line has run, variants (variants.yaml), seeds. Out: what is taken from the clone after each. The
clone shares the checkout's cache and run-cache: what has been trained before is restored, so that a comparison that was
killed goes on with the training that it was at. Known to be imperfect: that training begins anew.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.account import with_last_words
from flows.clones import clone_at
from flows.repository import head
from hilum.errors import UsageError
from hilum.lineage.snapshots import WorkingTree

log = logging.getLogger(__name__)

VARIANTS = Path(__file__).with_name("variants.yaml")
TARGET = "evaluate"
BEHIND = {"labels": "label", "boxes": "pack"}
"""The stage whose table the truth takes the place of."""


@dataclass(frozen=True)
class Variant:
    """A row of the comparison. changes: parameters by `section.key`. truth: the table that is the phantom's truth."""

    name: str
    words: str
    changes: Mapping[str, Any]
    truth: str | None = None


def read_variants(path: Path = VARIANTS, names: Sequence[str] = ()) -> list[Variant]:
    """The variants of a file, or those named and the first. Raises UsageError for a name that it has not."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := [name for name in names if name not in rows]:
        raise UsageError(f"there is no variant {', '.join(unknown)}; {path.name} has: {', '.join(rows)}.")
    first = next(iter(rows))
    return [
        Variant(name, row["words"], row["set"], row.get("truth"))
        for name, row in rows.items()
        if not names or name in names or name == first
    ]


def train_variants(
    root: Path,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    jobs: int,
    threads: Mapping[str, int],
    take: Callable[[Variant, int, Path], object],
) -> None:
    """Run the line for every seed and variant: one seed of all comes first. jobs, threads: as for `drive`.

    take: told of the variant, the seed and the clone's folder when `evaluate` has run there. A variant that fails does
    not stop the others; when they are done the first failure is raised. Raises UsageError if another replay of the
    checkout is at work.
    """
    failed: list[Exception] = []
    with clone_at(root, head(root), shared=True) as clone, WorkingTree(root) as here:
        clone.overlay(here)
        clone.bring("--with-deps", TARGET)
        params, dvc_yaml = (here.read(name) or b"" for name in ("params.yaml", "dvc.yaml"))
        for number, (seed, variant) in enumerate(itertools.product(seeds, variants), 1):
            seeded = {**variant.changes, "align.seed": seed, "locate.seed": seed + 1}
            clone.write({"params.yaml": change_params(params, seeded), "dvc.yaml": put_truth(dvc_yaml, variant.truth)})
            report = clone.build(TARGET, jobs, threads)
            if report.errors:
                failed.append(with_last_words(next(iter(report.errors.values())), report, clone.folder))
                log.error("compare: %s, seed %d: %s", variant.name, seed, failed[-1])
                continue
            take(variant, seed, clone.folder)
            log.info("compare: %s, seed %d: done (%d of %d)", variant.name, seed, number, len(seeds) * len(variants))
    if failed:
        raise failed[0]


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
