"""The atlas, and whether its boxes follow a thorax that is moved. Films here are drawn from the atlas itself."""

from dataclasses import replace

import numpy as np
import pytest

from hilum.image.atlas import GRID_FROM_U, GRID_FROM_V, GRID_SHAPE, GRID_STEP, read_atlas
from hilum.image.placement import Placement
from hilum.image.registration import fit_thorax, is_negative, mean_placement, negative_of
from hilum.image.rendering import render

PAIRED = ("lung", "upper lung zone", "mid lung zone", "lower lung zone", "hilar structures", "apical zone",
          "costophrenic angle", "hemidiaphragm", "clavicle")  # fmt: skip
BIG = ("right lung", "left lung", "right mid lung zone", "left lower lung zone", "cardiac silhouette", "mediastinum")


def draw_film(height, width, noise=6.0, **changes):
    """A film with a thorax at a known place. changes: fields of the placement, in shares of the longest side."""
    longest = max(height, width)
    place = replace(mean_placement(height, width).scaled(1 / longest), **changes)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    vector = np.array([place.mid_x, np.log(place.right_width), np.log(place.left_width), place.right_top,
                       np.log(place.right_height), place.left_top, np.log(place.left_height), place.right_heart,
                       place.left_heart, place.angle])  # fmt: skip
    brightness, _, _ = render(read_atlas().template, vector, x / longest, y / longest, (place.pivot_x, place.pivot_y))
    ribs = 0.06 * np.sin(y / longest * 70)
    grain = np.random.Generator(np.random.PCG64(5)).normal(0, noise, (height, width))
    grey = np.clip(150 + 150 * (brightness + ribs) + grain, 0, 255)
    return grey.astype(np.uint8), place.scaled(longest)


def mean_iou(found: Placement, true: Placement, regions=BIG):
    ours, theirs = read_atlas().boxes(found), read_atlas().boxes(true)
    return np.mean([ours[r].iou(theirs[r]) for r in regions])


def test_there_are_29_regions_and_each_side_has_its_own():
    regions = read_atlas().regions
    assert len(regions) == 29
    for name in PAIRED:
        u0, _, u1, _ = regions[f"right {name}"]
        assert u0 < u1 <= 0, f"the right {name} is on the left of the picture"
        assert 0 <= regions[f"left {name}"][0] < regions[f"left {name}"][2]
    assert all(v0 < v1 for _, v0, _, v1 in regions.values())
    assert regions["aortic arch"][0] + regions["aortic arch"][2] > 0 > sum(regions["svc"][::2])


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("part", PAIRED[1:7])
def test_a_part_lies_in_its_lung(side, part):
    lung, zone = read_atlas().regions[f"{side} lung"], read_atlas().regions[f"{side} {part}"]
    slack = 0.03
    assert lung[0] - slack <= zone[0] and zone[2] <= lung[2] + slack
    assert lung[1] - slack <= zone[1] and zone[3] <= lung[3] + slack


def test_zones_follow_one_another_without_a_gap():
    for side in ("right", "left"):
        upper, mid, lower = (read_atlas().regions[f"{side} {z} lung zone"] for z in ("upper", "mid", "lower"))
        assert upper[3] >= mid[1] and mid[3] >= lower[1]


def test_the_template_has_dark_lungs():
    template = read_atlas().template
    assert template.shape == GRID_SHAPE and np.isfinite(template).all()
    at = {
        place: template[round((v - GRID_FROM_V) / GRID_STEP), round((u - GRID_FROM_U) / GRID_STEP)]
        for place, (u, v) in {
            "right": (-0.6, 0.4),
            "left": (0.6, 0.4),
            "heart": (0.2, 0.7),
            "liver": (-0.5, 1.05),
        }.items()
    }
    assert max(at["right"], at["left"]) < min(at["heart"], at["liver"]) - 0.3


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mid_x": 0.42},
        {"right_top": 0.05, "left_top": 0.05},
        {"right_width": 0.26, "left_width": 0.26, "right_height": 0.48, "left_height": 0.48},
        {"right_width": 0.42, "left_width": 0.42, "right_height": 0.76, "left_height": 0.76},
        {"angle": np.radians(8)},
        {"angle": np.radians(-6), "mid_x": 0.47},
    ],
    ids=["as the mean", "shifted", "raised", "small", "large", "turned", "turned and shifted"],
)
@pytest.mark.parametrize("shape", [(320, 320), (400, 330)])
def test_boxes_follow_the_thorax(changes, shape):
    film, true = draw_film(*shape, **changes)
    fit = fit_thorax(film)
    assert fit.fitted and not fit.inverted and fit.correlation > 0.8
    assert mean_iou(fit.placement, true) > 0.87
    assert np.degrees(fit.placement.angle) == pytest.approx(np.degrees(true.angle), abs=2)


def test_a_raised_diaphragm_moves_its_own_side_only():
    film, true = draw_film(400, 400, right_height=0.50)
    fit = fit_thorax(film).placement
    low = read_atlas().boxes(fit)
    right, left = low["right costophrenic angle"], low["left costophrenic angle"]
    assert left.y - right.y > 25
    assert mean_iou(fit, true) > 0.85


