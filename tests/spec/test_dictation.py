"""Sentences as they are dictated: long, several facts each, with the findings of a whole chest in one breath."""

from __future__ import annotations

from tests.spec.rows import (
    ANGLES,
    APICES,
    BASES,
    HEART,
    LEFT_ANGLE,
    LEFT_APEX,
    LEFT_BASE,
    LEFT_HILUM,
    LEFT_LUNG,
    LEFT_MID,
    LEFT_UPPER,
    LUNGS,
    MEDIASTINUM,
    RIGHT_ANGLE,
    RIGHT_APEX,
    RIGHT_BASE,
    RIGHT_DIAPHRAGM,
    RIGHT_LUNG,
    RIGHT_MID,
    RIGHT_UPPER,
    UPPERS,
    ReadLabels,
    Row,
    each,
    expected,
    said,
)

INTENSIVE_CARE: list[Row] = [
    ("As compared to the previous radiograph, the patient has received a right internal jugular vein catheter; the tip "
     "projects over the mid SVC, and there is no evidence of complications, notably no pneumothorax.", None,
     "pneumothorax", "absent"),
    ("As compared to the previous radiograph, the patient has received a right internal jugular vein catheter; the tip "
     "projects over the mid SVC, and there is no evidence of complications, notably no pneumothorax.", "svc",
     "ij_line", "present"),
    ("Endotracheal tube tip terminates 4.5 cm above the carina, and an enteric tube courses below the left "
     "hemidiaphragm into the stomach.", "abdomen", "enteric_tube", "present"),
    ("Endotracheal tube tip terminates 4.5 cm above the carina, and an enteric tube courses below the left "
     "hemidiaphragm into the stomach.", "trachea", "endotracheal_tube", "present"),
    ("Left-sided AICD device is noted with leads terminating in the right atrium and right ventricle, and moderate "
     "cardiomegaly is re-demonstrated.", LEFT_LUNG, "cardiac_pacer_and_wires", "present"),
    ("Left-sided AICD device is noted with leads terminating in the right atrium and right ventricle, and moderate "
     "cardiomegaly is re-demonstrated.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("The right-sided chest tube has been removed in the interval, and there is a tiny residual right apical "
     "pneumothorax.", RIGHT_LUNG, "chest_tube", "absent"),
    ("The right-sided chest tube has been removed in the interval, and there is a tiny residual right apical "
     "pneumothorax.", RIGHT_APEX, "pneumothorax", "present"),
    ("Monitoring and support devices are unchanged, including an endotracheal tube, a right PICC line ending in the "
     "low SVC, and two left-sided chest tubes.", LEFT_LUNG, "chest_tube", "present"),
    ("Monitoring and support devices are unchanged, including an endotracheal tube, a right PICC line ending in the "
     "low SVC, and two left-sided chest tubes.", "svc", "picc", "present"),
    ("Swan-Ganz catheter has been removed, and a right internal jugular sheath remains in place with no pneumothorax.",
     "svc", "swan_ganz_catheter", "absent"),
    ("Bilateral pleural effusions, moderate on the right and small on the left, with associated compressive "
     "atelectasis, are unchanged.", ANGLES, "pleural_effusion", "present"),
    ("Interval extubation with lower lung volumes and increased bibasilar atelectasis.", BASES, "atelectasis",
     "present"),
    ("Interval extubation with lower lung volumes and increased bibasilar atelectasis.", LUNGS, "low_lung_volumes",
     "present"),
    ("Moderate pulmonary edema has worsened, and moderate bilateral pleural effusions, right greater than left, are "
     "larger.", LUNGS, "pulmonary_edema", "present"),
    ("Moderate pulmonary edema has worsened, and moderate bilateral pleural effusions, right greater than left, are "
     "larger.", ANGLES, "pleural_effusion", "present"),
    ("A left subclavian central venous catheter terminates in the upper SVC; a feeding tube passes into the stomach "
     "and out of view.", "svc", "subclavian_line", "present"),
    ("A left subclavian central venous catheter terminates in the upper SVC; a feeding tube passes into the stomach "
     "and out of view.", "abdomen", "enteric_tube", "present"),
    ("Nasogastric tube has been placed with the side port above the gastroesophageal junction and should be advanced.",
     "abdomen", "enteric_tube", "present"),
    ("Left pigtail pleural catheter remains in place, with substantial decrease in the left pleural effusion and no "
     "pneumothorax.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Left pigtail pleural catheter remains in place, with substantial decrease in the left pleural effusion and no "
     "pneumothorax.", LEFT_LUNG, "pigtail_catheter", "present"),
    ("Left pigtail pleural catheter remains in place, with substantial decrease in the left pleural effusion and no "
     "pneumothorax.", None, "pneumothorax", "absent"),
    ("Tracheostomy and left PICC line are unchanged in position.", "trachea", "tracheostomy_tube", "present"),
    ("Tracheostomy and left PICC line are unchanged in position.", "svc", "picc", "present"),
]  # fmt: skip

