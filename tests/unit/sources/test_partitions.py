from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.sources.layout import SHARDS
from hilum.sources.partitions import MAX_IMAGES, cut_shards, partition_name, shards_of


def even(n: int) -> dict[str, int]:
    return dict.fromkeys(SHARDS, n)


def test_a_few_studies_stay_together_and_a_few_hundred_do_not() -> None:
    assert cut_shards(even(19), even(19)) == [("p10", "p19")]
    assert cut_shards(even(20), even(20)) == [("p10", "p14"), ("p15", "p19")]


def test_mimic_is_cut_into_its_ten_shards() -> None:
    assert cut_shards(even(22_783), even(37_711)) == [(shard, shard) for shard in SHARDS]


def test_balance_follows_the_studies() -> None:
    assert cut_shards({"p10": 500, "p11": 100, "p12": 100, "p19": 300}, {}) == [("p10", "p10"), ("p11", "p19")]


def test_a_partial_tree_and_nothing() -> None:
    assert cut_shards({"p13": 5000}, {"p13": 9000}) == [("p13", "p13")]
    assert cut_shards({}, {}) == []


@given(st.dictionaries(st.sampled_from(SHARDS), st.integers(0, 60_000), min_size=1))
def test_every_shard_is_in_one_partition_and_no_partition_is_too_large(images: dict[str, int]) -> None:
    cuts = cut_shards({shard: n // 2 for shard, n in images.items()}, images)
    spans = [shards_of(partition_name("L0001", first, last)) for first, last in cuts]
    covered = [shard for span in spans for shard in span]
    assert len(covered) == len(set(covered)) and set(images) <= set(covered)
    for span in spans:
        inside = [shard for shard in span if shard in images]
        assert sum(images[s] for s in inside) <= MAX_IMAGES or len(inside) == 1


@pytest.mark.parametrize(("name", "shards"), [("L0002-p10-p10", ("p10",)), ("L0002-p18-p19", ("p18", "p19"))])
def test_a_name_says_its_shards(name: str, shards: tuple[str, ...]) -> None:
    assert shards_of(name) == shards
