"""How a landing is cut: contiguous shards, near-equal numbers of studies, bounded numbers of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise
from math import ceil

from hilum.sources.layout import SHARDS, shard_of, study_key
from hilum.sources.scan import HashedFile

MAX_IMAGES = 40_000  # of one partition: what a stage handles in minutes and in a few GiB of pixels
MIN_STUDIES_TO_CUT = 200  # below this a second process costs more than it saves


def cut_shards(n_studies: Mapping[str, int], n_images: Mapping[str, int]) -> list[tuple[str, str]]:
    """First and last shard of each partition.

    n_studies, n_images: by shard, of the shards that have files. One partition below 200 studies, else two or
    more, and as many as keep each at 40,000 images at most (a shard is never divided). The machine has no say:
    the same landing is cut the same everywhere.
    """
    present = [shard for shard in SHARDS if shard in n_studies or shard in n_images]
    total = sum(n_studies.values())
    n_parts = max(2 if total >= MIN_STUDIES_TO_CUT else 1, ceil(sum(n_images.values()) / MAX_IMAGES))
    while True:
        n_parts = min(n_parts, len(present))
        groups = _balance(present, n_studies, n_parts)
        largest = max((sum(n_images.get(s, 0) for s in group) for group in groups), default=0)
        if largest <= MAX_IMAGES or n_parts == len(present):
            return [(group[0], group[-1]) for group in groups]
        n_parts += 1


def name_partitions(landing: str, files: Iterable[HashedFile]) -> tuple[str, ...]:
    """The partitions of a landing that brought these reports and images."""
    rows = list(files)
    studies = {(shard_of(file.path), study_key(file.path, file.kind)) for file in rows}
    images = Counter(shard_of(file.path) for file in rows if file.kind == "image")
    cuts = cut_shards(Counter(shard for shard, _ in studies), images)
    return tuple(partition_name(landing, first, last) for first, last in cuts)


def partition_name(landing: str, first: str, last: str) -> str:
    """L0002-p10-p14."""
    return f"{landing}-{first}-{last}"


def shards_of(partition: str) -> tuple[str, ...]:
    """Every shard that a partition's name spans, whether it has files or not."""
    _, first, last = partition.split("-")
    return SHARDS[SHARDS.index(first) : SHARDS.index(last) + 1]


def _balance(present: list[str], n_studies: Mapping[str, int], n_parts: int) -> list[list[str]]:
    """The cut whose sum of squared sizes is least; at most 126 cuts of ten shards are tried."""
    if not present:
        return []

    def groups_of(cuts: tuple[int, ...]) -> list[list[str]]:
        edges = [0, *cuts, len(present)]
        return [present[a:b] for a, b in pairwise(edges)]

    def cost(cuts: tuple[int, ...]) -> int:
        return sum(sum(n_studies.get(s, 0) for s in group) ** 2 for group in groups_of(cuts))

    return groups_of(min(combinations(range(1, len(present)), n_parts - 1), key=cost))
