"""Sentences of reports and what they say, for a radiologist to review.

One row a fact: the sentence, the region (several joined by " + "; None = said without a place), the finding, and the
label: present, absent, uncertain, or "nothing" where the words must make no label of that finding. Adding a rule starts
here.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

Row = tuple[str, str | None, str, str]
LEFT_BASE, RIGHT_BASE = "left lower lung zone", "right lower lung zone"
BASES = "right lower lung zone + left lower lung zone"
LUNGS = "right lung + left lung"
LEFT_ANGLE, RIGHT_ANGLE = "left costophrenic angle", "right costophrenic angle"
ANGLES = "right costophrenic angle + left costophrenic angle"
HEART = "cardiac silhouette"

PLACES: list[Row] = [
    ("Left lower lobe consolidation.", LEFT_BASE, "consolidation", "present"),
    ("Consolidation in the left lower lobe.", LEFT_BASE, "consolidation", "present"),
    ("There is an opacity at the left base.", LEFT_BASE, "lung_opacity", "present"),
    ("The right lung base shows a hazy opacity.", RIGHT_BASE, "lung_opacity", "present"),
    ("In the right upper lobe, there is a nodule.", "right upper lung zone", "mass_nodule", "present"),
    ("RUL nodule.", "right upper lung zone", "mass_nodule", "present"),
    ("LLL infiltrate.", LEFT_BASE, "infiltration", "present"),
    ("Right middle lobe pneumonia.", "right mid lung zone", "pneumonia", "present"),
    ("Middle lobe pneumonia.", "right mid lung zone", "pneumonia", "present"),
    ("Lingular atelectasis.", "left mid lung zone", "atelectasis", "present"),
    ("Scarring in the lingula.", "left mid lung zone", "pleural_parenchymal_scarring", "present"),
    ("Nodule in the left midlung.", "left mid lung zone", "mass_nodule", "present"),
    ("Retrocardiac opacity.", LEFT_BASE, "lung_opacity", "present"),
    ("Opacity in the retrocardiac region, likely atelectasis.", LEFT_BASE, "atelectasis", "uncertain"),
    ("Right perihilar opacity.", "right hilar structures", "lung_opacity", "present"),
    ("Calcified granuloma at the right hilum.", "right hilar structures", "calcified_nodule", "present"),
    ("Biapical scarring.", "right apical zone + left apical zone", "pleural_parenchymal_scarring", "present"),
    ("Scarring at the lung apices.", "right apical zone + left apical zone", "pleural_parenchymal_scarring", "present"),
    ("Right apical pleural thickening.", "right apical zone", "pleural_thickening", "present"),
    ("Bibasilar atelectasis.", BASES, "atelectasis", "present"),
    ("Atelectasis at both lung bases.", BASES, "atelectasis", "present"),
    ("Atelectasis in the lower lobes bilaterally.", BASES, "atelectasis", "present"),
    ("Patchy basilar atelectasis.", BASES, "atelectasis", "present"),
    ("Bibasilar areas of atelectasis.", BASES, "atelectasis", "present"),
    ("Opacities in the bases, right worse than left.", BASES, "lung_opacity", "present"),
    ("Bilateral opacities.", LUNGS, "lung_opacity", "present"),
    ("Opacities throughout both lungs.", LUNGS, "lung_opacity", "present"),
    (
        "Right upper and left lower lobe opacities.",
        "right upper lung zone + left lower lung zone",
        "lung_opacity",
        "present",
    ),
    (
        "Consolidation in the right upper and lower lobes.",
        "right upper lung zone + right lower lung zone",
        "consolidation",
        "present",
    ),
    ("Opacity in the lower left lung.", LEFT_BASE, "lung_opacity", "present"),
    ("A nodule in the right lung.", "right lung", "mass_nodule", "present"),
    ("Left-sided consolidation.", "left lung", "consolidation", "present"),
    ("A consolidation is seen.", None, "consolidation", "present"),
    ("Stable granulomas.", None, "calcified_nodule", "present"),
    ("Density over the left hemidiaphragm.", "left hemidiaphragm", "lung_opacity", "present"),
    ("Opacity at the left base obscuring the left hemidiaphragm.", LEFT_BASE, "lung_opacity", "present"),
    (
        "Opacity in the medial right apex, asymmetric compared to the left.",
        "right apical zone",
        "lung_opacity",
        "present",
    ),
    # RadGraph-XL misses many of these: a bare side, and places at the end of the phrase
    ("Left pneumothorax.", "left apical zone", "pneumothorax", "present"),
    ("Right pneumothorax.", "right apical zone", "pneumothorax", "present"),
    ("Trace pneumothorax on the left.", "left apical zone", "pneumothorax", "present"),
    ("Basilar pneumothorax on the right.", RIGHT_BASE, "pneumothorax", "present"),
    ("Consolidation at both lung bases.", BASES, "consolidation", "present"),
    ("A small effusion is seen, predominantly at the base on the left.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Atelectasis is noted in the lower lobe on the right.", RIGHT_BASE, "atelectasis", "present"),
]

SHARED_PLACES: list[Row] = [
    ("Left lower lobe consolidation and atelectasis.", LEFT_BASE, "atelectasis", "present"),
    ("Atelectasis and consolidation in the left lower lobe.", LEFT_BASE, "atelectasis", "present"),
    ("Atelectasis and consolidation in the left lower lobe.", LEFT_BASE, "consolidation", "present"),
    ("Left lower lobe consolidation and small pleural effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Small left pleural effusion with adjacent atelectasis.", "left lung", "atelectasis", "present"),
    ("Left pleural effusion and basilar atelectasis.", LEFT_BASE, "atelectasis", "present"),
    ("Opacity in the left base and right apical nodule.", LEFT_BASE, "lung_opacity", "present"),
    ("Opacity in the left base and right apical nodule.", "right apical zone", "mass_nodule", "present"),
    ("Left effusion, right basilar atelectasis.", RIGHT_BASE, "atelectasis", "present"),
    ("Left effusion, right basilar atelectasis.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Cardiomegaly with bilateral effusions.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Cardiomegaly with bilateral effusions.", ANGLES, "pleural_effusion", "present"),
    ("Left basilar opacity may represent atelectasis or pneumonia.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Right base opacity consistent with pneumonia.", RIGHT_BASE, "pneumonia", "present"),
    ("Dense nodule in the right lower lobe suggests a granuloma.", RIGHT_BASE, "mass_nodule", "present"),
    ("Opacity in the left lung base, ___ atelectasis.", LEFT_BASE, "atelectasis", "present"),
    ("There is an opacity at the left base. This may represent pneumonia.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Atelectasis versus scarring in the left lower lobe.", LEFT_BASE, "atelectasis", "uncertain"),
    ("Left greater than right pleural effusions.", ANGLES, "pleural_effusion", "present"),
]

IMPLIED_PLACES: list[Row] = [
    ("Small left pleural effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Effusion at the left base.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Bilateral pleural effusions, left greater than right.", ANGLES, "pleural_effusion", "present"),
    ("Pleural effusion.", None, "pleural_effusion", "present"),
    ("Blunting of the right costophrenic angle.", RIGHT_ANGLE, "costophrenic_angle_blunting", "present"),
    ("The left costophrenic angle is blunted.", LEFT_ANGLE, "costophrenic_angle_blunting", "present"),
    ("Bilateral costophrenic ___ blunting.", ANGLES, "costophrenic_angle_blunting", "present"),
    ("Elevation of the right hemidiaphragm.", "right hemidiaphragm", "elevated_hemidiaphragm", "present"),
    ("The left hemidiaphragm is mildly elevated.", "left hemidiaphragm", "elevated_hemidiaphragm", "present"),
    ("Eventration of the right hemidiaphragm.", "right hemidiaphragm", "diaphragmatic_eventration", "present"),
    ("Mild cardiomegaly.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("The heart is mildly enlarged.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("There is enlargement of the cardiac silhouette.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Mild pulmonary edema.", LUNGS, "pulmonary_edema", "present"),
    ("No pulmonary edema.", LUNGS, "pulmonary_edema", "absent"),
    ("Central pulmonary vascular congestion.", LUNGS, "vascular_congestion", "present"),
    ("The lungs are hyperinflated with flattened diaphragms.", LUNGS, "hyperaeration", "present"),
    ("Low lung volumes.", LUNGS, "low_lung_volumes", "present"),
    ("Emphysema, worst in the right upper lobe.", "right upper lung zone", "copd_emphysema", "present"),
    ("The aorta is tortuous.", "aortic arch", "tortuous_aorta", "present"),
    ("The thoracic aorta is calcified and tortuous.", "aortic arch", "tortuous_aorta", "present"),
    ("Aortic arch calcifications.", "aortic arch", "vascular_calcification", "present"),
    ("Moderate hiatal hernia.", "mediastinum", "hernia", "present"),
    ("Retrocardiac density consistent with a hiatal hernia.", "mediastinum", "hernia", "present"),
    ("Levoscoliosis of the thoracic spine.", "spine", "scoliosis", "present"),
    ("Degenerative changes of the thoracic spine.", "spine", "spinal_degenerative_changes", "present"),
    ("Compression fracture of the T12 vertebra.", "spine", "spinal_fracture", "present"),
    ("Old left rib fractures.", "left lung", "rib_fracture", "present"),
    ("Fracture of the right clavicle.", "right clavicle", "clavicle_fracture", "present"),
    ("Free air under the diaphragm.", "abdomen", "subdiaphragmatic_air", "present"),
    ("Prominent left hilum.", "left hilar structures", "enlarged_hilum", "present"),
]

DEVICES: list[Row] = [
    ("Right PICC terminates in the low SVC.", "svc", "picc", "present"),
    ("Right PICC tip at the cavoatrial junction.", "cavoatrial junction", "picc", "present"),
    ("The left PICC tip is in the right atrium.", "right atrium", "picc", "present"),
    ("Left PICC in place. Opacity at the right base.", RIGHT_BASE, "lung_opacity", "present"),
    ("Left-sided pacemaker with leads in the right atrium and right ventricle.", "left lung", "cardiac_pacer_and_wires",
     "present"),
    ("Pacemaker leads terminate in the right atrium and right ventricle.", None, "cardiac_pacer_and_wires", "present"),
    ("Endotracheal tube ends 4 cm above the carina.", "trachea", "endotracheal_tube", "present"),
    ("Nasogastric tube courses into the stomach.", "abdomen", "enteric_tube", "present"),
    ("Left chest tube is in place.", "left lung", "chest_tube", "present"),
    ("Right chest tube has been removed.", "right lung", "chest_tube", "absent"),
    ("Median sternotomy wires are intact.", "mediastinum", "sternotomy_wires", "present"),
    ("Right internal jugular catheter ends in the superior vena cava.", "svc", "ij_line", "present"),
    ("Right port catheter with tip in the cavoatrial junction.", "cavoatrial junction", "chest_port", "present"),
    ("Prosthetic aortic valve.", HEART, "prosthetic_valve", "present"),
]  # fmt: skip

DENIALS: list[Row] = [
    ("No focal consolidation in the left base.", LEFT_BASE, "consolidation", "absent"),
    ("No focal consolidation, pleural effusion, or pneumothorax.", None, "consolidation", "absent"),
    ("No focal consolidation, pleural effusion, or pneumothorax.", None, "pleural_effusion", "absent"),
    ("No focal consolidation, pleural effusion, or pneumothorax.", None, "pneumothorax", "absent"),
    ("No pneumothorax or left pleural effusion.", None, "pneumothorax", "absent"),
    ("No pneumothorax or left pleural effusion.", LEFT_ANGLE, "pleural_effusion", "absent"),
    ("No effusion on either side.", ANGLES, "pleural_effusion", "absent"),
    ("There is no evidence of pneumonia.", None, "pneumonia", "absent"),
    ("Negative for pneumothorax.", None, "pneumothorax", "absent"),
    ("The lungs are free of consolidation.", None, "consolidation", "absent"),
    ("Lungs are clear without effusion.", None, "pleural_effusion", "absent"),
    ("Neither consolidation nor effusion is seen.", None, "pleural_effusion", "absent"),
    ("Pneumothorax is not seen.", None, "pneumothorax", "absent"),
    ("Effusion, consolidation, or pneumothorax is not identified.", None, "pleural_effusion", "absent"),
    ("Consolidation and effusion are absent.", None, "consolidation", "absent"),
    ("No new consolidation.", None, "consolidation", "absent"),
    ("No large effusion is seen.", None, "pleural_effusion", "absent"),
    ("The heart is not enlarged.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("The heart is not significantly enlarged.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Heart size is normal.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Heart size and mediastinal contours are within normal limits.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Heart size and mediastinal contours are within normal limits.", "mediastinum", "mediastinal_widening", "absent"),
    ("The heart size is top normal.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Costophrenic angles are sharp.", ANGLES, "costophrenic_angle_blunting", "absent"),
    ("The trachea is midline.", "mediastinum", "mediastinal_displacement", "absent"),
    ("Pulmonary vascularity is normal.", LUNGS, "vascular_congestion", "absent"),
    ("Heart size and pulmonary vascular engorgement appear within limits of normal.", LUNGS, "vascular_congestion",
     "absent"),
    ("No focal opacity to suggest pneumonia.", None, "lung_opacity", "absent"),
    ("No focal opacity to suggest pneumonia.", None, "pneumonia", "absent"),
    ("No pneumothorax, but a small left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("No pneumothorax; small left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("No pneumothorax, and the heart is enlarged.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("No consolidation with persistent left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("No pneumothorax, stable left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Other than left basilar atelectasis, the lungs are clear.", LEFT_BASE, "atelectasis", "present"),
    ("No acute findings aside from mild cardiomegaly.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("There are no ___ of a pleural effusion.", None, "pleural_effusion", "absent"),
]  # fmt: skip

COURSE: list[Row] = [
    ("No significant change in the left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("No change in moderate left pneumothorax.", "left apical zone", "pneumothorax", "present"),
    ("The left effusion has not significantly changed.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("The left effusion is unchanged.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("The left effusion has not resolved.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Partial resolution of the left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("The left effusion has resolved.", LEFT_ANGLE, "pleural_effusion", "absent"),
    ("Interval resolution of right pneumothorax.", "right apical zone", "pneumothorax", "absent"),
    ("Right pneumothorax is no longer seen.", "right apical zone", "pneumothorax", "absent"),
    ("Cleared left lower lobe airspace disease.", LEFT_BASE, "airspace_opacity", "absent"),
    ("A mild scar is seen, not present on the prior examination.", None, "pleural_parenchymal_scarring", "present"),
    ("Decreased right effusion.", RIGHT_ANGLE, "pleural_effusion", "present"),
]

DOUBTS: list[Row] = [
    ("Possible left lower lobe pneumonia.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Left basilar opacity may represent atelectasis or pneumonia.", LEFT_BASE, "lung_opacity", "present"),
    ("Left basilar opacity may represent atelectasis or pneumonia.", LEFT_BASE, "atelectasis", "uncertain"),
    ("Blunting of the left costophrenic angle may reflect a small effusion.", LEFT_ANGLE, "pleural_effusion",
     "uncertain"),
    ("Pneumonia cannot be excluded.", None, "pneumonia", "uncertain"),
    ("Pneumonia or aspiration cannot be excluded.", None, "pneumonia", "uncertain"),
    ("Pneumonia or aspiration cannot be excluded.", None, "aspiration", "uncertain"),
    ("Left basilar opacity, pneumonia cannot be excluded.", LEFT_BASE, "lung_opacity", "present"),
    ("Cannot exclude a small effusion.", None, "pleural_effusion", "uncertain"),
    ("A small pneumothorax is difficult to exclude.", None, "pneumothorax", "uncertain"),
    ("Atelectasis versus pneumonia at the left base.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Bilateral effusions and/or atelectasis.", ANGLES, "pleural_effusion", "uncertain"),
    ("Findings suspicious for pneumonia.", None, "pneumonia", "uncertain"),
    ("Borderline cardiomegaly.", HEART, "enlarged_cardiac_silhouette", "uncertain"),
    ("The heart is borderline enlarged.", HEART, "enlarged_cardiac_silhouette", "uncertain"),
    ("The opacity is likely atelectasis.", None, "lung_opacity", "present"),
    ("The opacity is likely atelectasis.", None, "atelectasis", "uncertain"),
    ("There is likely right lower lobe atelectasis.", RIGHT_BASE, "atelectasis", "uncertain"),
    ("Possible atelectasis, no effusion.", None, "pleural_effusion", "absent"),
    ("Probable scarring, but a nodule is possible.", None, "mass_nodule", "uncertain"),
    ("Small effusions suspected.", None, "pleural_effusion", "uncertain"),
]  # fmt: skip

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

WORDS: list[Row] = [
    ("Platelike atelectasis at the right base.", RIGHT_BASE, "atelectasis", "present"),
    ("Consolidative opacity in the left lower lobe.", LEFT_BASE, "consolidation", "present"),
    ("Right air space disease.", "right lung", "airspace_opacity", "present"),
    ("Interstitial opacities in both lungs.", LUNGS, "lung_opacity", "present"),
    ("Interstitial opacities in both lungs.", LUNGS, "increased_reticular_markings", "present"),
    ("Prominent interstitial markings.", LUNGS, "increased_reticular_markings", "present"),
    ("Nodular density in the right upper lobe.", "right upper lung zone", "mass_nodule", "present"),
    ("Multiple pulmonary nodules.", None, "multiple_masses_nodules", "present"),
    ("Calcified nodule in the left lung.", "left lung", "calcified_nodule", "present"),
    ("Nodule that is not calcified.", None, "mass_nodule", "present"),
    ("Prior granulomatous disease.", None, "granulomatous_disease", "present"),
    ("Anterior osteophytes of the thoracic spine.", "spine", "spinal_osteophytes", "present"),
    ("Bullous changes in the right upper lobe.", "right upper lung zone", "cyst_bullae", "present"),
    ("Hypoinflated lungs.", LUNGS, "low_lung_volumes", "present"),
    ("Hydropneumothorax on the left.", LEFT_ANGLE, "hydropneumothorax", "present"),
    ("Congestive heart failure.", None, "fluid_overload_heart_failure", "present"),
    ("Atelectesis at the left base.", LEFT_BASE, "atelectasis", "present"),
    ("Superior mediastinal mass.", "upper mediastinum", "superior_mediastinal_mass", "present"),
    ("Fissural thickening.", None, "pleural_thickening", "present"),
]

THEMES = {
    "places": PLACES,
    "shared places": SHARED_PLACES,
    "implied places": IMPLIED_PLACES,
    "devices": DEVICES,
    "denials": DENIALS,
    "course": COURSE,
    "doubts": DOUBTS,
    "silence": SILENCE,
    "words": WORDS,
}


@pytest.mark.parametrize(
    ("sentence", "region", "finding", "label"),
    [pytest.param(*row, id=f"{theme}: {row[2]}: {row[0]}") for theme, rows in THEMES.items() for row in rows],
)
def test_a_sentence_says(
    read_labels: Callable[[str], set[tuple[str | None, str, str]]],
    sentence: str,
    region: str | None,
    finding: str,
    label: str,
) -> None:
    said = {(where, what) for where, named, what in read_labels(sentence) if named == finding}
    regions = region.split(" + ") if region else [None]
    assert said == (set() if label == "nothing" else {(where, label) for where in regions})
