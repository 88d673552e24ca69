"""A report shown in a terminal: every word once, marks that nest and cross, and no sign that acts."""

from __future__ import annotations

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.text.reader import ParsedReport, ReportReader
from hilum.text.sections import SectionSpan
from hilum.text.show import ShownReport, abbreviated, show_report, visible
from hilum.text.terminal import marked, write_report

TEXT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  Cough, evaluate for pneumonia.

 FINDINGS:

 Small left pleural effusion has increased. The heart and mediastinum are
 within normal limits.
 1. A 6 mm nodule in the right upper lobe.

 IMPRESSION:  No pneumothorax.
 ___________________
"""


def shown(reader: ReportReader, text: str) -> ShownReport:
    (report,) = reader.read([(50000007, text)])
    return show_report(report, text)


def words_of(report: ShownReport) -> str:
    """All the text that a shown report holds, in order, without white space."""
    parts: list[str] = []
    for section in report.sections:
        parts += section.head
        for sentence in section.sentences:
            parts += [sentence.lead, *(piece.text for piece in sentence.pieces)]
    return "".join("".join([*parts, *report.tail]).split())


def test_sections_sentences_and_mentions_as_they_stand(reader: ReportReader) -> None:
    report = shown(reader, TEXT)
    assert report.name == "s50000007"
    assert [(section.name, section.head[-1], section.reading) for section in report.sections] == [
        ("examination", "EXAMINATION:", "not read"),
        ("indication", "INDICATION:", "read as a question, makes no labels"),
        ("findings", "FINDINGS:", "makes labels"),
        ("impression", "IMPRESSION:", "makes labels"),
    ]
    assert report.sections[0].head[0] == "FINAL REPORT"
    findings = report.sections[2].sentences
    assert [sentence.lead for sentence in findings] == ["", "", "1."]
    effusion = findings[0].mentions[0]
    assert (effusion.finding, effusion.assertion, effusion.regions) == (
        "pleural_effusion", "present", ("left costophrenic angle",),
    )  # fmt: skip
    assert {"mild", "worsened"} <= set(effusion.qualities)
    assert dict(effusion.rules).keys() == {"finding", "assertion", "region"}
    assert [m.number for m in report.mentions] == list(range(1, len(report.mentions) + 1))
    assert words_of(report) == "".join(TEXT.split())


def test_the_terminal_shows_marks_claims_and_rules(reader: ReportReader) -> None:
    lines = write_report(shown(reader, TEXT), colours=False, width=100).splitlines()
    assert lines[0].startswith("s50000007: ") and "absent" in lines[0]
    assert "  Small left [pleural effusion]2 has increased." in lines
    at = lines.index("FINDINGS: <findings: makes labels>")
    assert lines[at + 2].startswith('      2 "pleural effusion" -> pleural_effusion: present; left costophrenic angle')
    assert lines[at + 3].startswith('        by finding "')
    assert 'assertion "nothing denies or doubts it"' in lines[at + 3]
    assert any(line.startswith('        by finding "') and line.endswith('region "unplaced"') for line in lines)
    assert all(len(line) <= 100 for line in lines)


def test_colours_say_nothing_that_words_do_not(reader: ReportReader) -> None:
    report = shown(reader, TEXT)
    coloured = write_report(report, colours=True, width=80)
    assert "\x1b[" in coloured
    assert click.unstyle(coloured) == write_report(report, colours=False, width=80)


def crossing(text: str, *spans: tuple[int, int]) -> ShownReport:
    """A report of one sentence with mentions wherever a test wants them."""
    rows = [
        {
            "mention_id": number, "section": "findings", "char_start": start, "char_end": end, "finding": "hernia",
            "regions": (), "assertion": "absent", "severity": None, "temporal": None, "size_mm": 7.0, "explains": None,
            "finding_rule": "hernia", "assertion_rule": "no", "region_rule": "",
        }
        for number, (start, end) in enumerate(spans)
    ]  # fmt: skip
    return show_report(ParsedReport("a", [SectionSpan("findings", 0, len(text))], rows), text)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 5), (6, 8)], "[alpha]1 [be]2 gamma"),
        ([(0, 8), (6, 8)], "[alpha [be]2]1 gamma"),  # one in another
        ([(0, 8), (6, 14)], "[alpha [be]1 gamma]2"),  # one across another
        ([(6, 8), (6, 8)], "alpha [[be]2]1 gamma"),  # the same words twice
        ([(0, 14), (0, 5), (6, 8)], "[[alpha]2 [be]3 gamma]1"),
    ],
)
def test_marks_that_share_words(spans: list[tuple[int, int]], expected: str) -> None:
    (section,) = crossing("alpha be gamma", *spans).sections
    assert "".join(text for text, _ in marked(section.sentences[0].pieces)) == expected


def test_an_explanation_names_its_sign(reader: ReportReader) -> None:
    report = shown(reader, "There is a left basilar opacity, which may represent pneumonia.")
    opacity, pneumonia = report.mentions
    assert (opacity.explains, pneumonia.explains) == (None, "1 lung_opacity")
    assert "        offered to explain 1 lung_opacity" in write_report(report, False, 100).splitlines()


def test_what_would_act_on_a_terminal_is_spelt_out(reader: ReportReader) -> None:
    text = "Left effusion\x1b[2J\x07 and \u202enodule\u2066.\x00 Caf\u00e9\r\n\u200bLeft effusion."
    words = write_report(shown(reader, text), colours=False, width=200)
    assert all(sign.isprintable() for sign in words.replace("\n", ""))
    assert r"\x1b[2J\x07" in words and r"\u202e" in words and "Caf\u00e9" in words
    assert visible("a\t\n b\x9b") == r"a b\x9b"


WORDS = ["left", "effusion", "no", ".", "heart", "and", "mediastinum", "normal", "1.", "HISTORY:", "opacity", "5", "mm"]
SCRAPS = st.sampled_from([*WORDS, "\n", "\n\n", "\n FINDINGS:", "\x1b[31m", "_" * 12])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SCRAPS, max_size=40), st.integers(1, 90))
def test_any_report_is_shown_whole(reader: ReportReader, scraps: list[str], width: int) -> None:
    text = " ".join(scraps)
    report = shown(reader, text)
    assert words_of(report) == "".join(visible(text).split())
    lines = write_report(report, colours=False, width=width).splitlines()
    assert all(len(line) <= max(40, width) for line in lines if len(line.split()) > 1)


def test_a_long_rule_is_cut_to_what_bears_on_the_words() -> None:
    rule = "(pleural |subpulmonic |parapneumonic |)(effusion|effusions|fluid|fluids) .. (small|large)"
    assert abbreviated(rule, "Pleural effusions") == "(pleural |...)(effusions|...) .. (small|large)"
    assert abbreviated(rule, "fluid") == "(...|)(fluid|...) .. (small|large)"
    assert abbreviated("(a|b|c|d)", "x") == "(a|...)"
    assert abbreviated("plain words", "x") == "plain words"
