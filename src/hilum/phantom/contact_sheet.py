"""A sheet of small pictures of a phantom collection, to be looked at by someone who knows X-rays.

In: a tree, and the truth folder if the boxes are wanted. Out: one PNG of frontal pictures in a grid.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageOps

from hilum.schema import TRUTH_FINDINGS
from hilum.tables import read_table


def contact_sheet(
    tree: Path,
    out_png: Path,
    n: int = 24,
    *,
    columns: int = 6,
    cell_px: int = 330,
    truth: Path | None = None,
    finding: str | None = None,
    views: tuple[str, ...] = ("PA", "AP"),
) -> list[str]:
    """Write `n` pictures, spread evenly over the collection; returns their dicom_id, row by row.

    truth: draw the boxes of the findings and their names. finding: only pictures that hold it (needs truth).
    """
    metadata = pd.read_csv(tree / "mimic-cxr-2.0.0-metadata.csv.gz", dtype=str)
    chosen = metadata[metadata["ViewPosition"].isin(views)]
    boxes = read_table(truth / "findings.parquet", TRUTH_FINDINGS) if truth is not None else None
    if finding is not None and boxes is not None:
        chosen = chosen[chosen["dicom_id"].isin(boxes.loc[boxes["finding"] == finding, "dicom_id"])]
    paths = _image_paths(tree)
    ids = [i for i in chosen["dicom_id"] if paths[i].suffix == ".jpg"]
    ids = [ids[at] for at in np.linspace(0, len(ids) - 1, min(n, len(ids))).round().astype(int)] if ids else []
    rows = max(1, -(-len(ids) // columns))
    sheet = Image.new("RGB", (columns * cell_px, rows * cell_px))
    for place, dicom_id in enumerate(ids):
        with Image.open(tree / paths[dicom_id]) as opened:
            picture = opened.convert("RGB")
        if boxes is not None:
            _draw_boxes(picture, boxes[boxes["dicom_id"] == dicom_id])
        picture = ImageOps.contain(picture, (cell_px - 6, cell_px - 6), Image.Resampling.BICUBIC)
        sheet.paste(picture, ((place % columns) * cell_px, (place // columns) * cell_px))
    out_png.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out_png)
    return ids


def _image_paths(tree: Path) -> dict[str, Path]:
    lines = (tree / "IMAGE_FILENAMES").read_text(encoding="ascii").splitlines()
    return {Path(line).stem: Path(line) for line in lines}


def _draw_boxes(picture: Image.Image, rows: pd.DataFrame) -> None:
    pen = ImageDraw.Draw(picture)
    for row in rows.to_dict("records"):
        x, y = row["x"], row["y"]
        pen.rectangle((x, y, x + row["width"], y + row["height"]), outline=(255, 210, 0))
        pen.text((x + 2, y + 1), row["finding"][:18], fill=(255, 120, 120))
