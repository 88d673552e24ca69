"""What a zone says of its lung, and a lung of its zones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.labels.parents import ANCESTORS, find_ancestors, spread_down, spread_up
from hilum.vocabulary import REGION_PARENTS, REGIONS

CHAIN = find_ancestors(["thorax", "left lung", "left apical zone", "spine"],
                       {"left apical zone": "left lung", "left lung": "thorax"})  # fmt: skip


def said(*places: int, n: int = 4) -> np.ndarray:
    labels = np.zeros((1, n, 1), bool)
    labels[0, list(places), 0] = True
    return labels


def test_nearest_first() -> None:
    assert CHAIN["left apical zone"] == ("left lung", "thorax") and CHAIN["spine"] == ()
    assert ANCESTORS["left lower lung zone"] == ("left lung",) and set(ANCESTORS) == set(REGIONS)


def test_what_is_seen_in_a_zone_is_seen_in_all_that_hold_it() -> None:
    assert spread_up(said(2), CHAIN)[0, :, 0].tolist() == [True, True, True, False]
    assert spread_up(said(1), CHAIN)[0, :, 0].tolist() == [True, True, False, False]


def test_what_is_denied_of_a_lung_is_denied_of_all_in_it() -> None:
    assert spread_down(said(0), CHAIN)[0, :, 0].tolist() == [True, True, True, False]
    assert spread_down(said(2), CHAIN)[0, :, 0].tolist() == [False, False, True, False]


def test_places_behind_the_regions_and_the_input_stay_as_they_are() -> None:
    labels = said(2, n=5)
    assert spread_up(labels, CHAIN)[0, 4, 0] == np.False_
    assert labels[0, :, 0].tolist() == [False, False, True, False, False]


@settings(deadline=None)
@given(st.sets(st.integers(0, len(REGIONS) - 1)))
def test_again_changes_nothing_and_up_is_down_turned_round(places: set[int]) -> None:
    labels = said(*places, n=len(REGIONS))
    up, down = spread_up(labels), spread_down(labels)
    assert (spread_up(up) == up).all() and (spread_down(down) == down).all()
    for child, parent in REGION_PARENTS.items():
        c, p = REGIONS.index(child), REGIONS.index(parent)
        assert up[0, p, 0] >= up[0, c, 0] and down[0, c, 0] >= down[0, p, 0]
