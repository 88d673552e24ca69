from __future__ import annotations

import re

from hilum.report.data_page import render_data_page

SCRIPT = "<script>alert(1)</script>"


def document(verdict: str = "green", **changes) -> dict:
    row = {"table": "mentions", "check": "finding_words", "columns": ["finding"], "severity": "critical",
           "passed": True, "expected": "a word", "next_move": "Mend it.", "n_rows": 10, "n_unexpected": 0,
           "examples": []}  # fmt: skip
    counts = {
        "funnel": [{"step": step, "n": n} for step, n in (("files", 100), ("usable", 90), ("reports", 45))],
        "partitions": [{"partition": "L0001-p10", "manifest": 100}],
        "splits": [{"split": "train"}],  # the reports could not be counted
        "quarantine": [],
        "findings": [],
        "label_rates": [],
    }
    checks = [{**row, **change} for change in changes.pop("checks", [{}])]
    return {"verdict": verdict, "checks": checks, "counts": {**counts, **changes}}


def test_a_failed_check_is_told_with_its_keys_and_its_move() -> None:
    bad = {"passed": False, "n_unexpected": 1234, "n_rows": 5000, "examples": [{"study_id": 50000001, "region": None}]}
    page = render_data_page(document("red", checks=[{}, bad]), "phantom")
    assert "1,234 of 5,000 fail" in page and "study_id 50000001, region null" in page
    assert "Mend it." in page and "and more, 1,234 in all" in page and "1 of 2 checks passed" in page


def test_critical_failures_come_first() -> None:
    rows = [{"passed": False, "n_unexpected": 1, "severity": s, "table": s} for s in ("info", "warning", "critical")]
    page = render_data_page(document("red", checks=rows), "x")
    order = re.findall(r'<article class="failed (\w+)"', page)
    assert order == ["critical", "warning", "info"]


def test_quarantine_is_shown_by_reason_with_its_share() -> None:
    page = render_data_page(
        document(quarantine=[{"reason": "truncated_image", "n": 7}, {"reason": "bad_id", "n": 3}]), "x"
    )
    assert "10 of 100 files (10.0 %)" in page and "truncated image" in page and "--share:0.7000" in page
    assert "No file was set aside." in render_data_page(document(), "x")


def test_label_rates_are_shown_beside_the_earlier_ones() -> None:
    rate = {"finding": "pneumothorax", "n_new": 3, "n_studies_new": 20, "n_old": 10, "n_studies_old": 100}
    page = render_data_page(document(label_rates=[rate]), "x")
    assert "15.0 %" in page and "10.0 %" in page
    assert "There is one landing" in render_data_page(document(), "x")


def test_it_escapes_what_it_shows_and_loads_nothing() -> None:
    bad = {"passed": False, "n_unexpected": 1, "table": SCRIPT, "check": SCRIPT, "columns": [SCRIPT],
           "expected": SCRIPT,
           "next_move": SCRIPT, "examples": [{SCRIPT: f'"{SCRIPT}'}]}  # fmt: skip
    found = {"finding": SCRIPT, "present": 1, "absent": 0, "uncertain": 0}
    partitions = [{"partition": SCRIPT, "manifest": 1}]
    page = render_data_page(document("red", checks=[bad], findings=[found], partitions=partitions), SCRIPT)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"https?://|url\(|@import|<link|<img", page)


def test_phantom_is_said_in_every_section_and_only_of_the_phantom() -> None:
    page = render_data_page(document(), "phantom")
    sections = re.findall(r"<section.*?</section>", page, flags=re.DOTALL)
    assert len(sections) == 5 and all("phantom</span>" in section for section in sections)
    assert "Phantom" not in render_data_page(document(), "iu_cxr")


def test_an_empty_collection_has_a_page() -> None:
    assert "No report names a finding." in render_data_page(document(partitions=[], checks=[]), "x")


def test_headings_tables_and_columns_are_marked_up() -> None:
    page = render_data_page(document(), "x")
    assert page.count("<h1") == 1 and "<main" in page and 'lang="en"' in page
    assert page.count("<table>") == page.count("<caption>")
    assert "<th>" not in page  # each says whether it heads a column or a row