EMERGENCY: list[Row] = [
    ("PA and lateral views of the chest demonstrate well-expanded lungs without focal consolidation, pleural effusion, "
     "or pneumothorax.", None, "consolidation", "absent"),
    ("PA and lateral views of the chest demonstrate well-expanded lungs without focal consolidation, pleural effusion, "
     "or pneumothorax.", None, "pneumothorax", "absent"),
    ("Frontal and lateral views of the chest were obtained and show a new patchy opacity in the right middle lobe, "
     "which is concerning for pneumonia in the correct clinical setting.", RIGHT_MID, "pneumonia", "uncertain"),
    ("Frontal and lateral views of the chest were obtained and show a new patchy opacity in the right middle lobe, "
     "which is concerning for pneumonia in the correct clinical setting.", RIGHT_MID, "lung_opacity", "present"),
    ("The cardiac, mediastinal and hilar contours are unremarkable, the pulmonary vasculature is not engorged, and no "
     "pleural effusion or pneumothorax is present.", LUNGS, "vascular_congestion", "absent"),
    ("The cardiac, mediastinal and hilar contours are unremarkable, the pulmonary vasculature is not engorged, and no "
     "pleural effusion or pneumothorax is present.", None, "pleural_effusion", "absent"),
    ("The cardiac, mediastinal and hilar contours are unremarkable, the pulmonary vasculature is not engorged, and no "
     "pleural effusion or pneumothorax is present.", HEART, "enlarged_cardiac_silhouette", "absent"),
    ("Streaky left basilar opacity likely reflects atelectasis, though early infection is not excluded in the "
     "appropriate setting.", LEFT_BASE, "atelectasis", "uncertain"),
    ("Streaky left basilar opacity likely reflects atelectasis, though early infection is not excluded in the "
     "appropriate setting.", LEFT_BASE, "lung_opacity", "present"),
    ("No displaced rib fracture is identified, but if there is high clinical suspicion for rib fracture, a dedicated "
     "rib series could be performed.", None, "rib_fracture", "absent"),
    ("There is mild blunting of the left costophrenic angle posteriorly, suggestive of a trace pleural effusion.",
     LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("There is mild blunting of the left costophrenic angle posteriorly, suggestive of a trace pleural effusion.",
     LEFT_ANGLE, "costophrenic_angle_blunting", "present"),
    ("The lungs are hyperinflated with flattening of the diaphragms, consistent with COPD.", LUNGS, "copd_emphysema",
     "present"),
    ("The lungs are hyperinflated with flattening of the diaphragms, consistent with COPD.", LUNGS, "hyperaeration",
     "present"),
    ("Lung volumes are low, which accentuates the size of the cardiac silhouette and results in bronchovascular "
     "crowding.", LUNGS, "low_lung_volumes", "present"),
    ("Lung volumes are low, which accentuates the size of the cardiac silhouette and results in bronchovascular "
     "crowding.", None, "enlarged_cardiac_silhouette", "nothing"),
    ("Heart size is mildly enlarged, with a left ventricular predominance, and the aorta is tortuous with "
     "atherosclerotic calcifications at the arch.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Heart size is mildly enlarged, with a left ventricular predominance, and the aorta is tortuous with "
     "atherosclerotic calcifications at the arch.", "aortic arch", "tortuous_aorta", "present"),
    ("Heart size is mildly enlarged, with a left ventricular predominance, and the aorta is tortuous with "
     "atherosclerotic calcifications at the arch.", "aortic arch", "vascular_calcification", "present"),
    ("Multiple old healed right-sided rib fractures and an old left clavicle fracture are again noted.", RIGHT_LUNG,
     "rib_fracture", "present"),
    ("Multiple old healed right-sided rib fractures and an old left clavicle fracture are again noted.",
     "left clavicle", "clavicle_fracture", "present"),
    ("Mild degenerative changes are noted in the thoracic spine without compression deformity.", "spine",
     "spinal_degenerative_changes", "present"),
    ("Mild degenerative changes are noted in the thoracic spine without compression deformity.", "spine",
     "spinal_fracture", "absent"),
    ("There is no free air below the right hemidiaphragm, and a small hiatal hernia is unchanged.", "abdomen",
     "subdiaphragmatic_air", "absent"),
    ("There is no free air below the right hemidiaphragm, and a small hiatal hernia is unchanged.", MEDIASTINUM,
     "hernia", "present"),
    ("Patchy opacities within the lung bases likely reflect areas of atelectasis, with no focal consolidation.", BASES,
     "atelectasis", "uncertain"),
    ("Patchy opacities within the lung bases likely reflect areas of atelectasis, with no focal consolidation.", None,
     "consolidation", "absent"),
    ("Right lower lobe pneumonia with a small parapneumonic effusion.", RIGHT_BASE, "pneumonia", "present"),
    ("Right lower lobe pneumonia with a small parapneumonic effusion.", RIGHT_ANGLE, "pleural_effusion", "present"),
    ("Biapical scarring is noted, left greater than right, and there is no apical pneumothorax.", APICES,
     "pleural_parenchymal_scarring", "present"),
    ("No focal consolidation to suggest pneumonia, and no evidence of pulmonary edema.", None, "pneumonia", "absent"),
    ("No focal consolidation to suggest pneumonia, and no evidence of pulmonary edema.", LUNGS, "pulmonary_edema",
     "absent"),
    ("There is no large confluent consolidation, although assessment of the lung bases is limited.", None,
     "consolidation", "absent"),
    ("Small bilateral pleural effusions are seen on the lateral view, and there is mild pulmonary vascular congestion "
     "without overt edema.", ANGLES, "pleural_effusion", "present"),
    ("Small bilateral pleural effusions are seen on the lateral view, and there is mild pulmonary vascular congestion "
     "without overt edema.", LUNGS, "vascular_congestion", "present"),
    ("Small bilateral pleural effusions are seen on the lateral view, and there is mild pulmonary vascular congestion "
     "without overt edema.", LUNGS, "pulmonary_edema", "absent"),
    ("A rounded density projecting over the right lower lung may represent a nipple shadow, and repeat with nipple "
     "markers is recommended.", RIGHT_BASE, "lung_opacity", "present"),
    ("The patient is status post median sternotomy and CABG, with intact sternotomy wires and stable cardiomegaly.",
     MEDIASTINUM, "sternotomy_wires", "present"),
    ("The patient is status post median sternotomy and CABG, with intact sternotomy wires and stable cardiomegaly.",
     HEART, "enlarged_cardiac_silhouette", "present"),
]  # fmt: skip

CHANGE: list[Row] = [
    ("Since the prior radiograph from ___, there has been interval clearing of the left lower lobe consolidation with "
     "only minimal residual atelectasis at the left base.", LEFT_BASE, "consolidation", "absent"),
    ("Since the prior radiograph from ___, there has been interval clearing of the left lower lobe consolidation with "
     "only minimal residual atelectasis at the left base.", LEFT_BASE, "atelectasis", "present"),
    ("In comparison with the study of ___, there is little change in the enlargement of the cardiac silhouette and "
     "bilateral pleural effusions.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("In comparison with the study of ___, there is little change in the enlargement of the cardiac silhouette and "
     "bilateral pleural effusions.", ANGLES, "pleural_effusion", "present"),
    ("In comparison with the earlier study, there is no interval change or evidence of acute focal pneumonia.", None,
     "pneumonia", "absent"),
    ("No relevant change as compared to the previous image, with moderate cardiomegaly and mild pulmonary edema.",
     HEART, "enlarged_cardiac_silhouette", "present"),
    ("No relevant change as compared to the previous image, with moderate cardiomegaly and mild pulmonary edema.",
     LUNGS, "pulmonary_edema", "present"),
    ("The pre-existing right pleural effusion has completely resolved, and the left effusion is now minimal.", ANGLES,
     "pleural_effusion", "absent + present"),
    ("Right upper lobe opacity is slightly less conspicuous, and no new opacities have developed.",
     "right upper lung zone + unplaced", "lung_opacity", "present + absent"),
    ("Left lower lobe atelectasis is improved, right lower lobe atelectasis is unchanged.", BASES, "atelectasis",
     "present"),
    ("The left lung has re-expanded, and the previously large left pneumothorax is no longer apparent.", LEFT_APEX,
     "pneumothorax", "absent"),
    ("There is increased opacification of the left hemithorax, consistent with a large left pleural effusion with "
     "underlying atelectasis.", LEFT_LUNG, "lung_opacity", "present"),
    ("There is increased opacification of the left hemithorax, consistent with a large left pleural effusion with "
     "underlying atelectasis.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("There is increased opacification of the left hemithorax, consistent with a large left pleural effusion with "
     "underlying atelectasis.", LEFT_LUNG, "atelectasis", "present"),
    ("Previously seen pulmonary edema has improved and now appears mild.", LUNGS, "pulmonary_edema", "present"),
    ("Mild cardiomegaly is stable and pulmonary vascular congestion has resolved.", HEART,
     "enlarged_cardiac_silhouette", "present"),
    ("Mild cardiomegaly is stable and pulmonary vascular congestion has resolved.", LUNGS, "vascular_congestion",
     "absent"),
    ("Other than slight decrease in the right effusion, there is no change.", RIGHT_ANGLE, "pleural_effusion",
     "present"),
    ("No new focal consolidation, and the known right upper lobe mass is unchanged.", RIGHT_UPPER, "mass_nodule",
     "present"),
    ("No new focal consolidation, and the known right upper lobe mass is unchanged.", None, "consolidation", "absent"),
    ("Neither the right nor the left pleural effusion has changed.", ANGLES, "pleural_effusion", "present"),
    ("The right apical pneumothorax has neither increased nor resolved.", RIGHT_APEX, "pneumothorax", "present"),
]  # fmt: skip

OUTPATIENT: list[Row] = [
    ("A 7 mm nodular opacity in the right mid lung is stable since ___ and likely represents a granuloma.", RIGHT_MID,
     "calcified_nodule", "uncertain"),
    ("A 7 mm nodular opacity in the right mid lung is stable since ___ and likely represents a granuloma.", RIGHT_MID,
     "mass_nodule", "present"),
    ("Emphysema is severe, most pronounced in the upper lobes, and there is linear scarring at the right base.", UPPERS,
     "copd_emphysema", "present"),
    ("Emphysema is severe, most pronounced in the upper lobes, and there is linear scarring at the right base.",
     RIGHT_BASE, "pleural_parenchymal_scarring", "present"),
    ("Left upper lobe mass has increased in size and there is new left hilar enlargement.", LEFT_UPPER, "mass_nodule",
     "present"),
    ("Left upper lobe mass has increased in size and there is new left hilar enlargement.", LEFT_HILUM,
     "enlarged_hilum", "present"),
    ("Volume loss in the right upper lobe with rightward tracheal deviation, consistent with scarring from prior "
     "tuberculosis.", MEDIASTINUM, "mediastinal_displacement", "present"),
    ("Volume loss in the right upper lobe with rightward tracheal deviation, consistent with scarring from prior "
     "tuberculosis.", RIGHT_UPPER, "pleural_parenchymal_scarring", "present"),
    ("Calcified granuloma in the left mid lung, otherwise the lungs are clear without effusion.", LEFT_MID,
     "calcified_nodule", "present"),
    ("Calcified granuloma in the left mid lung, otherwise the lungs are clear without effusion.", None,
     "pleural_effusion", "absent"),
    ("Right hemidiaphragm is mildly elevated with adjacent linear atelectasis.", RIGHT_DIAPHRAGM,
     "elevated_hemidiaphragm", "present"),
    ("Right hemidiaphragm is mildly elevated with adjacent linear atelectasis.", RIGHT_LUNG, "atelectasis", "present"),
    ("Reticular markings at both lung bases are increased, compatible with interstitial lung disease.", BASES,
     "interstitial_lung_disease", "present"),
    ("Reticular markings at both lung bases are increased, compatible with interstitial lung disease.", BASES,
     "increased_reticular_markings", "present"),
    ("There is mild dextroscoliosis of the thoracic spine with multilevel degenerative changes, and no acute fracture.",
     "spine", "scoliosis", "present"),
    ("There is mild dextroscoliosis of the thoracic spine with multilevel degenerative changes, and no acute fracture.",
     "spine", "spinal_degenerative_changes", "present"),
    ("No hilar or mediastinal mass, no pulmonary nodule, and no pleural effusion.", None, "pleural_effusion",
     "absent"),
    ("Retrocardiac opacity with an air-fluid level represents a large hiatal hernia.", MEDIASTINUM, "hernia",
     "present"),
    ("The right costophrenic angle is blunted, which may be due to a small effusion or pleural thickening.",
     RIGHT_ANGLE, "pleural_effusion", "uncertain"),
    ("The right costophrenic angle is blunted, which may be due to a small effusion or pleural thickening.",
     RIGHT_ANGLE, "costophrenic_angle_blunting", "present"),
    ("Interstitial prominence could reflect mild edema, atypical infection, or chronic interstitial disease.", LUNGS,
     "pulmonary_edema", "uncertain"),
    ("Interstitial prominence could reflect mild edema, atypical infection, or chronic interstitial disease.", LUNGS,
     "increased_reticular_markings", "present"),
    ("Degenerative changes are seen at the right acromioclavicular joint.", RIGHT_LUNG, "shoulder_osteoarthritis",
     "present"),
    ("Right chest port with tip at the cavoatrial junction, no pneumothorax, and small left effusion.",
     "cavoatrial junction", "chest_port", "present"),
    ("Right chest port with tip at the cavoatrial junction, no pneumothorax, and small left effusion.", LEFT_ANGLE,
     "pleural_effusion", "present"),
    ("Right chest port with tip at the cavoatrial junction, no pneumothorax, and small left effusion.", None,
     "pneumothorax", "absent"),
]  # fmt: skip

# short and without verbs, as impressions are
IMPRESSIONS: list[Row] = [
    ("1. Mild pulmonary edema, slightly improved. 2. Persistent small left effusion and left basilar atelectasis.",
     LUNGS, "pulmonary_edema", "present"),
    ("1. Mild pulmonary edema, slightly improved. 2. Persistent small left effusion and left basilar atelectasis.",
     LEFT_BASE, "atelectasis", "present"),
    ("Low lung volumes with probable bibasilar atelectasis.", BASES, "atelectasis", "uncertain"),
    ("Low lung volumes with probable bibasilar atelectasis.", LUNGS, "low_lung_volumes", "present"),
    ("Cardiomegaly with mild to moderate pulmonary edema and small bilateral pleural effusions.", LUNGS,
     "pulmonary_edema", "present"),
    ("Cardiomegaly with mild to moderate pulmonary edema and small bilateral pleural effusions.", ANGLES,
     "pleural_effusion", "present"),
    ("Right lower lobe opacity, atelectasis versus pneumonia.", RIGHT_BASE, "atelectasis", "uncertain"),
    ("Right lower lobe opacity, atelectasis versus pneumonia.", RIGHT_BASE, "lung_opacity", "present"),
    ("Stable cardiomegaly, no CHF.", None, "fluid_overload_heart_failure", "absent"),
    ("Mild CHF with bilateral effusions.", ANGLES, "pleural_effusion", "present"),
    ("Right PTX s/p chest tube removal.", RIGHT_APEX, "pneumothorax", "present"),
    ("ETT and NGT in appropriate position.", "abdomen", "enteric_tube", "present"),
    ("No acute process; bibasilar scarring.", BASES, "pleural_parenchymal_scarring", "present"),
    ("Unchanged exam with left base atelectasis and cardiomegaly.", LEFT_BASE, "atelectasis", "present"),
    ("Probable small right effusion; otherwise no change.", RIGHT_ANGLE, "pleural_effusion", "uncertain"),
    ("Left lung opacities worrisome for multifocal pneumonia.", LEFT_LUNG, "pneumonia", "uncertain"),
    ("No radiographic evidence for acute cardiopulmonary process or pneumonia.", None, "pneumonia", "absent"),
    ("Interval increase in bilateral pleural effusions and bibasilar atelectasis without pneumothorax.", BASES,
     "atelectasis", "present"),
    ("Interval increase in bilateral pleural effusions and bibasilar atelectasis without pneumothorax.", None,
     "pneumothorax", "absent"),
    ("Limited study due to rotation; no gross consolidation.", None, "rotated", "present"),
    ("Limited study due to rotation; no gross consolidation.", None, "consolidation", "absent"),
]  # fmt: skip

THEMES = {
    "intensive care": INTENSIVE_CARE,
    "emergency": EMERGENCY,
    "change": CHANGE,
    "outpatient": OUTPATIENT,
    "impressions": IMPRESSIONS,
}


@each(THEMES)
def test_a_dictated_sentence_says(
    read_labels: ReadLabels, sentence: str, region: str | None, finding: str, label: str
) -> None:
    assert said(read_labels(sentence), finding) == expected(region, label)
