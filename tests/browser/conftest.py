"""The browser that the pages are driven with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A running Chromium, for all tests of a page."""
    with Page(tmp_path_factory.mktemp("browser")) as one:
        yield one
