"""A frame of reports in, the frames of `sections` and `mentions` out.

Rows are kept by column: a quarter of a million reports hold more than a million mentions.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from hilum.schema import MENTIONS, SECTIONS
from hilum.text.reader import ReportReader


def parse_reports(reports: pd.DataFrame, spacy_model: str, batch_size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every report of a frame with columns study_id and text; (sections, mentions), in the reports' order."""
    reader = ReportReader(spacy_model, batch_size)
    sections: list[tuple[Any, ...]] = []
    mentions: dict[str, list[Any]] = {name: [] for name in MENTIONS.column_names}
    for report in reader.read(zip(reports["study_id"], reports["text"], strict=True)):
        for number, span in enumerate(report.sections):
            sections.append((report.study_id, number, span.section, span.start, span.end))
        for mention in report.mentions:
            for name, values in mentions.items():
                values.append(mention[name])
    return (
        pd.DataFrame(sections, columns=list(SECTIONS.column_names)),
        pd.DataFrame(mentions, dtype=object),
    )
