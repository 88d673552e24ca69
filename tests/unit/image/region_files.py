"""Small files in the formats of Chest ImaGenome and CheXmask, and the lungs and hearts of phantoms to put into them."""

import csv
import json
import zipfile
from dataclasses import replace

import numpy as np

from hilum.image.geometry import Box
from hilum.phantom.anatomy import diaphragm, draw_thorax, expose_thorax, heart_border, lung_outer, lung_top
from hilum.phantom.frontal import draw_pose
from hilum.phantom.geometry import canonical_grid
from hilum.phantom.regions import region_boxes

HEADER = ["dicom_id", "Dice RCA (Mean)", "Dice RCA (Max)", "Landmarks", "Left Lung", "Right Lung", "Heart", "Height",
          "Width"]  # fmt: skip


def image_id(number):
    return "-".join([f"{number:08x}"] * 5)


def thorax_masks(seed, angle=0.0, heart=1.0, raised=0.0):
    """Right lung, left lung and heart of a phantom as (H, W) bool, and the true box of each of the 29 regions.

    raised: of the right diaphragm, in half widths of the lungs.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    thorax = expose_thorax(draw_thorax(rng, "M", 60), rng, "PA")
    thorax = replace(thorax, heart=thorax.heart * heart, dome_right=thorax.dome_right - raised)
    pose = replace(draw_pose(rng, thorax, "PA", 320), angle=angle)
    u, v = (grid.astype(np.float64) for grid in canonical_grid(pose))

    def lung(side):
        a, inner = side * u, np.clip(heart_border(thorax, side, v), 0.1, 0.7)
        return (inner <= a) & (a <= lung_outer(thorax, v)) & (lung_top(a) <= v) & (v <= diaphragm(thorax, side, a))

    low = min(thorax.dome_right, thorax.dome_left) + 0.12
    middle = (-heart_border(thorax, -1, v) <= u) & (u <= heart_border(thorax, 1, v)) & (v >= 0.78) & (v <= low)
    truth = {name: Box(*box) for name, box in region_boxes(thorax, pose).items()}
    return (lung(-1), lung(1), middle), truth


def run_lengths(mask):
    """A mask as CheXmask writes it: start and length of each run, pixels counted from 1 along the rows."""
    words, length = [], 0
    flat = [*mask.ravel().tolist(), False]
    for place, inside in enumerate(flat):
        if inside:
            length += 1
        elif length:
            words += [place - length + 1, length]
            length = 0
    return " ".join(map(str, words))


def mask_row(dicom_id, masks, dice=0.9):
    """A row as CheXmask's own script writes it, the landmarks as numpy prints them: over many lines."""
    right, left, heart = masks
    landmarks = np.random.Generator(np.random.PCG64(0)).integers(0, 300, (120, 2))
    height, width = right.shape
    return [dicom_id, dice, 0.95, str(landmarks), run_lengths(left), run_lengths(right), run_lengths(heart), height,
            width]  # fmt: skip


def write_masks(folder, *rows, header=HEADER):
    path = folder / "MIMIC-CXR-JPG.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="ascii") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def scene_graph(dicom_id, *drawn):
    """A scene graph of (name, x1, y1, x2, y2) in original pixels, with the fields that hilum does not read as well."""
    objects = [
        {"object_id": f"{dicom_id}_{name}", "x1": 10, "y1": 20, "x2": 110, "y2": 200, "width": 100, "height": 180,
         "bbox_name": name, "synsets": ["C0000001"], "name": name.title(), "original_x1": x1, "original_y1": y1,
         "original_x2": x2, "original_y2": y2, "original_width": 0, "original_height": 0}
        for name, x1, y1, x2, y2 in drawn
    ]  # fmt: skip
    return {"image_id": dicom_id, "viewpoint": "AP", "patient_id": 1, "study_id": 2, "gender": "F",
            "age_decile": "50-60", "reason_for_exam": "___", "StudyOrder": 1, "StudyDateTime": "2121-01-01 00:00:00",
            "objects": objects, "attributes": [], "relationships": []}  # fmt: skip


def write_graphs(folder, *graphs, archive=True):
    """The graphs as scene_graph.zip, or as the folder of it."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"scene_graph/{g['image_id']}_SceneGraph.json": json.dumps(g) for g in graphs}
    if not archive:
        (folder / "scene_graph").mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text)
        return folder / "scene_graph"
    with zipfile.ZipFile(folder / "scene_graph.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("scene_graph/", "")
        for name, text in texts.items():
            packed.writestr(name, text)
            packed.writestr(f"__MACOSX/{name.replace('/', '/._')}", b"\x00\x05\x16\x07")
    return folder / "scene_graph.zip"
