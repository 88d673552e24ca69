"""Embeddings in, FAISS indexes out: one of the whole images, one a region, and the ids of their rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.retrieval.index import write_index
from hilum.retrieval.vectors import read_image_vectors
from hilum.vocabulary import REGIONS

if TYPE_CHECKING:
    from hilum.config import IndexParams

log = logging.getLogger(__name__)


def run(images: Path, embeddings: Path, partitions: Sequence[str], out: Path, params: IndexParams) -> None:
    """Build the indexes of all partitions' images; text vectors are left where they are."""
    vectors = read_image_vectors(images, embeddings, partitions, REGIONS)
    write_index(out, vectors, params.kind)
    n_images, dimension = vectors.whole.shape
    log.info("index: %d images, %d regions, dimension %d", n_images, len(vectors.regions), dimension)
