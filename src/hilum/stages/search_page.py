"""The answers of `hilum search` written as an offline page. No DVC stage."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hilum.browse.cases import Archive, gather_cases
from hilum.browse.films import Film, film_of_file
from hilum.browse.maps import Maps
from hilum.browse.page import Asked, render_search_page
from hilum.image.pack import PackedImage
from hilum.model.inference import LoadedModel
from hilum.retrieval.index import RegionIndex
from hilum.retrieval.search import Answer
from hilum.tables import write_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageOptions:
    """Where the page goes, and the collection whose images and reports are on it. sigma: of its maps, in patches."""

    path: Path
    data: Path
    partitions: Sequence[str]
    collection: str
    sigma: float


@dataclass(frozen=True)
class Asker:
    """Who asked: a study, by its image or its report; a file as it was packed; words. Any of them, together.

    dicom_id: the study's first indexed image, which is shown; null if it has none. against: what answers.
    """

    study_id: int | None = None
    dicom_id: str | None = None
    file: tuple[Path, PackedImage, str] | None = None
    text: str | None = None
    by: str = "image"
    against: str = "image"


def write_search_page(
    options: PageOptions,
    index: RegionIndex,
    model: LoadedModel,
    asker: Asker,
    answers: Sequence[Answer],
    regions: Sequence[str],
    alpha: float,
) -> None:
    """Write the page. Raises BadDataError if the collection's tables or pictures cannot be read."""
    archive = Archive(options.data, options.partitions)
    film = find_asker(archive, asker)
    found = gather_cases(archive, film, answers, regions, asker.text, asker.against)
    knows_patient = asker.study_id is not None or (film is not None and film.study_id is not None)
    asked = Asked(
        describe_asker(asker, film), alpha, index.model_id, len(index.side(asker.against)), options.collection,
        asker.text, asker.against, knows_patient,
    )  # fmt: skip
    text = render_search_page(found, asked, Maps(model, options.sigma))
    write_text(options.path, text)
    log.info("search: %s, which holds X-rays and report text; %.1f MB", options.path, len(text) / 1e6)


def find_asker(archive: Archive, asker: Asker) -> Film | None:
    """The film that asked, if any. A file that bears the name of an image of the collection is that image."""
    if asker.file is not None:
        path, packed, sha256 = asker.file
        known = archive.films.read([path.stem])[path.stem] if path.stem in archive.films.images.index else None
        return film_of_file(path, packed, sha256, known)
    return archive.films.read([asker.dicom_id])[asker.dicom_id] if asker.dicom_id else None


def describe_asker(asker: Asker, film: Film | None) -> str:
    """The query in words."""
    parts = []
    if asker.file is not None:
        of = f", which is of study {film.study_id}," if film is not None and film.study_id is not None else ""
        parts.append(f"the file {asker.file[0].name}{of}")
    if asker.study_id is not None:
        parts.append(f"the {asker.by} of study {asker.study_id}")
    if asker.text is not None:
        parts.append("a text")
    return " and ".join(parts).removesuffix(",")
