"""Tables of packed images and the regions in them."""

from __future__ import annotations

from hilum.schema.describe import Column, Table, dicom, split, study, subject
from hilum.schema.words import REGION_SOURCES

IMAGES = Table(
    "images",
    "The packed frontal images of a partition: where each lies in the pixel array, and its geometry",
    ("dicom_id",),
    (
        dicom(),
        study(),
        subject(),
        split(),
        Column("view_position", "string", "PA or AP", values=("PA", "AP")),
        Column("study_datetime", "string", "As in manifest", True, pattern=r"^[0-9]{14}$"),
        Column("row", "int64", "Index in the partition's pixel array", minimum=0),
        Column("rows_px", "int64", "Original height", minimum=1, unit="px"),
        Column("columns_px", "int64", "Original width", minimum=1, unit="px"),
        Column("scale", "float64", "packed px = original px * scale + offset", minimum=0),
        Column("offset_x_px", "float64", "Left padding in the packed image", unit="px"),
        Column("offset_y_px", "float64", "Top padding in the packed image", unit="px"),
    ),
)

REGION_BOXES = Table(
    "region_boxes",
    "Where each anatomical region lies in each packed image, in original pixels",
    ("dicom_id", "region"),
    (
        dicom(),
        Column("region", "string", "Region of vocabulary/concepts/regions.yaml"),
        Column("x", "float64", "Left edge", unit="px"),
        Column("y", "float64", "Top edge", unit="px"),
        Column("width", "float64", "Width, clipped to the image", minimum=0, unit="px"),
        Column("height", "float64", "Height, clipped to the image", minimum=0, unit="px"),
        Column("region_source", "string", "Who drew the box", values=REGION_SOURCES),
    ),
)
