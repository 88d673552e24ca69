"""Whole small reports in the layout of MIMIC-CXR's files, and all that each says: every label of the report is listed.

A line of a report begins with one space and a header with its name in capitals, as in the files; ___ stands for what
was removed. What is read: findings, impression, last paragraph and addendum. What is not: why the study was asked for,
what it is compared with, how it was made, what a provisional reading said, what is recommended, and who was told.
"""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.spec.rows import ANGLES, HEART, LEFT_ANGLE, LEFT_BASE, LUNGS, RIGHT_ANGLE, RIGHT_APEX, RIGHT_BASE, ReadLabels

RULE = "_" * 78
Said = list[tuple[str | None, str, str]]

REPORTS: dict[str, tuple[str, Said]] = {
    "a report with all its sections": (
        """
                                         FINAL REPORT
         EXAMINATION:  CHEST (PA AND LAT)

         INDICATION:  ___F with cough // pneumonia?

         TECHNIQUE:  Chest PA and lateral

         COMPARISON:  ___, when there was a left pneumothorax.

         FINDINGS:

         There is a small right pleural effusion. Heart size is normal. No
         pneumothorax is seen.

         IMPRESSION:

         Small right pleural effusion.
        """,
        [
            (RIGHT_ANGLE, "pleural_effusion", "present"),
            (HEART, "enlarged_cardiac_silhouette", "absent"),
            (None, "pneumothorax", "absent"),
        ],
    ),
    "findings left empty, right above the impression": (
        """
                                         FINAL REPORT
         INDICATION:  Rule out pneumothorax.

         FINDINGS:
         IMPRESSION:  Left lower lobe consolidation.
        """,
        [(LEFT_BASE, "consolidation", "present")],
    ),
    "a numbered impression that begins with a comparison": (
        """
                                         FINAL REPORT
         IMPRESSION:  AP chest compared to ___:

         1.  Mild cardiomegaly is unchanged
         2.  Small left pleural effusion has resolved
         3.  No pneumothorax
        """,
        [
            (HEART, "enlarged_cardiac_silhouette", "present"),
            (LEFT_ANGLE, "pleural_effusion", "absent"),
            (None, "pneumothorax", "absent"),
        ],
    ),
    "a view for a header, with a digit": (
        """
                                         FINAL REPORT
         CHEST 2 VIEWS:  Right lower lobe consolidation.

         RECOMMENDATION(S):  CT chest to exclude a mass.
        """,
        [(RIGHT_BASE, "consolidation", "present")],
    ),
    "no header over the findings": (
        """
                                         FINAL REPORT
         REASON FOR EXAMINATION:  Evaluation of left pneumothorax.

         Right lower lobe consolidation is new. Moderate cardiomegaly is stable.

         Small left pleural effusion.
        """,
        [
            (RIGHT_BASE, "consolidation", "present"),
            (HEART, "enlarged_cardiac_silhouette", "present"),
            (LEFT_ANGLE, "pleural_effusion", "present"),
        ],
    ),
    "no header over the findings, and one over the impression": (
        """
                                         FINAL REPORT
         INDICATION:  Chest pain.

         COMPARISON:  ___.

         There is a small left pleural effusion. The heart is mildly enlarged.

         IMPRESSION:  Cardiomegaly.
        """,
        [(LEFT_ANGLE, "pleural_effusion", "present"), (HEART, "enlarged_cardiac_silhouette", "present")],
    ),
    "findings typed below the last header": (
        """
                                         FINAL REPORT
         INDICATION:  Chest tube removal.

         NOTIFICATION:  Small right apical pneumothorax is unchanged.
        """,
        [(RIGHT_APEX, "pneumothorax", "present")],
    ),
    "two provisional readings, replaced by the report": (
        f"""
         WET READ: ___ ___ ___ 10:32 AM
           Left lower lobe pneumonia.
         WET READ VERSION #1 ___ ___ ___ 9:34 PM
           Small left pleural effusion.
        {RULE}
                                         FINAL REPORT
         INDICATION:  Fever.

         IMPRESSION:  Moderate pulmonary edema.
        """,
        [(LUNGS, "pulmonary_edema", "present")],
    ),
    "a provisional impression, replaced by the report": (
        """
         PROVISIONAL FINDINGS IMPRESSION (PFI):  ___ ___ ___ 3:12 PM
         Right lower lobe consolidation.

                                         FINAL REPORT
         IMPRESSION:  No consolidation.
        """,
        [(None, "consolidation", "absent")],
    ),
    "an addendum with headers of its own": (
        f"""
                                         FINAL ADDENDUM
         ADDENDUM

         INDICATION:  Query pneumonia.

         IMPRESSION:  There is also a small right pleural effusion.

         NOTIFICATION:  Dr. ___ was paged at 10:32 about the pneumothorax.
        {RULE}
                                         FINAL REPORT
         FINDINGS:  Left lower lobe consolidation.
        """,
        [(RIGHT_ANGLE, "pleural_effusion", "present"), (LEFT_BASE, "consolidation", "present")],
    ),
    "a report on one line": (
        "FINAL REPORT  INDICATION: Pneumothorax?  FINDINGS: Small pleural effusions bilaterally.  IMPRESSION: Pleural"
        " effusions on both sides.",
        [(ANGLES, "pleural_effusion", "present")],
    ),
    "lines without stops": (
        """
        Indication: Edema
        Findings: No pneumothorax
        Small left pleural effusion
        Heart size is normal
        """,
        [
            (None, "pneumothorax", "absent"),
            (LEFT_ANGLE, "pleural_effusion", "present"),
            (HEART, "enlarged_cardiac_silhouette", "absent"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "labels"), REPORTS.values(), ids=REPORTS.keys())
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_report_says_this_and_no_more(read_labels: ReadLabels, text: str, labels: Said, line_end: str) -> None:
    expected = {(place, finding, label) for where, finding, label in labels for place in _places(where)}
    assert read_labels(dedent(text).replace("\n", line_end)) == expected


def _places(where: str | None) -> list[str | None]:
    return [None] if where is None else [*where.split(" + ")]
