"""The application: who may ask, what its answers carry, and that no word of a report is more than text."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from hilum.browse.app import build_app
from tests.unit.browse.material import Kept

HERE = "http://127.0.0.1:8650"


@pytest.fixture(scope="module")
def client(kept: Kept) -> TestClient:
    return TestClient(build_app(kept.desk(), kept.maps), base_url=HERE, raise_server_exceptions=True)


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8650", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/style.css", "/pictures/x.png"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 400 and "study" not in answer.text.lower()
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/", "/style.css", "/browse.js", "/nothing", "/?alpha=7"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin" and headers["referrer-policy"] == "no-referrer"


def test_nothing_can_be_sent(client: TestClient) -> None:
    assert {client.request(method, "/").status_code for method in ("POST", "PUT", "DELETE")} == {405}


def test_report_text_is_text(client: TestClient, kept: Kept) -> None:
    page = client.get("/", params={"k": 20, "find": "<script>alert(1)</script>"}).text
    tags = Tags(page)
    assert "&lt;script&gt;document.title" in page  # the report's
    assert [one.get("src") for one in tags.of("script")] == ["/browse.js"]
    assert not [
        attributes for _, attributes in tags.found if {"onerror", "onclick", "onload", "style"} & set(attributes)
    ]
    assert {str(one["src"]).split("/")[1] for one in tags.of("img")} == {"pictures", "maps"}
    assert not re.search(r"(src|href)=\"(?!/|#)", page)  # nothing from elsewhere


def test_the_page_works_without_its_script(client: TestClient, kept: Kept) -> None:
    tags = Tags(client.get("/").text)
    regions = [one for one in tags.of("a") if "data-region" in one and str(one["id"]).startswith("region-")]
    assert len(regions) == 29 and all(one["aria-label"] == one["data-region"] for one in regions)
    labelled = {one.get("for") for one in tags.of("label")}
    fields = [one for tag in ("input", "select") for one in tags.of(tag) if one.get("type") != "hidden"]
    assert {one["id"] for one in fields} <= labelled
    spine = next(one for one in regions if one["data-region"] == "spine")
    page = client.get(str(spine["href"])).text
    assert "spine, alpha 0.50" in page
    current = [one for one in Tags(page).of("a") if one.get("aria-current") and "data-region" in one]
    assert "spine" in {one["data-region"] for one in current}


def test_a_case_shows_its_numbers_and_they_are_the_search_s(client: TestClient, kept: Kept) -> None:
    desk = kept.desk()
    choice = desk.read_choice({"k": "3", "alpha": "0.25"})
    page = client.get(choice.address()).text
    for case in desk.find_cases(choice).cases:
        answer = case.answer
        assert answer is not None
        assert answer.score == pytest.approx(0.75 * answer.whole_similarity + 0.25 * answer.region_similarity, abs=2e-6)
        for value in (answer.score, answer.whole_similarity, answer.region_similarity):
            assert f"<span>{value:.3f}</span>".replace("-", "\N{MINUS SIGN}") in page


def opened(answer: Any) -> np.ndarray:
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_pictures_and_maps_are_given_by_id(client: TestClient, kept: Kept) -> None:
    image = kept.desk().read_choice({}).image
    film = kept.archive.films.read([image])[image]
    assert np.array_equal(opened(client.get(f"/pictures/{image}.png")), film.picture())
    layer = client.get(f"/maps/{image}.png", params={"phrase": "consolidation"})
    assert layer.status_code == 200 and opened(layer).shape == (48, 48, 4)
    assert layer.content == kept.maps.draw(film, "consolidation")
    assert client.get("/pictures/none.png").status_code == 400
    assert client.get("/pictures/..%2f..%2fetc%2fpasswd.png").status_code in (400, 404)


def test_a_wrong_address_is_told_in_words(client: TestClient) -> None:
    answer = client.get("/", params={"alpha": "7"})
    assert answer.status_code == 400 and "alpha lies in [0, 1]" in answer.text


def test_a_real_collection_is_not_called_phantom(kept: Kept) -> None:
    page = TestClient(build_app(kept.desk("mimic"), kept.maps), base_url=HERE).get("/").text
    assert "holds X-rays and report text</span>" in page and "phantom" not in page
    assert "phantom" in TestClient(build_app(kept.desk(), kept.maps), base_url=HERE).get("/").text
