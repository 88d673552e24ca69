"""One report reader for the whole page: building the pipeline takes longer than reading all of it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from hilum.labels.aggregate import aggregate_mentions
from hilum.text.reader import ReportReader


@pytest.fixture(scope="session")
def reader() -> ReportReader:
    return ReportReader()


@pytest.fixture(scope="session")
def read_labels(reader: ReportReader) -> Callable[[str], set[tuple[str | None, str, str]]]:
    """A report's text -> its (region, finding, label) triples."""

    def read(text: str) -> set[tuple[str | None, str, str]]:
        report = next(reader.read([(50000001, text)]))
        if not report.mentions:
            return set()
        labels = aggregate_mentions(pd.DataFrame(report.mentions), on_conflict="impression_then_present")
        return {
            (None if pd.isna(region) else region, finding, label)
            for region, finding, label in zip(labels["region"], labels["finding"], labels["label"], strict=True)
        }

    return read


@pytest.fixture(scope="session")
def read_mentions(reader: ReportReader) -> Callable[[str], list[dict[str, object]]]:
    """A report's text -> its mentions, a row each."""

    def read(text: str) -> list[dict[str, object]]:
        return list(next(reader.read([(50000001, text)])).mentions)

    return read
