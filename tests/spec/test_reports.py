"""Whole reports: which part counts, what beats what, addenda, wet reads, and headers in all their forms."""

from __future__ import annotations

from tests.spec.rows import (
    HEART,
    LEFT_ANGLE,
    LEFT_BASE,
    LEFT_LUNG,
    LUNGS,
    RIGHT_ANGLE,
    RIGHT_APEX,
    RIGHT_UPPER,
    ReadLabels,
    Row,
    each,
    expected,
    said,
)

INTUBATED = """ FINAL REPORT
 AP CHEST, 5:20 A.M., ___

 HISTORY:  Intubated.  Pneumonia.

 IMPRESSION:  AP chest compared to ___, 4:00 p.m.:

 Moderate left pleural effusion has increased.  ET tube is in standard
 placement.
"""
TUBE_CHECK = """ FINAL REPORT
 REASON FOR EXAMINATION:  Chest tube, left pneumothorax.

 Portable AP radiograph of the chest was reviewed in comparison to ___.

 The left chest tube is in place.  There is no pneumothorax.
"""
HEART_FAILURE = """ FINAL REPORT
 EXAMINATION:  CHEST (PORTABLE AP)

 INDICATION:  ___ year old woman with CHF, effusions  // eval for edema

 TECHNIQUE:  Chest portable AP

 COMPARISON:  ___

 FINDINGS:

 Compared to chest radiographs ___ through ___.

 Mild edema has improved.
"""
CHEST_PAIN = """ CHEST RADIOGRAPH PERFORMED ON ___

 COMPARISON:  Chest CT, which showed a nodule.

 CLINICAL HISTORY:  Chest pain, question pneumothorax.

 FINDINGS:  PA and lateral views of the chest provided.  Lungs are clear.
 No effusion.
"""
BY_ORGAN = """ FINDINGS:

 Lines and tubes:  Right IJ line ends in the SVC.

 Lungs:  No consolidation.

 Pleura:  Small left effusion.

 Heart and mediastinum:  The heart is enlarged.

 Bones:  Degenerative changes of the thoracic spine.
"""
TWO_WET_READS = """ WET READ VERSION #1 ___ ___ ___ 8:30 PM
  New left lower lobe pneumonia.
 WET READ VERSION #2 ___ ___ ___ 9:05 PM
  Left lower lobe pneumonia.
 ______________________________________________________________________________
 FINAL REPORT
 FINDINGS:  Left basilar atelectasis.
"""

