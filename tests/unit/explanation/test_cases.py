"""Cases: what the reports of retrieved studies say of one region."""

from __future__ import annotations

import pandas as pd
import pytest

from hilum.explanation.cases import Evidence, said_present

from .material import case

TEXT = "Small right  effusion.\nNo left effusion. The lungs have no consolidation. Old fracture. Right nodule."


def mention(number: int, words: str, regions: list[str], assertion: str = "present") -> dict:
    start = TEXT.index(words)
    return {"study_id": 1, "mention_id": number, "regions": regions, "assertion": assertion, "sentence_start": start,
            "sentence_end": start + len(words)}  # fmt: skip


@pytest.fixture
def evidence() -> Evidence:
    mentions = [
        mention(4, "Right nodule.", ["right lung"]),
        mention(0, "Small right  effusion.\n", ["right costophrenic angle"]),
        mention(1, "No left effusion.", ["left costophrenic angle"], "absent"),
        mention(2, "The lungs have no consolidation.", ["right lung", "left lung"], "absent"),
        mention(3, "Old fracture.", ["right lung"], "historical"),
    ]
    labels = [
        (1, "right costophrenic angle", "pleural_effusion", "present"),
        (1, "left costophrenic angle", "pleural_effusion", "absent"),
        (1, "right lung", "consolidation", "absent"),
        (1, "right lung", "mass_nodule", "present"),
        (1, None, "pneumothorax", "absent"),
        (1, None, "rib_fracture", "present"),
        (1, "right lung", "pleural_effusion", "uncertain"),
        (2, "right lung", "pneumonia", "present"),
    ]
    return Evidence(
        pd.DataFrame({"study_id": [1], "text": [TEXT]}),
        pd.DataFrame(mentions),
        pd.DataFrame(labels, columns=["study_id", "region", "finding", "label"]),
    )


def test_sentences_about_a_region_stand_in_the_order_of_the_report(evidence: Evidence) -> None:
    no_consolidation = "The lungs have no consolidation."
    assert evidence.sentences(1, "right costophrenic angle") == ("Small right effusion.", no_consolidation)
    assert evidence.sentences(1, "right lung") == ("Small right effusion.", no_consolidation, "Right nodule.")
    assert evidence.sentences(1, "left costophrenic angle") == ("No left effusion.", no_consolidation)
    assert evidence.sentences(1, "spine") == () == evidence.sentences(99, "right lung")


def test_labels_go_up_where_present_and_down_where_absent(evidence: Evidence) -> None:
    everywhere = {"pneumothorax": "absent"}
    angle = {"consolidation": "absent", "pleural_effusion": "present", **everywhere}
    assert evidence.labels(1, "right costophrenic angle") == angle
    assert evidence.labels(1, "right lung") == {**angle, "mass_nodule": "present"}
    assert evidence.labels(1, "left lung") == everywhere  # a part without effusion does not clear the whole
    assert evidence.labels(1, "left costophrenic angle") == {"pleural_effusion": "absent", **everywhere}
    assert evidence.labels(1, "spine") == everywhere


def test_findings_are_counted_over_cases() -> None:
    cases = [case(1, "atelectasis"), case(2, "mass_nodule", "atelectasis"), case(3, atelectasis="uncertain")]
    assert list(said_present(cases).items()) == [("atelectasis", [1, 2]), ("mass_nodule", [2])]
