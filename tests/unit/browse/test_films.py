"""Films: what is known of an image, and its picture from the best source there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hilum.browse.films import SHOWN_PX, Film, draw_original
from hilum.errors import UsageError, VerificationError
from hilum.evaluation.heatmaps import Frame
from hilum.schema import IMAGES, REGION_BOXES
from tests.unit.browse.material import Kept


def test_a_film_is_its_row_its_pixels_and_its_boxes(kept: Kept) -> None:
    for partition in kept.partitions:
        row = kept.table("images", partition, IMAGES).iloc[3]
        film = kept.archive.films.read([row["dicom_id"]])[row["dicom_id"]]
        pixels = np.load(kept.data / "pixels" / f"{partition}.npy")
        assert np.array_equal(film.packed, pixels[row["row"]])
        assert (film.study_id, film.subject_id, film.view_position) == (row["study_id"], row["subject_id"], "PA")
        boxes = kept.table("region_boxes", partition, REGION_BOXES)
        mine = boxes[boxes["dicom_id"] == row["dicom_id"]]
        assert len(film.boxes) == len(mine) == 29
        box = mine[mine["region"] == "left lower lung zone"].iloc[0]
        assert film.boxes["left lower lung zone"] == (box["x"], box["y"], box["width"], box["height"])


def test_films_come_in_the_order_asked_and_once(kept: Kept) -> None:
    ids = kept.index.rows["dicom_id"].tolist()
    asked = [ids[20], ids[1], ids[20], ids[13]]
    assert list(kept.archive.films.read(asked)) == [ids[20], ids[1], ids[13]]
    with pytest.raises(UsageError, match="1 images are not in data/images, first nothing"):
        kept.archive.films.read([ids[0], "nothing"])


def test_the_picture_is_the_original_where_it_is_here(kept: Kept) -> None:
    first, second = (kept.table("images", partition, IMAGES)["dicom_id"].iloc[0] for partition in kept.partitions)
    films = kept.archive.films.read([first, second])
    assert films[first].picture().shape == (96, 96)
    assert np.array_equal(films[second].picture(), films[second].packed)  # no original: what the model sees


def test_an_original_that_changed_is_refused(kept: Kept, tmp_path: Path) -> None:
    first = str(kept.table("images", kept.partitions[0], IMAGES)["dicom_id"].iloc[0])
    film = kept.archive.films.read([first])[first]
    other = tmp_path / "other.png"
    other.write_bytes(kept.original(first).read_bytes() + b"x")
    assert film.original is not None
    with pytest.raises(VerificationError, match="changed after it was ingested"):
        replace(film, original=(other, film.original[1])).picture()


def test_a_large_original_is_shown_smaller(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "large.png"
    Image.fromarray(np.indices((900, 1800)).sum(0).astype(np.uint8)).save(path)
    assert draw_original(path.read_bytes()).shape == (SHOWN_PX // 2, SHOWN_PX)


def test_the_padding_of_the_packed_square_is_cut_off() -> None:
    packed = np.arange(100, dtype=np.uint8).reshape(10, 10)
    film = Film("f", packed, Frame(width_px=60, height_px=100, scale=0.1, offset_x_px=2, offset_y_px=0, size_px=10), {})
    assert film.window() == (2, 0, 8, 10) and np.array_equal(film.picture(), packed[:, 2:8])
