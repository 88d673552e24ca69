"""The synthetic collection, whole: many subjects in MIMIC-CXR's layout, their listing, and the truth apart.

In: a recipe, how many subjects from which number on, and who of them is withdrawn. Out: a tree, listing.parquet and a
truth folder; each comes whole or not at all, and none of their bytes depends on the number of workers.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import pandas as pd

from hilum.phantom.encode import csv_bytes, gzip_bytes
from hilum.phantom.labellers import LABELLER_COLUMNS, labeller_rows
from hilum.phantom.subject import NOBODY, LeftOut, Recipe, Rows, put_file, write_subject
from hilum.schema import LISTING, TRUTH_FINDINGS, TRUTH_REGION_BOXES, TRUTH_STATEMENTS
from hilum.tables import write_table

log = logging.getLogger(__name__)

METADATA_COLUMNS = (
    "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows", "Columns",
    "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
)  # fmt: skip
_VIEW_WORDS = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral", "LL": "left lateral"}


def write_collection(
    tree: Path,
    n_subjects: int,
    first_subject: int = 0,
    *,
    recipe: Recipe,
    listing: Path,
    truth: Path,
    workers: int = 1,
    left_out: LeftOut = NOBODY,
    progress: Callable[[Iterable[Rows], int], Iterable[Rows]] | None = None,
) -> None:
    """Generate subjects first_subject ... first_subject + n_subjects - 1; what was at the three paths is replaced.

    left_out: of whom nothing is written; every file of everybody else is as it would be with them.
    progress: wraps the iteration over subjects (given their number), for a bar.
    """
    numbers = range(first_subject, first_subject + n_subjects)
    with _whole_folder(tree) as new_tree, _whole_folder(truth) as new_truth:
        rows = Rows()
        done: Iterable[Rows] = _write_subjects(recipe, new_tree, numbers, workers, left_out)
        for part in progress(done, n_subjects) if progress else done:
            for name, values in vars(part).items():
                getattr(rows, name).extend(values)
        _write_tables(new_tree, rows)
        _write_truth(new_truth, rows)
    frame = pd.DataFrame(rows.files, columns=["path", "kind", "bytes", "sha256"])
    write_table(listing, frame.assign(change="added"), LISTING)
    log.info("phantom: %d subjects -> %d studies, %d images, %d drawn findings",
             n_subjects, len(rows.studies), len(rows.images), len(rows.findings))  # fmt: skip


def _write_subjects(
    recipe: Recipe, tree: Path, numbers: Sequence[int], workers: int, left_out: LeftOut
) -> Iterator[Rows]:
    task = partial(write_subject, recipe, tree, left_out=left_out)
    if workers <= 1:
        yield from map(task, numbers)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(task, numbers, chunksize=4)
        except BrokenProcessPool:
            for child in active_children():  # one that was being started when another died is forgotten by the pool
                child.kill()  # (CPython 3.11), and this process would wait for it for ever
            raise


def _write_tables(tree: Path, rows: Rows) -> None:
    """The tables at the tree's root; checksums last, of everything before them."""

    def table(name: str, columns: Sequence[str], values: Iterable[Sequence[object]]) -> None:
        put_file(tree, name, "table", gzip_bytes(csv_bytes(columns, values)), rows)

    images = rows.images
    table("mimic-cxr-2.0.0-metadata.csv.gz", METADATA_COLUMNS, map(_metadata_row, images))
    table("mimic-cxr-2.0.0-split.csv.gz", ("dicom_id", "study_id", "subject_id", "split"),
          ((dicom_id, case.study_id, case.subject_id, split) for dicom_id, case, *_, split, _ in images))  # fmt: skip
    labels = labeller_rows(rows.studies, rows.statements)
    for labeller in ("chexpert", "negbio"):
        table(f"mimic-cxr-2.0.0-{labeller}.csv.gz", LABELLER_COLUMNS, labels)
    table("cxr-record-list.csv.gz", ("subject_id", "study_id", "dicom_id", "path"),
          ((case.subject_id, case.study_id, dicom_id, str(Path(path).with_suffix(".dcm")))
           for dicom_id, case, *_, path in images))  # fmt: skip
    table("cxr-study-list.csv.gz", ("subject_id", "study_id", "path"), rows.studies)
    names = "".join(f"{row[-1]}\n" for row in images)
    put_file(tree, "IMAGE_FILENAMES", "table", names.encode("ascii"), rows)
    put_file(
        tree, "hilum-collection.json", "table", json.dumps({"collection": "phantom"}).encode("ascii") + b"\n", rows
    )
    sums = "".join(f"{sha256}  {path}\n" for path, _, _, sha256 in sorted(rows.files))
    put_file(tree, "SHA256SUMS.txt", "table", sums.encode("ascii"), rows)


def _metadata_row(row: Sequence[Any]) -> tuple[object, ...]:
    dicom_id, case, view, height, width, *_ = row
    step = "CHEST (PORTABLE AP)" if case.view == "AP" else "CHEST (PA AND LAT)" if case.has_lateral else "CHEST (PA)"
    return (
        dicom_id, case.subject_id, case.study_id, step, view, height, width, case.study_datetime[:8],
        f"{int(case.study_datetime[8:])}.0", step, _VIEW_WORDS[str(view)], "Erect" if case.view == "PA" else None,
    )  # fmt: skip


def _write_truth(truth: Path, rows: Rows) -> None:
    for name, values, table in (
        ("findings", rows.findings, TRUTH_FINDINGS),
        ("region_boxes", rows.region_boxes, TRUTH_REGION_BOXES),
    ):
        write_table(truth / f"{name}.parquet", pd.DataFrame(values, columns=list(table.column_names)), table)
    frame = pd.DataFrame(rows.statements, columns=list(TRUTH_STATEMENTS.column_names))
    write_table(truth / "statements.parquet", frame, TRUTH_STATEMENTS)


@contextmanager
def _whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when the block ends well, and is removed if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
