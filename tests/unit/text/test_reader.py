"""Whole reports: spans into the raw text, sections that make labels, and any text at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.schema import ASSERTIONS, MENTIONS, SEVERITIES, SIDES, TEMPORALS
from hilum.text.pipeline import COMPONENTS, build_pipeline
from hilum.text.reader import ReportReader
from hilum.vocabulary import FINDINGS, REGIONS

REPORT = """                                 FINAL REPORT
 INDICATION:  Evaluate for pneumonia.
 
 HISTORY:  Left pneumothorax.
 
 FINDINGS:  The heart is mildly
 enlarged.  There is a new moderate opacity at the left-sided
 base. No pneumothorax.
 
 IMPRESSION:  1. Unchanged cardiomegaly. 2. Left basilar opacity/consolidation.
"""  # noqa: W293


def read(reader: ReportReader, text: str) -> list[dict[str, Any]]:
    return next(reader.read([(50000001, text)])).mentions


def check(mentions: list[dict[str, Any]], text: str) -> None:
    for number, mention in enumerate(mentions):
        assert set(mention) == set(MENTIONS.column_names)
        assert mention["mention_id"] == number
        assert 0 <= mention["sentence_start"] <= mention["char_start"] < mention["char_end"]
        assert mention["char_end"] <= mention["sentence_end"] <= len(text)
        assert mention["finding"] in FINDINGS
        assert set(mention["regions"]) <= set(REGIONS)
        assert mention["assertion"] in ASSERTIONS
        assert mention["severity"] in {*SEVERITIES, None}
        assert mention["temporal"] in {*TEMPORALS, None}
        assert mention["side"] in {*SIDES, None}


def test_spans_index_the_raw_text_across_line_ends_and_hyphens(reader: ReportReader) -> None:
    mentions = read(reader, REPORT)
    check(mentions, REPORT)
    words = {m["finding"]: REPORT[m["char_start"] : m["char_end"]] for m in mentions if m["section"] == "findings"}
    assert words["enlarged_cardiac_silhouette"] == "heart is mildly\n enlarged"
    assert words["lung_opacity"] == "opacity"


def test_severity_and_change_are_read_beside_the_finding(reader: ReportReader) -> None:
    mentions = read(reader, REPORT)
    opacity = next(m for m in mentions if m["finding"] == "lung_opacity" and m["section"] == "findings")
    assert (opacity["severity"], opacity["temporal"], opacity["side"]) == ("moderate", "new", "left")
    heart = next(m for m in mentions if m["section"] == "impression")
    assert (heart["severity"], heart["temporal"]) == (None, "unchanged")


def test_indication_and_history_are_kept_and_claim_nothing(reader: ReportReader) -> None:
    said = {(m["section"], m["assertion"]) for m in read(reader, REPORT)}
    assert ("indication", "hypothetical") in said
    assert ("history", "historical") in said


def test_every_mention_names_the_row_that_made_it(reader: ReportReader) -> None:
    absent = next(m for m in read(reader, "No pneumothorax."))
    assert "pneumothorax" in absent["finding_rule"]
    assert absent["assertion_rule"] == "no"
    assert absent["region_rule"] == ""


def test_a_report_means_the_same_alone_and_among_others(reader: ReportReader) -> None:
    many = [(50000001 + i, REPORT if i % 2 else "Left effusion. This may be old.") for i in range(7)]
    together = list(reader.read(many))
    assert [report.study_id for report in together] == [study_id for study_id, _ in many]
    for report, (study_id, text) in zip(together, many, strict=True):
        alone = next(ReportReader.read(reader, [(study_id, text)]))
        assert report.mentions == alone.mentions


def test_the_memory_of_sentences_changes_nothing(reader: ReportReader, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [read(reader, REPORT), read(reader, "No effusion.")]
    monkeypatch.setattr("hilum.text.reader.MEMO_SIZE", 1)
    assert [read(reader, REPORT), read(reader, "No effusion.")] == expected


def test_an_addendum_and_a_wet_read_are_told_apart(reader: ReportReader) -> None:
    text = f" WET READ: ___\n Left effusion.\n{'_' * 70}\n FINAL REPORT\n IMPRESSION: No effusion.\n"
    assert [m["assertion"] for m in read(reader, text)] == ["historical", "absent"]


@pytest.mark.parametrize(
    "text", ["", " \n \n", "___ ___ ___.", "FINDINGS:", "IMPRESSION: ___", "\u0000\u202e İ ß 肺 🫁", "no " * 50]
)
def test_awkward_texts_yield_no_mention(reader: ReportReader, text: str) -> None:
    assert read(reader, text) == []


def test_twenty_thousand_characters_of_noise_are_read(reader: ReportReader) -> None:
    for noise in ("effusion no left " * 1200, "x" * 20000, "___ " * 5000, "\n \n" * 6000, "A: " * 6600, "." * 20000):
        mentions = read(reader, noise[:20000])
        check(mentions, noise)
        assert bool(mentions) == ("effusion" in noise)


SCRAPS = """
no left right effusion opacity , . ; and or with base ___ is may be heart enlarged normal FINDINGS: 1. but of the cannot
excluded pneumothorax bilateral bases costophrenic angle blunting resolved É İ 肺 / - ( )
"""
WORDS = st.sampled_from([*SCRAPS.split(), "\n"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=60))
def test_any_words_in_any_order_are_read_without_error(reader: ReportReader, words: list[str]) -> None:
    text = " ".join(words)
    check(read(reader, text), text)


def test_the_pipeline_is_scispacys_tokenizer_and_our_components() -> None:
    nlp = build_pipeline()
    assert tuple(nlp.pipe_names) == COMPONENTS
    assert [t.text for t in nlp.make_doc("fracture of t12.")] == ["fracture", "of", "t12", "."]
