"""The scores that are compared: each ranks the same gallery for the same queries.

In: embeddings by region, pixels by region, and one block of queries about one region. Out: (n_queries, n_images)
similarities by score name, higher is nearer. `mix` is what hilum does; the others are what it must beat or, like
`mirrored` and `random`, controls that must fail; `oracle` knows the labels and is the ceiling:

  global      the same model's whole image
  region      the region alone
  rerank      the nearest 100 by whole image, put into the order of how alike their findings are, as a linear
              classifier on the whole image sees them: knows which disease, and no place
  crop        the region's box, cut out and encoded as a whole image by the same encoder
  random_box  the mix, with the query's region taken from a box of the same size anywhere in its image
  mirrored    the mix, with the query's region of the other side
  pixels      the region as a 16 x 16 grey picture
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hilum.evaluation.relevance import Presence, Queries

MIX, GLOBAL, REGION = "mix", "global", "region"
MIRRORED, RANDOM, ORACLE, PIXELS = "mirrored", "random", "oracle", "pixels"
CROP, RANDOM_BOX, RERANK = "crop", "random_box", "rerank"
KEYWORD, LABELS = "keyword", "labels"  # of questions that are reports (see `reports`)
TEST_SCORES = (MIX, GLOBAL, REGION, MIRRORED, RANDOM, ORACLE, PIXELS, RERANK, CROP, RANDOM_BOX)
RERANKED = 100  # nearest answers by whole image that `rerank` puts into another order
DECIMALS = 7  # of a similarity, before ranking: below it, float32 vectors say nothing, and BLAS may differ by machine


ByRegion = Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Rivals:
    """Vectors that only controls compare, each (n_images, any dimension) unit vectors; None = that control is left out.

    crops: of a region's box encoded as a whole image. moved: of a region taken from a random box of its size, zeros
    where the image does not ask. predicted: of each image's findings, as a classifier sees them.
    """

    crops: ByRegion | None = None
    moved: ByRegion | None = None
    predicted: np.ndarray | None = None


@dataclass(frozen=True)
class Gallery:
    """What is ranked. rows: INDEX_ROWS; presence: who has what where, in the order of `rows`.

    embeddings: region (None = the whole) -> (n_images, dimension) unit vectors. pixels: region -> (n_images, n_pixels)
    unit vectors of the region's thumbnails. rivals: what other controls need. answering: (n_images,) bool, those
    that may be answers; None = all.
    """

    rows: pd.DataFrame
    presence: Presence
    embeddings: Callable[[str | None], np.ndarray]
    pixels: ByRegion
    rivals: Rivals = field(default_factory=Rivals)
    answering: np.ndarray | None = None

    def allowed(self, images: np.ndarray) -> np.ndarray:
        """(n_queries, n_images) bool: answers that a query may get, those of other patients."""
        subjects = self.rows["subject_id"].to_numpy()
        others = subjects[None, :] != subjects[images][:, None]
        return others if self.answering is None else others & self.answering[None, :]

    def relevant(self, queries: Queries) -> np.ndarray:
        """(n_queries, n_images) bool: has the query's finding in the query's region."""
        return self.presence.present[:, queries.region, queries.finding].T

    def same_finding(self, queries: Queries) -> np.ndarray:
        """(n_queries, n_images) bool: has the query's finding anywhere."""
        return self.presence.anywhere[:, queries.finding].T


def alpha_name(alpha: float) -> str:
    """The score name of a mix tried on the validate split."""
    return f"alpha={alpha:g}"


def alpha_scores(gallery: Gallery, queries: Queries, alphas: Sequence[float]) -> dict[str, np.ndarray]:
    """The mix at each alpha, for queries about one region."""
    region = gallery.presence.regions[queries.region[0]]
    whole, regional = _cosines(gallery, queries, None, None), _cosines(gallery, queries, region, region)
    return {alpha_name(alpha): mix(whole, regional, alpha) for alpha in alphas}


def control_scores(
    gallery: Gallery, queries: Queries, alpha: float, mirror: str, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """Every score of TEST_SCORES, for queries about one region; `mirrored` asks with the query's region `mirror`.

    Without another side (mirror = the region itself) there is no mirrored score, without its vectors no rival's.
    """
    region = gallery.presence.regions[queries.region[0]]
    whole, regional = _cosines(gallery, queries, None, None), _cosines(gallery, queries, region, region)
    thumbnails = gallery.pixels(region)
    scores = {
        MIX: mix(whole, regional, alpha),
        GLOBAL: whole,
        REGION: regional,
        RANDOM: random.random(whole.shape),
        ORACLE: gallery.relevant(queries).astype(np.float64),
        PIXELS: thumbnails[queries.image] @ thumbnails.T,
    }
    rivals = gallery.rivals
    if rivals.predicted is not None:
        alike = rivals.predicted[queries.image] @ rivals.predicted.T
        scores[RERANK] = rerank(whole, alike, gallery.allowed(queries.image))
    if rivals.crops is not None:
        crops = rivals.crops(region).astype(np.float64)
        scores[CROP] = crops[queries.image] @ crops.T
    if rivals.moved is not None:
        moved = rivals.moved(region)[queries.image].astype(np.float64)
        scores[RANDOM_BOX] = mix(whole, moved @ gallery.embeddings(region).astype(np.float64).T, alpha)
    if mirror != region:
        scores[MIRRORED] = mix(whole, _cosines(gallery, queries, mirror, region), alpha)
    return scores


def mirrorable(presence: Presence, queries: Queries, mirrors: np.ndarray) -> np.ndarray:
    """(n_queries,) bool: the region has another side, and the query's image does not have the finding there too.

    mirrors: (n_regions,) position of each region's mirror. A finding on both sides is found from either: such a query
    is no control.
    """
    other = mirrors[queries.region]
    return (other != queries.region) & ~presence.present[queries.image, other, queries.finding]


def mix(whole: np.ndarray, regional: np.ndarray, alpha: float) -> np.ndarray:
    """(1 - alpha) whole + alpha regional."""
    return (1 - alpha) * whole + alpha * regional


def rerank(first: np.ndarray, second: np.ndarray, allowed: np.ndarray, n: int = RERANKED) -> np.ndarray:
    """Similarities that put the n best answers by `first` into the order of `second`, above all others.

    All (n_queries, n_images); second: in [-1, 1]. Those below keep the order of `first`.
    """
    best = rank_answers(first, allowed)[:, :n]
    out = first.copy()
    lifted = np.round(np.take_along_axis(second, best, axis=1), DECIMALS) + 3  # above a cosine, whatever it is
    np.put_along_axis(out, best, lifted, axis=1)
    return out


def rank_answers(similarities: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(n_queries, n_images) rows of the index, best first, those not allowed last; equal ones in row order."""
    return np.argsort(np.where(allowed, -np.round(similarities, DECIMALS), np.inf), axis=1, kind="stable")


def _cosines(gallery: Gallery, queries: Queries, asked: str | None, answered: str | None) -> np.ndarray:
    query = gallery.embeddings(asked)[queries.image].astype(np.float64)
    return query @ gallery.embeddings(answered).astype(np.float64).T
