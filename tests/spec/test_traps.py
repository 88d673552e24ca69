"""Words that look like a finding and are none, and the published errors of the labellers before this one."""

from __future__ import annotations

from tests.spec.rows import (
    HEART,
    LEFT_ANGLE,
    LEFT_BASE,
    LEFT_UPPER,
    RIGHT_ANGLE,
    RIGHT_BASE,
    RIGHT_UPPER,
    ReadLabels,
    Row,
    each,
    expected,
    said,
)

SILENCE: list[Row] = [
    ("Recommend CT to exclude a mass.", None, "mass_nodule", "nothing"),
    ("Evaluate for pneumonia.", None, "pneumonia", "nothing"),
    ("If there is concern for pneumothorax, obtain an expiratory film.", None, "pneumothorax", "nothing"),
    ("History of pneumonia.", None, "pneumonia", "nothing"),
    ("Please note that nondisplaced rib fractures may not be demonstrated.", None, "rib_fracture", "nothing"),
    ("There is mass effect on the trachea.", None, "mass_nodule", "nothing"),
    ("Follow-up in heart failure clinic.", None, "fluid_overload_heart_failure", "nothing"),
    ("Status post hernia repair.", None, "hernia", "nothing"),
    ("Bone mineral density is decreased.", None, "lung_opacity", "nothing"),
    ("Pericardial effusion.", None, "pleural_effusion", "nothing"),
    ("The lungs are clear.", None, "lung_opacity", "nothing"),
    ("No acute cardiopulmonary process.", None, "pneumonia", "nothing"),
    ("Lung volumes are low normal.", None, "low_lung_volumes", "nothing"),
    ("Changes of cystic fibrosis.", None, "interstitial_lung_disease", "nothing"),
    ("Kyphotic curvature of the thoracic spine.", None, "scoliosis", "nothing"),
    ("Subcutaneous emphysema.", None, "copd_emphysema", "nothing"),
]

