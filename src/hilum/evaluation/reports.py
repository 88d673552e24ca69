"""Retrieval with reports on either side: image to report, report to image, report to report, all by region.

In: the index's rows with their image vectors, the reports' vectors and words, who has what where. Out: REPORT_QUERIES
rows, and the ranks of each study's own report, PAIRS. One image a study. The four tasks have the same queries, the same
gallery and the same right answers: the gallery holds each text once, of reports that say the same the first by
dicom_id, and questions whose reports say the same count as one.
Known to be imperfect: a report that does not speak of a region is compared there as a whole.

  mix, global, region, mirrored, random, oracle   as in `similarities`
  keyword   the words of the query's sentences about the region, looked up in the gallery's reports (BM25)
  labels    how many findings the weak labels place in the region on both sides, over those on either (Jaccard)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from hilum.evaluation.keywords import Bm25, group_texts
from hilum.evaluation.relevance import Presence, Queries, build_presence, choose_cells, choose_queries
from hilum.evaluation.retrieval import measure, split_blocks, stack
from hilum.evaluation.similarities import (
    DECIMALS,
    GLOBAL,
    KEYWORD,
    LABELS,
    MIRRORED,
    MIX,
    ORACLE,
    RANDOM,
    REGION,
    Gallery,
    alpha_name,
    mirrorable,
    mix,
)
from hilum.evaluation.summary import choose_alpha, describe_cells
from hilum.schema import EMBEDDINGS, PAIRS, REPORT_QUERIES
from hilum.tables import arrow_schema, read_arrow, to_pandas

IMAGE, REPORT = "image", "report"
TASKS = {
    f"{asked}_to_{answered}": (asked, answered)
    for asked, answered in ((IMAGE, REPORT), (REPORT, IMAGE), (REPORT, REPORT), (IMAGE, IMAGE))
}


@dataclass(frozen=True)
class Words:
    """bodies: study_id -> findings and impression. spoken: study_id, region, sentence_text, a row a sentence there."""

    bodies: Mapping[int, str]
    spoken: pd.DataFrame


@dataclass(frozen=True)
class Cases:
    """Studies with an image and a report. rows: INDEX_ROWS, one a study; labels: REGION_LABELS.

    images, reports: (1 + n_regions, n_studies, size) unit vectors, the whole first. told: (n_regions, n_studies) bool,
    which reports speak of a region and have a vector of their own for it. labelled: who is said to have what where.
    group: (n_studies,) number of the text.
    """

    rows: pd.DataFrame
    presence: Presence
    labelled: Presence
    images: np.ndarray
    reports: np.ndarray
    told: np.ndarray
    words: Words
    group: np.ndarray

    @property
    def answering(self) -> np.ndarray:
        """(n_studies,) bool: the first of each text."""
        first = np.zeros(len(self.group), bool)
        first[np.unique(self.group, return_index=True)[1]] = True
        return first

    def vectors(self, side: str, region: str | None) -> np.ndarray:
        """(n_studies, size) float64 of a side's images or reports."""
        held = self.images if side == IMAGE else self.reports
        return held[0 if region is None else 1 + self.presence.regions.index(region)].astype(np.float64)


def collect_cases(
    gallery: Gallery, embeddings: Path, partitions: Sequence[str], labels: pd.DataFrame, words: Words,
    parents: Mapping[str, str],
) -> Cases:  # fmt: skip
    """The studies of a gallery that have a report. embeddings: the folder that holds the reports' vectors."""
    regions = gallery.presence.regions
    study_ids, reports, spoken = read_report_vectors([embeddings / f"{name}.parquet" for name in partitions], regions)
    first = ~gallery.rows["study_id"].duplicated().to_numpy()
    known = gallery.rows["study_id"].isin(study_ids).to_numpy() & gallery.rows["study_id"].isin(words.bodies).to_numpy()
    at = np.flatnonzero(first & known)
    rows = gallery.rows.iloc[at].reset_index(drop=True)
    order = pd.Index(study_ids).get_indexer(pd.Index(rows["study_id"]))
    present = labels[labels["label"] == "present"]
    return Cases(
        rows=rows,
        presence=Presence(gallery.presence.present[at], regions, gallery.presence.findings),
        labelled=build_presence(rows["study_id"], present, regions, parents),
        images=np.stack([gallery.embeddings(region)[at] for region in (None, *regions)]),
        reports=reports[:, order],
        told=spoken[:, order],
        words=words,
        group=group_texts([words.bodies[int(study)] for study in rows["study_id"]]),
    )