WHICH_PARTS: list[Row] = [
    (" INDICATION: Evaluate for pneumonia.\n\n FINDINGS: The lungs are clear.\n", None, "pneumonia", "nothing"),
    (" INDICATION: Pneumothorax.\n\n IMPRESSION: Small left effusion.\n", None, "pneumothorax", "nothing"),
    (" INDICATION: Pneumothorax.\n\n IMPRESSION: Small left effusion.\n", LEFT_ANGLE, "pleural_effusion", "present"),
    (" HISTORY: Left effusion.\n\n FINDINGS: No pneumothorax.\n", None, "pleural_effusion", "nothing"),
    (" COMPARISON: Prior study showed left pneumothorax.\n\n FINDINGS: No effusion.\n", None, "pneumothorax",
     "nothing"),
    (" TECHNIQUE: Frontal view with left chest tube.\n\n FINDINGS: No effusion.\n", None, "chest_tube", "nothing"),
    (" REASON FOR EXAM: Rule out effusion.\n\n IMPRESSION: Right basilar atelectasis.\n", None, "pleural_effusion",
     "nothing"),
    (" NDICATION: Pneumonia.\n\n FINDINGS: No effusion.\n", None, "pneumonia", "nothing"),
    (" FINDINGS: Left lower lobe opacity.\n\n RECOMMENDATION(S): CT chest to evaluate for mass.\n", None,
     "mass_nodule", "nothing"),
    (" IMPRESSION: Right pneumothorax.\n\n NOTIFICATION: The pneumothorax on the left was discussed by phone.\n",
     RIGHT_APEX, "pneumothorax", "present"),
    (" CONCLUSION: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" FINDINGS AND IMPRESSION: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" CHEST 2 VIEWS: Left lower lobe consolidation.\n", LEFT_BASE, "consolidation", "present"),
    (" PORTABLE AP CHEST: Left lower lobe consolidation.\n", LEFT_BASE, "consolidation", "present"),
    (" FINDINGS:Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" findings: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    ("FINDINGS: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" IMPRSSION: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" FINDINGS:\n IMPRESSION: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" FINAL REPORT\n EXAMINATION: CHEST (PA AND LAT)\n\n INDICATION: Cough.\n\n"
     " The lungs are clear. There is a small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
    (" INDICATION: Cough. FINDINGS: Small right effusion.\n", RIGHT_ANGLE, "pleural_effusion", "present"),
]  # fmt: skip

CONFLICTS: list[Row] = [
    (" FINDINGS: There may be a small left effusion.\n\n IMPRESSION: Small left effusion.\n", LEFT_ANGLE,
     "pleural_effusion", "present"),
    (" FINDINGS: Left lower lobe consolidation.\n\n IMPRESSION: Possible left lower lobe consolidation.\n", LEFT_BASE,
     "consolidation", "uncertain"),
    (" FINDINGS: No pneumothorax.\n\n IMPRESSION: Possible pneumothorax.\n", None, "pneumothorax", "uncertain"),
    (" FINDINGS: Pneumonia is possible. Pneumonia is present.\n", None, "pneumonia", "present"),
    (" FINDINGS: Small left effusion.\n\n IMPRESSION: No left effusion.\n", LEFT_ANGLE, "pleural_effusion", "absent"),
    (" IMPRESSION: 1. Possible left lower lobe pneumonia.\n 2. Left lower lobe pneumonia.\n", LEFT_BASE, "pneumonia",
     "present"),
    (" FINDINGS: Mild pulmonary edema.\n\n IMPRESSION: Pulmonary edema.\n", LUNGS, "pulmonary_edema", "present"),
    (" FINDINGS: Left basilar opacity may represent atelectasis.\n\n IMPRESSION: Left basilar atelectasis.\n",
     LEFT_BASE, "atelectasis", "present"),
    (" FINDINGS: Heart size is normal.\n\n IMPRESSION: Mild cardiomegaly.\n", HEART, "enlarged_cardiac_silhouette",
     "present"),
]  # fmt: skip

ADDENDA: list[Row] = [
    (" ADDENDUM: There is also a right upper lobe nodule.\n ______________________________________________________\n"
     " FINAL REPORT\n FINDINGS: Small left effusion.\n", RIGHT_UPPER, "mass_nodule", "present"),
    (" ADDENDUM: There is also a right upper lobe nodule.\n ______________________________________________________\n"
     " FINAL REPORT\n FINDINGS: Small left effusion.\n", LEFT_ANGLE, "pleural_effusion", "present"),
    (" WET READ: ___ ___ ___ 9:12 PM\n Left lower lobe pneumonia.\n"
     " ______________________________________________________\n"
     " FINAL REPORT\n FINDINGS: Left basilar atelectasis.\n", None, "pneumonia", "nothing"),
    (" WET READ: ___ ___ ___ 9:12 PM\n Left lower lobe pneumonia.\n"
     " ______________________________________________________\n"
     " FINAL REPORT\n FINDINGS: Left basilar atelectasis.\n", LEFT_BASE, "atelectasis", "present"),
]  # fmt: skip

# the second sentence stands in the other section, or repeats without a place
REPEATED: list[Row] = [
    (" FINDINGS: Small left effusion.\n\n IMPRESSION: Pleural effusion.\n", "left costophrenic angle + unplaced",
     "pleural_effusion", "present"),
    (" FINDINGS: No pneumothorax.\n\n IMPRESSION: No acute cardiopulmonary process.\n", None, "pneumothorax", "absent"),
    (" FINDINGS: The heart is enlarged. No effusion.\n\n IMPRESSION: Cardiomegaly.\n", HEART,
     "enlarged_cardiac_silhouette", "present"),
]  # fmt: skip

# as they come from the ward
WHOLE: list[Row] = [
    (INTUBATED, LEFT_ANGLE, "pleural_effusion", "present"),
    (INTUBATED, "trachea", "endotracheal_tube", "present"),
    (INTUBATED, None, "pneumonia", "nothing"),
    (TUBE_CHECK, LEFT_LUNG, "chest_tube", "present"),
    (TUBE_CHECK, None, "pneumothorax", "absent"),
    (HEART_FAILURE, LUNGS, "pulmonary_edema", "present"),
    (HEART_FAILURE, None, "fluid_overload_heart_failure", "nothing"),
    (HEART_FAILURE, None, "pleural_effusion", "nothing"),
    (CHEST_PAIN, None, "pneumothorax", "nothing"),
    (CHEST_PAIN, None, "pleural_effusion", "absent"),
    (CHEST_PAIN, None, "mass_nodule", "nothing"),
    (BY_ORGAN, "svc", "ij_line", "present"),
    (BY_ORGAN, None, "consolidation", "absent"),
    (BY_ORGAN, LEFT_ANGLE, "pleural_effusion", "present"),
    (BY_ORGAN, HEART, "enlarged_cardiac_silhouette", "present"),
    (BY_ORGAN, "spine", "spinal_degenerative_changes", "present"),
    (TWO_WET_READS, None, "pneumonia", "nothing"),
    (TWO_WET_READS, LEFT_BASE, "atelectasis", "present"),
    (" ADDENDUM: No left effusion.\n ______________________________________________________\n FINAL REPORT\n"
     " FINDINGS: Small left effusion.\n", LEFT_ANGLE, "pleural_effusion", "present"),
    (" IMPRESSION:\n\n 1.  No pneumothorax.\n 2.  Small left effusion.\n", LEFT_ANGLE, "pleural_effusion", "present"),
    (" IMPRESSION:\n\n 1.  No pneumothorax.\n 2.  Small left effusion.\n", None, "pneumothorax", "absent"),
    (" IMPRESSION:  AP chest compared to ___:\n\n Small left effusion unchanged.\n", LEFT_ANGLE, "pleural_effusion",
     "present"),
    (" CLINICAL INFORMATION: Pneumothorax.\n\n FINDINGS: Small left effusion.\n", None, "pneumothorax", "nothing"),
    (" FINDINGS: \n\n IMPRESSION: \n\n Small left effusion.\n", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Findings: No pneumothorax. Impression: Small left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Findings: No pneumothorax. Impression: Small left effusion.", None, "pneumothorax", "absent"),
    (" FINDINGS: No consolidation. Consolidation at the left base cannot be excluded.\n",
     "unplaced + left lower lung zone", "consolidation", "absent + uncertain"),
    (" HISTORY:  Fever, evaluate for infiltrate.\n COMPARISON:  None.\n FINDINGS:  The lungs are clear.\n", None,
     "infiltration", "nothing"),
]  # fmt: skip

THEMES = {
    "which parts count": WHICH_PARTS,
    "conflicts": CONFLICTS,
    "addenda": ADDENDA,
    "repeated": REPEATED,
    "whole reports": WHOLE,
}


@each(THEMES)
def test_a_report_says(read_labels: ReadLabels, sentence: str, region: str | None, finding: str, label: str) -> None:
    assert said(read_labels(sentence), finding) == expected(region, label)
