"""Objectives and ablations under one budget, on the same questions: trained over several seeds, and compared.

In: a checkout whose line has run, variants (variants.yaml), seeds. Out: a table, one row a variant: figures that are
means over the seeds, intervals by resampling patients, and the paired difference to the first variant. Each training is
the line itself in a clone, over the checkout's cache and run-cache: what has been trained before is restored, so that a
comparison that was killed goes on where it was. Known to be imperfect: seeds vary the training, not the phantom.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from flows.account import with_last_words
from flows.clones import clone_at
from flows.repository import head
from hilum.errors import UsageError
from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.grounding_summary import METRICS as GROUNDING
from hilum.evaluation.phrases import PHRASE
from hilum.evaluation.similarities import GLOBAL, MIRRORED, MIX
from hilum.lineage.snapshots import WorkingTree
from hilum.schema import CELLS, GROUNDINGS, QUERIES
from hilum.tables import read_table

log = logging.getLogger(__name__)

VARIANTS = Path(__file__).with_name("variants.yaml")
RETRIEVAL = ("located_at_10", "precision_at_5", "average_precision")
SCORES = (MIX, GLOBAL, MIRRORED)
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


def compare(
    root: Path, variants: Sequence[Variant], seeds: Sequence[int], jobs: int, threads: Mapping[str, int]
) -> dict[str, Any]:
    """Train every variant with every seed and describe them. jobs, threads: as for `drive`.

    Raises UsageError if another replay of the checkout is at work, or what a stage raised.
    """
    commit = head(root)
    queries: dict[str, list[pd.DataFrame]] = {}
    maps: dict[str, list[pd.DataFrame]] = {}
    locatable = None
    with clone_at(root, commit, shared=True) as clone, WorkingTree(root) as here:
        clone.overlay(here)
        clone.bring("--with-deps", TARGET)
        params, dvc_yaml = (here.read(name) or b"" for name in ("params.yaml", "dvc.yaml"))
        for variant in variants:
            for seed in seeds:
                seeded = {**variant.changes, "align.seed": seed, "locate.seed": seed + 1}
                clone.write(
                    {"params.yaml": change_params(params, seeded), "dvc.yaml": put_truth(dvc_yaml, variant.truth)}
                )
                report = clone.build(TARGET, jobs, threads)
                for error in report.errors.values():
                    raise with_last_words(error, report, clone.folder)
                out = clone.folder / "data/evaluation"
                asked = read_table(out / "queries.parquet", QUERIES)
                queries.setdefault(variant.name, []).append(asked[(asked["split"] == "test")])
                maps.setdefault(variant.name, []).append(read_groundings(out))
                locatable = read_locatable(out) if locatable is None else locatable
                log.info("compare: %s, seed %d: done", variant.name, seed)
    return {"commit": commit, "seeds": list(seeds), "rows": tabulate(queries, maps, locatable)}


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
    """dvc.yaml in which the phantom's truth follows the stage whose table it replaces; unchanged without truth."""
    if truth is None:
        return text
    definitions = yaml.safe_load(text)
    stage = definitions["stages"][BEHIND[truth]]["do"]
    stage["cmd"] = f"{stage['cmd']} && python -m hilum.phantom.oracle {truth} ${{key}}"
    stage["deps"] += ["data/truth", "src/hilum/phantom/oracle.py"]
    return yaml.safe_dump(definitions, sort_keys=False).encode()


def read_groundings(out: Path) -> pd.DataFrame:
    """The maps of phrases; none on a real collection, which has no boxes."""
    path = out / "groundings.parquet"
    rows = read_table(path, GROUNDINGS) if path.is_file() else pd.DataFrame(columns=list(GROUNDINGS.column_names))
    return rows[rows["score"] == PHRASE]


def read_locatable(out: Path) -> pd.DataFrame:
    """The cells in which a place can be told: region and finding."""
    cells = read_table(out / "cells.parquet", CELLS)
    return cells.loc[cells["locatable"], ["region", "finding"]].drop_duplicates()


def tabulate(
    queries: Mapping[str, Sequence[pd.DataFrame]],
    maps: Mapping[str, Sequence[pd.DataFrame]],
    locatable: pd.DataFrame | None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """One row a variant, score and metric: value, low, high, sd of the seeds, and the paired difference to the first.

    queries, maps: QUERIES of the test split and GROUNDINGS by variant, one table a seed. A question's figure is its
    mean over the seeds; a resample of patients then takes all questions of a patient, of every variant, together.
    """
    rows: list[dict[str, Any]] = []
    first: dict[tuple[str, str], Resampled] = {}
    for name, tables in queries.items():
        parts: list[tuple[str, list[pd.DataFrame], tuple[str, ...], str | None]] = [
            (score, [hide_unlocatable(t[t["score"] == score], locatable) for t in tables], RETRIEVAL, "region")
            for score in SCORES
        ]
        parts.append((PHRASE, list(maps.get(name, ())), GROUNDING, None))
        for score, frames, metrics, place in parts:
            if not frames or not len(frames[0]):
                continue
            mean, spread = over_seeds(frames, metrics, place, n_bootstrap, seed)
            low, high = mean.interval()
            for number, metric in enumerate(metrics):
                one = Resampled(mean.value[number : number + 1], mean.resamples[:, number : number + 1])
                against = first.setdefault((score, metric), one)
                apart = one.minus(against)
                apart_low, apart_high = apart.interval()
                rows.append({
                    "variant": name, "score": score, "metric": metric,
                    "value": float(mean.value[number]), "low": float(low[number]), "high": float(high[number]),
                    "sd_of_seeds": float(spread[number]), "n_seeds": len(frames),
                    **({} if against is one else {
                        "difference": float(apart.value[0]),
                        "difference_low": float(apart_low[0]), "difference_high": float(apart_high[0]),
                    }),
                })  # fmt: skip
    return rows


def hide_unlocatable(queries: pd.DataFrame, locatable: pd.DataFrame | None) -> pd.DataFrame:
    """Queries whose `located_at_10` is missing where the cell cannot tell places apart."""
    if locatable is None:
        return queries
    cells = pd.MultiIndex.from_frame(queries[["region", "finding"]].astype(object))
    told = cells.isin(pd.MultiIndex.from_frame(locatable.astype(object)))
    return queries.assign(located_at_10=queries["located_at_10"].where(told))


def over_seeds(
    tables: Sequence[pd.DataFrame], metrics: Sequence[str], place: str | None, n_bootstrap: int, seed: int
) -> tuple[Resampled, np.ndarray]:
    """Macro means over cells of the means over seeds, and the standard deviation of the seeds' own macro means."""
    key = ["query"] if place else ["dicom_id", "finding"]
    cell = ["finding"] if place is None else [place, "finding"]
    frame = pd.concat(tables, ignore_index=True)
    who = frame.groupby(key, sort=True)[["subject_id", *(name for name in cell if name not in key)]].first()
    who = who.reset_index()

    def macro(rows: pd.DataFrame, n: int) -> Resampled:
        means = rows.groupby(key, sort=True)[list(metrics)].mean().reset_index()
        joined = means.merge(who, on=key, how="left", validate="1:1")
        cells = joined[cell].astype(str).agg("|".join, axis=1)
        values = joined[list(metrics)].to_numpy(np.float64, na_value=np.nan)
        return bootstrap_means(values, joined["subject_id"].to_numpy(), cells.to_numpy(), n, seed)[0]

    each = np.stack([macro(table, 1).value for table in tables])
    spread = each.std(axis=0, ddof=1) if len(tables) > 1 else np.full(len(metrics), np.nan)
    return macro(frame, n_bootstrap), spread
