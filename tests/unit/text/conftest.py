"""One report reader for the room: building the pipeline takes longer than any test."""

from __future__ import annotations

import pytest

from hilum.text.reader import ReportReader


@pytest.fixture(scope="session")
def reader() -> ReportReader:
    return ReportReader(batch_size=3)
