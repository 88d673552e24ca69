"""Answers as cases: each with its film, what its report says of the regions asked for, and what its map looks for.

In: ranked answers and an archive. Out: cases, in rank order. A case's map looks for a finding that its report asserts
there, one of the query's before others; of a text, for that text. Where a report asserts nothing there, the map looks
for what the query has there; where the query has no report either, for what the nearest case has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from hilum.browse.films import Film, Films
from hilum.browse.rows import read_rows
from hilum.browse.sentences import DENIED, Sentence, find_sentences
from hilum.retrieval.search import Answer
from hilum.schema import MENTIONS, REPORTS
from hilum.vocabulary import finding_name

LONGEST_PHRASE = 100  # characters of a text that maps look for


@dataclass(frozen=True)
class Case:
    """One image as it is shown. film: null for a report without a frontal image.

    phrase: what its map looks for; null if there is nothing to look for. borrowed: its own report does not assert it.
    answer: null for the query. shared: names of the query's findings that are here too. compared: what answered, image
    or report.
    """

    film: Film | None
    said: tuple[Sentence, ...]
    phrase: str | None
    borrowed: bool = False
    answer: Answer | None = None
    shared: tuple[str, ...] = ()
    compared: str = "image"


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
        for partition, held in self.films.partitions_of(studies).items():
            name = f"{partition}.parquet"
            mentions = read_rows(self._data / "mentions" / name, MENTIONS, "study_id", held)
            reports = read_rows(self._data / "texts" / name, REPORTS, "study_id", held)
            texts = {int(study): str(text) for study, text in zip(reports["study_id"], reports["text"], strict=True)}
            found |= find_sentences(mentions, texts, regions)
        return found

    def named(self, study_id: int) -> dict[str, tuple[str, ...]]:
        """What a study's report does not deny, and where: the finding in words -> the regions said, in report order."""
        places: dict[str, dict[str, None]] = {}
        for partition in self.films.partitions_of([study_id]):
            mentions = read_rows(self._data / "mentions" / f"{partition}.parquet", MENTIONS, "study_id", [study_id])
            claimed = mentions[mentions["assertion"].isin(("present", "uncertain"))]
            for finding, regions in zip(claimed["finding"], claimed["regions"], strict=True):
                places.setdefault(finding_name(finding), {}).update(dict.fromkeys(map(str, regions)))
        return {finding: tuple(regions) for finding, regions in places.items() if regions}


def gather_cases(
    archive: Archive,
    asker: Film | None,
    answers: Sequence[Answer],
    regions: Sequence[str],
    text: str | None = None,
    against: str = "image",
) -> Found:
    """The query and its answers as cases. asker: the query's film. text: what was asked in words, if anything.

    against: what answered. A report is shown with its study's first image, if it has one.
    """
    images = [answer.dicom_id or archive.films.first_of(answer.study_id) for answer in answers]
    films = archive.films.read(image for image in images if image)
    own_study = asker.study_id if asker else None
    studies = {answer.study_id for answer in answers} | ({own_study} if own_study is not None else set())
    said = archive.sentences(studies, regions)
    own = said.get(own_study, ()) if own_study is not None else ()
    asked = asserted(own)
    named = [first_finding(said.get(answer.study_id, ()), asked) for answer in answers]
    text = text if text and len(text) <= LONGEST_PHRASE else None  # a whole report is nothing to look for
    phrase = text or first_finding(own) or next(filter(None, named), None)
    query = None if asker is None else Case(asker, own, phrase, text is None and first_finding(own) is None)
    cases = []
    for answer, image, name in zip(answers, images, named, strict=True):
        spoken = said.get(answer.study_id, ())
        shared = tuple(finding_name(finding) for finding in sorted(asked & asserted(spoken)))
        borrowed, film = text is None and name is None, films[image] if image else None
        cases.append(Case(film, spoken, text or name or phrase, borrowed, answer, shared, against))
    return Found(tuple(regions), query, tuple(cases))


def asserted(said: Sequence[Sentence]) -> set[str]:
    """The findings that sentences hold to be present."""
    return {claim.finding for sentence in said for claim in sentence.claims if claim.assertion == "present"}


def first_finding(said: Sequence[Sentence], best: Set[str] = frozenset()) -> str | None:
    """The name of the first finding that sentences do not deny; of `best` before others, present before uncertain."""
    claims = [claim for sentence in said for claim in sentence.claims if claim.assertion != DENIED]
    ordered = sorted(claims, key=lambda claim: (claim.finding not in best, claim.assertion != "present"))
    return ordered[0].name if ordered else None
