"""A report with its mentions as HTML: one <article> with its own style, alone or in a page of its own.

In: a shown report (room `text`). Out: text of HTML, which loads nothing and runs nothing. It holds the report's text
and says so. The article may be put into another page; its ids begin with a name made from the report's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hilum.report.page import render

if TYPE_CHECKING:
    from hilum.text.show import ShownReport

SIGNS: dict[str, str] = {
    "present": "+",
    "absent": "\N{MINUS SIGN}",
    "uncertain": "?",
    "historical": "h",
    "hypothetical": "if",
}
"""What stands beside a mention's number, so that colour is never the only sign."""


def render_annotated(report: ShownReport) -> str:
    """The article alone."""
    return render("annotated_article.html", _values(report))


def render_annotated_page(report: ShownReport) -> str:
    """A whole page around the article."""
    return render("annotated.html", _values(report))


def _values(report: ShownReport) -> dict[str, object]:
    counts = {assertion: sum(m.assertion == assertion for m in report.mentions) for assertion in SIGNS}
    key = "r" + hashlib.sha256(report.name.encode()).hexdigest()[:8]
    return {"report": report, "signs": SIGNS, "counts": counts, "key": key}
