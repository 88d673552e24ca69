"""Whole reports: which part counts, what beats what, addenda, wet reads, and headers in all their forms."""

from __future__ import annotations

from tests.spec.rows import (
    HEART,
    LEFT_ANGLE,
    LEFT_BASE,
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

THEMES = {
    "which parts count": WHICH_PARTS,
    "conflicts": CONFLICTS,
    "addenda": ADDENDA,
    "repeated": REPEATED,
}


@each(THEMES)
def test_a_report_says(read_labels: ReadLabels, sentence: str, region: str | None, finding: str, label: str) -> None:
    assert said(read_labels(sentence), finding) == expected(region, label)
