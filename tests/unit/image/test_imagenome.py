"""Scene graphs as Chest ImaGenome publishes them: what is read, and what costs an image its graph."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import BadDataError, UsageError
from hilum.image.boxes import NotDrawn
from hilum.image.geometry import Box
from hilum.image.imagenome import ImagenomeSource, open_graphs, read_graph
from tests.unit.image.region_files import image_id, scene_graph, write_graphs

ONE, TWO, THREE = image_id(1), image_id(2), image_id(3)
GRAY = np.zeros((300, 200), np.uint8)


def drawn(*boxes, gray=GRAY):
    graph = json.dumps(scene_graph(ONE, *boxes)).encode()
    return ImagenomeSource({ONE: read_graph(graph, ONE)}).boxes(gray, ONE)


@pytest.mark.parametrize("archive", [True, False], ids=["zip", "folder"])
def test_boxes_are_read_in_original_pixels(tmp_path, archive):
    graphs = [scene_graph(i, ("right lung", 20, 30, 90, 250), ("svc", 80, 60, 100, 120)) for i in (ONE, TWO)]
    write_graphs(tmp_path, *graphs, archive=archive)
    source = open_graphs(tmp_path, [TWO, THREE])
    assert source.boxes(GRAY, TWO) == {"right lung": Box(20, 30, 70, 220), "svc": Box(80, 60, 20, 60)}
    for other in (ONE, THREE):
        with pytest.raises(NotDrawn, match="no graph"):
            source.boxes(GRAY, other)
    assert pickle.loads(pickle.dumps(source)).boxes(GRAY, TWO) == source.boxes(GRAY, TWO)


def test_the_archive_is_read_where_it_lies(tmp_path):
    write_graphs(tmp_path, scene_graph(ONE, ("spine", 1, 1, 2, 2)))
    open_graphs(tmp_path, [ONE])
    assert [path.name for path in tmp_path.iterdir()] == ["scene_graph.zip"]


def test_left_is_the_patient_s_and_names_are_taken_as_they_are():
    boxes = drawn(("left lung", 110, 30, 180, 250), ("right lung", 20, 30, 90, 250))
    assert boxes["left lung"].x > boxes["right lung"].x + boxes["right lung"].width


def test_boxes_are_clipped_dropped_and_united():
    boxes = drawn(
        ("right lung", -20, -5, 90, 400), ("left lung", 250, 10, 290, 90), ("spine", 50, 20, 50, 90),
        ("svc", 60, 40, 50, 90), ("carina", 90, 90, 110, 110), ("carina", 100, 80, 120, 100),
        ("carina", 500, 1, 600, 9), ("left upper abdomen", 10, 10, 20, 20), ("trachea", 0.5, 1, 10, None),
        ("aortic arch", float("nan"), 1, 10, 9),
    )  # fmt: skip
    assert boxes == {"right lung": Box(0, 0, 90, 300), "carina": Box(90, 80, 30, 30)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["spine", "svc", "abdomen"]), *[st.floats(-1e4, 1e4)] * 4), min_size=1))
def test_every_box_lies_in_the_image(boxes):
    for box in drawn(*boxes).values():
        assert box.x >= 0 and box.y >= 0 and box.x + box.width <= 200.01 and box.y + box.height <= 300.01


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"3", b"\xff\xfe", b'{"objects": []}', b"[" * 100_000, json.dumps(scene_graph(TWO)).encode(),
     json.dumps({"image_id": ONE, "objects": {"a": 1}}).encode(),
     json.dumps({"image_id": ONE, "objects": [7]}).encode(),
     json.dumps({"image_id": ONE, "objects": [{"bbox_name": ["spine"]}]}).encode(), None],
)  # fmt: skip
def test_a_broken_graph_is_one_image_s_loss(text):
    source = ImagenomeSource({ONE: read_graph(text, ONE)})
    with pytest.raises(NotDrawn, match="broken or empty graph"):
        source.boxes(GRAY, ONE)


def test_damaged_bytes_in_the_archive_are_one_image_s_loss(tmp_path):
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 300, (40, 4)).tolist()
    path = write_graphs(tmp_path, *[scene_graph(i, *[("spine", *row) for row in noise]) for i in (ONE, TWO)])
    with zipfile.ZipFile(path) as packed:
        info = packed.getinfo(f"scene_graph/{ONE}_SceneGraph.json")
    raw = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    raw[start + 40 : start + 60] = bytes(20)
    path.write_bytes(raw)
    source = open_graphs(tmp_path, [ONE, TWO])
    with pytest.raises(NotDrawn, match="broken or empty graph"):
        source.boxes(GRAY, ONE)
    assert "spine" in source.boxes(GRAY, TWO)


def test_a_named_source_without_its_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"has neither scene_graph\.zip nor scene_graph/.*`dvc add`.*take imagenome"):
        open_graphs(tmp_path, [ONE])


def test_a_cut_archive_is_bad_data(tmp_path):
    path = write_graphs(tmp_path, scene_graph(ONE, ("spine", 1, 1, 2, 2)))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        BadDataError, match=r"scene_graph\.zip cannot be opened as a zip \(BadZipFile\).*Fetch it again"
    ):
        open_graphs(tmp_path, [ONE])
