"""Where sentences end, and the way from the plain form back to the raw text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.text.sentences import RawOffsets, plain, split_sentences


def sentences(text: str) -> list[str]:
    return [" ".join(text[a:b].split()) for a, b in split_sentences(text, 0, len(text))]


CASES = {
    "two": ("Lungs clear. Heart normal.", ["Lungs clear.", "Heart normal."]),
    "wrapped line": ("The lungs\n are clear.", ["The lungs are clear."]),
    "blank line": ("Lungs clear\n \n Heart normal", ["Lungs clear", "Heart normal"]),
    "title": ("Discussed with Dr. Smith today.", ["Discussed with Dr. Smith today."]),
    "vertebra": ("Fracture of T12. Stable.", ["Fracture of T12.", "Stable."]),
    "decimal": ("A 3.5 cm mass. Stable.", ["A 3.5 cm mass.", "Stable."]),
    "numbered list": ("1. Effusion. 2. Edema.", ["Effusion.", "Edema."]),
    "numbered list without stops": ("1. Effusion\n 2. Edema", ["Effusion", "Edema"]),
    "glued": ("Cardiomegaly.Mild edema.", ["Cardiomegaly.", "Mild edema."]),
    "small letter start": ("no effusion. no edema.", ["no effusion.", "no edema."]),
    "gaps": ("There is ___. The ___ is clear.", ["There is ___.", "The ___ is clear."]),
    "doubled stop": ("Clear.. Normal.", ["Clear..", "Normal."]),
    "nothing but gaps and stops": ("___ . ___", []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_plain_form_folds_case_hyphens_slashes_brackets_and_line_ends() -> None:
    assert plain("Left-sided\n opacity/Atelectasis (RLL), x-___") == "left sided opacity atelectasis rll , x ¤¤¤"


@given(st.text(alphabet="aB /-\n_.é()", max_size=60))
def test_every_plain_character_is_found_again_in_the_raw_text(raw: str) -> None:
    form = plain(raw)
    offsets = RawOffsets(raw)
    for at, sign in enumerate(form):
        if sign != " ":
            assert plain(raw[offsets.raw(at)]) == sign


@given(st.text(max_size=300))
def test_sentences_lie_in_order_inside_the_text(text: str) -> None:
    last = 0
    for start, end in split_sentences(text, 0, len(text)):
        assert last <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        last = end
