"""One frontal picture: thorax, findings, film; and the truth about where each finding lies.

In: a thorax, a pose, the findings. Out: grey levels and one box for each finding and region.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hilum.phantom.anatomy import SIZE_OF_SEVERITY, Thorax, deform_thorax, expose_thorax
from hilum.phantom.case import DrawnFinding
from hilum.phantom.devices import (
    draw_endotracheal_tube,
    draw_enteric_tube,
    draw_pacer,
    draw_picc,
    draw_sternotomy_wires,
)
from hilum.phantom.exposure import draw_exposure, expose
from hilum.phantom.geometry import Box, Pose, mask_box
from hilum.phantom.layers import Layers, lay_out
from hilum.phantom.opacities import (
    draw_atelectasis,
    draw_bullae,
    draw_calcified_nodule,
    draw_consolidation,
    draw_edema,
    draw_hilar_enlargement,
    draw_nodule,
    draw_scarring,
)
from hilum.phantom.pleura import (
    draw_arch_calcification,
    draw_blunting,
    draw_chest_tube,
    draw_effusion,
    draw_hernia,
    draw_pneumothorax,
    draw_rib_fracture,
    draw_subcutaneous_air,
)
from hilum.phantom.regions import region_boxes, region_side
from hilum.phantom.skeleton import draw_airways, draw_skeleton, draw_stomach, draw_vessels

Drawer = Callable[[Layers, int, str, float, np.random.Generator], np.ndarray]
# In the order in which they are laid over each other.
DRAWERS: dict[str, Drawer] = {
    "pulmonary_edema": draw_edema,
    "cyst_bullae": draw_bullae,
    "pleural_parenchymal_scarring": draw_scarring,
    "consolidation": draw_consolidation,
    "atelectasis": draw_atelectasis,
    "mass_nodule": draw_nodule,
    "calcified_nodule": draw_calcified_nodule,
    "enlarged_hilum": draw_hilar_enlargement,
    "hernia": draw_hernia,
    "vascular_calcification": draw_arch_calcification,
    "costophrenic_angle_blunting": draw_blunting,
    "pleural_effusion": draw_effusion,
    "pneumothorax": draw_pneumothorax,
    "rib_fracture": draw_rib_fracture,
    "subcutaneous_air": draw_subcutaneous_air,
    "chest_tube": draw_chest_tube,
    "enteric_tube": draw_enteric_tube,
    "endotracheal_tube": draw_endotracheal_tube,
    "picc": draw_picc,
    "sternotomy_wires": draw_sternotomy_wires,
    "cardiac_pacer_and_wires": draw_pacer,
}
# Drawn by moving a border; their box is that of the region.
BORDERS = ("enlarged_cardiac_silhouette", "tortuous_aorta", "scoliosis", "elevated_hemidiaphragm", "hyperaeration")
# How far up and down the findings of a zone reach.
_REACH = {
    "upper lung zone": (-0.1, 1.0),
    "mid lung zone": (0.2, 1.5),
    "lower lung zone": (0.6, 2.0),
    "hilar structures": (0.2, 1.4),
}


@dataclass(frozen=True)
class Frontal:
    """A frontal picture. grey: (height, width) float64, 0 to 255. finding_boxes: in the order of the findings."""

    grey: np.ndarray
    finding_boxes: tuple[Box, ...]
    region_boxes: dict[str, Box]


def draw_pose(rng: np.random.Generator, thorax: Thorax, view: str, image_px: int) -> Pose:
    """How the thorax lies on one film; sizes vary a little round image_px on the longest side."""
    longest = round(image_px * float(rng.uniform(0.94, 1.06)))
    shape = rng.uniform()
    ratio = float(rng.uniform(0.80, 0.9) if shape < 0.45 else rng.uniform(0.95, 1.0))
    wide = shape >= 0.8 if view == "AP" else shape >= 0.9
    width, height = (longest, round(longest * ratio)) if wide else (round(longest * ratio), longest)
    scale_x = min(width * float(rng.uniform(0.375, 0.425)), height * float(rng.uniform(0.405, 0.44)) / thorax.aspect)
    angle = float(np.clip(rng.normal(0.0, 0.035 if view == "AP" else 0.018), -0.09, 0.09))
    wave = float(rng.uniform(1.6, 2.4))
    return Pose(
        width,
        height,
        scale_x,
        scale_x * thorax.aspect,
        angle,
        width * (0.5 + float(np.clip(rng.normal(0.0, 0.014), -0.035, 0.035))),
        height * (0.5 + float(np.clip(rng.normal(-0.005, 0.016), -0.04, 0.035))),
        (
            float(rng.normal(0.0, 0.012)),
            float(rng.uniform(0, 6.28)),
            float(rng.normal(0.0, 0.012)),
            float(rng.uniform(0, 6.28)),
            wave,
        ),
    )


def draw_frontal(
    person: Thorax,
    findings: tuple[DrawnFinding, ...],
    view: str,
    image_px: int,
    tree_seed: int,
    rngs: Callable[[str], np.random.Generator],
    rng: np.random.Generator,
) -> Frontal:
    """Draw one film.

    tree_seed: of the vessels, the person's own. rngs: the generator of a finding and region, the same in all of the
    person's films. rng: of this film alone.
    """
    thorax = expose_thorax(deform_thorax(person, findings), rng, view)
    pose = draw_pose(rng, thorax, view, image_px)
    layers = lay_out(thorax, pose)
    tree = np.random.Generator(np.random.PCG64(tree_seed))
    draw_airways(layers)
    draw_vessels(layers, tree)
    draw_stomach(layers, rng)
    draw_skeleton(layers)
    regions = region_boxes(thorax, pose)
    order = {name: rank for rank, name in enumerate(DRAWERS)}
    boxes: dict[int, Box] = {}
    for index in sorted(range(len(findings)), key=lambda i: (order.get(findings[i].finding, -1), i)):
        finding = findings[index]
        if finding.finding in BORDERS:
            boxes[index] = regions[finding.region]
            continue
        drawer = DRAWERS[finding.finding]
        size = (SIZE_OF_SEVERITY[finding.severity] - 0.25) / 0.75
        own = rngs(f"{finding.finding}|{finding.region}")
        part = _part(layers, finding.region)
        mask = drawer(part, region_side(finding.region), finding.region, size, own)
        boxes[index] = mask_box(mask, part.corner_px)
    film = draw_exposure(rng, view, (pose.width_px, pose.height_px))
    grey = expose(layers.density(), film, rng)
    return Frontal(grey, tuple(boxes[i] for i in range(len(findings))), regions)


def _part(layers: Layers, region: str) -> Layers:
    """The part of the picture that a finding of a region may touch: enough of it, and quicker than the whole."""
    side = region_side(region)
    if not side:
        return layers
    zone = region.split(" ", 1)[1]
    from_v, to_v = _REACH.get(zone, (-0.9, 2.6))
    from_u, to_u = sorted((-0.1 * side, 1.7 * side))
    return layers.crop(from_u, to_u, from_v, to_v)
