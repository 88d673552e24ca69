"""The page of an audit in a real browser: hops and queries open, tables sort and filter, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.config import read_section
from hilum.lineage.figures import parse_figure
from hilum.lineage.page import render_page
from hilum.lineage.record import open_record
from hilum.stages.audit import audit_figure, verify
from hilum.stages.audit_cases import open_figure
from tests.browser.chromium import Page, find_chromium
from tests.unit.stages.audit_material import METRICS, WORDS, MadeLine, study

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
FIGURE = "retrieval.rra_vl.precision_at_1"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a made line, with report text."""
    folder = tmp_path_factory.mktemp("page")
    MadeLine(folder)
    figure = parse_figure(FIGURE)
    with open_record(folder) as record:
        account = audit_figure(record, figure, read_section)
        account["checks"] = verify(record, [METRICS], ["cache"], 1)
        cases = open_figure(record, figure, show_text=True)
    path = folder / "audit.html"
    path.write_text(render_page(account, cases), encoding="utf-8")
    return path


def test_a_hop_opens_by_its_box_in_the_picture(page: Page) -> None:
    assert page.ask("document.getElementById('hop-label').open") is False
    box = "document.querySelector('.map a[href=\"#hop-label\"] rect')"
    page.ask(f"{box}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    page.ask("new Promise(done => setTimeout(done, 100))")
    assert page.ask("document.getElementById('hop-label').open") is True
    assert "data/region_labels/p.parquet" in page.ask("document.getElementById('hop-label').innerText")


def test_a_query_opens_to_the_sentence(page: Page) -> None:
    first = "document.querySelector('.units tbody details')"
    assert page.ask(f"{first}.open") is False
    page.ask(f"{first}.querySelector('summary').focus()")
    page.press("Enter", 13, "\r")
    assert page.ask(f"{first}.open") is True
    assert page.ask(f"{first}.querySelectorAll('table > tbody > tr').length") == 5
    page.ask(f"{first}.querySelector('a').click()")
    page.ask("new Promise(done => setTimeout(done, 100))")
    opened = page.ask("[...document.querySelectorAll('.study[open]')].map(one => one.innerText)")
    assert len(opened) == 1 and WORDS in opened[0] and f"s{study(1)}.txt" in opened[0]
    assert page.ask("document.querySelector('.study[open] mark').innerText") == "effusion"


def test_a_link_from_outside_opens_its_study(page: Page, file: Path) -> None:
    page.open(file, f"#s{study(2)}")
    assert page.ask("document.querySelector('.study[open]').id") == f"s{study(2)}"


def test_queries_sort_and_filter_by_keyboard(page: Page) -> None:
    shown = "[...document.querySelectorAll('.units > tbody')].filter(b => !b.hidden)"
    column = shown + ".map(b => b.rows[0].cells[{}].innerText)"
    assert page.ask(column.format(1)) == ["1.000000", "0.000000"]
    page.ask("document.querySelector('.units th:nth-child(2) button').focus()")
    page.press(" ", 32, " ")
    assert page.ask(column.format(1)) == ["0.000000", "1.000000"]
    assert page.ask("document.querySelector('.units th:nth-child(2)').getAttribute('aria-sort')") == "ascending"
    page.press(" ", 32, " ")
    assert page.ask(column.format(1)) == ["1.000000", "0.000000"]
    page.ask("document.querySelector('.tools input').focus()")
    for letter in str(study(1)):
        page.press(letter, ord(letter), letter)
    assert page.ask(column.format(0)) == [str(study(1))]
    assert page.ask("document.querySelector('.tools output').value") == "1 of 2 shown"


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (400, False), (1100, True)])
def test_it_reads_in_light_and_dark_and_on_a_phone(page: Page, width: int, dark: bool) -> None:
    page.look(width, dark)
    page.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.ask("document.documentElement.scrollWidth <= innerWidth"), "the page itself must not scroll sideways"
    ink, paper = (
        sum(map(int, page.ask(f"getComputedStyle(document.body).{name}")[4:-1].split(",")))
        for name in ("color", "backgroundColor")
    )
    assert (ink > paper) == dark and abs(ink - paper) > 450
