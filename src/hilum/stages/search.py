"""A study, an image and a text, any of them, in; the nearest cases of other patients out: `hilum search`. No DVC stage.

A study asks with its image or its report, and images or reports answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.image.decode import read_gray
from hilum.image.ladder import open_ladder
from hilum.image.pack import PackedImage, pack_image
from hilum.model.inference import LoadedModel, load_model
from hilum.retrieval.index import RegionIndex, open_index
from hilum.retrieval.parts import IMAGE
from hilum.retrieval.search import Answer, Query, combine, query_study, search, subject_of_image
from hilum.stages.search_page import Asker, PageOptions, write_search_page
from hilum.text.frames import parse_reports
from hilum.text.sentences import split_sentences
from hilum.training.texts import clean_text, report_bodies, route_sentences

if TYPE_CHECKING:
    from hilum.config import Params


def run(
    index: Path,
    model: Path,
    regions: Path,
    params: Params,
    study: int | None,
    image: Path | None,
    region: str | Sequence[str],
    alpha: float,
    k: int,
    as_json: bool,
    text: str | None = None,
    page: PageOptions | None = None,
    by: str = IMAGE,
    against: str = IMAGE,
) -> str:
    """The k nearest cases by the mix at alpha, as JSON or as lines for a terminal; with `page`, also as a page.

    One or more of study (an indexed one), image (any JPEG or DICOM) and text are given; several ask as one, each with
    the same say. An image whose name is an indexed dicom_id is known to be of that patient, who is then no answer; of
    other files hilum cannot know. regions: the folder of what the region sources read. region: one or several.
    by: what a study asks with, its image or its report. against: what answers, images or reports.
    """
    opened = open_index(index)
    names = (region,) if isinstance(region, str) else tuple(region)
    opened.side(IMAGE).check_slots(names)
    loaded = open_model(opened, model) if (image, text, page) != (None, None, None) else None
    asker, queries = Asker(text=text, by=by, against=against), []
    if text is not None and loaded is not None:
        queries.append(query_text(loaded, text, names))
    if study is not None:
        queries.append(query_study(opened, study, names, by))
        asker = replace(asker, study_id=study, dicom_id=first_image(opened, study))
    if image is not None and loaded is not None:
        packed, digest = pack_query(image, regions, params)
        asker = replace(asker, file=(image, packed, digest))
        queries.append(query_image(opened, loaded, packed, image.stem, names))
    if not queries:
        raise UsageError("Give a study, an image or a text to ask with.")
    answers = search(opened, combine(queries), alpha, k, against)
    if page is not None and loaded is not None:
        write_search_page(page, opened, loaded, asker, answers, names, alpha)
    if as_json:
        return json.dumps([answer.as_row() for answer in answers], indent=2)
    return "\n".join(list_answers(answers, names, alpha, against))


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


def query_image(
    index: RegionIndex, model: LoadedModel, packed: PackedImage, name: str, regions: str | Sequence[str]
) -> Query:
    """Encode a packed image as `embed` would. name: the file's stem; an indexed image's is its dicom_id."""
    names = [regions] if isinstance(regions, str) else list(regions)
    size = packed.pixels.shape[0]
    placed = [packed.place.pack(packed.regions.boxes[each]) for each in model.config.regions]
    edges = np.array([[b.x, b.y, b.x + b.width, b.y + b.height] for b in placed]) / size
    encoded = model.encode_images(packed.pixels[None], edges[None].astype(np.float32))
    regional = encoded.regions[0, [model.config.regions.index(each) for each in names]]
    return Query(encoded.whole[0], regional, names, subject_of_image(index, name))


def query_text(model: LoadedModel, text: str, regions: str | Sequence[str]) -> Query:
    """Encode words or a whole report as `embed` would; of no patient.

    A region's vector is the mean of the sentences that speak of it. Where none does, and where there is one sentence
    alone, the whole text is read as spoken of the region. Raises UsageError if there are no words.
    """
    names = [regions] if isinstance(regions, str) else list(regions)
    if not clean_text(text):
        raise UsageError("The text has no words. Say what to look for, such as 'small pleural effusion'.")
    body, said = clean_text(text), dict[str, list[str]]()
    if len(split_sentences(text, 0, len(text))) > 1:
        report = pd.DataFrame({"study_id": [0], "text": [text]})
        parsed = parse_reports(report, "blank", 1)
        body = report_bodies(report, parsed.sections.to_pandas())[0]
        routed = route_sentences(parsed.mentions.to_pandas(), {0: text})
        said = {str(name): rows["sentence_text"].tolist() for name, rows in routed.groupby("region")}
    regional = []
    for name in names:
        sentences = said.get(name, [clean_text(text)])
        mean = model.encode_in_region(sentences, [name] * len(sentences)).mean(axis=0)
        regional.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
    return Query(model.encode_reports([body])[0], np.stack(regional), names)


def first_image(index: RegionIndex, study_id: int) -> str | None:
    """The dicom_id that `query_study` asks with; None of a study that has a report alone."""
    found = index.rows.loc[index.rows["study_id"] == study_id, "dicom_id"]
    return str(found.iloc[0]) if len(found) else None


def list_answers(answers: Sequence[Answer], regions: Sequence[str], alpha: float, against: str) -> list[str]:
    """One line an answer, under a head that says what was asked. Where a report is silent, its region is a dash."""
    lines = [f"nearest {against}s in {', '.join(regions)}, alpha {alpha:g} (similarities are cosines)"]
    lines.append(f"{'rank':>4}  {'study':>9}  {'subject':>9}  {'score':>6}  {'whole':>6}  {'region':>6}  dicom")
    for a in answers:
        silent = all(each is None for each in a.region_similarities)
        regional = f"{'-':>6}" if silent else f"{a.region_similarity:6.3f}"
        lines.append(
            f"{a.rank:>4}  s{a.study_id}  p{a.subject_id}  {a.score:6.3f}  {a.whole_similarity:6.3f}  "
            f"{regional}  {a.dicom_id}"
        )
    return lines
