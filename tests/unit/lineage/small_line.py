"""A committed line of two partitions with hilum's own tables, in the files that DVC leaves; DVC is not run."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from hilum.schema import EMBEDDINGS, MENTIONS, REGION_LABELS
from hilum.tables import write_table

PARTITIONS = ("L0001-p10-p14", "L0001-p15-p19")
STUDIES = {PARTITIONS[0]: (50000011, 50000012), PARTITIONS[1]: (50000021, 50000022)}
SUBJECT, WITHDRAWN = 10000011, 19999991
AUTHOR = ("Jane Roe", "jane.roe@hospital.invalid")
TABLES = (("mentions", MENTIONS), ("region_labels", REGION_LABELS), ("embeddings", EMBEDDINGS))
CHECK = {
    "table": "region_labels", "check": "in_list", "columns": ["label"], "severity": "warning", "passed": False,
    "expected": "a label of the list", "n_rows": 4, "n_unexpected": 1, "examples": [{"study_id": 50000011}],
    "next_move": "Look.",
}  # fmt: skip
VALIDATION = {
    "verdict": "amber",
    "checks": [CHECK, {**CHECK, "check": "columns", "columns": [], "severity": "critical", "passed": True}],
    "counts": {
        "splits": [
            {"split": "train", "subjects": 3, "studies": 4, "labelled_studies": 2, "images": 5},
            {"split": "test"},
        ],
        "funnel": [{"step": "files landed", "n": 1234}],
        "findings": [{"finding": "pneumothorax", "present": 7, "uncertain": 0, "absent": 11}],
        "quarantine": [{"reason": "empty_report", "n": 6}],
    },
}
METRICS = {
    "collection": "chest", "objective": "rra_vl", "relevance": "weak",
    "retrieval": {
        "alpha": 1.0,
        "rra_vl": {"located_at_10": 0.8125, "located_at_10_low": 0.75, "located_at_10_high": 0.875,
                   "located_at_10_chance": 0.4375, "micro": {"located_at_10": 0.625}},
        "mirrored": {"located_at_10": 0.1875, "located_at_10_chance": 0.4375},
        "difference": {"mix_minus_global": {"located_at_10": 0.25, "located_at_10_low": -0.125}},
    },
    "grounding": {"rra_vl": {"mean_iou": 0.3125}},
    "counts": {"test_queries": 9, "test_patients": 8, "cells": 7},
}  # fmt: skip
CONFIG = {
    "objective": "rra_vl", "params": {"align": {"learning_rate": 0.0005}}, "n_images": 5, "findings": ["pneumothorax"],
    "data": {f"pixels/{name}.npy": "0" * 64 for name in PARTITIONS}, "start": None, "own_tokenizer": True,
}  # fmt: skip


class SmallLine:
    """The checkout, and the stages that its dvc.lock records."""

    def __init__(self, folder: Path, collection: str = "chest") -> None:
        self.folder = folder
        self.stages: dict[str, dict[str, Any]] = {}
        for name, text in _sources(collection).items():
            self.write(name, text)
        for number, partition in enumerate(PARTITIONS):
            self._write_tables(partition, number)
            self._stage("parse", partition, ["data/raw/L0001/listing.txt"], [f"data/mentions/{partition}.parquet"])
            self._stage("label", partition, [f"data/mentions/{partition}.parquet"],
                        [f"data/region_labels/{partition}.parquet"], {"on_conflict": "present"})  # fmt: skip
        self.write("data/validation/validation.json", json.dumps(VALIDATION))
        self._stage("validate", "", ["data/region_labels"], ["data/validation/validation.json"])
        self.write("data/locate/config.json", json.dumps(CONFIG))
        self.write("data/locate/model.safetensors", "weights")
        self._stage("locate", "", ["data/region_labels", "data/validation/validation.json"], ["data/locate"],
                    {"learning_rate": 0.0005, "decay": {"weight": 0.1}})  # fmt: skip
        for partition in PARTITIONS:
            self._stage("embed", partition, ["data/locate"], [f"data/embeddings/{partition}.parquet"])
        self.write("reports/metrics.json", json.dumps(METRICS))
        self._stage("evaluate", "", ["data/embeddings", "data/landings.yaml"], ["reports/metrics.json"])
        self.write("dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": self.stages}, sort_keys=False))
        definitions = {name: {"cmd": stage["cmd"], "outs": [_option(out["path"]) for out in stage["outs"]]}
                       for name, stage in self.stages.items()}  # fmt: skip
        self.write("dvc.yaml", yaml.safe_dump({"stages": definitions}))
        self.git("init", "-q")
        self.commit("line")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *words: str) -> None:
        who = ["-c", f"user.name={AUTHOR[0]}", "-c", f"user.email={AUTHOR[1]}"]
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message, "--date", "2026-01-02T03:04:05Z")

    def item(self, path: str) -> dict[str, Any]:
        """A path as dvc.lock records it."""
        place = self.folder / path
        if place.is_file():
            self._keep(_md5(place.read_bytes()), place.read_bytes())
            return {"path": path, "hash": "md5", "md5": _md5(place.read_bytes()), "size": place.stat().st_size}
        files = sorted(p for p in place.rglob("*") if p.is_file())
        rows = [{"md5": _md5(p.read_bytes()), "relpath": p.relative_to(place).as_posix()} for p in files]
        listing = json.dumps(rows, sort_keys=True).encode()
        md5 = f"{_md5(listing)}.dir"
        self._keep(md5, listing)
        for file in files:
            self._keep(_md5(file.read_bytes()), file.read_bytes())
        size = sum(p.stat().st_size for p in files)
        return {"path": path, "hash": "md5", "md5": md5, "size": size, "nfiles": len(files)}

    def cached(self, path: str) -> Path:
        """Where the cache keeps the bytes of a path."""
        md5 = self.item(path)["md5"]
        return self.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]

    def forget(self, path: str) -> None:
        """Take a file out of the checkout and out of the cache."""
        self.cached(path).unlink()
        (self.folder / path).unlink()

    def _keep(self, md5: str, data: bytes) -> None:
        place = self.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def _stage(self, verb: str, key: str, reads: list[str], writes: list[str], params: Any = None) -> None:
        reads = [*reads, f"src/hilum/stages/{verb}.py"]
        self.stages[f"{verb}@{key}" if key else verb] = {
            "cmd": f"hilum {verb} {writes[0]}", "deps": [self.item(path) for path in reads],
            "params": {"params.yaml": {verb: params}} if params else {}, "outs": [self.item(path) for path in writes],
        }  # fmt: skip

    def _write_tables(self, partition: str, number: int) -> None:
        first, second = STUDIES[partition]
        mentions = pd.DataFrame([{
            "study_id": first, "mention_id": 0, "section": "findings", "sentence": 0, "sentence_start": 0,
            "sentence_end": 9, "char_start": 0, "char_end": 5, "finding": "pneumothorax", "regions": ["right lung"],
            "side": None, "assertion": "present", "severity": None, "temporal": None, "size_mm": None,
            "explains": None, "finding_rule": "r", "assertion_rule": "", "region_rule": "r",
        }])  # fmt: skip
        labels = pd.DataFrame([
            {"study_id": study, "region": region, "finding": "pneumothorax", "label": label,
             "n_mentions": len(evidence), "evidence": evidence}
            for study, region, label, evidence in
            [(first, "right lung", "present", [0, 2]), (second, None, "absent", [1])]
        ])  # fmt: skip
        vectors = pd.DataFrame([
            {"study_id": study, "dicom_id": None, "modality": "text", "region": None, "subject_id": SUBJECT + number,
             "embedding": np.full(4, 0.5, dtype=np.float32), "model_id": "0123456789abcdef"}
            for study in (first, second)
        ])  # fmt: skip
        for (folder, table), frame in zip(TABLES, (mentions, labels, vectors), strict=True):
            write_table(self.folder / f"data/{folder}/{partition}.parquet", frame, table)


def _sources(collection: str) -> dict[str, str]:
    landing = {"landing": "L0001", "collection": collection, "source": "tree", "partitions": [*PARTITIONS]}
    withdrawal = {"landing": "L0002", "collection": collection, "source": "withdrawal", "partitions": [],
                  "withdrawn_subjects": [WITHDRAWN], "withdrawn_studies": []}  # fmt: skip
    held = {
        "collection": collection,
        "generated": [],
        "partitions": {name: {"landing": "L0001"} for name in PARTITIONS},
    }
    listing = "what landed\n"
    tracked = {"outs": [{"md5": _md5(listing.encode()), "size": len(listing), "hash": "md5", "path": "listing.txt"}]}
    code = {f"src/hilum/stages/{verb}.py": f'"""{verb}"""\n'
            for verb in ("parse", "label", "validate", "locate", "embed", "evaluate")}  # fmt: skip
    return {
        **code, "pyproject.toml": '[project]\nname = "hilum"\nversion = "0.1.0"\n',
        ".gitignore": "/data/*/*.parquet\n/.dvc/cache/\n",
        "data/landings.yaml": yaml.safe_dump(held), "data/landings/L0001.json": json.dumps(landing),
        "data/landings/L0002.json": json.dumps(withdrawal), "data/raw/L0001/listing.txt": listing,
        "data/raw/L0001/listing.txt.dvc": yaml.safe_dump(tracked),
    }  # fmt: skip


def _option(path: str) -> Any:
    return {path: {"cache": False}} if path.startswith("reports/") else path


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
