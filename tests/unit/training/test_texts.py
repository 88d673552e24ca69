"""Which words a model reads, and which sentence speaks of which region."""

from __future__ import annotations

import pandas as pd

from hilum.training.texts import clean_text, report_bodies, route_sentences, sentence_states

ANCESTORS = {"left lower lung zone": ("left lung",)}


def mentions(*rows: tuple[int, list[str], int, int, str]) -> pd.DataFrame:
    columns = ["study_id", "regions", "sentence_start", "sentence_end", "assertion"]
    return pd.DataFrame(list(rows), columns=columns)


def test_clean_text_joins_lines_and_drops_gaps() -> None:
    assert clean_text(" Heart size\n  is ___ normal. \n") == "Heart size is normal."


def test_bodies_are_findings_and_impression_in_file_order() -> None:
    text = "FINDINGS: Clear. HISTORY: Cough. IMPRESSION: Normal."
    reports = pd.DataFrame({"study_id": [1, 2], "text": [text, "no headers ___ here"]})
    sections = pd.DataFrame(
        {
            "study_id": [1, 1, 1],
            "section_index": [2, 1, 0],
            "section": ["impression", "history", "findings"],
            "char_start": [text.index("Normal"), text.index("Cough"), text.index("Clear")],
            "char_end": [len(text), text.index("Cough") + 6, text.index("Clear") + 6],
        }
    )
    assert report_bodies(reports, sections) == {1: "Clear. Normal.", 2: "no headers here"}


def test_an_empty_section_falls_back_to_the_whole_text() -> None:
    reports = pd.DataFrame({"study_id": [1], "text": ["FINDINGS:\n"]})
    sections = pd.DataFrame(
        {"study_id": [1], "section_index": [0], "section": ["findings"], "char_start": [9], "char_end": [10]}
    )
    assert report_bodies(reports, sections) == {1: "FINDINGS:"}


def test_what_is_present_goes_to_the_regions_around_and_what_is_absent_does_not() -> None:
    text = "Opacity at the base. No effusion."
    found = route_sentences(
        mentions(
            (1, ["left lower lung zone"], 0, 20, "present"),
            (1, ["left costophrenic angle"], 21, 33, "absent"),
        ),
        {1: text},
        ANCESTORS,
    )
    assert found.to_dict("records") == [
        {"study_id": 1, "region": "left costophrenic angle", "sentence_text": "No effusion."},
        {"study_id": 1, "region": "left lower lung zone", "sentence_text": "Opacity at the base."},
        {"study_id": 1, "region": "left lung", "sentence_text": "Opacity at the base."},
    ]


def test_denials_stand_aside_where_something_is_present() -> None:
    text = "No nodule. Opacity. No nodule or opacity."
    found = route_sentences(
        mentions(
            (1, ["left lung"], 0, 10, "absent"),
            (1, ["left lung"], 11, 19, "uncertain"),
            (1, ["right lung"], 0, 10, "absent"),
        ),
        {1: text},
        {},
    )
    assert dict(zip(found["region"], found["sentence_text"])) == {"left lung": "Opacity.", "right lung": "No nodule."}


def test_history_unplaced_mentions_and_studies_without_text_are_left_out() -> None:
    found = route_sentences(
        mentions(
            (1, ["left lung"], 0, 5, "historical"),
            (1, [], 0, 5, "present"),
            (2, ["left lung"], 0, 5, "present"),
        ),
        {1: "Text."},
        {},
    )
    assert found.empty and list(found.columns) == ["study_id", "region", "sentence_text"]


def test_a_sentence_with_two_mentions_is_routed_once() -> None:
    row = (1, ["left lung"], 0, 5, "present")
    assert len(route_sentences(mentions(row, row), {1: "Text."}, {})) == 1


def test_a_sentence_says_what_it_says_of_each_finding_once() -> None:
    text = "Left effusion, none on the right. No pneumothorax. Possible edema. Old fracture."
    said = pd.DataFrame(
        [
            (1, 0, 33, "pleural_effusion", "present"), (1, 0, 33, "pleural_effusion", "absent"),
            (1, 34, 50, "pneumothorax", "absent"), (1, 34, 50, "pneumothorax", "absent"),
            (1, 51, 65, "pulmonary_edema", "uncertain"), (1, 66, 79, "fracture", "historical"),
            (2, 0, 5, "pneumothorax", "present"),
        ],
        columns=["study_id", "sentence_start", "sentence_end", "finding", "assertion"],
    )  # fmt: skip
    assert sentence_states(said, {1: text}).to_dict("records") == [
        {"study_id": 1, "sentence_text": "No pneumothorax.", "finding": "pneumothorax", "state": "absent"}
    ]
    assert sentence_states(said.iloc[:0], {1: text}).empty