def read_report_vectors(paths: Sequence[Path], regions: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """study_ids, (1 + n_regions, n_studies, size) unit vectors, and (n_regions, n_studies) bool: spoken of.

    Of a region not spoken of, the vector is the whole report's.
    """
    tables = [read_arrow(path, EMBEDDINGS, ["study_id", "modality", "region", "embedding"]) for path in paths]
    texts = [table.filter(pc.equal(table.column("modality"), "text")) for table in tables]
    texts = [table for table in texts if len(table)]
    if not texts:
        return np.zeros(0, np.int64), np.zeros((1 + len(regions), 0, 1), np.float32), np.zeros((len(regions), 0), bool)
    studies = np.concatenate([table.column("study_id").to_numpy() for table in texts])
    named = [region for table in texts for region in table.column("region").to_pylist()]
    slots = pd.Index(["", *regions]).get_indexer(pd.Index([region or "" for region in named]))
    flat = np.concatenate([table.column("embedding").combine_chunks().flatten().to_numpy() for table in texts])
    vectors = flat.reshape(len(studies), -1)
    ids, row = np.unique(studies, return_inverse=True)
    out = np.zeros((1 + len(regions), len(ids), vectors.shape[1]), np.float32)
    whole = slots == 0
    out[:, row[whole]] = vectors[whole]
    known = slots > 0
    out[slots[known], row[known]] = vectors[known]
    spoken = np.zeros((len(regions), len(ids)), bool)
    spoken[slots[known] - 1, row[known]] = True
    return ids, out, spoken


def evaluate_reports(
    cases: Cases, mirror: Mapping[str, str], alphas: Sequence[float], min_positives: int, seed: int
) -> pd.DataFrame:
    """REPORT_QUERIES rows: each task's mixes on the validate split, by which its alpha is chosen, and all on the test.

    The cells are those with enough answers in the gallery.
    """
    answering = cases.answering
    held = Presence(cases.presence.present[answering], cases.presence.regions, cases.presence.findings)
    cells = choose_cells(held, min_positives)
    described = describe_cells(held, cells)
    gallery = Gallery(
        cases.rows, cases.presence, lambda region: cases.vectors(IMAGE, region), lambda _: np.zeros(0),
        answering=answering,
    )  # fmt: skip
    asked = {}
    for split in ("validate", "test"):
        every = choose_queries(cases.presence, cells, cases.rows, split)
        asked[split] = every.take(_has_answer(gallery, every))
    keyword = Bm25([cases.words.bodies[int(study)] for study in cases.rows["study_id"]])
    frames = []
    for task, sides in TASKS.items():
        tried = []
        for block in split_blocks(asked["validate"]):
            for alpha in alphas:
                scored = _mixed(cases, block, sides, alpha)
                tried.append(measure(gallery, block, alpha_name(alpha), scored))
        chosen, _ = choose_alpha(stack(tried), described, alphas)
        random = np.random.Generator(np.random.PCG64([seed, list(TASKS).index(task)]))
        frames += [frame.assign(task=task) for frame in tried]
        for block in split_blocks(asked["test"]):
            scores = _scores(cases, gallery, block, sides, chosen, mirror, random)
            if sides[0] == REPORT:
                scores[KEYWORD] = keyword.score(_ask_words(cases, block))
                scores[LABELS] = _shared_labels(cases, block)
            for name, found in scores.items():
                fit = ~np.isnan(found[:, 0])
                if fit.any():
                    frames.append(measure(gallery, block.take(fit), name, found[fit]).assign(task=task))
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return to_pandas(arrow_schema(REPORT_QUERIES).empty_table())
    return _weigh(pd.concat(frames, ignore_index=True), cases, described)


def rank_pairs(cases: Cases) -> pd.DataFrame:
    """PAIRS rows: where each test study's own report, or image, ranks among those of the test split, as a whole."""
    at = np.flatnonzero((cases.rows["split"] == "test").to_numpy())
    if not len(at):
        return to_pandas(arrow_schema(PAIRS).empty_table())
    alike = np.round(cases.vectors(IMAGE, None)[at] @ cases.vectors(REPORT, None)[at].T, DECIMALS)
    frames = []
    for task, similarities in (("image_to_report", alike), ("report_to_image", alike.T)):
        own = np.diagonal(similarities)[:, None]
        rank = 1 + (similarities > own).sum(axis=1) + ((similarities == own).sum(axis=1) - 1) / 2
        rows = cases.rows.iloc[at][["dicom_id", "study_id", "subject_id"]]
        frames.append(rows.assign(task=task, rank=rank, n_gallery=len(at)))
    return pd.concat(frames, ignore_index=True)[list(PAIRS.column_names)]


def _has_answer(gallery: Gallery, queries: Queries) -> np.ndarray:
    found = [
        (gallery.relevant(block) & gallery.allowed(block.image)).any(axis=1)
        for block in (queries.take(np.arange(at, min(at + 256, len(queries)))) for at in range(0, len(queries), 256))
    ]
    return np.concatenate(found) if found else np.zeros(0, bool)


def _cosines(
    cases: Cases, queries: Queries, sides: tuple[str, str], asked: str | None, answered: str | None
) -> np.ndarray:
    return cases.vectors(sides[0], asked)[queries.image] @ cases.vectors(sides[1], answered).T


def _mixed(cases: Cases, queries: Queries, sides: tuple[str, str], alpha: float) -> np.ndarray:
    region = cases.presence.regions[queries.region[0]]
    return mix(_cosines(cases, queries, sides, None, None), _cosines(cases, queries, sides, region, region), alpha)


def _scores(
    cases: Cases, gallery: Gallery, queries: Queries, sides: tuple[str, str], alpha: float, mirror: Mapping[str, str],
    random: np.random.Generator,
) -> dict[str, np.ndarray]:  # fmt: skip
    """(n_queries, n_studies) by score; a row of NaN is a query that the score is not asked."""
    regions = cases.presence.regions
    region = regions[queries.region[0]]
    other = mirror[region]
    whole = _cosines(cases, queries, sides, None, None)
    scores = {
        MIX: _mixed(cases, queries, sides, alpha),
        GLOBAL: whole,
        REGION: _cosines(cases, queries, sides, region, region),
        RANDOM: random.random(whole.shape),
        ORACLE: gallery.relevant(queries).astype(np.float64),
    }
    if other != region:
        mirrored = mix(whole, _cosines(cases, queries, sides, other, region), alpha)
        fit = mirrorable(cases.presence, queries, np.array([regions.index(mirror[name]) for name in regions]))
        if sides[0] == REPORT:  # a report that is silent on the other side would ask as a whole
            fit &= cases.told[regions.index(other), queries.image]
        scores[MIRRORED] = np.where(fit[:, None], mirrored, np.nan)
    return scores


def _ask_words(cases: Cases, queries: Queries) -> list[str]:
    """What each query's report says of the region; the whole report where it says nothing of it."""
    region = cases.presence.regions[queries.region[0]]
    spoken = cases.words.spoken
    there = spoken[spoken["region"] == region].groupby("study_id")["sentence_text"].agg(" ".join)
    studies = cases.rows["study_id"].iloc[queries.image]
    return [there.get(int(study), cases.words.bodies[int(study)]) for study in studies]


def _shared_labels(cases: Cases, queries: Queries) -> np.ndarray:
    has = cases.labelled.present[:, queries.region[0]].astype(np.float64)
    both = has[queries.image] @ has.T
    either = has[queries.image].sum(axis=1)[:, None] + has.sum(axis=1)[None] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def _weigh(queries: pd.DataFrame, cases: Cases, described: pd.DataFrame) -> pd.DataFrame:
    """REPORT_QUERIES rows: a query counts one over the queries of its cell and split whose reports say the same."""
    group = dict(zip(cases.rows["dicom_id"], cases.group, strict=True))
    text = queries["dicom_id"].map(group)
    same = [queries["task"], queries["score"], queries["split"], queries["region"], queries["finding"], text]
    queries["weight"] = 1 / queries.groupby(same)["query"].transform("size")
    queries = queries.merge(
        described[["region", "finding", "locatable"]], on=["region", "finding"], how="left", validate="m:1"
    )
    return queries[list(REPORT_QUERIES.column_names)]
