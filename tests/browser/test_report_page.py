"""The page of results in a real browser: a finding is chosen by key, a citation opens its case, a phone has no sideways
scroll, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Page, find_chromium
from tests.unit.stages.test_report import Inputs

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a made line."""
    inputs = Inputs(tmp_path_factory.mktemp("page"))
    inputs.write()
    inputs.page()
    return inputs.folder / "index.html"


def test_a_finding_is_chosen_by_key_and_its_body_alone_is_shown(page: Page) -> None:
    shown = "[...document.querySelectorAll('.chest')].filter(one => one.offsetHeight).map(one => one.dataset.body)"
    assert page.ask(shown) == ["body0"]
    page.ask("document.getElementById('body0').focus()")
    page.press("ArrowRight", 39)
    assert page.ask(shown) == ["body1"]
    fill = page.ask("getComputedStyle(document.querySelector('[data-body=body1] .place rect')).fill")
    assert fill != "none" and fill != "rgb(0, 0, 0)"


def test_a_citation_opens_the_case_that_it_cites(page: Page) -> None:
    case = "document.getElementById('told1-2')"
    assert page.ask(f"{case}.closest('details').open") is False
    page.ask("document.querySelector('a.cite').click()")
    page.ask("new Promise(done => setTimeout(done, 100))")
    assert page.ask(f"{case}.closest('details').open") is True
    assert "Seen before <script>" in page.ask(f"{case}.innerText")


def test_a_phone_scrolls_tables_and_not_the_page(page: Page, file: Path) -> None:
    page.look(width=390)
    page.open(file)
    page.ask("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.ask("document.documentElement.scrollWidth") <= 390
