import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from hilum.errors import BadDataError, VerificationError
from hilum.image.atlas import read_atlas
from hilum.image.boxes import AtlasSource
from hilum.image.geometry import Box
from hilum.image.ladder import Ladder
from hilum.image.pack import pack_image, read_verified, stretch_contrast


class Everywhere:
    """A source that sees what it is given and puts one box."""

    name = "atlas"

    def __init__(self):
        self.seen = None

    def boxes(self, gray, dicom_id):
        self.seen = gray
        return {"right lung": Box(1, 2, 3, 4)}


def put(path, array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    path.write_bytes(file.getvalue())
    return hashlib.sha256(file.getvalue()).hexdigest()


def film():
    """The atlas' own picture, 300 px high and 240 wide, with grain."""
    template = Image.fromarray(read_atlas().template.astype(np.float32)).resize((240, 300), Image.Resampling.BILINEAR)
    grain = np.random.Generator(np.random.PCG64(0)).normal(0, 4, (300, 240))
    return np.clip(140 + 150 * np.asarray(template) + grain, 0, 255).astype(np.uint8)


def test_an_image_is_packed_with_its_geometry(tmp_path):
    digest = put(tmp_path / "a.png", film())
    packed = pack_image(tmp_path / "a.png", digest, "id", 64, Ladder([AtlasSource()]))
    assert packed.pixels.shape == (64, 64) and packed.pixels.dtype == np.uint8
    assert (packed.rows_px, packed.columns_px, packed.inverted) == (300, 240, False)
    assert packed.place.scale == pytest.approx(64 / 300)
    assert len(packed.regions.boxes) == 29


def test_a_negative_is_turned_over_before_its_regions_are_sought(tmp_path):
    positive, negative = put(tmp_path / "p.png", film()), put(tmp_path / "n.png", 255 - film())
    source = Everywhere()
    turned = pack_image(tmp_path / "n.png", negative, "id", 64, Ladder([source]))
    assert turned.inverted and (source.seen == film()).all()
    usual = pack_image(tmp_path / "p.png", positive, "id", 64, Ladder([source]))
    assert not usual.inverted
    assert np.abs(usual.pixels.astype(int) - turned.pixels.astype(int)).max() <= 1


def test_other_bytes_are_refused_by_path_and_with_the_next_move(tmp_path):
    digest = put(tmp_path / "a.png", film())
    put(tmp_path / "a.png", film()[:-1])
    with pytest.raises(VerificationError, match=r"a\.png .* changed after it was ingested.*hilum land"):
        pack_image(tmp_path / "a.png", digest, "id", 64, Ladder([Everywhere()]))


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(BadDataError, match=r"gone\.jpg cannot be read \(FileNotFoundError\).*dvc repro"):
        read_verified(tmp_path / "gone.jpg", "0" * 64)


def test_a_file_that_is_no_image_is_bad_data(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(BadDataError, match=r"a\.jpg: .*Run `dvc repro`"):
        pack_image(tmp_path / "a.jpg", hashlib.sha256(b"nothing").hexdigest(), "id", 64, Ladder([Everywhere()]))


def test_contrast_is_stretched_and_outliers_are_clipped():
    gray = np.repeat(np.arange(100, 150, dtype=np.uint8), 100).reshape(50, 100)
    gray[0, 0], gray[0, 1] = 0, 255
    stretched = stretch_contrast(gray)
    assert stretched.min() == 0 and stretched.max() == 255
    assert (np.diff(stretched[1:, 0].astype(int)) >= 0).all()
    assert stretched[25, 0] == pytest.approx(128, abs=6)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_stays_as_it_is(level):
    gray = np.full((10, 10), level, np.uint8)
    gray[0, 0] = min(255, level + 3)
    assert (stretch_contrast(gray) == gray).all()
