"""The labels that a source itself holds, for the studies of one partition.

In: the labellers' tables as read, the studies whose reports are usable. Out: the frame of `published_labels`. Rows of
other studies are for other partitions, or of studies that were set aside or withdrawn; nothing of those is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hilum.schema import PUBLISHED_LABELS


def take_labels(labels: Mapping[str, pa.Table], studies: pd.Series) -> pd.DataFrame:
    """One row a study and labeller. labels: by labeller, as `source_tables.read_labels` gives them."""
    wanted = pa.array(studies, pa.int64())
    frames = [
        table.filter(pc.is_in(table.column("study_id"), value_set=wanted)).to_pandas().assign(labeller=labeller)
        for labeller, table in labels.items()
    ]
    columns = list(PUBLISHED_LABELS.column_names)
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)