FALSE_FRIENDS: list[Row] = [
    ("Large effusion with mass effect on the mediastinum.", None, "mass_nodule", "nothing"),
    ("No mass-like consolidation.", None, "mass_nodule", "nothing"),
    ("The retrosternal air space is clear.", None, "airspace_opacity", "nothing"),
    ("Followed in heart failure clinic.", None, "fluid_overload_heart_failure", "nothing"),
    ("Increased body mass index limits the study.", None, "mass_nodule", "nothing"),
    ("Collapse of the T7 vertebral body.", None, "lobar_segmental_collapse", "nothing"),
    ("Bone density is reduced.", None, "lung_opacity", "nothing"),
    ("Barium is seen in the colon; the lungs are well expanded.", None, "hyperaeration", "nothing"),
    ("Pericardial effusion is present.", None, "pleural_effusion", "nothing"),
    ("Small knee joint effusion.", None, "pleural_effusion", "nothing"),
    ("Subcutaneous emphysema on the left.", None, "copd_emphysema", "nothing"),
    ("Mediastinal emphysema.", None, "copd_emphysema", "nothing"),
    ("Patient is status post hiatal hernia repair.", None, "hernia", "nothing"),
    ("The clavicles are intact.", None, "clavicle_fracture", "nothing"),
    ("The heart is stable in size.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("The cardiomediastinal silhouette is unchanged.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("AP technique accentuates the heart size.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("Low lung volumes accentuate the cardiac silhouette.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("Low lung volumes with crowding of the bronchovascular structures.", None, "vascular_congestion", "nothing"),
    ("The lungs are clear.", None, "consolidation", "nothing"),
    ("Clear lungs.", None, "lung_opacity", "nothing"),
    ("No acute intrathoracic process.", None, "pneumonia", "nothing"),
    ("No acute cardiopulmonary abnormality.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("Hilar contours are normal.", None, "enlarged_hilum", "nothing"),
    ("Osseous structures are unremarkable.", None, "bone_lesion", "nothing"),
    ("Imaged osseous structures are intact.", None, "rib_fracture", "nothing"),
    ("Kerley B lines are present.", None, "increased_reticular_markings", "nothing"),
    ("Perihilar haze is noted.", None, "lung_opacity", "nothing"),
    ("Air bronchograms are seen in the left lower lobe.", None, "consolidation", "nothing"),
    ("The right hemidiaphragm is obscured.", None, "elevated_hemidiaphragm", "nothing"),
    ("The hemidiaphragms are well seen.", None, "elevated_hemidiaphragm", "nothing"),
    ("Right-sided aortic arch.", None, "tortuous_aorta", "nothing"),
    ("The aorta is normal in caliber.", None, "tortuous_aorta", "nothing"),
    ("Surgical clips in the right upper quadrant.", None, "cabg_grafts", "nothing"),
    ("Dr. Mass was notified.", None, "mass_nodule", "nothing"),
]

# where rule labellers are known to fail: double negation, long lists, "clear", stable, hidden negation
PUBLISHED_ERRORS: list[Row] = [
    ("Cannot exclude pneumothorax.", None, "pneumothorax", "uncertain"),
    ("Heart size is stable; no longer enlarged.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Unable to exclude a small left effusion.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("Lungs are clear of any infiltrate or effusion.", None, "pleural_effusion", "absent"),
    ("The cardiac silhouette is normal in size.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Cardiac size cannot be evaluated.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("Pleural effusion has increased, without pneumothorax.", None, "pleural_effusion", "present"),
    ("Pleural effusion has increased, without pneumothorax.", None, "pneumothorax", "absent"),
    ("Left-sided pleural effusion without evidence of pneumonia or edema.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Left-sided pleural effusion without evidence of pneumonia or edema.", None, "pneumonia", "absent"),
    ("There are no findings to suggest pneumonia.", None, "pneumonia", "absent"),
    ("There is nothing to suggest heart failure.", None, "fluid_overload_heart_failure", "absent"),
    ("No acute pneumonia; chronic right basilar scarring.", RIGHT_BASE, "pleural_parenchymal_scarring", "present"),
    ("No pneumothorax or pleural effusion; left lower lobe pneumonia is suspected.", LEFT_BASE, "pneumonia",
     "uncertain"),
    ("No pneumothorax or pleural effusion; left lower lobe pneumonia is suspected.", None, "pleural_effusion",
     "absent"),
    ("Cardiomegaly with no overt pulmonary edema.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Mild cardiomegaly but no CHF.", None, "fluid_overload_heart_failure", "absent"),
    ("Mild cardiomegaly but no CHF.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("No evidence of free air, pneumothorax or effusion.", "abdomen", "subdiaphragmatic_air", "absent"),
    ("The heart is not enlarged. The aorta is tortuous.", "aortic arch", "tortuous_aorta", "present"),
    ("The opacity has cleared, and no new opacity is seen.", None, "lung_opacity", "absent"),
    ("Consolidation is seen in the right lower lobe; the left lung is clear.", RIGHT_BASE, "consolidation",
     "present"),
    ("Right lung is clear. Left lung base shows atelectasis without effusion.", LEFT_BASE, "atelectasis", "present"),
    ("Right lung is clear. Left lung base shows atelectasis without effusion.", None, "pleural_effusion", "absent"),
    ("Lungs: clear. Pleura: no effusion or pneumothorax. Heart: mildly enlarged.", HEART,
     "enlarged_cardiac_silhouette", "present"),
    ("Lungs: clear. Pleura: no effusion or pneumothorax. Heart: mildly enlarged.", None, "pneumothorax", "absent"),
]  # fmt: skip

# how the text is typed
TYPING: list[Row] = [
    ("1. Left lower lobe pneumonia. 2. No effusion.", LEFT_BASE, "pneumonia", "present"),
    ("1. Left lower lobe pneumonia. 2. No effusion.", None, "pleural_effusion", "absent"),
    ("1) No pneumothorax.\n2) Small right effusion.", RIGHT_ANGLE, "pleural_effusion", "present"),
    ("Discussed with Dr. ___. Small left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Compression fracture of T12. No pneumothorax.", None, "pneumothorax", "absent"),
    ("Compression fracture of T12. No pneumothorax.", "spine", "spinal_fracture", "present"),
    ("no pneumothorax. there is a left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("No pneumothorax\n\nSmall left effusion", LEFT_ANGLE, "pleural_effusion", "present"),
    ("No pneumothorax.Small left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("LEFT LOWER LOBE CONSOLIDATION. NO EFFUSION.", LEFT_BASE, "consolidation", "present"),
    ("LEFT LOWER LOBE CONSOLIDATION. NO EFFUSION.", None, "pleural_effusion", "absent"),
    ("Small left\n pleural effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("There is no focal\n consolidation, pleural effusion or\n pneumothorax.", None, "pneumothorax", "absent"),
    ("Comparison to ___ at 8:30 a.m. Small left effusion persists.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("XXXX opacity in the right upper lobe.", RIGHT_UPPER, "lung_opacity", "present"),
    ("8.5 mm nodule in the left upper lobe. No effusion.", LEFT_UPPER, "mass_nodule", "present"),
    ("L effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Small R pleural effusion.", RIGHT_ANGLE, "pleural_effusion", "present"),
    ("Lt lower lobe atelectasis.", LEFT_BASE, "atelectasis", "present"),
]

THEMES = {
    "silence": SILENCE,
    "false friends": FALSE_FRIENDS,
    "published errors": PUBLISHED_ERRORS,
    "typing": TYPING,
}


@each(THEMES)
def test_a_trap_says(read_labels: ReadLabels, sentence: str, region: str | None, finding: str, label: str) -> None:
    assert said(read_labels(sentence), finding) == expected(region, label)
