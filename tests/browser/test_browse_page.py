"""`hilum browse` in a real browser: choose an image, click a region, move alpha, read the cases; and by keyboard."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from hilum.browse.app import build_app
from hilum.browse.serving import LOOPBACK
from tests.browser.chromium import Page, find_chromium

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
RANGE = {"ArrowRight": 39, "End": 35, "Home": 36}


@pytest.fixture(scope="module")
def address(kept: Any) -> Iterator[str]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        app = build_app(kept.desk(), kept.maps)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(browser: Page, address: str) -> Iterator[Page]:
    """The page, freshly loaded; after the test, that it asked nobody else, threw nothing and ran no report's script."""
    browser.look()
    browser.visit(address)
    yield browser
    assert browser.errors == []
    assert all(asked.startswith(address) or asked == "about:blank" for asked in browser.requests)
    assert browser.ask("document.title").startswith("hilum browse: study ")


def settle(page: Page) -> None:
    page.wait("!document.getElementById('results').hasAttribute('aria-busy')")


def cases(page: Page) -> list[str]:
    return page.ask("[...document.querySelectorAll('#cases h3')].map(one => one.innerText.replace(/\\s+/g, ' '))")


def centre(page: Page, selector: str) -> tuple[float, float]:
    x, y = page.ask(
        f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
        "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()"
    )
    return x, y


def expected(kept: Any, **words: str) -> list[str]:
    desk = kept.desk()
    found = desk.find_cases(desk.read_choice(words))
    return [f"{case.answer.rank} Study {case.answer.study_id}" for case in found.cases]


def test_choose_an_image_click_a_region_move_alpha(page: Page, kept: Any) -> None:
    image = next(image for n, image in enumerate(kept.truth) if n == 7)
    page.click(*centre(page, f"[data-image='{image}']"))
    page.wait("document.getElementById('view-title').innerText.startsWith('Study 50000007')")
    settle(page)
    page.click(*centre(page, "#region-left-upper-lung-zone"))
    page.wait("document.getElementById('status').innerText.includes('left upper lung zone, alpha 0.50')")
    settle(page)
    assert cases(page) == expected(kept, image=image, region="left upper lung zone")
    assert page.ask("document.querySelector('#regions [aria-current]').dataset.region") == "left upper lung zone"
    page.ask("document.getElementById('alpha').focus()")
    page.press("End", RANGE["End"])
    page.wait("document.getElementById('status').innerText.includes('alpha 1.00')")
    settle(page)
    assert page.ask("document.getElementById('alpha-value').value") == "1.00"
    assert cases(page) == expected(kept, image=image, region="left upper lung zone", alpha="1")
    assert page.ask("document.activeElement.id") == "alpha"
    assert f"image={image}" in page.ask("location.search") and "alpha=1" in page.ask("location.search")
    first = page.ask("document.querySelector('#cases .card').innerText")
    assert "mix" in first and "whole image" in first and "Study" in first


def test_a_report_s_script_is_read_and_not_run(page: Page) -> None:
    assert "<script>document.title = 'ran'</script>" in page.ask("document.getElementById('said').innerText")
    assert page.ask("document.querySelectorAll('script, [onerror]').length") == 1  # the page's own
    assert page.ask("document.title") != "ran"
    page.ask("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.ask("window.ran === undefined"), "the policy would not stop a script that got in"


def test_a_region_by_keyboard_keeps_the_focus(page: Page, kept: Any) -> None:
    page.ask("document.getElementById('region-spine').focus()")
    assert page.ask("document.getElementById('hint').textContent") == "spine"
    page.press("Enter", 13, "\r")
    page.wait("document.getElementById('status').innerText.includes('spine, alpha')")
    settle(page)
    assert page.ask("document.activeElement.id") == "region-spine"
    assert page.ask("document.getElementById('region').value") == "spine"
    assert cases(page) == expected(kept, region="spine")


def test_another_click_takes_the_larger_box_below(page: Page) -> None:
    place = centre(page, "#region-left-upper-lung-zone")
    chosen = []
    for _ in range(3):
        page.click(*place)
        settle(page)
        chosen.append(page.ask("document.getElementById('region').value"))
    assert chosen[0] == "left upper lung zone" and len(set(chosen)) == 3


def test_the_list_is_filtered_as_one_types(page: Page) -> None:
    page.ask("document.getElementById('find').focus()")
    for letter in "s50000011":
        page.press(letter, ord(letter.upper()), letter)
    page.wait("document.querySelectorAll('#images a').length === 1")
    assert page.ask("document.getElementById('n-found').innerText") == "1 of 24 images"
    assert page.ask("document.activeElement.id") == "find"
    page.ask("document.querySelector('#images a').focus()")
    page.press("Enter", 13, "\r")
    page.wait("document.getElementById('view-title').innerText.startsWith('Study 50000011')")


def test_quick_changes_end_with_the_last(page: Page, kept: Any) -> None:
    page.ask("document.getElementById('alpha').focus()")
    page.press("Home", RANGE["Home"])
    for _ in range(5):
        page.press("ArrowRight", RANGE["ArrowRight"])
    page.ask("document.getElementById('region-abdomen').focus()")
    page.press("Enter", 13, "\r")
    page.wait("document.getElementById('status').innerText.includes('abdomen, alpha 0.25')")
    settle(page)
    assert cases(page) == expected(kept, region="abdomen", alpha="0.25")


def test_a_late_answer_to_an_old_question_is_not_shown(page: Page, kept: Any) -> None:
    page.ask(
        "{ const real = window.fetch; let n = 0; window.late = 0; window.fetch = async (...words) => {"
        " const first = n++ === 0; try { return await real(...words); }"
        " finally { if (first) { await new Promise(done => setTimeout(done, 400)); window.late = 1; } } } }"
    )
    for region in ("spine", "abdomen"):
        page.ask(f"document.getElementById('region-{region}').focus()")
        page.press("Enter", 13, "\r")
    page.wait("window.late === 1")
    page.ask("new Promise(done => setTimeout(done, 100))")
    assert "abdomen, alpha" in page.ask("document.getElementById('status').innerText")
    assert cases(page) == expected(kept, region="abdomen")


def test_what_is_heard(page: Page) -> None:
    """Names and roles as a screen reader gets them."""
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    heard = {(node.get("role", {}).get("value"), node.get("name", {}).get("value")) for node in tree}
    assert {("link", "left lower lung zone"), ("slider", "Alpha, the region’s weight"), ("combobox", "Region"),
            ("searchbox", "Study, patient or image id"), ("spinbutton", "Cases"),
            ("checkbox", "Similarity maps")} <= heard  # fmt: skip
    assert page.ask("document.getElementById('status').getAttribute('role')") == "status"


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (390, False), (1100, True), (390, True)])
def test_it_reads_in_light_and_dark_and_on_a_phone(page: Page, width: int, dark: bool) -> None:
    page.look(width, dark)
    assert page.ask("document.documentElement.scrollWidth <= innerWidth"), "the page itself must not scroll sideways"
    ink, paper = (
        sum(map(int, page.ask(f"getComputedStyle(document.body).{name}")[4:-1].split(",")))
        for name in ("color", "backgroundColor")
    )
    assert (ink > paper) == dark and abs(ink - paper) > 450
    small = page.ask(
        "[...document.querySelectorAll('#images a')].filter(a => a.getBoundingClientRect().height < 24).length"
    )
    assert small == 0
