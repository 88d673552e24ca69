"""Embeddings in, FAISS indexes out: of images and of reports, the whole and each region, and the ids of their rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.retrieval.index import Source, build_index
from hilum.tables import check_partitions
from hilum.vocabulary import REGIONS

if TYPE_CHECKING:
    from hilum.config import IndexParams

log = logging.getLogger(__name__)


def run(images: Path, embeddings: Path, partitions: Sequence[str], out: Path, params: IndexParams) -> None:
    """Make `out` the index of all partitions; what is there of an earlier one and still right is kept."""
    for folder in (images, embeddings):
        check_partitions(folder, partitions, ".parquet")
    sources = [Source(name, images / f"{name}.parquet", embeddings / f"{name}.parquet") for name in partitions]
    built = build_index(out, sources, REGIONS, params)
    log.info(
        "index: %s, %d images, %d reports, %d regions, dimension %d; parts: %d added, %d kept, %d removed",
        built.kind, built.n_images, built.n_reports, len(REGIONS), built.dimension,
        built.n_added, built.n_kept, built.n_removed,
    )  # fmt: skip
