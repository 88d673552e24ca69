"""Statements: cut, cited, checked against the cases, and dropped with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.explanation.reading import cut_sentences
from hilum.explanation.statements import check_answer, cited, count_drops, cut_statements, judge, render, said

from .material import case

REGION = "right costophrenic angle"


@pytest.mark.parametrize(
    ("sentence", "numbers"),
    [
        ("Effusion [1].", (1,)),
        ("Effusion [1][3].", (1, 3)),
        ("Effusion [3, 1 and 2].", (1, 2, 3)),
        ("Effusion (case 2).", (2,)),
        ("Effusion [Cases 2-4].", (2, 3, 4)),
        ("Effusion [case 1; case 4].", (1, 4)),
        ("Effusion in 4 of 5 cases.", ()),
        ("Effusion [see above].", ()),
        ("A nodule (5 mm).", ()),
    ],
)
def test_citations(sentence: str, numbers: tuple[int, ...]) -> None:
    assert cited(sentence) == numbers


def test_a_text_is_cut_into_statements_by_section() -> None:
    text = (
        "**Explanation:**\n- There is an effusion. [1][2] The angle is blunted [3].\n2. No pneumothorax (case 4).\n\n"
        "## Preliminary impression\nEffusion [1]."
    )
    assert cut_statements(text, cut_sentences) == [
        ("explanation", "There is an effusion.", (1, 2)),
        ("explanation", "The angle is blunted.", (3,)),
        ("explanation", "No pneumothorax.", (4,)),
        ("impression", "Effusion.", (1,)),
    ]


@pytest.mark.parametrize(
    ("cites", "claims", "why"),
    [
        ((1,), {"pleural_effusion": "present"}, None),
        ((2, 1), {"pleural_effusion": "present"}, None),
        ((2,), {"pleural_effusion": "present"}, "unsupported"),
        ((2,), {"pleural_effusion": "uncertain"}, None),
        ((1,), {"pleural_effusion": "uncertain"}, None),
        ((1,), {"pleural_effusion": "absent"}, "unsupported"),
        ((3,), {"pleural_effusion": "absent"}, None),
        ((3,), {"pleural_effusion": "present"}, "unsupported"),
        ((1,), {"pleural_effusion": "present", "mass_nodule": "present"}, "unsupported"),
        ((1, 3), {"pleural_effusion": "present", "mass_nodule": "present"}, None),
        ((), {"pleural_effusion": "present"}, "no_citation"),
        ((1, 9), {"pleural_effusion": "present"}, "unknown_case"),
        ((1,), {}, "no_finding"),
    ],
)
def test_what_stands(cites: tuple[int, ...], claims: dict[str, str], why: str | None) -> None:
    cases = [
        case(1, "pleural_effusion"),
        case(2, pleural_effusion="uncertain"),
        case(3, "mass_nodule", pleural_effusion="absent"),
    ]
    assert judge(cites, claims, cases) == why


def test_an_answer_is_checked_by_the_rules_that_read_reports(reader: Any) -> None:
    cases = [case(1, "pleural_effusion"), case(2, "pleural_effusion", pneumothorax="absent")]
    text = """EXPLANATION:
- A right pleural effusion is likely [1][2].
- There is a mass in the right costophrenic angle [1].
- No pneumothorax [2].
- There is a left lower lobe consolidation [1].
- Pleural effusion.
- Blunting may come from fluid [7].
IMPRESSION:
- Pleural effusion [2]."""
    statements = check_answer(text, REGION, cases, reader.read, cut_sentences)
    assert [row.dropped for row in statements] == [
        None, "unsupported", None, "no_finding", "no_citation", "unknown_case", None,
    ]  # fmt: skip
    assert said(statements) == ("pleural_effusion",)
    assert count_drops(statements) == {"no_citation": 1, "unknown_case": 1, "no_finding": 1, "unsupported": 1}
    assert render(statements) == (
        "Explanation:\n- A right pleural effusion is likely. [1][2]\n- No pneumothorax. [2]\n"
        "Impression:\n- Pleural effusion. [2]"
    )


def test_what_is_said_of_another_region_says_nothing_here(reader: Any) -> None:
    assert reader.read(["Left pleural effusion.", "Right pleural effusion.", "Pleural effusion."], REGION) == [
        {}, {"pleural_effusion": "present"}, {"pleural_effusion": "present"},
    ]  # fmt: skip
    assert reader.read(["Right lower lobe consolidation."], "right lung") == [{"consolidation": "present"}]
    edema = ["Pulmonary edema.", "Pulmonary edema of the left lung.", "Right lung consolidation."]
    assert reader.read(edema, "right lower lung zone") == [{"pulmonary_edema": "present"}, {}, {}]
    assert reader.read(["History of pneumonia.", "<script>alert(1)</script>", ""], "right lung") == [{}, {}, {}]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_cut_without_an_error(text: str) -> None:
    for section, sentence, cites in cut_statements(text, cut_sentences):
        assert section in ("explanation", "impression") and sentence == " ".join(sentence.split())
        assert list(cites) == sorted(set(cites))
