"""A line of six studies as git and DVC would record it, by hand: reports, labels, truth, queries, figures."""

from __future__ import annotations

import hashlib
import json
import subprocess
from math import log2
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from hilum.schema import (
    GROUNDINGS,
    INDEX_ROWS,
    MANIFEST,
    MENTIONS,
    QUERIES,
    REGION_LABELS,
    REPORTS,
    TRUTH_FINDINGS,
    TRUTH_REGION_BOXES,
    TRUTH_STATEMENTS,
    Table,
)
from hilum.tables import read_table, write_table

EFFUSION, OPACITY = "pleural_effusion", "lung_opacity"
LEFT, LUNG, RIGHT = "left costophrenic angle", "left lung", "right lung"
PLACES = [LEFT, LUNG, RIGHT, LEFT, None, LUNG]
WORDS = "effusion <b>"  # what a mention covers; it must be escaped wherever it is shown
METRICS = "reports/metrics.json"


def study(i: int) -> int:
    return 50_000_001 + i


def image(i: int) -> str:
    return "-".join([f"{i + 1:08x}"] * 5)


class MadeLine:
    """Image i asks for an effusion in the left lung; places: where image i has it, by truth and report alike."""

    def __init__(self, root: Path, *, truth: bool = True) -> None:
        self.root, self.truth = root, truth
        self.texts = [f"FINDINGS: In study {i} is an {WORDS} of the place.\n" for i in range(6)]
        self.write_sources()
        self.write_queries()
        self.write_metrics()
        for words in (["init", "-q", "-b", "main"], ["add", "params.yaml", "dvc.yaml"]):
            self.git(*words)
        self.git("-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-qm", "start")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    def write(self, path: str, rows: list[dict[str, Any]], table: Table) -> None:
        frame = pd.DataFrame(rows, columns=list(table.column_names))
        for column in table.columns:
            if column.type in ("int64", "int32") and column.nullable:
                frame[column.name] = frame[column.name].astype("Int64")
        write_table(self.root / path, frame, table)

    def edit(self, path: str, table: Table, change: Any) -> None:
        """Change a table's rows and record the new bytes, as a line that made them so would."""
        frame = read_table(self.root / path, table)
        change(frame)
        write_table(self.root / path, frame, table)
        self.record()

    def write_sources(self) -> None:
        ids = [{"study_id": study(i), "subject_id": 10_000_001 + i, "split": "test"} for i in range(6)]
        files = []
        for i, text in enumerate(self.texts):
            for kind, name in (("report", ".txt"), ("image", f"/{image(i)}.jpg")):
                digest = hashlib.sha256((text if kind == "report" else f"picture {i}").encode()).hexdigest()
                files.append({**ids[i], "path": f"files/s{study(i)}{name}", "landing": "L0001", "kind": kind,
                              "bytes": len(text), "sha256": digest, "status": "ok",
                              "dicom_id": image(i) if kind == "image" else None})  # fmt: skip
        self.write("data/manifest/p.parquet", files, MANIFEST)
        self.write("data/texts/p.parquet", [{**row, "text": t} for row, t in zip(ids, self.texts)], REPORTS)
        start = [text.index(WORDS) for text in self.texts]
        self.write("data/mentions/p.parquet", [
            {"study_id": study(i), "mention_id": 0, "section": "findings", "sentence": 0, "sentence_start": 10,
             "sentence_end": len(text) - 1, "char_start": start[i], "char_end": start[i] + len("effusion"),
             "finding": EFFUSION, "regions": [PLACES[i]] if PLACES[i] else [], "assertion": "present",
             "finding_rule": "effusion", "assertion_rule": "", "region_rule": ""}
            for i, text in enumerate(self.texts)
        ], MENTIONS)  # fmt: skip
        self.write("data/region_labels/p.parquet", [
            {"study_id": study(i), "region": place, "finding": EFFUSION, "label": "present", "n_mentions": 1,
             "evidence": [0]} for i, place in enumerate(PLACES)
        ], REGION_LABELS)  # fmt: skip
        box = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}
        if self.truth:
            drawn = [{"dicom_id": image(i), "study_id": study(i), "finding_index": 0, "finding": EFFUSION,
                      "region": place, "severity": "mild", **box} for i, place in enumerate(PLACES)
                     if place]  # fmt: skip
            self.write("data/truth/L0001/findings.parquet", drawn, TRUTH_FINDINGS)
            boxes = [{"dicom_id": image(i), "region": LUNG, **box} for i in range(6)]
            self.write("data/truth/L0001/region_boxes.parquet", boxes, TRUTH_REGION_BOXES)
            said = [{"study_id": study(i), "region": place, "finding": EFFUSION, "label": "present"}
                    for i, place in enumerate(PLACES) if i != 5]  # fmt: skip
            said.append({"study_id": study(5), "region": RIGHT, "finding": OPACITY, "label": "absent"})
            self.write("data/truth/L0001/statements.parquet", said, TRUTH_STATEMENTS)
        self.write("data/index/rows.parquet", [{**ids[i], "row": i, "dicom_id": image(i)} for i in range(6)],
                   INDEX_ROWS)  # fmt: skip

    def write_queries(self) -> None:
        """Studies 0 and 1 ask; both in one cell, which counts for located_at_10."""
        rows = []
        for i, score, order in ((0, "mix", [1, 3, 2, 4, 5]), (1, "mix", [2, 0, 3, 5, 4]),
                                (0, "global", [2, 4, 1, 3, 5]), (1, "global", [2, 4, 0, 3, 5])):  # fmt: skip
            hits = [PLACES[j] in (LEFT, LUNG) for j in order]
            ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
            rows.append({
                "query": f"{image(i)}|{LUNG}|{EFFUSION}", "score": score, "dicom_id": image(i), "study_id": study(i),
                "subject_id": 10_000_001 + i, "split": "test", "region": LUNG, "finding": EFFUSION,
                "answers": [image(j) for j in order], "relevant": hits, "n_gallery": 5, "n_relevant": 3,
                "n_same_finding": 4, "precision_at_1": float(hits[0]), "precision_at_5": 0.6, "precision_at_10": 0.6,
                "average_precision": sum(n / rank for n, rank in enumerate(ranks, 1)) / 3, "located_at_10": 0.75,
                "located_at_1": float(PLACES[next(j for j in order if PLACES[j])] in (LEFT, LUNG)),
                "located_at_5": 0.75, "ndcg_at_10": sum(1 / log2(1 + rank) for rank in ranks)
                / sum(1 / log2(1 + rank) for rank in (1, 2, 3)),
            })  # fmt: skip
        self.write("data/evaluation/queries.parquet", rows, QUERIES)
        units = [{"dicom_id": image(i), "subject_id": 10_000_001 + i, "finding": EFFUSION, "score": score,
                  "pointing_game": float(i == 0 or score == "prior"), "contrast_to_noise_ratio": None if i else 1.5,
                  "mean_iou": 0.1, "chance_pointing": 0.2}
                 for i in range(2) for score in ("phrase", "prior")]  # fmt: skip
        self.write("data/evaluation/groundings.parquet", units, GROUNDINGS)

    def write_metrics(self) -> None:
        """The figures that the rows give, by hand."""
        first = {0: (1 + 1 + 3 / 5) / 3, 1: (1 / 2 + 2 / 3 + 3 / 4) / 3}
        mean = round((first[0] + first[1]) / 2, 6)
        self.metrics = {
            "retrieval": {
                "alpha": 0.5,
                "rra_vl": {"precision_at_1": 0.5, "precision_at_1_low": 0.0, "precision_at_1_high": 1.0,
                           "precision_at_1_chance": 0.6, "located_at_10": 0.75, "mean_average_precision": mean,
                           "micro": {"precision_at_1": 0.5}},
                "difference": {"mix_minus_global": {"precision_at_1": 0.5}},
            },
            "grounding": {"rra_vl": {"pointing_game": 0.5, "contrast_to_noise_ratio": 1.5},
                          "phrase_minus_prior": {"pointing_game": -0.5}},
            "labels": {"micro_precision": round(5 / 6, 6), "micro_recall": round(5 / 6, 6), "n_labels": 6,
                       "f1": {EFFUSION: round(10 / 11, 6)}},
            "counts": {"images": 6},
        }  # fmt: skip
        (self.root / "reports").mkdir(exist_ok=True)
        (self.root / METRICS).write_text(json.dumps(self.metrics))
        self.record()

    def record(self) -> None:
        """Write params.yaml, dvc.yaml and dvc.lock as they would be after a run."""
        params = {"evaluate": {"min_positives": 1, "min_units": 1}}
        stages: dict[str, Any] = {
            "read": (["data/manifest/p.parquet", "data/texts/p.parquet"], []),
            "label@p": (["data/mentions/p.parquet", "data/region_labels/p.parquet"], ["data/texts/p.parquet"]),
            "index": (["data/index"], ["data/manifest/p.parquet"]),
            "evaluate": (["data/evaluation", METRICS], ["data/index", "data/region_labels/p.parquet"]),
        }
        if self.truth:
            stages["phantom"] = (["data/truth/L0001"], [])
            stages["evaluate"][1].append("data/truth/L0001")
        lock, line = {}, {}
        for name, (outs, deps) in stages.items():
            lock[name] = {"cmd": f"hilum {name}", "deps": [*map(self.item, deps)], "outs": [*map(self.item, outs)]}
            line[name] = {"cmd": f"hilum {name}", "deps": deps,
                          "outs": [{path: {"cache": False}} if path == METRICS else path for path in outs]}  # fmt: skip
        lock["evaluate"]["params"] = {"params.yaml": params}
        line["evaluate"]["params"] = ["evaluate"]
        for path, facts in (("dvc.lock", {"schema": "2.0", "stages": lock}), ("dvc.yaml", {"stages": line}),
                            ("params.yaml", params)):  # fmt: skip
            (self.root / path).write_text(yaml.safe_dump(facts, sort_keys=False))

    def item(self, path: str) -> dict[str, Any]:
        place = self.root / path
        if place.is_file():
            text = place.read_bytes()
            return {"path": path, "hash": "md5", "md5": hashlib.md5(text).hexdigest(), "size": len(text)}
        files = sorted(p for p in place.rglob("*") if p.is_file())
        listed = [{"md5": hashlib.md5(p.read_bytes()).hexdigest(), "relpath": p.name} for p in files]
        digest = hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest()
        size = sum(p.stat().st_size for p in files)
        return {"path": path, "hash": "md5", "md5": f"{digest}.dir", "size": size, "nfiles": len(files)}
