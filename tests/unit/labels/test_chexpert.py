"""CheXpert's 14 labels: the merge, the conclusion, No Finding, heart failure, and the published file's form."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import UsageError
from hilum.labels.aggregate import PARTS
from hilum.labels.chexpert import ILLNESS, READ, label_chexpert, to_csv
from hilum.schema import ASSERTIONS, CHEXPERT, CHEXPERT_LABELS
from hilum.tables import to_arrow
from hilum.vocabulary import FINDINGS, finding_chexpert
from hilum.vocabulary.language import load_sections

STUDY, SUBJECT = 50000001, 10000001
Mention = tuple[str, str, str]


def labels(*said: Mention, sections: tuple[str, ...] = ("findings", "impression"), text: str = "conclusion") -> dict:
    """Section, finding and assertion of one study's mentions -> its labels, the blank ones left out."""
    mentions = pd.DataFrame(said, columns=["section", "finding", "assertion"]).assign(study_id=STUDY, explains=None)
    mentions["explains"] = [0 if a == "explanation" else None for a in mentions["assertion"]]
    mentions["assertion"] = mentions["assertion"].replace({"explanation": "hypothetical"})
    studies = pd.DataFrame({"study_id": [STUDY], "subject_id": [SUBJECT]})
    named = pd.DataFrame({"study_id": STUDY, "section": list(sections)})
    row = label_chexpert(studies, named, mentions, text).iloc[0]
    return row[list(CHEXPERT)].dropna().to_dict()


@pytest.mark.parametrize(
    ("assertions", "value"),
    [
        (["present"], 1.0),
        (["absent"], 0.0),
        (["uncertain"], -1.0),
        (["explanation"], -1.0),
        (["absent", "present"], 1.0),
        (["absent", "uncertain"], -1.0),
        (["uncertain", "present"], 1.0),
        (["absent", "uncertain", "present"], 1.0),
        (["historical", "absent"], 0.0),
    ],
)
def test_positive_beats_uncertain_beats_negative(assertions: list[str], value: float) -> None:
    for order in (assertions, assertions[::-1]):
        assert labels(*(("impression", "pneumonia", a) for a in order))["Pneumonia"] == value


def test_the_conclusion_is_the_impression_else_the_findings_else_the_last_paragraph() -> None:
    said = [("findings", "pneumothorax", "absent"), ("impression", "pneumonia", "present"),
            ("last_paragraph", "consolidation", "present"), ("addendum", "rib_fracture", "present")]  # fmt: skip
    assert labels(*said) == {"Pneumonia": 1.0}
    assert labels(*said, sections=("history", "findings", "last_paragraph")) == {"Pneumothorax": 0.0, "No Finding": 1.0}
    assert labels(*said, sections=("last_paragraph", "addendum")) == {"Consolidation": 1.0}
    whole = labels(*said, sections=("findings", "impression", "addendum"), text="report")
    assert whole == {"Pneumothorax": 0.0, "Pneumonia": 1.0, "Fracture": 1.0}


def test_an_impression_without_a_mention_is_the_conclusion_all_the_same() -> None:
    assert labels(("findings", "pneumonia", "present")) == {"No Finding": 1.0}


def test_a_report_of_which_no_section_is_read_has_no_label() -> None:
    assert labels(("history", "pneumonia", "historical"), sections=("history", "technique")) == {}


def test_no_finding_is_for_devices_and_technique_and_for_nothing_else() -> None:
    impression = "impression"
    healthy = [(impression, "picc", "present"), (impression, "sternotomy_wires", "present"),
               (impression, "low_lung_volumes", "present"), (impression, "hernia", "absent")]  # fmt: skip
    assert labels(*healthy) == {"Support Devices": 1.0, "No Finding": 1.0}
    assert labels((impression, "hernia", "uncertain")) == {}  # no column, and no blank cheque either
    assert {"hernia", "scoliosis", "copd_emphysema"} <= ILLNESS and "picc" not in ILLNESS


