"""Champion and challenger on the same frozen questions: what each ranks, and the paired difference.

In: the images, the weak labels of the landings that were frozen, and each model's vectors. Out: the benchmark, and one
`Comparison` a metric. Later landings change neither questions nor answers; a study that is superseded or withdrawn
leaves both. Known to be imperfect: the answers are right by weak labels, so a rule that changes moves the benchmark
(its digest says so), and errors that both models learned from the same rules do not show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hilum.errors import BadDataError
from hilum.evaluation.bootstrap import Resampled, bootstrap_means
from hilum.evaluation.figures import DIGITS
from hilum.evaluation.relevance import Cells, Presence, Queries, build_presence, choose_cells, choose_queries
from hilum.evaluation.retrieval import evaluate_alphas
from hilum.evaluation.similarities import Gallery
from hilum.evaluation.summary import LOCATED
from hilum.retrieval.vectors import ImageVectors
from hilum.vocabulary import REGION_PARENTS

COLUMN_OF = {"mean_average_precision": "average_precision"}  # a metric's column in QUERIES, where it is not its name


@dataclass(frozen=True)
class Benchmark:
    """The questions, and what is right. rows: dicom_id, study_id, subject_id, split of the gallery's images."""

    rows: pd.DataFrame
    presence: Presence
    cells: Cells
    queries: Queries

    @property
    def n_patients(self) -> int:
        """Patients who ask."""
        return int(self.rows["subject_id"].iloc[self.queries.image].nunique())

    def digest(self) -> str:
        """sha256 of gallery, cells, right answers and questions: two decisions with the same one asked the same."""
        ids = self.rows["dicom_id"].to_numpy(dtype=object)
        whole = hashlib.sha256()

        def add(*words: object, images: Iterable[str] = ()) -> None:
            whole.update(("\t".join([*map(str, words), *images]) + "\n").encode())

        for row in self.rows.itertuples():
            add("image", row.dicom_id, row.subject_id)
        for finding in np.unique(self.cells.finding):
            add("finding", self.presence.findings[finding], images=ids[self.presence.anywhere[:, finding]])
        for cell, (region, finding) in enumerate(zip(self.cells.region, self.cells.finding, strict=True)):
            names = self.presence.regions[region], self.presence.findings[finding]
            add("cell", *names, self.cells.locatable[cell], images=ids[self.presence.present[:, region, finding]])
            add("asked", *names, images=sorted(ids[self.queries.image[self.queries.cell == cell]]))
        return whole.hexdigest()


def build_benchmark(rows: pd.DataFrame, labels: pd.DataFrame, regions: Sequence[str], min_positives: int) -> Benchmark:
    """The test split's questions to these images. rows: IMAGES of the frozen landings; labels: REGION_LABELS."""
    rows = rows.sort_values("dicom_id", kind="stable").reset_index(drop=True)
    present = labels[labels["label"] == "present"]
    presence = build_presence(rows["study_id"], present, tuple(regions), REGION_PARENTS)
    cells = choose_cells(presence, min_positives)
    return Benchmark(rows, presence, cells, choose_queries(presence, cells, rows, "test"))


def rank_benchmark(benchmark: Benchmark, vectors: ImageVectors, alpha: float) -> pd.DataFrame:
    """QUERIES rows of a model's mix. Raises BadDataError if it has no vectors of an image of the gallery."""
    positions = pd.Index(vectors.rows["dicom_id"]).get_indexer(pd.Index(benchmark.rows["dicom_id"]))
    n_lacking = int((positions < 0).sum())
    if n_lacking:
        raise BadDataError(
            f"embeddings of checkpoint {vectors.model_id}: {n_lacking} of the {len(positions)} images of the benchmark "
            f"have no vector. Run `dvc repro`."
        )
    mine = replace(vectors, whole=vectors.whole[positions], by_region=vectors.by_region[:, positions])

    def find_vectors(region: str | None) -> np.ndarray:
        return mine.whole if region is None else mine.by_region[mine.regions.index(region)]

    gallery = Gallery(benchmark.rows, benchmark.presence, find_vectors, find_vectors)  # the mix never asks for pixels
    return evaluate_alphas(gallery, benchmark.queries, [alpha])


@dataclass(frozen=True)
class Comparison:
    """A metric of both models, macro over cells, and challenger minus champion with its 95 % interval.

    NaN where no question has the metric. Rounded as they are written, so that a reader judges as hilum did.
    """

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    n_queries: int
    n_cells: int


def compare_models(
    champion: pd.DataFrame,
    challenger: pd.DataFrame,
    benchmark: Benchmark,
    metrics: Sequence[str],
    n_bootstrap: int,
    seed: int,
) -> list[Comparison]:
    """One comparison a metric. champion, challenger: from `rank_benchmark`; whole patients are resampled, in pairs."""
    if list(champion["query"]) != list(challenger["query"]):
        raise ValueError("champion and challenger were asked different questions")
    fixed = _unlocatable(champion, benchmark)
    cells = (champion["region"] + "|" + champion["finding"]).to_numpy()
    patients = champion["subject_id"].to_numpy()

    def measure(frame: pd.DataFrame) -> tuple[np.ndarray, Resampled]:
        values = frame[[COLUMN_OF.get(metric, metric) for metric in metrics]].to_numpy(np.float64, copy=True)
        for column in np.flatnonzero(np.array(metrics) == LOCATED):
            values[fixed, column] = np.nan
        return ~np.isnan(values), bootstrap_means(values, patients, cells, n_bootstrap, seed)[0]

    (known, old), (_, new) = measure(champion), measure(challenger)
    difference = new.minus(old)
    low, high = difference.interval()
    numbers = np.round(np.column_stack([old.value, new.value, difference.value, low, high]), DIGITS) + 0.0
    names = ("champion", "challenger", "difference", "low", "high")
    return [
        Comparison(
            metric,
            **dict(zip(names, numbers[i].tolist(), strict=True)),
            n_queries=int(known[:, i].sum()),
            n_cells=len(np.unique(cells[known[:, i]])),
        )
        for i, metric in enumerate(metrics)
    ]


def _unlocatable(queries: pd.DataFrame, benchmark: Benchmark) -> np.ndarray:
    """(n_queries,) bool: too few images have the finding elsewhere only, so that place cannot be told."""
    presence, cells = benchmark.presence, benchmark.cells
    fixed = {
        (presence.regions[region], presence.findings[finding])
        for region, finding, locatable in zip(cells.region, cells.finding, cells.locatable, strict=True)
        if not locatable
    }
    return np.array([pair in fixed for pair in zip(queries["region"], queries["finding"], strict=True)], bool)
