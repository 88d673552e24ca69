"""A report with its mentions as a page: whole, escaped, without script, and readable without colour."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from hilum.report.annotated import SIGNS, render_annotated, render_annotated_page
from hilum.schema import ASSERTIONS
from hilum.text.reader import ReportReader
from hilum.text.show import ShownReport, show_report

TEXT = """ FINDINGS: Small left pleural effusion. The heart and mediastinum are within normal limits.
 <script>alert(1)</script> No "pneumothorax" & no nodule.\x1b[2J
 IMPRESSION: Possible pneumonia.
"""
VOID = {"meta", "link", "br", "img"}


class Outline(HTMLParser):
    """Tags, ids and links of a document; fails on a tag that is closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [value for value in [values.get("id")] if value]
        self.links += [value for key, value in values.items() if key in ("href", "src") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def report() -> ShownReport:
    (parsed,) = ReportReader().read([("<b>50000007", TEXT)])
    return show_report(parsed, TEXT)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return parser


def test_the_page_is_whole_and_says_what_it_holds(report: ShownReport) -> None:
    page = render_annotated_page(report)
    assert page.startswith("<!doctype html>")
    assert re.search(r"<title>[^<]*holds report text", page)
    assert "default-src 'none'" in page
    parsed = outline(page)
    assert len(parsed.ids) == len(set(parsed.ids))


def test_the_article_stands_alone(report: ShownReport) -> None:
    article = render_annotated(report)
    parsed = outline(article)
    assert parsed.tags[0] == "article" and "script" not in parsed.tags and "html" not in parsed.tags
    assert parsed.links and all(link.startswith("#") and link[1:] in parsed.ids for link in parsed.links)
    assert "url(" not in article and "@import" not in article


def test_report_text_is_text(report: ShownReport) -> None:
    page = render_annotated_page(report)
    assert "<script" not in page and "<b>5" not in page and "\x1b" not in page
    text = " ".join(outline(page).text.split())
    assert "<script>alert(1)</script> No" in text and r"\x1b[2J" in text


def test_each_mention_is_marked_named_and_explained(report: ShownReport) -> None:
    article = render_annotated(report)
    parsed = outline(article)
    n = len(report.mentions)
    assert n >= 5
    assert parsed.tags.count("details") == parsed.tags.count("summary") == n
    for mention in report.mentions:
        claim = mention.claim.replace("_", " ")
        assert f'aria-label="mention {mention.number}: {claim}"' in article
        assert f'title="{mention.number}: {claim}"' in article
    assert article.count('<span class="sign ') == n + len({m.assertion for m in report.mentions})
    assert 'lane1"' in article  # the heart's mark lies around the mediastinum's


def test_every_assertion_has_a_sign_of_its_own() -> None:
    assert set(SIGNS) == set(ASSERTIONS)
    assert len(set(SIGNS.values())) == len(SIGNS)
