"""A study, an image or a text in, the nearest cases of other patients out: what `hilum search` runs. No DVC stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hilum.errors import BadDataError, UsageError
from hilum.image.decode import read_gray
from hilum.image.ladder import open_ladder
from hilum.image.pack import PackedImage, pack_image
from hilum.model.inference import LoadedModel, load_model
from hilum.retrieval.index import RegionIndex, open_index
from hilum.retrieval.search import Answer, Query, query_study, search, subject_of_image
from hilum.stages.search_page import Asker, PageOptions, write_search_page

if TYPE_CHECKING:
    from hilum.config import Params


def run(
    index: Path,
    model: Path,
    regions: Path,
    params: Params,
    study: int | None,
    image: Path | None,
    region: str,
    alpha: float,
    k: int,
    as_json: bool,
    text: str | None = None,
    page: PageOptions | None = None,
) -> str:
    """The k nearest cases by the mix at alpha, as JSON or as lines for a terminal; with `page`, also as a page.

    One of study (an indexed one), image (any JPEG or DICOM) and text is given. An image whose name is an indexed
    dicom_id is known to be of that patient, whose other images are then no answers; of other files hilum cannot know.
    regions: the folder of what the region sources read.
    """
    opened = open_index(index)
    if region not in opened.regions:
        raise UsageError(f"There is no region '{region}'; the index has: {', '.join(opened.regions)}.")
    loaded = open_model(opened, model) if study is None or page is not None else None
    asker = Asker(text=text)
    if image is not None and loaded is not None:
        packed, digest = pack_query(image, regions, params)
        asker = Asker(file=(image, packed, digest))
        query = query_image(opened, loaded, packed, image.stem, region)
    elif text is not None and loaded is not None:
        query = query_text(loaded, text, region)
    elif study is not None:
        query = query_study(opened, study, region)
        asker = Asker(first_image(opened, study))
    else:
        raise UsageError("Give a study, an image or a text to ask with.")
    answers = search(opened, query, alpha, k)
    if page is not None and loaded is not None:
        write_search_page(page, opened, loaded, asker, answers, [region], alpha)
    if as_json:
        return json.dumps([answer.as_row() for answer in answers], indent=2)
    return "\n".join(list_answers(answers, region, alpha))


def open_model(index: RegionIndex, model: Path) -> LoadedModel:
    """The checkpoint. Raises BadDataError if it is not the one that made the index."""
    loaded = load_model(model)
    if loaded.model_id != index.model_id:
        raise BadDataError(
            f"{index.folder} was made by checkpoint {index.model_id}; {model} is {loaded.model_id}. Run `dvc repro`."
        )
    return loaded


def pack_query(image: Path, regions: Path, params: Params) -> tuple[PackedImage, str]:
    """An image file as `pack` would pack it, and its sha256. Raises ImageError if it cannot be decoded."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise UsageError(f"{image} cannot be read ({type(error).__name__}).") from None
    read_gray(data, params.ingest.max_pixels)  # a file from anywhere: judged before it is packed
    ladder = open_ladder(params.pack.region_sources, regions, [image.stem])
    digest = hashlib.sha256(data).hexdigest()
    return pack_image(image, digest, image.stem, params.pack.size_px, ladder), digest


def query_image(index: RegionIndex, model: LoadedModel, packed: PackedImage, name: str, region: str) -> Query:
    """Encode a packed image as `embed` would. name: the file's stem; an indexed image's is its dicom_id."""
    size = packed.pixels.shape[0]
    placed = [packed.place.pack(packed.regions.boxes[each]) for each in model.config.regions]
    edges = np.array([[b.x, b.y, b.x + b.width, b.y + b.height] for b in placed]) / size
    encoded = model.encode_images(packed.pixels[None], edges[None].astype(np.float32))
    regional = encoded.regions[0, model.config.regions.index(region)]
    return Query(encoded.whole[0], regional, region, subject_of_image(index, name))


def query_text(model: LoadedModel, text: str, region: str) -> Query:
    """Encode a text as a report, and as a sentence about the region; of no patient."""
    return Query(model.encode_reports([text])[0], model.encode_in_region([text], [region])[0], region)


def first_image(index: RegionIndex, study_id: int) -> str:
    """The dicom_id that `query_study` asks with."""
    return str(index.rows.loc[index.rows["study_id"] == study_id, "dicom_id"].iloc[0])


def list_answers(answers: Sequence[Answer], region: str, alpha: float) -> list[str]:
    """One line an answer, under a head that says what was asked."""
    lines = [f"nearest in {region}, alpha {alpha:g} (similarities are cosines)"]
    lines.append(f"{'rank':>4}  {'study':>9}  {'subject':>9}  {'score':>6}  {'whole':>6}  {'region':>6}  dicom")
    for a in answers:
        lines.append(
            f"{a.rank:>4}  s{a.study_id}  p{a.subject_id}  {a.score:6.3f}  {a.whole_similarity:6.3f}  "
            f"{a.region_similarity:6.3f}  {a.dicom_id}"
        )
    return lines
