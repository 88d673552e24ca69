"""The browser that the pages are driven with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A running Chromium, for all tests of a page."""
    with Page(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def page(browser: Page, file: Path) -> Iterator[Page]:
    """The module's `file`, freshly loaded; after the test, that it asked for nothing and threw nothing."""
    browser.look()
    browser.open(file)
    yield browser
    assert browser.errors == []
    addresses = {address.partition("#")[0] for address in browser.requests if not address.startswith("data:")}
    assert addresses <= {file.resolve().as_uri(), "about:blank"}
