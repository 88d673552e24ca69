"""search: a study, a picture, words ask; images or reports of other patients answer, as JSON or as lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hilum.config import IndexParams, Params, read_params
from hilum.errors import BadDataError, ImageError, UsageError
from hilum.schema import EMBEDDINGS
from hilum.stages import index, search
from hilum.tables import read_table, write_table
from hilum.vocabulary import REGIONS

REGION = "left costophrenic angle"
FLAT = IndexParams(kind="flat", flat_up_to=0, train_images=1, candidates=1)


class Model:
    """Encodes every picture, and every text, as an indexed picture: row 4 of the collection."""

    def __init__(self, made: Any, model_id: str = "0123456789abcdef") -> None:
        self.made, self.model_id, self.asked = made, model_id, []
        self.read: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.config = SimpleNamespace(regions=REGIONS)

    def encode_images(self, pixels: np.ndarray, boxes: np.ndarray) -> Any:
        self.asked.append((pixels, boxes))
        return SimpleNamespace(whole=self.made.vectors[0, 4:5], regions=self.made.vectors[1:, 4].reshape(1, 29, -1))

    def encode_reports(self, texts: list[str]) -> np.ndarray:
        self.read += texts
        return self.made.vectors[0, [4] * len(texts)]

    def encode_in_region(self, texts: list[str], regions: list[str]) -> np.ndarray:
        self.said += zip(texts, regions, strict=True)
        return self.made.vectors[[1 + REGIONS.index(region) for region in regions], 4]


@pytest.fixture
def made(make_collection: Callable[..., Any], tmp_path: Path) -> Any:
    made = make_collection(n_images=20)
    index.run(*made.tables(made.write(tmp_path / "data")), made.partitions, tmp_path / "index", FLAT)
    return made


@pytest.fixture
def params(root: Path) -> Params:
    return read_params(root / "params.yaml")


def picture(path: Path, size: tuple[int, int] = (200, 240)) -> Path:
    y, x = np.indices(size[::-1])
    Image.fromarray(((x + 2 * y) % 251).astype(np.uint8)).save(path)
    return path


def ask(tmp_path: Path, params: Params, study: int | None = None, image: Path | None = None, **kwargs: Any) -> str:
    asked = {"region": REGION, "alpha": 0.5, "k": 3, "as_json": True, **kwargs}
    return search.run(tmp_path / "index", tmp_path / "locate", tmp_path / "regions", params, study, image, **asked)


def test_a_study_asks(made: Any, tmp_path: Path, params: Params) -> None:
    answers = json.loads(ask(tmp_path, params, study=50000004))
    assert [a["rank"] for a in answers] == [1, 2, 3]
    assert all(a["subject_id"] != 10000002 for a in answers)  # studies 4 and 5 are of subject 2


def test_a_picture_asks_as_it_would_be_packed(
    made: Any, tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(made)
    monkeypatch.setattr(search, "load_model", lambda folder: model)
    answers = json.loads(ask(tmp_path, params, image=picture(tmp_path / "new.png")))
    assert answers[0]["study_id"] == 50000004 and answers[0]["score"] == pytest.approx(1, abs=1e-5)
    pixels, boxes = model.asked[0]
    size = params.pack.size_px
    assert pixels.shape == (1, size, size) and boxes.shape == (1, 29, 4)
    assert (boxes[0, :, 2] >= boxes[0, :, 0]).all() and boxes.min() >= 0 and boxes.max() <= 1
    known = picture(tmp_path / f"{made.ids[4]}.png")
    assert all(a["subject_id"] != 10000002 for a in json.loads(ask(tmp_path, params, image=known)))


def test_words_ask_as_a_report_would_be_embedded(
    made: Any, tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(made)
    monkeypatch.setattr(search, "load_model", lambda folder: model)
    said = "Small left pleural effusion. Consolidation in the right lung. The spine is intact."
    report = f"INDICATION: Cough.\n\nFINDINGS: {said}"
    regions = ["right lung", REGION, "carina"]
    answers = json.loads(ask(tmp_path, params, text=report, region=regions))
    assert answers[0]["study_id"] == 50000004 and answers[0]["score"] == pytest.approx(1, abs=1e-5)
    assert len(answers[0]["region_similarities"]) == 3
    assert model.read == [said]
    whole = f"INDICATION: Cough. FINDINGS: {said}"
    assert model.said == [
        ("Consolidation in the right lung.", "right lung"),
        ("Small left pleural effusion.", REGION),
        (whole, "carina"),  # of which it says nothing
    ]
    model.said.clear()
    ask(tmp_path, params, text=" no   effusion ")
    assert model.said == [("no effusion", REGION)]
    with pytest.raises(UsageError, match="has no words"):
        ask(tmp_path, params, text=" _ ")


def test_several_ask_as_one(made: Any, tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "load_model", lambda folder: Model(made))
    both = json.loads(ask(tmp_path, params, study=50000010, text="effusion", k=20))
    assert {10000005} == {10000000 + i for i in range(10)} - {a["subject_id"] for a in both}
    known = picture(tmp_path / f"{made.ids[4]}.png")
    both = json.loads(ask(tmp_path, params, study=50000010, image=known, k=20))
    assert {10000002, 10000005} == {10000000 + i for i in range(10)} - {a["subject_id"] for a in both}


def test_reports_answer_and_ask(made: Any, tmp_path: Path, params: Params) -> None:
    paths = [tmp_path / f"data/embeddings/{name}.parquet" for name in made.partitions]
    pictures = [rows[rows["modality"] == "image"] for rows in (read_table(path, EMBEDDINGS) for path in paths)]
    for path, rows in zip(paths, pictures):
        write_table(path, rows, EMBEDDINGS)
    index.run(*made.tables(tmp_path / "data"), made.partitions, tmp_path / "index", FLAT)
    assert json.loads(ask(tmp_path, params, study=50000004, against="report")) == []
    for path, rows in zip(paths, pictures):
        said = rows[rows["region"].isna() | (rows["region"] == REGION)].assign(dicom_id=None, modality="text")
        silent = (said["study_id"] == 50000006) & said["region"].notna()
        write_table(path, pd.concat([rows, said[~silent]]), EMBEDDINGS)
    index.run(*made.tables(tmp_path / "data"), made.partitions, tmp_path / "index", FLAT)
    images, reports = (
        json.loads(ask(tmp_path, params, study=50000004, against=side, k=20)) for side in ("image", "report")
    )
    heard = [a for a in reports if a["study_id"] != 50000006]
    assert [a["study_id"] for a in heard] == [a["study_id"] for a in images if a["study_id"] != 50000006]
    assert all(a["dicom_id"] == made.ids[a["study_id"] - 50000000] for a in reports)
    (mute,) = [a for a in reports if a["study_id"] == 50000006]
    assert mute["region_similarity"] == 0 and mute["region_similarities"] == [None]
    lines = ask(tmp_path, params, study=50000004, against="report", k=20, as_json=False).splitlines()
    assert lines[0].startswith("nearest reports in") and [" - " in line for line in lines[2:]].count(True) == 1
    assert json.loads(ask(tmp_path, params, study=50000004, by="report", k=20)) == images
    with pytest.raises(UsageError, match=f"report of study 50000006 does not speak of {REGION}"):
        ask(tmp_path, params, study=50000006, by="report")


def test_lines_for_a_terminal(made: Any, tmp_path: Path, params: Params) -> None:
    head, columns, *lines = ask(tmp_path, params, study=50000004, as_json=False).splitlines()
    assert REGION in head and "alpha 0.5" in head and columns.split()[0] == "rank" and len(lines) == 3
    assert lines[0].split()[1].startswith("s500000")


def test_what_cannot_be_asked(made: Any, tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "load_model", lambda folder: Model(made))
    with pytest.raises(UsageError, match="Give a study, an image or a text"):
        ask(tmp_path, params)
    with pytest.raises(UsageError, match="no region 'heart'"):
        ask(tmp_path, params, image=tmp_path / "new.png", region="heart")
    with pytest.raises(UsageError, match=r"new\.png cannot be read \(FileNotFoundError\)"):
        ask(tmp_path, params, image=tmp_path / "new.png")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ImageError):
        ask(tmp_path, params, image=tmp_path / "cut.jpg")
    small = params.model_copy(update={"ingest": params.ingest.model_copy(update={"max_pixels": 100})})
    with pytest.raises(ImageError):
        ask(tmp_path, small, image=picture(tmp_path / "bomb.png"))
    monkeypatch.setattr(search, "load_model", lambda folder: Model(made, "ffffffffffffffff"))
    with pytest.raises(BadDataError, match=r"made by checkpoint 0123456789abcdef; .*locate is ffffffffffffffff"):
        ask(tmp_path, params, image=picture(tmp_path / "good.png"))
