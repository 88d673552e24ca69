"""Any tree in MIMIC-CXR's layout in, its embeddings out: what `hilum encode` runs. No DVC stage, and no landing.

In: a tree, a checkpoint. Out: one embeddings table, as `embed` writes it: partition after partition, sorted by key
within each. The tree goes through ingest, parse, pack and embed in a folder of scratch beside the output, so that its
images and reports are judged, read and placed exactly as those of the collection.
Known to be imperfect: a withdrawn subject of the collection is encoded if the tree holds their files.
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hilum.errors import BadDataError
from hilum.schema import EMBEDDINGS, LISTING, QUARANTINE
from hilum.sources.descriptors import Partition, write_descriptor
from hilum.sources.partitions import name_partitions, shards_of
from hilum.sources.scan import find_files, hash_files
from hilum.stages import embed, ingest, pack, parse
from hilum.tables import read_arrow, read_table, whole_file, write_table

if TYPE_CHECKING:
    from hilum.config import Params

log = logging.getLogger(__name__)

LANDING = "L0000"  # of no collection


def run(tree: Path, model: Path, regions: Path, out: Path, params: Params, workers: int) -> None:
    """Encode every usable study of a tree. Raises UsageError if it has not the layout, BadDataError if none is usable.

    model: a checkpoint with its tokenizer. regions: the folder of what the region sources read. A file that cannot be
    used is left out, and counted by its reason.
    """
    tree = tree.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        listing = Path(scratch) / "listing.parquet"
        files = hash_files(find_files(tree), workers)
        rows = [(file.path, file.kind, file.bytes, file.sha256, "added") for file in files]
        write_table(listing, pd.DataFrame(rows, columns=LISTING.column_names), LISTING)
        reasons: Counter[str] = Counter()
        vectors = []
        for name in name_partitions(LANDING, (file for file in files if file.kind != "table")):
            folder = Path(scratch) / name
            encode_partition(name, tree, listing, model, regions, folder, params, workers)
            reasons += Counter(read_table(folder / "quarantine.parquet", QUARANTINE)["reason"])
            vectors.append(folder / "embeddings.parquet")
        with whole_file(out) as temporary:
            counts = join_vectors(vectors, temporary)
            if not counts:
                aside = dict(sorted(reasons.items()))
                raise BadDataError(f"{tree.name} holds no usable image or report; set aside: {aside}.")
    log.info("encode: %d images and %d reports -> %d vectors; %d files set aside %s", counts["image"], counts["text"],
             counts["vectors"], reasons.total(), dict(sorted(reasons.items())) or "")  # fmt: skip


def encode_partition(
    name: str, tree: Path, listing: Path, model: Path, regions: Path, folder: Path, params: Params, workers: int
) -> None:
    """Take one partition from raw files to vectors; the folder keeps its quarantine and its embeddings alone."""
    write_descriptor(folder / "partition.json", Partition(partition=name, landing=LANDING, shards=shards_of(name)))
    manifest, quarantine, texts, published, sections, mentions, unknown, images, boxes, out = (
        folder / f"{table}.parquet"
        for table in ("manifest", "quarantine", "texts", "published_labels", "sections", "mentions", "unknown_terms",
                      "images", "region_boxes", "embeddings")
    )  # fmt: skip
    pixels = folder / "pixels.npy"
    ingest.run(
        folder / "partition.json", tree, listing, manifest, quarantine, texts, published, params.ingest, workers
    )  # fmt: skip
    parse.run(texts, sections, mentions, unknown, params.parse)
    pack.run(manifest, tree, regions, pixels, images, boxes, params.pack, workers)
    embed.run(model, model, pixels, images, boxes, texts, sections, mentions, out, params.embed)
    for path in folder.iterdir():
        if path not in (quarantine, out):
            path.unlink()


def join_vectors(parts: Iterable[Path], out: Path) -> Counter[str]:
    """Write the tables one after the other. Returns how many whole images, whole reports and vectors there are."""
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        writer = None
        for path in parts:
            table = read_arrow(path, EMBEDDINGS)
            writer = writer or stack.enter_context(pq.ParquetWriter(out, table.schema, compression="zstd"))
            writer.write_table(table)
            whole = table.filter(pc.is_null(table["region"]))
            counts += Counter(whole["modality"].to_pylist()) + Counter(vectors=table.num_rows)
    return counts