def test_a_wide_heart_widens_its_box():
    usual = read_atlas().boxes(fit_thorax(draw_film(400, 400)[0]).placement)["cardiac silhouette"]
    wide = read_atlas().boxes(fit_thorax(draw_film(400, 400, left_heart=0.2)[0]).placement)["cardiac silhouette"]
    assert wide.width > usual.width * 1.08


@pytest.mark.parametrize("grey", [0, 60, 255])
def test_a_collimated_border_does_not_count(grey):
    film, true = draw_film(400, 400, mid_x=0.55)
    film[:, :40], film[360:, :] = grey, grey
    assert mean_iou(fit_thorax(film).placement, true) > 0.85


def test_gamma_and_contrast_do_not_matter():
    film, true = draw_film(360, 360, noise=2.0)
    for gamma in (0.4, 2.5):
        other = (40 * (film / 255.0) ** gamma + 100).astype(np.uint8)
        assert mean_iou(fit_thorax(other).placement, true) > 0.85


def test_a_negative_is_known_and_fitted():
    film, true = draw_film(360, 360, mid_x=0.45)
    assert is_negative(negative_of(film)) and not is_negative(film)
    fit = fit_thorax(negative_of(film))
    assert fit.inverted and mean_iou(fit.placement, true) > 0.85


def test_half_a_thorax_outside_is_still_a_thorax():
    film, true = draw_film(400, 400)
    cut, moved = film[60:, 50:], replace(
        true, mid_x=true.mid_x - 50, right_top=true.right_top - 60, left_top=true.left_top - 60,
        pivot_x=true.pivot_x - 50, pivot_y=true.pivot_y - 60)  # fmt: skip
    assert mean_iou(fit_thorax(np.ascontiguousarray(cut)).placement, moved) > 0.8


@pytest.mark.parametrize("shape", [(300, 300), (64, 64), (1, 1), (3, 500), (500, 3), (17, 30)])
@pytest.mark.parametrize("kind", ["blank", "noise"])
def test_where_there_is_no_thorax_the_mean_place_is_taken(shape, kind):
    rng = np.random.Generator(np.random.PCG64(3))
    film = np.full(shape, 90, np.uint8) if kind == "blank" else rng.integers(0, 256, shape, dtype=np.uint8)
    fit = fit_thorax(film)
    assert not fit.fitted and not fit.inverted
    assert fit.placement == mean_placement(*shape)


def test_the_same_picture_gives_the_same_placement():
    film, _ = draw_film(333, 257)
    assert fit_thorax(film) == fit_thorax(film.copy())


def test_a_placement_maps_its_own_edges():
    place = Placement(100, 60, 70, 20, 150, 30, 160, 0.0, 0.0, 0.0, 100, 100)
    x, y = place.to_image([-1, 1, -1, 1], [0, 0, 1, 1])
    assert x.tolist() == pytest.approx([40, 170, 40, 170]) and y.tolist() == pytest.approx([20, 30, 170, 190])
    assert place.scaled(2).to_image([-1], [1])[0] == pytest.approx([80])


def test_a_turn_inflates_a_box_less_than_its_corners_would():
    upright = Placement(200, 120, 120, 60, 260, 60, 260, 0.0, 0.0, 0.0, 200, 200)
    turned = replace(upright, angle=np.radians(10))
    u0, v0, u1, v1 = read_atlas().regions["spine"]
    x, _ = turned.to_image([u0, u1, u0, u1], [v0, v0, v1, v1])
    assert turned.box(u0, v0, u1, v1).width < 0.75 * (x.max() - x.min())
    assert turned.box(u0, v0, u1, v1).height == pytest.approx(upright.box(u0, v0, u1, v1).height, rel=0.03)


def test_the_heart_pushes_its_border_and_neither_diaphragm_nor_apex():
    usual = Placement(200, 120, 120, 60, 260, 60, 260, 0.0, 0.0, 0.0, 200, 200)
    wide = replace(usual, left_heart=0.3, right_heart=0.1)
    assert wide.to_image([0.6], [0.7])[0] > usual.to_image([0.6], [0.7])[0] + 12
    assert wide.to_image([-0.35], [0.7])[0] < usual.to_image([-0.35], [0.7])[0] - 5
    for u, v in ((0.4, 0.1), (0.9, 1.0), (-0.9, 1.0), (0.0, 0.6)):
        assert wide.to_image([u], [v])[0] == pytest.approx(usual.to_image([u], [v])[0], abs=1e-6)
    u = np.linspace(-1, 1, 200)
    assert (np.diff(wide.to_image(u, np.full(200, 0.7))[0]) > 0).all(), "the push folds the image"


def test_slopes_are_those_of_small_moves():
    rng = np.random.Generator(np.random.PCG64(2))
    y, x = rng.uniform(0.1, 0.9, (2, 400))
    vector = np.array([0.5, -1.1, -1.05, 0.12, -0.45, 0.13, -0.4, 0.05, 0.1, 0.06])
    _, _, slopes = render(read_atlas().template, vector, x, y, (0.5, 0.5))
    for k in range(10):
        step = np.zeros(10)
        step[k] = 1e-4
        more, _, _ = render(read_atlas().template, vector + step, x, y, (0.5, 0.5))
        less, _, _ = render(read_atlas().template, vector - step, x, y, (0.5, 0.5))
        assert np.corrcoef(slopes[k], (more - less) / 2e-4)[0, 1] > 0.9, k
