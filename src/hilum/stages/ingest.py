"""The files of a partition in; manifest, quarantine, usable reports and the source's own labels out."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.image.decode import read_gray
from hilum.schema import LISTING, MANIFEST, PUBLISHED_LABELS, QUARANTINE, REPORTS
from hilum.sources.descriptors import read_partition
from hilum.sources.files import check_files, open_tables, place_files
from hilum.sources.published import take_labels
from hilum.sources.studies import SplitRule, assemble
from hilum.tables import read_table, write_table

if TYPE_CHECKING:
    from hilum.config import IngestParams

log = logging.getLogger(__name__)


def run(
    partition: Path,
    tree: Path,
    listing: Path,
    manifest: Path,
    quarantine: Path,
    texts: Path,
    published_labels: Path,
    params: IngestParams,
    workers: int,
) -> None:
    """Check every file of a partition against its landing and write the four tables.

    Raises BadDataError if the tree is not there, or one of its tables cannot be used at all.
    """
    part = read_partition(partition)
    listed = read_table(listing, LISTING)
    tables = open_tables(listed, listing, tree)
    files = place_files(listed, part)
    decode = partial(read_gray, max_pixels=params.max_pixels)
    verdicts = check_files(files, tree, tables.checksums, decode, workers)
    shares = params.split_shares
    rule = SplitRule(
        params.split_seed, (("train", shares.train), ("validate", shares.validate_), ("test", shares.test))
    )
    ingested = assemble(part.landing, files, verdicts, tables, rule)
    write_table(manifest, ingested.manifest, MANIFEST)
    write_table(quarantine, ingested.quarantine, QUARANTINE)
    write_table(texts, ingested.reports, REPORTS)
    published = take_labels(tables.labels, ingested.reports["study_id"])
    write_table(published_labels, published, PUBLISHED_LABELS)
    reasons = dict(sorted(Counter(ingested.quarantine["reason"]).items()))
    log.info("ingest: %d files -> %d usable studies, %d rows of published labels, %d files set aside %s", len(files),
             len(ingested.reports), len(published), len(ingested.quarantine), reasons or "")  # fmt: skip
