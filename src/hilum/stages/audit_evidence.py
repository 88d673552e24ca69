"""What is known of studies and images, each fact with the file and row that holds it: for the drill-down of an audit.

In: a record. Out: raw files with their sha256, truth rows, weak labels and the mentions behind them, with the
characters of the raw report that each rests on. The words themselves only where they are asked for.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from hilum.lineage.lock import Item
from hilum.lineage.record import Record
from hilum.schema import (
    MANIFEST,
    MENTIONS,
    REGION_LABELS,
    REPORTS,
    TRUTH_FINDINGS,
    TRUTH_REGION_BOXES,
    TRUTH_STATEMENTS,
    Table,
)
from hilum.tables import read_table
from hilum.vocabulary import REGION_PARENTS

SAID = ("section", "sentence", "sentence_start", "sentence_end", "char_start", "char_end", "assertion")


class Evidence:
    """The tables behind labels, each row with the table's path. show_text: give the words of sentences as well.

    disagreements: what did not fit while facts were put together; n_checked: how many things were compared.
    Raises BadDataError or SchemaError where a table is not here or not of its form.
    """

    def __init__(self, record: Record, *, show_text: bool = False) -> None:
        self._record, self._show_text = record, show_text
        self.disagreements: list[str] = []
        self.n_checked = 0
        self.has_truth = bool(record.lineage.inside("data/truth"))
        self.files = self._read_files()
        self.image_studies = {row["dicom_id"]: row["study_id"] for row in self.files.values() if row["kind"] == "image"}
        self._images = {row["dicom_id"]: row for row in self.files.values() if row["kind"] == "image"}
        self._reports = {row["study_id"]: row for row in self.files.values() if row["kind"] == "report"}
        self.labels = self._group(REGION_LABELS, "data/region_labels", ("study_id", "finding"))
        self.truth = self._read_truth() if self.has_truth else {}

    def regions_of(self, dicom_id: str, finding: str) -> list[str]:
        """Where the image has the finding, by the truth, or without one by the weak labels of its study."""
        if self.has_truth:
            return [row["region"] for row in self.truth.get((dicom_id, finding), ())]
        rows = self.labels.get((self.image_studies[dicom_id], finding), ())
        return [row["region"] for row in rows if row["label"] == "present" and row["region"]]

    def tell(self, wanted: Mapping[int, Iterable[str]], images: Iterable[str]) -> dict[int, dict[str, Any]]:
        """Study -> its raw files, and of the findings wanted its truth and label rows, down to the characters.

        wanted: study -> findings. images: those whose file and truth are told.
        """
        told: dict[int, dict[str, Any]] = {
            study: {
                "report": self._file(self._reports.get(study)), "images": {}, "truth": [],
                "labels": [dict(row) for finding in sorted(set(wanted[study]))
                           for row in self.labels.get((study, finding), ())],
            }
            for study in sorted(wanted)
        }  # fmt: skip
        for image in sorted(set(images)):
            study = self.image_studies[image]
            told[study]["images"][image] = self._file(self._images[image])
            for finding in sorted(set(wanted[study])):
                told[study]["truth"] += self.truth.get((image, finding), ())
        self._add_mentions(told)
        return told

    def statements(self) -> pd.DataFrame:
        """TRUTH_STATEMENTS of all landings; a later landing's study replaces an earlier one's."""
        frames: list[pd.DataFrame] = []
        for _, said in self._read(TRUTH_STATEMENTS, "data/truth", "statements.parquet"):
            frames = [frame[~frame["study_id"].isin(said["study_id"])] for frame in frames]
            frames.append(said)
        return pd.concat(frames, ignore_index=True)

    def check(self, fits: bool, words: str) -> None:
        """Count a comparison, and note what does not fit."""
        self.n_checked += 1
        if not fits:
            self.disagreements.append(words)

    def _add_mentions(self, told: Mapping[int, dict[str, Any]]) -> None:
        mentions: dict[tuple[int, int], dict[str, Any]] = {}
        for path, frame in self._read(MENTIONS, "data/mentions"):
            for row in rows_of(frame[frame["study_id"].isin(list(told))]):
                mentions[row["study_id"], row["mention_id"]] = {"table": path, **row}
        texts: dict[int, str] = {}
        for _, frame in self._read(REPORTS, "data/texts"):
            chosen = frame[frame["study_id"].isin(list(told))]
            texts.update(zip(chosen["study_id"], chosen["text"], strict=True))
        for study, facts in told.items():
            text = texts.get(study)
            self._check_report(study, facts["report"], text)
            for label in facts["labels"]:
                rows = [mentions.get((study, number)) for number in label.pop("evidence")]
                self._check_label(study, label, rows, len(text or ""))
                label["mentions"] = [self._mention(row, text) for row in rows if row]

    def _mention(self, row: Mapping[str, Any], text: str | None) -> dict[str, Any]:
        told = {"table": row["table"], "mention_id": int(row["mention_id"]), "rule": row["finding_rule"]}
        told |= {name: row[name] if isinstance(row[name], str) else int(row[name]) for name in SAID}
        if self._show_text and text is not None:
            cuts = [told[name] for name in ("sentence_start", "char_start", "char_end", "sentence_end")]
            told["words"] = [text[start:end] for start, end in pairwise(cuts)]
        return told

    def _check_report(self, study: int, report: dict[str, Any] | None, text: str | None) -> None:
        if report is None or text is None:
            self.check(False, f"study {study}: its report is in no manifest, or in no table of texts")
            return
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.check(digest == report["sha256"], f"study {study}: the text that was read is not {report['file']}")

    def _check_label(self, study: int, label: Mapping[str, Any], rows: list[dict[str, Any] | None], n: int) -> None:
        place = label["region"] or "no place"
        name = f"study {study}, {label['finding']} at {place}"
        self.check(len(rows) == label["n_mentions"] and None not in rows, f"{name}: a mention behind it is missing")
        for row in rows:
            if row is None:
                continue
            fits = row["finding"] == label["finding"] and (
                label["region"] in list(row["regions"]) if label["region"] else not len(row["regions"])
            )
            self.check(fits, f"{name}: mention {row['mention_id']} is of another finding or place")
            cuts = [0, row["sentence_start"], row["char_start"], row["char_end"], row["sentence_end"], n]
            self.check(cuts == sorted(cuts), f"{name}: mention {row['mention_id']} lies outside its sentence or report")

    def _file(self, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {name: row[name] for name in ("file", "sha256", "bytes", "manifest")} if row else None

    def _read(self, table: Table, folder: str, name: str = "") -> Iterator[tuple[str, pd.DataFrame]]:
        """(path, frame) of a table's files below a folder, by path. name: only files called so, in outputs' folders."""
        for item in self._record.lineage.inside(folder):
            for file in self._record.store.files(item) if item.is_folder else [None]:
                path = file.path if file else item.path
                if not name or PurePosixPath(path).name == name:
                    below = path[len(item.path) + 1 :]
                    yield path, read_table(self._record.store.path_of(item, below), table)

    def _read_files(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path, frame in self._read(MANIFEST, "data/manifest"):
            kept = frame[(frame["status"] == "ok") & frame["study_id"].notna()]
            columns = ("path", "landing", "study_id", "dicom_id", "kind", "bytes", "sha256")
            for row in rows_of(kept[list(columns)]):
                file = f"data/raw/{row['landing']}/tree/{row['path']}"
                row |= {"file": file, "manifest": path, "study_id": int(row["study_id"]), "bytes": int(row["bytes"])}
                found[row["path"]] = row
        return found

    def _group(self, table: Table, folder: str, key: tuple[str, str]) -> dict[tuple[Any, Any], list[dict[str, Any]]]:
        found: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
        for path, frame in self._read(table, folder):
            for row in rows_of(frame):
                region = row["region"] if isinstance(row["region"], str) else None
                numbers = {"n_mentions": int(row["n_mentions"]), "evidence": [int(v) for v in row["evidence"]]}
                found[row[key[0]], row[key[1]]].append({"table": path, **row, "region": region, **numbers})
        return dict(found)

    def _read_truth(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """(image, finding) -> rows, of the last landing that drew the image."""
        drawn: dict[str, str] = {}
        for path, frame in self._read(TRUTH_REGION_BOXES, "data/truth", "region_boxes.parquet"):
            drawn.update(dict.fromkeys(frame["dicom_id"], str(PurePosixPath(path).parent)))
        found: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
        for path, frame in self._read(TRUTH_FINDINGS, "data/truth", "findings.parquet"):
            for row in rows_of(frame):
                if drawn.get(row["dicom_id"]) == str(PurePosixPath(path).parent):
                    found[row["dicom_id"], row["finding"]].append({"table": path, **row})
        return dict(found)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, each by column."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def lies_in(region: str | None, place: str) -> bool:
    """Whether a region is a place or a part of it."""
    while region is not None and region != place:
        region = REGION_PARENTS.get(region)
    return region is not None


def read_out(record: Record, outs: Iterable[Item], table: Table, name: str) -> tuple[str, pd.DataFrame]:
    """(path, rows) of the table called `name` in the first folder of outs."""
    folder = next(out for out in outs if out.path not in record.held_by_git)
    return f"{folder.path}/{name}", read_table(record.store.path_of(folder, name), table)
