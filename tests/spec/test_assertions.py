"""Doubt in every shape, explanations, what was and what might be: the past, advice, conditions, comparison."""

from __future__ import annotations

from tests.spec.rows import (
    ANGLES,
    BASES,
    HEART,
    LEFT_ANGLE,
    LEFT_APEX,
    LEFT_BASE,
    LEFT_DIAPHRAGM,
    LEFT_LUNG,
    LEFT_UPPER,
    LUNGS,
    MEDIASTINUM,
    RIGHT_ANGLE,
    RIGHT_APEX,
    RIGHT_BASE,
    RIGHT_MID,
    RIGHT_UPPER,
    Fact,
    ReadLabels,
    ReadMentions,
    Row,
    each,
    each_fact,
    expected,
    facts,
    said,
)

COMMON_COURSE: list[Row] = [
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

COMMON_DOUBTS: list[Row] = [
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

DOUBTS: list[Row] = [
    ("Possible small left pleural effusion.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("There may be a small right pleural effusion.", RIGHT_ANGLE, "pleural_effusion", "uncertain"),
    ("There might be a trace left effusion.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("There could be a tiny right apical pneumothorax.", RIGHT_APEX, "pneumothorax", "uncertain"),
    ("Probable left lower lobe pneumonia.", LEFT_BASE, "pneumonia", "uncertain"),
    ("There is probably a small left effusion.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("Suspected right middle lobe pneumonia.", RIGHT_MID, "pneumonia", "uncertain"),
    ("Questionable nodule in the left upper lobe.", LEFT_UPPER, "mass_nodule", "uncertain"),
    ("Question of a right lower lobe consolidation.", RIGHT_BASE, "consolidation", "uncertain"),
    ("Equivocal left pleural effusion.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("Findings concerning for pneumonia.", None, "pneumonia", "uncertain"),
    ("Findings suggestive of mild pulmonary edema.", LUNGS, "pulmonary_edema", "uncertain"),
    ("Findings suggest mild heart failure.", None, "fluid_overload_heart_failure", "uncertain"),
    ("Mild pulmonary edema is suspected.", LUNGS, "pulmonary_edema", "uncertain"),
    ("A small left effusion is possible.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("A right pleural effusion is likely.", RIGHT_ANGLE, "pleural_effusion", "uncertain"),
    ("Trace bilateral effusions are likely present.", ANGLES, "pleural_effusion", "uncertain"),
    ("Borderline heart size enlargement.", HEART, "enlarged_cardiac_silhouette", "uncertain"),
    ("The mediastinum appears possibly widened.", MEDIASTINUM, "mediastinal_widening", "uncertain"),
    ("Possible COPD.", LUNGS, "copd_emphysema", "uncertain"),
]

NOT_EXCLUDED: list[Row] = [
    ("A small left effusion cannot be excluded.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
    ("Superimposed pneumonia is not excluded.", None, "pneumonia", "uncertain"),
    ("A trace pneumothorax cannot be entirely excluded.", None, "pneumothorax", "uncertain"),
    ("Cannot rule out pneumonia at the left base.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Underlying consolidation would be difficult to exclude.", None, "consolidation", "uncertain"),
    ("Early pneumonia cannot be ruled out.", None, "pneumonia", "uncertain"),
    ("Cannot exclude a component of aspiration.", None, "aspiration", "uncertain"),
    ("Small effusions cannot be excluded on this single view.", None, "pleural_effusion", "uncertain"),
    ("Pneumothorax is not seen, and a small effusion cannot be excluded.", None, "pleural_effusion", "uncertain"),
    ("Pneumothorax is not seen, and a small effusion cannot be excluded.", None, "pneumothorax", "absent"),
]

CHOICES: list[Row] = [
    ("Left basilar atelectasis versus pneumonia.", LEFT_BASE, "atelectasis", "uncertain"),
    ("Left basilar atelectasis versus pneumonia.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Atelectasis vs consolidation at the right base.", RIGHT_BASE, "atelectasis", "uncertain"),
    ("Atelectasis or pneumonia in the right middle lobe.", RIGHT_MID, "pneumonia", "uncertain"),
    ("Either atelectasis or scarring at the left base.", LEFT_BASE, "pleural_parenchymal_scarring", "uncertain"),
    ("Effusion and/or atelectasis at the left base.", LEFT_BASE, "atelectasis", "uncertain"),
    ("Right base opacity, favor atelectasis, less likely pneumonia.", RIGHT_BASE, "atelectasis", "uncertain"),
    ("Right base opacity, favor atelectasis, less likely pneumonia.", RIGHT_BASE, "pneumonia", "uncertain"),
    ("Right base opacity, favor atelectasis, less likely pneumonia.", RIGHT_BASE, "lung_opacity", "present"),
    ("Differential includes pneumonia and aspiration.", None, "aspiration", "uncertain"),
    ("Differential diagnosis includes pneumonia and hemorrhage.", None, "pneumonia", "uncertain"),
]

# the label of an explanation is a doubt; what it explains is seen
EXPLAINED: list[Row] = [
    ("Left basilar opacity may represent pneumonia.", LEFT_BASE, "lung_opacity", "present"),
    ("Left basilar opacity may represent pneumonia.", LEFT_BASE, "pneumonia", "uncertain"),
    ("Hyperexpanded lungs suggesting COPD.", LUNGS, "hyperaeration", "present"),
    ("Hyperexpanded lungs suggesting COPD.", LUNGS, "copd_emphysema", "uncertain"),
    ("Right upper lobe nodule, possibly a granuloma.", RIGHT_UPPER, "mass_nodule", "present"),
    ("Right upper lobe nodule, possibly a granuloma.", RIGHT_UPPER, "calcified_nodule", "uncertain"),
    ("Bibasilar opacities, likely atelectasis.", BASES, "atelectasis", "uncertain"),
    ("Bibasilar opacities, likely atelectasis.", BASES, "lung_opacity", "present"),
    ("Bibasilar opacities could reflect atelectasis, though infection cannot be excluded.", BASES, "atelectasis",
     "uncertain"),
    ("Right lower lobe consolidation concerning for pneumonia.", RIGHT_BASE, "consolidation", "present"),
    ("Right lower lobe consolidation concerning for pneumonia.", RIGHT_BASE, "pneumonia", "uncertain"),
    ("Right lower lobe consolidation worrisome for pneumonia.", RIGHT_BASE, "pneumonia", "uncertain"),
    ("Blunting of the left costophrenic angle may be due to pleural thickening.", LEFT_ANGLE,
     "costophrenic_angle_blunting", "present"),
    ("Blunting of the left costophrenic angle suggests a small effusion.", LEFT_ANGLE, "pleural_effusion",
     "uncertain"),
    ("Patchy right base opacity suspicious for aspiration.", RIGHT_BASE, "aspiration", "uncertain"),
    ("Opacity at the right base, which is probably atelectasis.", RIGHT_BASE, "atelectasis", "uncertain"),
    ("Opacity at the right base, which is probably atelectasis.", RIGHT_BASE, "lung_opacity", "present"),
]  # fmt: skip

# no doubt is said
CAUSES: list[Row] = [
    ("Right lower lobe opacity consistent with pneumonia.", RIGHT_BASE, "pneumonia", "present"),
    ("Bibasilar opacities compatible with atelectasis.", BASES, "atelectasis", "present"),
    ("Interstitial markings are increased in keeping with mild pulmonary edema.", LUNGS, "pulmonary_edema",
     "present"),
    ("Left basilar opacity representing atelectasis.", LEFT_BASE, "atelectasis", "present"),
    ("Right base opacity due to atelectasis.", RIGHT_BASE, "atelectasis", "present"),
    ("Opacities at both bases reflecting atelectasis.", BASES, "atelectasis", "present"),
    ("Elevation of the left hemidiaphragm, likely chronic.", LEFT_DIAPHRAGM, "elevated_hemidiaphragm", "present"),
    ("Left lower lobe atelectasis, possibly increased since the prior study.", LEFT_BASE, "atelectasis", "present"),
    ("Left rib fractures of indeterminate age, likely old.", LEFT_LUNG, "rib_fracture", "present"),
    ("Small left effusion, probably unchanged.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Left basilar opacity, likely atelectasis, with a small left effusion.", LEFT_ANGLE, "pleural_effusion",
     "present"),
    ("Possible left basilar pneumonia. Mild cardiomegaly.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Possible right lower lobe pneumonia but definite left effusion.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Mild cardiomegaly and possible left effusion.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Mild cardiomegaly and possible left effusion.", LEFT_ANGLE, "pleural_effusion", "uncertain"),
]  # fmt: skip

COURSE: list[Row] = [
    ("Left effusion is stable.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("Interval increase in right pleural effusion.", RIGHT_ANGLE, "pleural_effusion", "present"),
    ("The left pneumothorax has decreased in size.", LEFT_APEX, "pneumothorax", "present"),
    ("Interval development of right upper lobe consolidation.", RIGHT_UPPER, "consolidation", "present"),
    ("Improving right lower lobe pneumonia.", RIGHT_BASE, "pneumonia", "present"),
    ("Partial clearing of left lower lobe opacity.", LEFT_BASE, "lung_opacity", "present"),
    ("Resolving left lower lobe pneumonia.", LEFT_BASE, "pneumonia", "present"),
    ("Improved but not completely resolved left basilar opacity.", LEFT_BASE, "lung_opacity", "present"),
    ("Previously seen right upper lobe opacity has resolved.", RIGHT_UPPER, "lung_opacity", "absent"),
    ("Complete resolution of the left pneumothorax.", LEFT_APEX, "pneumothorax", "absent"),
    ("Interval clearing of the right lower lobe infiltrate.", RIGHT_BASE, "infiltration", "absent"),
    ("The left pleural effusion is no longer present.", LEFT_ANGLE, "pleural_effusion", "absent"),
    ("Previously described right apical pneumothorax is no longer visualized.", RIGHT_APEX, "pneumothorax", "absent"),
    ("No longer seen is the left basilar opacity.", LEFT_BASE, "lung_opacity", "absent"),
    ("The right effusion has resolved, but the left effusion persists.", ANGLES, "pleural_effusion",
     "absent + present"),
    ("Resolved pulmonary edema.", LUNGS, "pulmonary_edema", "absent"),
    ("Edema has resolved; small effusions persist.", None, "pleural_effusion", "present"),
    ("Residual left lower lobe opacity after treatment of pneumonia.", LEFT_BASE, "lung_opacity", "present"),
    ("Persistent left lower lobe collapse.", LEFT_BASE, "lobar_segmental_collapse", "present"),
    ("Previously noted left effusion is unchanged.", LEFT_ANGLE, "pleural_effusion", "present"),
    ("As compared to the previous radiograph, the right effusion has increased.", RIGHT_ANGLE, "pleural_effusion",
     "present"),
    ("Compared to the prior study there is no new consolidation.", None, "consolidation", "absent"),
    ("Unchanged moderate cardiomegaly.", HEART, "enlarged_cardiac_silhouette", "present"),
]  # fmt: skip

# the past, advice and conditions make no label
UNSAID: list[Row] = [
    ("History of pneumothorax.", None, "pneumothorax", "nothing"),
    ("Patient with a history of lung cancer.", None, "lung_cancer", "nothing"),
    ("In this patient with prior pneumonia, the lungs are clear.", None, "pneumonia", "nothing"),
    ("Status post treatment for pneumonia.", None, "pneumonia", "nothing"),
    ("R/o pneumonia.", None, "pneumonia", "nothing"),
    ("Rule out pneumothorax.", None, "pneumothorax", "nothing"),
    ("Please evaluate for pneumothorax.", None, "pneumothorax", "nothing"),
    ("Assess for pleural effusion.", None, "pleural_effusion", "nothing"),
    ("Chest CT is recommended to exclude an underlying mass.", None, "mass_nodule", "nothing"),
    ("Recommend follow-up radiographs to document resolution of pneumonia.", None, "pneumonia", "nothing"),
    ("If clinical concern for rib fracture persists, dedicated rib views are recommended.", None, "rib_fracture",
     "nothing"),
    ("Should there be concern for aspiration, a swallow study may be obtained.", None, "aspiration", "nothing"),
    ("Lateral view would be helpful to assess for effusion.", None, "pleural_effusion", "nothing"),
    ("Left lower lobe opacity. Recommend CT to exclude a mass.", LEFT_BASE, "lung_opacity", "present"),
    ("Left lower lobe opacity. Recommend CT to exclude a mass.", None, "mass_nodule", "nothing"),
    ("Small right effusion. If there is concern for pneumonia, a lateral view can be obtained.", RIGHT_ANGLE,
     "pleural_effusion", "present"),
    ("History of heart failure with new bilateral effusions.", ANGLES, "pleural_effusion", "present"),
    ("History of heart failure with new bilateral effusions.", None, "fluid_overload_heart_failure", "nothing"),
]  # fmt: skip

# two sentences, the second about the first
BACK_REFERENCE: list[Row] = [
    ("There is a right lower lobe opacity. This is most likely atelectasis.", RIGHT_BASE, "atelectasis", "uncertain"),
    ("Left upper lobe nodule. It may represent a granuloma.", LEFT_UPPER, "calcified_nodule", "uncertain"),
    ("Left basilar opacity. This is consistent with pneumonia.", LEFT_BASE, "pneumonia", "present"),
    ("Left basilar opacity is new. There is no effusion.", None, "pleural_effusion", "absent"),
    ("Right basilar opacity is unchanged. The heart is enlarged.", HEART, "enlarged_cardiac_silhouette", "present"),
    ("Opacity at the left base. No pneumothorax.", None, "pneumothorax", "absent"),
]

FACTS: dict[str, list[Fact]] = {
    "explanations": [
        ("Left basilar opacity may represent pneumonia.", "pneumonia", "assertion", "hypothetical"),
        ("Left basilar opacity may represent pneumonia.", "pneumonia", "explains", "lung_opacity"),
        ("Left basilar opacity may represent pneumonia.", "lung_opacity", "assertion", "present"),
        ("Left basilar opacity may represent pneumonia.", "lung_opacity", "explains", None),
        ("Left basilar opacity, which may represent atelectasis or pneumonia.", "atelectasis", "assertion",
         "hypothetical"),
        ("Left basilar opacity, which may represent atelectasis or pneumonia.", "pneumonia", "explains",
         "lung_opacity"),
        ("Hyperexpanded lungs suggesting COPD.", "copd_emphysema", "assertion", "hypothetical"),
        ("Hyperexpanded lungs suggesting COPD.", "copd_emphysema", "explains", "hyperaeration"),
        ("Right lower lobe consolidation concerning for pneumonia.", "pneumonia", "explains", "consolidation"),
        ("Blunting of the left costophrenic angle may reflect a small effusion.", "pleural_effusion", "explains",
         "costophrenic_angle_blunting"),
        ("Bibasilar opacities, likely atelectasis.", "atelectasis", "assertion", "hypothetical"),
        ("There is an opacity at the left base. This may represent pneumonia.", "pneumonia", "explains",
         "lung_opacity"),
        ("Retrocardiac opacity could be atelectasis versus pneumonia.", "pneumonia", "explains", "lung_opacity"),
        ("Right apical opacity, likely scarring.", "pleural_parenchymal_scarring", "explains", "lung_opacity"),
    ],
    "doubts are not explanations": [
        ("Possible left effusion.", "pleural_effusion", "assertion", "uncertain"),
        ("Possible left effusion.", "pleural_effusion", "explains", None),
        ("Atelectasis or scar at the left base.", "atelectasis", "assertion", "uncertain"),
        ("Pneumonia cannot be excluded.", "pneumonia", "assertion", "uncertain"),
        ("Findings suspicious for pneumonia.", "pneumonia", "assertion", "uncertain"),
        ("Findings suspicious for pneumonia.", "pneumonia", "explains", None),
        ("Atelectasis versus pneumonia at the left base.", "pneumonia", "explains", None),
        ("Borderline cardiomegaly.", "enlarged_cardiac_silhouette", "assertion", "uncertain"),
        ("Left effusion and possible pneumonia.", "pneumonia", "assertion", "uncertain"),
        ("Right lower lobe opacity consistent with pneumonia.", "pneumonia", "assertion", "present"),
        ("Cardiomegaly and probable mild edema.", "pulmonary_edema", "assertion", "uncertain"),
    ],
    "the past": [
        ("History of pneumonia.", "pneumonia", "assertion", "historical"),
        ("Patient with history of lung cancer.", "lung_cancer", "assertion", "historical"),
        ("In this patient with prior pneumothorax, the lungs are clear.", "pneumothorax", "assertion", "historical"),
        ("History of heart failure.", "fluid_overload_heart_failure", "assertion", "historical"),
    ],
    "advice and conditions": [
        ("Recommend CT to exclude a mass.", "mass_nodule", "assertion", "hypothetical"),
        ("Recommend CT to exclude a mass.", "mass_nodule", "explains", None),
        ("Evaluate for pneumothorax.", "pneumothorax", "assertion", "hypothetical"),
        ("If there is concern for rib fracture, obtain rib films.", "rib_fracture", "assertion", "hypothetical"),
        ("R/o pneumonia.", "pneumonia", "assertion", "hypothetical"),
    ],
    "plain": [
        ("Small left effusion.", "pleural_effusion", "assertion", "present"),
        ("No pneumothorax.", "pneumothorax", "assertion", "absent"),
        ("The left effusion has resolved.", "pleural_effusion", "assertion", "absent"),
        ("No change in small left effusion.", "pleural_effusion", "assertion", "present"),
    ],
}  # fmt: skip

THEMES = {
    "common doubts": COMMON_DOUBTS,
    "common course": COMMON_COURSE,
    "doubts": DOUBTS,
    "not excluded": NOT_EXCLUDED,
    "choices": CHOICES,
    "explained": EXPLAINED,
    "causes": CAUSES,
    "course": COURSE,
    "unsaid": UNSAID,
    "back reference": BACK_REFERENCE,
}


@each(THEMES)
def test_a_finding_is(read_labels: ReadLabels, sentence: str, region: str | None, finding: str, label: str) -> None:
    assert said(read_labels(sentence), finding) == expected(region, label)


@each_fact(FACTS)
def test_a_mention_is(
    read_mentions: ReadMentions, sentence: str, finding: str, column: str, value: str | float | None
) -> None:
    assert facts(read_mentions(sentence), finding, column) == {value}
