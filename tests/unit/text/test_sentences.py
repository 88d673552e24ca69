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
    "other short forms": (
        "Edema vs. pneumonia, approx. 3 cm. St. Jude valve.",
        ["Edema vs. pneumonia, approx. 3 cm.", "St. Jude valve."],
    ),
    "short forms that may end a sentence": (
        "At 10:32 a.m. by phone. At 9 p.m. The tube is high.",
        ["At 10:32 a.m. by phone.", "At 9 p.m.", "The tube is high."],
    ),
    "a unit inside a sentence": ("It measures 3.5 cm. in diameter.", ["It measures 3.5 cm. in diameter."]),
    "a single letter": (
        "S. aureus pneumonia. Hepatitis C. No edema.",
        ["S. aureus pneumonia.", "Hepatitis C.", "No edema."],
    ),
    "side": ("Rt. base clear. Opacity on the lt. base.", ["Rt. base clear.", "Opacity on the lt. base."]),
    "a thing's number": ("No. 3 rib. No effusion.", ["No. 3 rib.", "No effusion."]),
    "no at a sentence's end": ("Effusion? No. Edema.", ["Effusion?", "No.", "Edema."]),
    "a doubt before a word": ("? left effusion. Edema (? mild).", ["? left effusion.", "Edema (? mild)."]),
    "numbers in brackets": ("(1) Effusion. (2) Edema.", ["Effusion.", "Edema."]),
    "numbers before a bracket": ("1) Effusion\n 2) Edema", ["Effusion", "Edema"]),
    "list without stops on one line": ("1. No effusion 2. Edema 3. ___ tube", ["No effusion", "Edema", "___ tube"]),
    "a number glued to the stop": ("Small effusion.2. Edema.", ["Small effusion.", "Edema."]),
    "a number that is no item": ("Fracture of rib 3. No effusion.", ["Fracture of rib 3.", "No effusion."]),
    "Roman numerals": ("I. Effusion. II. Edema.", ["I.", "Effusion.", "II.", "Edema."]),
    "bullets": ("- Effusion\n - Edema\n \u2022 Nodule \u2022 Mass", ["Effusion", "Edema", "Nodule", "Mass"]),
    "removed words": ("XXXX. Heart XXXX is normal.", ["XXXX.", "Heart XXXX is normal."]),
    "space before the stop": ("Effusion . Edema .", ["Effusion .", "Edema ."]),
    "quotes and brackets": ("\u201cClear.\u201d (No edema.) Normal.", ["\u201cClear.\u201d", "(No edema.)", "Normal."]),
    "short lines without stops": (
        "Lungs clear\n Heart normal\n No effusion",
        ["Lungs clear", "Heart normal", "No effusion"],
    ),
    "headings on lines": ("Lungs: clear\n Heart: normal", ["Lungs: clear", "Heart: normal"]),
    "a full line before a name": (
        "There has been interval placement of a catheter whose tip is in the upper\n Right atrium.",
        ["There has been interval placement of a catheter whose tip is in the upper Right atrium."],
    ),
    "a short line that hangs": ("Moderate effusion with\n Some edema", ["Moderate effusion with Some edema"]),
    "a missing stop": ("Calcified granuloma The lungs are clear.", ["Calcified granuloma", "The lungs are clear."]),
    "a stop removed with a word": ("Compared to ___ There is no edema.", ["Compared to ___", "There is no edema."]),
    "another system's line ends": ("Lungs clear\r\n \r\n Heart normal", ["Lungs clear", "Heart normal"]),
    "no-break spaces": ("Clear.\u00a0Heart\u00a0normal.", ["Clear.", "Heart normal."]),
    "nothing but gaps and stops": ("___ . ___", []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_sentence_without_end_is_cut_at_a_clause() -> None:
    text = "There is edema, " * 40
    assert all(len(sentence) <= 400 and sentence.endswith(",") for sentence in sentences(text))


def test_a_section_that_begins_behind_its_header_knows_how_long_its_line_is() -> None:
    """The header's words count: without them the first line would look short enough to be broken on purpose."""
    header = "FINDINGS, AS DICTATED TO THE REFERRING SERVICE: "
    text = header + "Line in the left\n Subclavian vein."
    assert split_sentences(text, len(header), len(text)) == [(len(header), len(text))]


def test_plain_form_reads_removed_words_and_other_signs_alike() -> None:
    assert plain("XXXX\u2014the patient\u2019s\u00a0lung") == plain("____-the patient's lung")


def test_plain_form_folds_case_hyphens_slashes_brackets_and_line_ends() -> None:
    assert plain("Left-sided\n opacity/Atelectasis (RLL), x-___") == "left sided opacity atelectasis rll , x ¤¤¤"


@given(st.text(alphabet="aB /-\n_.é()", max_size=60))
def test_every_plain_character_is_found_again_in_the_raw_text(raw: str) -> None:
    form = plain(raw)
    offsets = RawOffsets(raw, plain(raw))
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
