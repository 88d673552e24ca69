"""The ladder of region sources: a region's box is that of the first rung which has one.

In: the names of the rungs (params.yaml, pack.region_sources), best first, and the folder of their files. Out: for
each image every region's box, and who drew it. A rung that does not know an image or a region leaves it to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hilum.image.atlas import read_atlas
from hilum.image.boxes import AtlasSource, NotDrawn, RegionSource
from hilum.image.chexmask import open_masks
from hilum.image.geometry import Box, Gray
from hilum.image.imagenome import open_graphs


@dataclass(frozen=True)
class Regions:
    """boxes: by region, in the atlas' order, in px. sources: region -> name of the rung. passed: rung -> why not it."""

    boxes: Mapping[str, Box]
    sources: Mapping[str, str]
    passed: Mapping[str, str]


class Ladder:
    """Rungs, best first."""

    def __init__(self, rungs: Sequence[RegionSource]) -> None:
        self._rungs = tuple(rungs)

    def regions(self, gray: Gray, dicom_id: str) -> Regions:
        """Every region of a picture. A lower rung is asked only for what the higher ones have left."""
        boxes: dict[str, Box] = {}
        sources: dict[str, str] = {}
        passed: dict[str, str] = {}
        wanted = tuple(read_atlas().regions)
        for rung in self._rungs:
            if len(boxes) == len(wanted):
                break
            try:
                drawn = rung.boxes(gray, dicom_id)
            except NotDrawn as reason:
                passed[rung.name] = str(reason)
                continue
            for name in drawn.keys() - boxes.keys():
                boxes[name], sources[name] = drawn[name], rung.name
        in_order = [name for name in wanted if name in boxes]
        return Regions({n: boxes[n] for n in in_order}, {n: sources[n] for n in in_order}, passed)


def open_ladder(names: Sequence[str], folder: Path, dicom_ids: Collection[str]) -> Ladder:
    """The rungs of these names, ready for these images.

    folder: of the files that the rungs read. Raises UsageError if a named rung's file is not there.
    """
    open_rung: dict[str, Callable[[], RegionSource]] = {
        "imagenome": lambda: open_graphs(folder, dicom_ids),
        "chexmask": lambda: open_masks(folder, dicom_ids),
        "atlas": AtlasSource,
    }
    return Ladder([open_rung[name]() for name in names])
