"""Checkpoint, pictures and reports of a partition in, unit vectors out: whole and by region."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.model.inference import load_model
from hilum.schema import EMBEDDINGS, IMAGES, MENTIONS, REGION_BOXES, REPORTS, SECTIONS
from hilum.tables import read_table, write_arrow
from hilum.training.embedding import embed_images, embed_reports, embedding_rows
from hilum.training.examples import box_fractions, open_pixels
from hilum.training.seed import make_repeatable
from hilum.training.texts import raw_texts, report_bodies, route_sentences

if TYPE_CHECKING:
    from hilum.config import EmbedParams

log = logging.getLogger(__name__)


def run(
    model: Path,
    tokenizer: Path,
    pixels: Path,
    images: Path,
    region_boxes: Path,
    texts: Path,
    sections: Path,
    mentions: Path,
    out: Path,
    params: EmbedParams,
) -> None:
    """Every packed image as a whole and in every region; every report as a whole and where it speaks of a region."""
    make_repeatable(0, params.threads)
    loaded = load_model(model, tokenizer)
    rows = read_table(images, IMAGES)
    packed = open_pixels(pixels, rows)
    boxes = box_fractions(rows.assign(partition=0), read_table(region_boxes, REGION_BOXES), [packed.shape[1]])
    reports = read_table(texts, REPORTS)
    bodies = report_bodies(reports, read_table(sections, SECTIONS))
    routed = route_sentences(read_table(mentions, MENTIONS), raw_texts(reports))
    parts = [
        embed_images(loaded, rows, packed, boxes, params.batch_size),
        embed_reports(loaded, reports, bodies, routed, params.batch_size),
    ]
    table = embedding_rows(parts, loaded)
    write_arrow(out, table, EMBEDDINGS)
    log.info("embed: %d images and %d reports -> %d vectors", len(rows), len(reports), table.num_rows)
