"""The phantom's truth in the place of what is read from reports and placed by the atlas: for ablations alone.

usage: python -m hilum.evaluation.oracle labels|boxes PARTITION

In: data/truth, and a partition's table as the line made it. Out: the same table with the truth in it: region_labels
that say what is drawn in each image, or region_boxes where each region really lies. `hilum compare` calls this behind
`label` or `pack`, in a clone that it throws away; nothing else may, since only evaluation knows the truth. What the
labels keep is their studies and their findings: a study has each of these in each region, or has it not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from hilum.errors import UsageError
from hilum.evaluation.gold import read_truth_findings
from hilum.schema import IMAGES, REGION_BOXES, REGION_LABELS, REPORTS, TRUTH_REGION_BOXES
from hilum.tables import read_table, write_table
from hilum.vocabulary import REGIONS

TRUTH = Path("data/truth")


def draw_labels(studies: pd.Series, drawn: pd.DataFrame) -> pd.DataFrame:
    """REGION_LABELS of some studies: present where something is drawn, absent for those findings everywhere else.

    drawn: TRUTH_FINDINGS. Findings that are drawn nowhere have no row. No mention is behind a row: `evidence` is empty.
    """
    cells = drawn[["study_id", "region", "finding"]].drop_duplicates()
    findings = sorted(set(cells["finding"]))
    every = pd.MultiIndex.from_product([sorted(studies), REGIONS, findings], names=["study_id", "region", "finding"])
    there = every.isin(pd.MultiIndex.from_frame(cells))
    rows = every.to_frame(index=False)
    rows["label"] = np.where(there, "present", "absent")
    rows["n_mentions"] = 1
    rows["evidence"] = pd.Series([[]] * len(rows), dtype=object)
    return rows[list(REGION_LABELS.column_names)]


def place_boxes(images: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """REGION_BOXES of some images from TRUTH_REGION_BOXES of the collection, in their order."""
    found = boxes.set_index("dicom_id").loc[list(images["dicom_id"])].reset_index()
    return found.assign(region_source="truth")[list(REGION_BOXES.column_names)]


def main() -> None:
    """Replace one table of one partition."""
    kind, partition = sys.argv[1:]
    if kind == "labels":
        studies = read_table(Path("data/texts") / f"{partition}.parquet", REPORTS)["study_id"]
        write_table(
            Path("data/region_labels") / f"{partition}.parquet",
            draw_labels(studies, read_truth_findings(TRUTH)),
            REGION_LABELS,
        )
    elif kind == "boxes":
        images = read_table(Path("data/images") / f"{partition}.parquet", IMAGES)
        landings = sorted(path for path in TRUTH.glob("L*") if path.is_dir())
        boxes = pd.concat([read_table(path / "region_boxes.parquet", TRUTH_REGION_BOXES) for path in landings])
        boxes = boxes.drop_duplicates(["dicom_id", "region"], keep="last")
        write_table(Path("data/region_boxes") / f"{partition}.parquet", place_boxes(images, boxes), REGION_BOXES)
    else:
        raise UsageError(f"'{kind}' is neither labels nor boxes.")


if __name__ == "__main__":
    main()
