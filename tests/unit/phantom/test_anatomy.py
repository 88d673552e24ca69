import numpy as np
import pytest

from hilum.phantom.anatomy import (
    LEFT,
    RIGHT,
    Thorax,
    aortic_arch,
    deform_thorax,
    diaphragm,
    draw_thorax,
    expose_thorax,
    heart_border,
    hilum_point,
)
from hilum.phantom.case import DrawnFinding
from hilum.phantom.frontal import draw_pose
from hilum.phantom.regions import REGIONS, region_boxes, region_outlines, region_side


def thorax(seed: int = 1, sex: str = "M") -> Thorax:
    return draw_thorax(np.random.default_rng(seed), sex, 60)


def boxes(seed: int, view: str = "PA", *findings: DrawnFinding) -> tuple[dict, int, int]:
    rng = np.random.default_rng(seed)
    exposed = expose_thorax(deform_thorax(thorax(seed, "MF"[seed % 2]), findings), rng, view)
    pose = draw_pose(rng, exposed, view, 320)
    return region_boxes(exposed, pose), pose.width_px, pose.height_px


def test_the_right_dome_lies_higher_and_the_heart_to_the_left() -> None:
    for seed in range(20):
        body = thorax(seed)
        rows = np.array([1.1, 1.2, 1.3])
        assert (heart_border(body, LEFT, rows) > heart_border(body, RIGHT, rows)).all()
        assert aortic_arch(body)[0] > 0
    domes = [(thorax(seed).dome_right, thorax(seed).dome_left) for seed in range(40)]
    assert np.mean([right < left for right, left in domes]) > 0.8
    assert hilum_point(LEFT)[1] < hilum_point(RIGHT)[1]


@pytest.mark.parametrize("view", ["PA", "AP"])
@pytest.mark.parametrize("seed", range(12))
def test_every_region_has_a_box_inside_the_picture(seed: int, view: str) -> None:
    found, width_px, height_px = boxes(seed, view)
    assert tuple(found) == REGIONS and len(REGIONS) == 29
    for name, (x, y, width, height) in found.items():
        assert width > 4 and height > 4, name
        assert x >= 0 and y >= 0 and x + width <= width_px and y + height <= height_px, name


@pytest.mark.parametrize("seed", range(6))
def test_left_boxes_lie_to_the_right_of_right_boxes(seed: int) -> None:
    found, _, _ = boxes(seed)
    for name in REGIONS:
        if region_side(name) == LEFT:
            x, _, width, _ = found[name]
            mirror_x, _, mirror_width, _ = found[name.replace("left", "right")]
            assert x + width / 2 > mirror_x + mirror_width / 2


@pytest.mark.parametrize("seed", range(6))
def test_zones_lie_in_their_lung_from_top_to_bottom(seed: int) -> None:
    found, _, _ = boxes(seed)
    for side in ("left", "right"):
        lung_x, lung_y, lung_width, lung_height = found[f"{side} lung"]
        middles = []
        for zone in ("apical zone", "upper lung zone", "mid lung zone", "lower lung zone", "costophrenic angle"):
            x, y, width, height = found[f"{side} {zone}"]
            assert x >= lung_x - 1 and x + width <= lung_x + lung_width + 1
            assert y >= lung_y - 1 and y + height <= lung_y + lung_height + 1
            middles.append(y + height / 2)
        assert middles == sorted(middles)


def test_border_findings_move_the_borders_they_name() -> None:
    body = thorax()
    big = deform_thorax(body, (DrawnFinding("enlarged_cardiac_silhouette", "cardiac silhouette", "severe"),))
    assert region_outlines(big)["cardiac silhouette"][0].max() > region_outlines(body)["cardiac silhouette"][0].max()
    high = deform_thorax(body, (DrawnFinding("elevated_hemidiaphragm", "left hemidiaphragm", "moderate"),))
    at = np.array([0.45])
    assert diaphragm(high, LEFT, at) < diaphragm(body, LEFT, at) - 0.2
    assert diaphragm(high, RIGHT, at) == diaphragm(body, RIGHT, at)
    flat = deform_thorax(body, (DrawnFinding("hyperaeration", "left lung", "severe"),) * 2)
    assert diaphragm(flat, LEFT, at) > diaphragm(body, LEFT, at)
    assert flat == deform_thorax(body, (DrawnFinding("hyperaeration", "left lung", "severe"),))


def test_severity_grows_the_heart() -> None:
    hearts = [
        deform_thorax(thorax(), (DrawnFinding("enlarged_cardiac_silhouette", "cardiac silhouette", s),)).heart
        for s in ("minimal", "mild", "moderate", "severe")
    ]
    assert hearts == sorted(hearts) and hearts[0] > thorax().heart
