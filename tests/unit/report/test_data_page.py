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
        "unknown_terms": [],
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
    terms = [{"entity": SCRIPT, "n_terms": 1, "n_mentions": 1}]
    page = render_data_page(
        document("red", checks=[bad], findings=[found], partitions=partitions, unknown_terms=terms), SCRIPT
    )
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"https?://|url\(|@import|<link|<img", page)


def test_phantom_is_said_in_every_section_and_only_of_the_phantom() -> None:
    page = render_data_page(document(), "phantom")
    sections = re.findall(r"<section.*?</section>", page, flags=re.DOTALL)
    assert len(sections) == 7 and all("phantom</span>" in section for section in sections)
    assert "Phantom" not in render_data_page(document(), "iu_cxr")


def agreement() -> list[dict]:
    row = {"label": "Lung Opacity", "table": [[5000, 1, 0, 2], [3, 40, 0, 0], [0, 0, 6, 7], [8, 0, 0, 900]],
           "n_published": 1234, "n_ours": 955, "agreement": 0.9951, "kappa": 0.972, "mention_f1": 0.9,
           "negation_f1": None, "uncertainty_f1": 0.5}  # fmt: skip
    return [
        {
            "labeller": "negbio",
            "text": "conclusion",
            "n_studies": 5967,
            "n_unread": 3,
            "n_unpublished": 2,
            "labels": [row],
        }
    ]


def test_agreement_is_shown_by_label_with_its_four_values() -> None:
    page = render_data_page(document(), "x", agreement())
    assert (
        "NegBio labeller, hilum reading the conclusion" in page
        and "Lung Opacity: studies by the published value" in page
    )
    assert "99.5 %" in page and "0.972" in page and "1,234" in page and "5,967 studies with both" in page
    rows = re.findall(r'<tr><th scope="row">(blank|0|1|\N{MINUS SIGN}1)</th>(.*?)</tr>', page)
    cells = {value: re.findall(r">([\d,]+)</td>", row) for value, row in rows}
    assert cells == {
        "blank": ["5,000", "1", "0", "2"],
        "0": ["3", "40", "0", "0"],
        "\N{MINUS SIGN}1": ["0", "0", "6", "7"],
        "1": ["8", "0", "0", "900"],
    }
    assert "by no labeller" not in page and "by no labeller" in render_data_page(document(), "phantom", agreement())
    assert page.count("<table>") == page.count("<caption>") and "<th>" not in page


def test_a_source_without_labels_is_said_in_one_line() -> None:
    assert "The source holds no labels of its own" in render_data_page(document(), "x")
    broken = render_data_page(document("red"), "x", None)
    assert "Not compared" in broken and "The source holds no labels" not in broken


def test_unknown_terms_are_counted_and_never_named() -> None:
    page = render_data_page(document(unknown_terms=[{"entity": "ENTITY", "n_terms": 1500, "n_mentions": 9000}]), "x")
    assert "1,500" in page and "9,000" in page and "hilum unknown-terms" in page
    assert "None were looked for" in render_data_page(document(), "x")


def test_an_empty_collection_has_a_page() -> None:
    assert "No report names a finding." in render_data_page(document(partitions=[], checks=[]), "x")


def test_headings_tables_and_columns_are_marked_up() -> None:
    page = render_data_page(document(), "x")
    assert page.count("<h1") == 1 and "<main" in page and 'lang="en"' in page
    assert page.count("<table>") == page.count("<caption>")
    assert "<th>" not in page  # each says whether it heads a column or a row
