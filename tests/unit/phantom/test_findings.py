"""Each finding is drawn where its box says, on the side its region says, and nowhere else."""

import numpy as np
import pytest

from hilum.phantom.anatomy import draw_thorax
from hilum.phantom.case import DrawnFinding
from hilum.phantom.course import HABITS, SEVERITIES
from hilum.phantom.frontal import BORDERS, DRAWERS, Frontal, draw_frontal

PLACES = sorted({(habit.finding, region) for habit in HABITS for _, regions in habit.places for region in regions})
DRAWN = [(finding, region) for finding, region in PLACES if finding in DRAWERS]
LINES = ("picc", "enteric_tube", "chest_tube", "cardiac_pacer_and_wires", "subcutaneous_air")


def film(seed: int, *findings: DrawnFinding) -> Frontal:
    person = draw_thorax(np.random.default_rng(seed), "MF"[seed % 2], 55)
    return draw_frontal(
        person,
        findings,
        "PA",
        320,
        seed,
        lambda key: np.random.default_rng([seed, len(key)]),
        np.random.default_rng([seed, 7]),
    )


def test_every_finding_of_a_course_can_be_drawn() -> None:
    assert {habit.finding for habit in HABITS} == {*DRAWERS, *BORDERS}
    assert len({finding for finding, _ in PLACES}) >= 14


@pytest.mark.parametrize(("finding", "region"), DRAWN)
def test_a_finding_changes_the_picture_inside_its_box(finding: str, region: str) -> None:
    for seed in (3, 4):
        with_it = film(seed, DrawnFinding(finding, region, "moderate"))
        without = film(seed)
        change = np.abs(with_it.grey - without.grey)
        x, y, width, height = (round(value) for value in with_it.finding_boxes[0])
        assert width >= 4 and height >= 4
        inside = np.zeros(change.shape, dtype=bool)
        inside[y : y + height, x : x + width] = True
        factor = 2 if finding in LINES else 5
        assert change[inside].mean() > factor * change[~inside].mean()
        assert np.percentile(change[inside], 90) > 8


@pytest.mark.parametrize(("finding", "region"), DRAWN)
def test_a_findings_box_overlaps_its_region_and_keeps_its_side(finding: str, region: str) -> None:
    for seed in (5, 6):
        for severity in ("mild", "severe"):
            picture = film(seed, DrawnFinding(finding, region, severity))
            x, y, width, height = picture.finding_boxes[0]
            region_x, region_y, region_width, region_height = picture.region_boxes[region]
            across = min(x + width, region_x + region_width) - max(x, region_x)
            down = min(y + height, region_y + region_height) - max(y, region_y)
            assert across > 0 and down > 0
            middle = picture.region_boxes["spine"][0] + picture.region_boxes["spine"][2] / 2
            if region.startswith("left "):
                assert x + width / 2 > middle
            if region.startswith("right "):
                assert x + width / 2 < middle


@pytest.mark.parametrize("finding", BORDERS)
def test_a_border_findings_box_is_its_region(finding: str) -> None:
    region = next(region for name, region in PLACES if name == finding)
    picture = film(2, DrawnFinding(finding, region, "moderate"))
    assert picture.finding_boxes[0] == picture.region_boxes[region]
    assert np.abs(picture.grey - film(2).grey).max() > 25


@pytest.mark.parametrize("finding", ["pleural_effusion", "mass_nodule", "pneumothorax", "consolidation"])
def test_a_worse_finding_is_larger(finding: str) -> None:
    region = next(region for name, region in PLACES if name == finding)
    areas = []
    for severity in SEVERITIES:
        *_, width, height = film(9, DrawnFinding(finding, region, severity)).finding_boxes[0]
        areas.append(width * height)
    assert areas == sorted(areas) and areas[-1] > 2 * areas[0]


def test_a_finding_keeps_its_place_in_the_next_film_of_a_patient() -> None:
    person = draw_thorax(np.random.default_rng(8), "F", 70)
    nodule = (DrawnFinding("mass_nodule", "right upper lung zone", "moderate"),)
    shares = []
    for exposure in (1, 2):
        picture = draw_frontal(
            person, nodule, "PA", 320, 8, lambda key: np.random.default_rng(5), np.random.default_rng(exposure)
        )
        x, y, width, height = picture.finding_boxes[0]
        lung_x, lung_y, lung_width, lung_height = picture.region_boxes["right lung"]
        shares.append(((x + width / 2 - lung_x) / lung_width, (y + height / 2 - lung_y) / lung_height))
    assert np.abs(np.subtract(*shares)).max() < 0.06


def test_grey_levels_are_those_of_a_film() -> None:
    grey = film(1).grey
    assert grey.min() >= 0 and grey.max() <= 255
    spine = film(1).region_boxes["spine"]
    lung = film(1).region_boxes["right mid lung zone"]
    bright = grey[
        int(spine[1]) + 90 : int(spine[1]) + 150, int(spine[0] + spine[2] / 2) - 4 : int(spine[0] + spine[2] / 2) + 4
    ]
    dark = grey[int(lung[1]) : int(lung[1] + lung[3]), int(lung[0]) + 15 : int(lung[0] + lung[2]) - 20]
    assert bright.mean() > dark.mean() + 50
