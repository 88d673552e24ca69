"""What MIMIC's labellers would say of the phantom's reports: CheXpert's 14 labels a study, from the true statements.

In: statements. Out: rows of mimic-cxr-2.0.0-chexpert.csv.gz: 1.0 stated present, 0.0 absent, -1.0 uncertain, empty
when not mentioned. Present wins over uncertain, uncertain over absent.
"""

from __future__ import annotations

from collections.abc import Sequence

CHEXPERT = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
LABELLER_COLUMNS = ("subject_id", "study_id", *CHEXPERT)
_MEMBERS = {
    "Atelectasis": ("atelectasis", "linear_patchy_atelectasis", "lobar_segmental_collapse"),
    "Cardiomegaly": ("enlarged_cardiac_silhouette",),
    "Consolidation": ("consolidation",),
    "Edema": ("pulmonary_edema", "vascular_congestion", "fluid_overload_heart_failure"),
    "Enlarged Cardiomediastinum": ("mediastinal_widening", "tortuous_aorta", "superior_mediastinal_mass"),
    "Fracture": ("rib_fracture", "clavicle_fracture", "spinal_fracture"),
    "Lung Lesion": ("mass_nodule", "multiple_masses_nodules", "calcified_nodule", "lung_lesion", "lung_cancer"),
    "Lung Opacity": ("lung_opacity", "airspace_opacity", "infiltration", "increased_reticular_markings"),
    "Pleural Effusion": ("pleural_effusion", "hydropneumothorax"),
    "Pleural Other": ("pleural_parenchymal_scarring", "pleural_thickening"),
    "Pneumonia": ("pneumonia", "aspiration"),
    "Pneumothorax": ("pneumothorax", "hydropneumothorax"),
    "Support Devices": (
        "chest_tube",
        "mediastinal_drain",
        "pigtail_catheter",
        "endotracheal_tube",
        "tracheostomy_tube",
        "picc",
        "ij_line",
        "chest_port",
        "subclavian_line",
        "swan_ganz_catheter",
        "intra_aortic_balloon_pump",
        "enteric_tube",
        "sternotomy_wires",
        "cabg_grafts",
        "prosthetic_valve",
        "cardiac_pacer_and_wires",
    ),
}
_LABELS_OF: dict[str, tuple[str, ...]] = {}
for _label, _findings in _MEMBERS.items():
    for _finding in _findings:
        _LABELS_OF[_finding] = (*_LABELS_OF.get(_finding, ()), _label)
_VALUES = {"absent": 0.0, "uncertain": -1.0, "present": 1.0}
_STRENGTH = {None: 0, 0.0: 1, -1.0: 2, 1.0: 3}


def labeller_rows(
    studies: Sequence[tuple[int, int, str]], statements: Sequence[tuple[int, str | None, str, str]]
) -> list[tuple[object, ...]]:
    """One row for each study (subject_id, study_id, path), in their order."""
    stated: dict[int, dict[str, float | None]] = {study_id: {} for _, study_id, _ in studies}
    ill: set[int] = set()
    for study_id, _, finding, label in statements:
        row = stated[study_id]
        value = _VALUES[label]
        for name in _LABELS_OF.get(finding, ()):
            row[name] = max(row.get(name), value, key=lambda v: _STRENGTH[v])
        if label != "absent" and "Support Devices" not in _LABELS_OF.get(finding, ()):
            ill.add(study_id)
    rows: list[tuple[object, ...]] = []
    for subject_id, study_id, _ in studies:
        row = stated[study_id] | ({} if study_id in ill else {"No Finding": 1.0})
        rows.append((subject_id, study_id, *(row.get(name) for name in CHEXPERT)))
    return rows