@pytest.mark.parametrize(
    ("heart", "failure", "value"),
    [(None, "present", -1.0), (None, "uncertain", -1.0), ("absent", "present", -1.0), ("present", "present", 1.0),
     ("absent", "absent", 0.0), (None, "historical", None)],
)  # fmt: skip
def test_heart_failure_makes_cardiomegaly_uncertain(heart: str | None, failure: str, value: float | None) -> None:
    said = [("impression", "fluid_overload_heart_failure", failure)]
    said += [("impression", "enlarged_cardiac_silhouette", heart)] if heart else []
    assert labels(*said).get("Cardiomegaly") == value


@pytest.mark.parametrize(
    ("finding", "column"),
    [
        ("linear_patchy_atelectasis", "Atelectasis"),
        ("infiltration", "Lung Opacity"),
        ("interstitial_lung_disease", "Lung Opacity"),
        ("vascular_congestion", "Edema"),
        ("fluid_overload_heart_failure", "Edema"),
        ("hydropneumothorax", "Pneumothorax"),
        ("pleural_thickening", "Pleural Other"),
        ("pleural_parenchymal_scarring", "Pleural Other"),
        ("calcified_nodule", "Lung Lesion"),
        ("spinal_fracture", "Fracture"),
        ("mediastinal_widening", "Enlarged Cardiomediastinum"),
        ("endotracheal_tube", "Support Devices"),
        ("costophrenic_angle_blunting", None),
        ("mediastinal_displacement", None),
        ("sternotomy_wires", None),
        ("aspiration", None),
    ],
)
def test_columns_are_those_of_the_labellers_phrases(finding: str, column: str | None) -> None:
    assert finding_chexpert(finding) == column


def test_every_column_has_a_finding_and_no_opacity_follows_from_an_edema() -> None:
    assert {finding_chexpert(f) for f in FINDINGS} == {*CHEXPERT, None} - {"No Finding"}
    assert labels(("impression", "pulmonary_edema", "present")) == {"Edema": 1.0}


def test_the_csv_is_the_published_one() -> None:
    frame = pd.DataFrame({"subject_id": [SUBJECT], "study_id": [STUDY]} | {name: [np.nan] for name in CHEXPERT})
    frame = frame.assign(Atelectasis=1.0, Edema=0.0, Pneumonia=-1.0)
    rows = list(csv.reader(io.StringIO(to_csv(frame))))
    assert rows[0] == ["subject_id", "study_id", *CHEXPERT] and rows[0][2:] == sorted(rows[0][2:])
    assert rows[1] == ["10000001", "50000001", "1.0", "", "", "0.0", *[""] * 7, "-1.0", "", ""]


def test_a_whole_report_is_every_section_that_makes_labels() -> None:
    readings = load_sections().readings
    assert {name for name, reading in readings.items() if reading == "labels"} == set(READ["report"])
    assert set(PARTS) <= set(READ["report"])


def test_an_unknown_text_is_refused() -> None:
    with pytest.raises(UsageError, match=r"label\.chexpert_text is 'title'; choose one of \['conclusion', 'report'\]"):
        labels(text="title")


SAID = st.lists(
    st.tuples(
        st.sampled_from(["findings", "impression", "addendum", "history"]),
        st.sampled_from(["pneumonia", "hernia", "picc", "pulmonary_edema", "vascular_congestion"]),
        st.sampled_from(ASSERTIONS),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(SAID)
def test_against_the_slow_obvious_way(said: list[Mention]) -> None:
    expected: dict[str, float] = {}
    ill = False
    for section, finding, assertion in said:
        if section == "impression" and assertion in ("present", "uncertain", "absent"):
            ill |= finding != "picc" and assertion != "absent"
            value = {"present": 1.0, "uncertain": -1.0, "absent": 0.0}[assertion]
            column = finding_chexpert(finding)
            if column:
                expected[column] = max(expected.get(column, value), value, key=[0.0, -1.0, 1.0].index)
    assert labels(*said) == expected | ({} if ill else {"No Finding": 1.0})


def test_no_study_and_no_mention_fit_the_table() -> None:
    none = pd.DataFrame({"study_id": [], "subject_id": []}, dtype="int64")
    sections = pd.DataFrame({"study_id": pd.Series([], dtype="int64"), "section": pd.Series([], dtype="str")})
    mentions = sections.assign(finding=sections["section"], assertion=sections["section"], explains=None)
    assert to_arrow(label_chexpert(none, sections, mentions, "report"), CHEXPERT_LABELS).num_rows == 0
