"""Answers as cases: each with its film, what its report says of the regions asked for, and what its map looks for.

In: ranked answers and an archive. Out: cases, in rank order. A case's map looks for the first finding that its report
asserts there; of a text, for that text. Where a report asserts nothing there, there is nothing to look for and no map.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hilum.browse.films import Film, Films
from hilum.browse.rows import read_rows
from hilum.browse.sentences import DENIED, Sentence, find_sentences
from hilum.retrieval.search import Answer
from hilum.schema import MENTIONS, REPORTS
from hilum.vocabulary import finding_name


@dataclass(frozen=True)
class Case:
    """One image as it is shown. answer: null for the query. shared: names of its findings that are here too."""

    film: Film
    said: tuple[Sentence, ...]
    phrase: str | None
    answer: Answer | None = None
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a page shows. query: null where a text alone asked. regions: those asked for."""

    regions: tuple[str, ...]
    query: Case | None
    cases: tuple[Case, ...]


class Archive:
    """The films and the reports of a collection, read by id."""

    def __init__(self, data: Path, partitions: Sequence[str]) -> None:
        """Raises BadDataError if a partition is missing."""
        self._data = data
        self.films = Films(data, partitions)

    def sentences(self, studies: Iterable[int], regions: Sequence[str]) -> dict[int, tuple[Sentence, ...]]:
        """What the studies' reports say of the regions; as `find_sentences`."""
        found: dict[int, tuple[Sentence, ...]] = {}
        for partition, held in self.films.partition_of(studies).items():
            name = f"{partition}.parquet"
            mentions = read_rows(self._data / "mentions" / name, MENTIONS, "study_id", held)
            reports = read_rows(self._data / "texts" / name, REPORTS, "study_id", held)
            texts = {int(study): str(text) for study, text in zip(reports["study_id"], reports["text"], strict=True)}
            found |= find_sentences(mentions, texts, regions)
        return found


def gather_cases(
    archive: Archive, asker: Film | None, answers: Sequence[Answer], regions: Sequence[str], text: str | None = None
) -> Found:
    """The query and its answers as cases. asker: the query's film. text: what was asked in words, if anything."""
    films = archive.films.read(answer.dicom_id for answer in answers)
    studies = {film.study_id for film in (*films.values(), *([asker] if asker else []))} - {None}
    said = archive.sentences((study for study in studies if study is not None), regions)

    def spoken(film: Film) -> tuple[Sentence, ...]:
        return said.get(film.study_id, ()) if film.study_id is not None else ()

    sought = [text or first_finding(spoken(films[answer.dicom_id])) for answer in answers]
    own = spoken(asker) if asker else ()
    query = None
    if asker is not None:
        nearest = next((phrase for phrase in sought if phrase), None)  # a picture without a report is shown that one
        query = Case(asker, own, text or first_finding(own) or nearest)
    asked = asserted(own)
    cases = []
    for answer, phrase in zip(answers, sought, strict=True):
        film = films[answer.dicom_id]
        shared = sorted(asked & asserted(spoken(film)))
        cases.append(Case(film, spoken(film), phrase, answer, tuple(finding_name(name) for name in shared)))
    return Found(tuple(regions), query, tuple(cases))


def asserted(said: Sequence[Sentence]) -> set[str]:
    """The findings that sentences hold to be present."""
    return {claim.finding for sentence in said for claim in sentence.claims if claim.assertion == "present"}


def first_finding(said: Sequence[Sentence]) -> str | None:
    """The name of the first finding that sentences do not deny."""
    claims = (claim for sentence in said for claim in sentence.claims if claim.assertion != DENIED)
    return next((claim.name for claim in sorted(claims, key=lambda claim: claim.assertion != "present")), None)
