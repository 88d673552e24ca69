"""Rank the gallery for every query under every score, and measure each ranking: the rows of the queries table.

In: a gallery and queries. Out: QUERIES rows, from which every figure of retrieval is made (summary.py), so that each
can be recomputed. Known to be imperfect: a query's whole ranking is sorted, about 1 ms at 20,000 images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from hilum.evaluation import ranking
from hilum.evaluation.relevance import Queries
from hilum.evaluation.similarities import (
    MIRRORED,
    Gallery,
    alpha_scores,
    control_scores,
    mirrorable,
    rank_answers,
)
from hilum.schema import QUERIES
from hilum.tables import arrow_schema, to_pandas

BLOCK = 256  # queries ranked at once: 256 x 1,200 images x 8 bytes = 2.5 MB a score
N_ANSWERS = 10


def evaluate_alphas(gallery: Gallery, queries: Queries, alphas: Sequence[float]) -> pd.DataFrame:
    """QUERIES rows of the mix at each alpha, by which alpha is chosen on the validate split."""
    frames = []
    for block in split_blocks(queries):
        for name, similarities in alpha_scores(gallery, block, alphas).items():
            frames.append(measure(gallery, block, name, similarities))
    return stack(frames)


def evaluate_scores(
    gallery: Gallery, queries: Queries, alpha: float, mirror: Mapping[str, str], seed: int
) -> pd.DataFrame:
    """QUERIES rows of every score; `mirrored` only where the control means something (see `mirrorable`)."""
    regions = gallery.presence.regions
    mirrors = np.array([regions.index(mirror[region]) for region in regions])
    random = np.random.Generator(np.random.PCG64(seed))
    frames = []
    for block in split_blocks(queries):
        other = regions[mirrors[block.region[0]]]
        scores = control_scores(gallery, block, alpha, other, random)
        fit = mirrorable(gallery.presence, block, mirrors)
        for name, similarities in scores.items():
            chosen = fit if name == MIRRORED else np.ones(len(block), bool)
            if chosen.any():
                frames.append(measure(gallery, block.take(chosen), name, similarities[chosen]))
    return stack(frames)


def measure(gallery: Gallery, queries: Queries, score: str, similarities: np.ndarray) -> pd.DataFrame:
    """QUERIES rows of one score. similarities: (n_queries, n_images), higher is nearer."""
    allowed = gallery.allowed(queries.image)
    order = rank_answers(similarities, allowed)
    hits = np.take_along_axis(gallery.relevant(queries) & allowed, order, axis=1)
    same = np.take_along_axis(gallery.same_finding(queries) & allowed, order, axis=1)
    n_gallery = allowed.sum(axis=1)
    ids = gallery.rows["dicom_id"].to_numpy(dtype=object)
    asking = gallery.rows.iloc[queries.image].reset_index(drop=True)
    frame = asking[["dicom_id", "study_id", "subject_id", "split"]].copy()
    frame["region"] = [gallery.presence.regions[i] for i in queries.region]
    frame["finding"] = [gallery.presence.findings[i] for i in queries.finding]
    frame["query"] = frame["dicom_id"] + "|" + frame["region"] + "|" + frame["finding"]
    frame["score"] = score
    shown = np.minimum(N_ANSWERS, n_gallery)
    frame["answers"] = [list(ids[row[:n]]) for row, n in zip(order, shown, strict=True)]
    frame["relevant"] = [row[:n].tolist() for row, n in zip(hits, shown, strict=True)]
    frame["n_gallery"] = n_gallery
    frame["n_relevant"] = hits.sum(axis=1)
    frame["n_same_finding"] = same.sum(axis=1)
    for name, values in ranking.measure_rankings(hits, same, n_gallery).items():
        frame[name] = values
    return frame[list(QUERIES.column_names)]


def split_blocks(queries: Queries) -> Iterator[Queries]:
    """Queries about one region at a time, at most BLOCK of them; they come sorted by region."""
    for region in np.unique(queries.region):
        chosen = np.flatnonzero(queries.region == region)
        for start in range(0, len(chosen), BLOCK):
            yield queries.take(chosen[start : start + BLOCK])


def stack(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all frames; of none, an empty queries table."""
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return to_pandas(arrow_schema(QUERIES).empty_table())
    return pd.concat(frames, ignore_index=True)
