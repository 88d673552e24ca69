"""Tubes, lines, drains, wires and valves: which one, where its tip lies, whose side counts, and when it is gone."""

from __future__ import annotations

from tests.spec.rows import (
    HEART,
    LEFT_APEX,
    LEFT_BASE,
    LEFT_LUNG,
    LUNGS,
    MEDIASTINUM,
    RIGHT_ANGLE,
    RIGHT_APEX,
    RIGHT_BASE,
    RIGHT_LUNG,
    ReadLabels,
    Row,
    each,
    expected,
    said,
)

COMMON: list[Row] = [
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

TUBES: list[Row] = [
    ("ETT in standard position.", "trachea", "endotracheal_tube", "present"),
    ("The tip of the ET tube lies 5.2 cm above the carina.", "trachea", "endotracheal_tube", "present"),
    ("Endotracheal tube terminates in the right mainstem bronchus.", "trachea", "endotracheal_tube", "present"),
    ("Endotracheal tube has been removed.", "trachea", "endotracheal_tube", "absent"),
    ("Tracheostomy tube is midline.", "trachea", "tracheostomy_tube", "present"),
    ("Tracheostomy in place.", "trachea", "tracheostomy_tube", "present"),
    ("Trach tube in good position.", "trachea", "tracheostomy_tube", "present"),
    ("NG tube tip is in the stomach.", "abdomen", "enteric_tube", "present"),
    ("NGT courses below the diaphragm.", "abdomen", "enteric_tube", "present"),
    ("An orogastric tube is coiled in the distal esophagus.", "abdomen", "enteric_tube", "present"),
    ("Feeding tube extends off the inferior edge of the film.", "abdomen", "enteric_tube", "present"),
    ("Enteric tube tip is not seen.", "abdomen", "enteric_tube", "present"),
    ("Interval removal of the nasogastric tube.", "abdomen", "enteric_tube", "absent"),
    ("ET tube and NG tube are in satisfactory position.", "abdomen", "enteric_tube", "present"),
    ("ET tube and NG tube are in satisfactory position.", "trachea", "endotracheal_tube", "present"),
]

LINES: list[Row] = [
    ("Left PICC line.", "svc", "picc", "present"),
    ("Left-sided peripherally inserted central catheter ends in the mid SVC.", "svc", "picc", "present"),
    ("Right PICC has been removed.", "svc", "picc", "absent"),
    ("PICC tip is in the right atrium and should be withdrawn 3 cm.", "right atrium", "picc", "present"),
    ("Right IJ catheter terminates in the lower SVC.", "svc", "ij_line", "present"),
    ("Left internal jugular central venous line with tip at the cavoatrial junction.", "cavoatrial junction", "ij_line",
     "present"),
    ("Right internal jugular vein catheter tip in the right atrium.", "right atrium", "ij_line", "present"),
    ("Right chest wall Port-A-Cath ends in the SVC.", "svc", "chest_port", "present"),
    ("Left-sided Mediport catheter with tip in the right atrium.", "right atrium", "chest_port", "present"),
    ("A port-a-cath terminates at the cavoatrial junction.", "cavoatrial junction", "chest_port", "present"),
    ("Right subclavian line ends in the SVC.", "svc", "subclavian_line", "present"),
    ("Left subclavian central venous catheter terminates in the superior vena cava.", "svc", "subclavian_line",
     "present"),
    ("Right subclavian catheter with tip in the right atrium.", "right atrium", "subclavian_line", "present"),
    ("Swan-Ganz catheter tip is in the right main pulmonary artery.", "svc", "swan_ganz_catheter", "present"),
    ("Right internal jugular Swan-Ganz catheter.", "svc", "swan_ganz_catheter", "present"),
    ("Pulmonary artery catheter in place.", "svc", "swan_ganz_catheter", "present"),
    ("Intra-aortic balloon pump in place.", "aortic arch", "intra_aortic_balloon_pump", "present"),
    ("IABP has been removed.", "aortic arch", "intra_aortic_balloon_pump", "absent"),
    ("Interval placement of an intraaortic balloon pump.", "aortic arch", "intra_aortic_balloon_pump", "present"),
]  # fmt: skip

DRAINS: list[Row] = [
    ("Two left chest tubes are in place.", LEFT_LUNG, "chest_tube", "present"),
    ("Right thoracostomy tube.", RIGHT_LUNG, "chest_tube", "present"),
    ("Right chest tube terminates at the right apex.", RIGHT_APEX, "chest_tube", "present"),
    ("Left basilar chest tube.", LEFT_BASE, "chest_tube", "present"),
    ("Bilateral chest tubes are unchanged.", LUNGS, "chest_tube", "present"),
    ("Status post removal of left chest tube with a tiny left apical pneumothorax.", LEFT_APEX, "pneumothorax",
     "present"),
    ("Status post removal of left chest tube with a tiny left apical pneumothorax.", LEFT_LUNG, "chest_tube",
     "absent"),
    ("Interval removal of right chest tube without pneumothorax.", RIGHT_LUNG, "chest_tube", "absent"),
    ("Left pigtail catheter in place.", LEFT_LUNG, "pigtail_catheter", "present"),
    ("Right basilar pigtail catheter is unchanged.", RIGHT_BASE, "pigtail_catheter", "present"),
    ("Pigtail pleural drain on the left.", LEFT_LUNG, "pigtail_catheter", "present"),
    ("Mediastinal drains remain in place.", MEDIASTINUM, "mediastinal_drain", "present"),
    ("Mediastinal drain has been removed.", MEDIASTINUM, "mediastinal_drain", "absent"),
    ("Mediastinal drains and bilateral chest tubes are unchanged.", MEDIASTINUM, "mediastinal_drain", "present"),
]  # fmt: skip

IMPLANTS: list[Row] = [
    ("Left-sided dual-chamber pacemaker with leads in the right atrium and right ventricle.", LEFT_LUNG,
     "cardiac_pacer_and_wires", "present"),
    ("Right pectoral ICD.", RIGHT_LUNG, "cardiac_pacer_and_wires", "present"),
    ("AICD leads terminate in the right atrium and right ventricle.", None, "cardiac_pacer_and_wires", "present"),
    ("Left chest wall pacer.", LEFT_LUNG, "cardiac_pacer_and_wires", "present"),
    ("Biventricular pacemaker leads are intact.", None, "cardiac_pacer_and_wires", "present"),
    ("Left-sided implantable cardioverter defibrillator.", LEFT_LUNG, "cardiac_pacer_and_wires", "present"),
    ("Sternal wires are intact.", MEDIASTINUM, "sternotomy_wires", "present"),
    ("Intact midline sternotomy wires.", MEDIASTINUM, "sternotomy_wires", "present"),
    ("The superior-most sternotomy wire is fractured.", MEDIASTINUM, "sternotomy_wires", "present"),
    ("The superior-most sternotomy wire is fractured.", None, "rib_fracture", "nothing"),
    ("The superior-most sternotomy wire is fractured.", None, "fracture", "nothing"),
    ("CABG clips are noted.", MEDIASTINUM, "cabg_grafts", "present"),
    ("Coronary artery bypass grafts are present.", MEDIASTINUM, "cabg_grafts", "present"),
    ("Median sternotomy wires and CABG clips are again seen.", MEDIASTINUM, "cabg_grafts", "present"),
    ("Prosthetic mitral valve.", HEART, "prosthetic_valve", "present"),
    ("Aortic valve prosthesis in expected position.", HEART, "prosthetic_valve", "present"),
    ("Mechanical aortic valve is noted.", HEART, "prosthetic_valve", "present"),
    ("Thoracic aortic stent graft is in place.", "aortic arch", "aortic_graft_repair", "present"),
    ("An aortic endograft is unchanged.", "aortic arch", "aortic_graft_repair", "present"),
    ("Descending aortic stent-graft is noted.", "aortic arch", "aortic_graft_repair", "present"),
]  # fmt: skip

WHOSE_SIDE: list[Row] = [
    ("Right IJ line and left chest tube in place.", LEFT_LUNG, "chest_tube", "present"),
    ("Right IJ line and left chest tube in place.", "svc", "ij_line", "present"),
    ("Left PICC tip in the low SVC. Small right pleural effusion.", RIGHT_ANGLE, "pleural_effusion", "present"),
    ("Left pacemaker, right basilar atelectasis.", RIGHT_BASE, "atelectasis", "present"),
    ("With the right chest tube on water seal, the left lung base shows new atelectasis.", LEFT_BASE, "atelectasis",
     "present"),
    ("Right PICC ends in the SVC; no right pneumothorax.", RIGHT_APEX, "pneumothorax", "absent"),
    ("NG tube in the stomach. Left retrocardiac opacity.", LEFT_BASE, "lung_opacity", "present"),
    ("Pacer leads overlie the right atrium; the right lung is opacified at the base.", RIGHT_BASE, "lung_opacity",
     "present"),
]  # fmt: skip

THEMES = {
    "common devices": COMMON,
    "tubes": TUBES,
    "lines": LINES,
    "drains": DRAINS,
    "implants": IMPLANTS,
    "whose side": WHOSE_SIDE,
}


@each(THEMES)
def test_a_device_lies(read_labels: ReadLabels, sentence: str, region: str | None, finding: str, label: str) -> None:
    assert said(read_labels(sentence), finding) == expected(region, label)
