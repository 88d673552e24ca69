"""From words of place to pairs, and from pairs to regions, without a sentence around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.text.lexicon import Term
from hilum.text.pairs import PlacePhrase, merge_pairs, read_pairs, settle_sides
from hilum.text.reading import Candidate, Pair
from hilum.text.regions import place, placements, region_rule, side_of
from hilum.vocabulary import REGIONS
from hilum.vocabulary.language import PlaceWords, load_places
from hilum.vocabulary.language.phrases import expand

SIDES = st.sampled_from([None, "left", "right", "?left", "?right", "?both"])
KINDS = st.sampled_from([None, "lung", "lower lung zone", "hilar structures", "costophrenic angle", "svc", "spine"])
PAIRS = st.lists(st.tuples(SIDES, KINDS), max_size=5)


def rows(*phrases: str) -> list[tuple[int, int, PlaceWords]]:
    by_phrase = {p: row for row in load_places() for pattern in row.phrases for p in expand(pattern)}
    return [(number, number + 1, by_phrase[phrase]) for number, phrase in enumerate(phrases)]


def read(*phrases: str, finding: str = "lung_opacity") -> tuple[str, ...]:
    words = rows(*phrases)
    candidate = Candidate(len(words), len(words) + 1, (len(words),), Term(finding, "", 1))
    pairs = read_pairs(PlacePhrase(0, len(words), words), candidate, diffuse=False)
    return place(finding, tuple(pairs))


@pytest.mark.parametrize(
    ("phrases", "regions"),
    [
        (["left", "upper", "lower lobes"], ("left upper lung zone", "left lower lung zone")),
        (["right", "mid", "lower lung"], ("right mid lung zone", "right lower lung zone")),
        (["both", "upper lobes", "lingula"], ("right upper lung zone", "left upper lung zone", "left mid lung zone")),
        (["right", "middle lobe", "lingula"], ("right mid lung zone", "left mid lung zone")),
        (["right", "lower lobe", "retrocardiac"], ("right lower lung zone", "left lower lung zone")),
        (["retrocardiac region", "right"], ("right lower lung zone",)),
        (["lower", "left", "lung"], ("left lower lung zone",)),
        (["mid", "lower lungs"], ("right mid lung zone", "right lower lung zone",
                                  "left mid lung zone", "left lower lung zone")),
        (["left", "base", "right", "apex"], ("right apical zone", "left lower lung zone")),
        (["left", "humerus"], ()),
        (["left", "humerus", "right", "base"], ("right lower lung zone",)),
        (["minor fissure"], ("right mid lung zone",)),
        (["base"], ()),
        (["right"], ("right lung",)),
    ],
)  # fmt: skip
def test_a_phrase_of_places_is_read_from_left_to_right(phrases: list[str], regions: tuple[str, ...]) -> None:
    assert read(*phrases) == regions


def test_a_kind_waits_for_the_side_said_elsewhere() -> None:
    assert merge_pairs([(None, "lower lung zone"), ("left", None)]) == [("left", "lower lung zone")]
    assert merge_pairs([("left", "hilar structures"), (None, "upper lung zone")]) == [
        ("left", "hilar structures"),
        ("left", "upper lung zone"),
    ]
    two_sides: list[Pair] = [("left", "upper lung zone"), ("right", "upper lung zone"), (None, "lower lung zone")]
    assert (None, "lower lung zone") in merge_pairs(two_sides)


@pytest.mark.parametrize(
    ("finding", "pairs", "regions"),
    [
        ("pulmonary_edema", (), ("right lung", "left lung")),
        ("pulmonary_edema", ((None, "upper lung zone"),), ("right upper lung zone", "left upper lung zone")),
        ("pulmonary_edema", (("?both", "hilar structures"),), ("right lung", "left lung")),
        ("pulmonary_edema", (("left", None),), ("left lung",)),
        ("pleural_effusion", (("left", "lower lung zone"),), ("left costophrenic angle",)),
        ("pleural_effusion", ((None, "costophrenic angle"),), ()),
        ("pneumothorax", (("right", None),), ("right apical zone",)),
        ("lung_opacity", (("left", "hemidiaphragm"),), ("left hemidiaphragm",)),
        ("lung_opacity", (("left", "hemidiaphragm"), ("left", "lower lung zone")), ("left lower lung zone",)),
        ("lung_opacity", ((None, "spine"),), ()),
        ("bone_lesion", ((None, "spine"),), ("spine",)),
        ("picc", (("left", None), (None, "right atrium")), ("right atrium",)),
        ("picc", ((None, "carina"),), ("svc",)),
    ],
)
def test_pairs_become_regions_by_the_placement_of_the_finding(
    finding: str, pairs: tuple[Pair, ...], regions: tuple[str, ...]
) -> None:
    assert place(finding, pairs) == regions


@pytest.mark.parametrize(
    ("finding", "pairs", "rule"),
    [
        ("lung_opacity", (("left", None),), "zone, said: words"),
        ("lung_opacity", ((None, "lower lung zone"),), ""),
        ("pulmonary_edema", ((None, "hilar structures"),), "diffuse, implied"),
        ("pulmonary_edema", (("left", None),), "diffuse, said: words"),
        ("picc", (("left", None),), "tip, implied"),
        ("picc", ((None, "svc"),), "tip, said: words"),
        ("scoliosis", (("left", None),), "fixed, implied"),
        ("rotated", (("left", None),), ""),
    ],
)
def test_the_rule_says_whether_words_decided(finding: str, pairs: tuple[Pair, ...], rule: str) -> None:
    assert region_rule(finding, pairs, "said", "words") == rule


def test_the_side_of_a_mention() -> None:
    assert side_of((("left", None), ("right", "lung"))) == "bilateral"
    assert side_of((("?both", "lower lung zone"),)) == "bilateral"
    assert side_of((("?left", "mid lung zone"),)) == "left"
    assert side_of(((None, "lower lung zone"),)) is None


@given(PAIRS)
def test_merging_again_changes_nothing_and_invents_no_side(pairs: list[Pair]) -> None:
    merged = merge_pairs(pairs)
    assert set(merge_pairs(merged)) == set(merged)
    assert {side for side, _ in settle_sides(merged)} <= {side for side, _ in settle_sides(pairs)}


@given(PAIRS, st.sampled_from(sorted(placements())))
def test_regions_are_of_the_29_and_in_their_order(pairs: list[Pair], finding: str) -> None:
    regions = place(finding, tuple(pairs))
    assert list(regions) == sorted(set(regions), key=REGIONS.index)
    assert bool(regions) == bool(region_rule(finding, tuple(pairs), "said", "words"))
