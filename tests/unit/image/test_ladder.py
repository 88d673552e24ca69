"""The ladder: image by image and region by region, the first rung that knows."""

import numpy as np
import pytest

from hilum.errors import UsageError
from hilum.image.boxes import AtlasSource, NotDrawn
from hilum.image.geometry import Box
from hilum.image.ladder import Ladder, open_ladder
from hilum.vocabulary import REGIONS
from tests.unit.image.region_files import image_id, mask_row, scene_graph, thorax_masks, write_graphs, write_masks

GRAPHED, MASKED, POOR, BROKEN, UNKNOWN = map(image_id, range(1, 6))
NAMES = ("imagenome", "chexmask", "atlas")


@pytest.fixture(scope="module")
def masks():
    return thorax_masks(1)[0]


@pytest.fixture
def film(masks):
    right, left, _ = masks
    grain = np.random.Generator(np.random.PCG64(0)).normal(0, 5, right.shape)
    return np.clip(np.where(right | left, 50, 190) + grain, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, masks):
    write_graphs(tmp_path, scene_graph(GRAPHED, ("svc", 90, 60, 110, 120), ("spine", 900, 1, 950, 9)),
                 scene_graph(POOR, ("svc", 90, 60, 110, 120)), {"image_id": BROKEN})  # fmt: skip
    write_masks(tmp_path, mask_row(GRAPHED, masks), mask_row(MASKED, masks), mask_row(POOR, masks, 0.5),
                mask_row(BROKEN, (masks[0], masks[1], np.zeros_like(masks[2]))))  # fmt: skip
    return tmp_path


def test_each_image_takes_the_first_rung_that_knows_it(folder, film):
    ladder = open_ladder(NAMES, folder, [GRAPHED, MASKED, POOR, BROKEN, UNKNOWN])
    regions = {name: ladder.regions(film, name) for name in (GRAPHED, MASKED, POOR, BROKEN, UNKNOWN)}
    sources = {name: {k: list(r.sources.values()).count(k) for k in NAMES} for name, r in regions.items()}
    assert sources[GRAPHED] == {"imagenome": 1, "chexmask": 28, "atlas": 0}
    assert sources[MASKED] == {"imagenome": 0, "chexmask": 29, "atlas": 0}
    assert sources[POOR] == {"imagenome": 1, "chexmask": 0, "atlas": 28}
    assert sources[BROKEN] == sources[UNKNOWN] == {"imagenome": 0, "chexmask": 0, "atlas": 29}
    assert regions[GRAPHED].passed == {}
    assert regions[POOR].passed == {"chexmask": "poor mask"}
    assert regions[BROKEN].passed == {"imagenome": "broken or empty graph", "chexmask": "broken mask"}
    assert regions[UNKNOWN].passed == {"imagenome": "no graph", "chexmask": "no mask"}


def test_each_region_takes_the_first_rung_that_knows_it(folder, film):
    found = open_ladder(NAMES, folder, [GRAPHED]).regions(film, GRAPHED)
    assert found.boxes["svc"] == Box(90, 60, 20, 60) and found.sources["svc"] == "imagenome"
    assert found.sources["spine"] == "chexmask", "drawn outside the image, it is left to the next rung"
    below = open_ladder(NAMES[1:], folder, [GRAPHED]).regions(film, GRAPHED)
    assert {k: v for k, v in found.boxes.items() if k != "svc"} == {k: v for k, v in below.boxes.items() if k != "svc"}
    assert list(found.boxes) == list(below.boxes) == list(AtlasSource().boxes(film, ""))


def test_the_atlas_alone_is_the_atlas(tmp_path, film):
    found = open_ladder(["atlas"], tmp_path / "nowhere", []).regions(film, UNKNOWN)
    assert found.boxes == AtlasSource().boxes(film, "") and list(found.boxes) == list(AtlasSource().boxes(film, ""))
    assert set(found.sources.values()) == {"atlas"} and found.passed == {}
    assert set(found.boxes) == set(REGIONS)


def test_lower_rungs_are_not_asked_for_what_is_drawn(film):
    class Whole:
        name = "chexmask"

        def boxes(self, gray, dicom_id):
            return dict.fromkeys(REGIONS, Box(0, 0, 1, 1))

    class Unasked:
        name = "atlas"

        def boxes(self, gray, dicom_id):
            raise NotDrawn("asked")

    assert Ladder([Whole(), Unasked()]).regions(film, UNKNOWN).passed == {}


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_named_rung_needs_its_file(tmp_path, name):
    with pytest.raises(UsageError, match=f"pack.region_sources names {name}, but"):
        open_ladder([name, "atlas"], tmp_path, [UNKNOWN])
