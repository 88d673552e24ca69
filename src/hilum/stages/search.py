"""A study or an image file in, the nearest cases of other patients out: what `hilum search` runs. No DVC stage."""

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
from hilum.image.pack import pack_image
from hilum.model.inference import load_model
from hilum.retrieval.index import RegionIndex, open_index
from hilum.retrieval.search import Answer, Query, query_study, search, subject_of_image

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
) -> str:
    """The k nearest cases by the mix at alpha, as JSON or as lines for a terminal.

    Either study (an indexed one) or image (any JPEG or DICOM) is given. An image whose name is an indexed dicom_id is
    known to be of that patient, whose other images are then no answers; of other files hilum cannot know. regions: the
    folder of what the region sources read.
    """
    opened = open_index(index)
    if image is not None:
        query = query_image(opened, model, regions, params, image, region)
    elif study is not None:
        query = query_study(opened, study, region)
    else:
        raise UsageError("Give a study or an image to ask with.")
    answers = search(opened, query, alpha, k)
    if as_json:
        return json.dumps([answer.as_row() for answer in answers], indent=2)
    return "\n".join(list_answers(answers, region, alpha))


def query_image(index: RegionIndex, model: Path, regions: Path, params: Params, image: Path, region: str) -> Query:
    """Encode an image file as `pack` and `embed` would. Raises ImageError if it cannot be decoded.

    Raises UsageError if the region is unknown, BadDataError if the checkpoint is not the one that made the index.
    """
    if region not in index.regions:
        raise UsageError(f"There is no region '{region}'; the index has: {', '.join(index.regions)}.")
    loaded = load_model(model)
    if loaded.model_id != index.model_id:
        raise BadDataError(
            f"{index.folder} was made by checkpoint {index.model_id}; {model} is {loaded.model_id}. Run `dvc repro`."
        )
    try:
        data = image.read_bytes()
    except OSError as error:
        raise UsageError(f"{image} cannot be read ({type(error).__name__}).") from None
    read_gray(data, params.ingest.max_pixels)  # a file from anywhere: judged before it is packed
    ladder = open_ladder(params.pack.region_sources, regions, [image.stem])
    packed = pack_image(image, hashlib.sha256(data).hexdigest(), image.stem, params.pack.size_px, ladder)
    placed = [packed.place.pack(packed.regions.boxes[name]) for name in loaded.config.regions]
    edges = np.array([[b.x, b.y, b.x + b.width, b.y + b.height] for b in placed]) / params.pack.size_px
    encoded = loaded.encode_images(packed.pixels[None], edges[None].astype(np.float32))
    regional = encoded.regions[0, loaded.config.regions.index(region)]
    return Query(encoded.whole[0], regional, region, subject_of_image(index, image.stem))


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
