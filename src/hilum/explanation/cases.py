"""What the reports of retrieved cases say of one region: their sentences, and their settled labels.

In: texts, mentions and region labels of some studies. Out: `Case`s, numbered as they are cited. A sentence is about a
region if a finding named in it lies there or in a part of it, or is denied of what holds it. Known to be imperfect: a
finding that was named without a place is about no region; the mentions of the whole collection are held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from hilum.labels.parents import ANCESTORS

PRESENT, UNCERTAIN, ABSENT = "present", "uncertain", "absent"
_STRENGTH = (PRESENT, UNCERTAIN, ABSENT)


@dataclass(frozen=True)
class Case:
    """One retrieved case. number: as it is cited, from 1. labels: finding -> what its report says of it in the region.

    sentences: those about the region, in the order of the report, report text. similarity: None if drawn at random.
    """

    number: int
    dicom_id: str
    study_id: int
    subject_id: int
    sentences: tuple[str, ...]
    labels: Mapping[str, str]
    similarity: float | None = None

    def has(self, finding: str) -> bool:
        """Whether its report says that the finding is present in the region."""
        return self.labels.get(finding) == PRESENT


class Evidence:
    """The reports of some studies, to be asked region by region."""

    def __init__(self, texts: pd.DataFrame, mentions: pd.DataFrame, labels: pd.DataFrame) -> None:
        """texts: study_id, text. mentions: MENTIONS. labels: REGION_LABELS. Rows of other studies do no harm."""
        self._texts = dict(zip(texts["study_id"], texts["text"], strict=True))
        said = mentions[mentions["assertion"].isin(_STRENGTH)]
        said = said.sort_values(["study_id", "sentence_start", "mention_id"], kind="stable")
        self._mentions: dict[int, list[tuple[frozenset[str], str, int, int]]] = {}
        for study, regions, assertion, start, end in zip(
            said["study_id"], said["regions"], said["assertion"], said["sentence_start"], said["sentence_end"],
            strict=True,
        ):  # fmt: skip
            self._mentions.setdefault(study, []).append((frozenset(regions), str(assertion), int(start), int(end)))
        self._labels: dict[int, list[tuple[str | None, str, str]]] = {}
        places = [None if pd.isna(place) else str(place) for place in labels["region"]]
        for study, region, finding, label in zip(
            labels["study_id"], places, labels["finding"], labels["label"], strict=True
        ):
            self._labels.setdefault(study, []).append((region, finding, label))

    def sentences(self, study_id: int, region: str) -> tuple[str, ...]:
        """The sentences about a region, each once, with single spaces."""
        text = self._texts.get(study_id, "")
        found = {
            " ".join(text[start:end].split()): None
            for regions, assertion, start, end in self._mentions.get(study_id, ())
            if any(lies_in(place, region) or (assertion == ABSENT and lies_in(region, place)) for place in regions)
        }
        return tuple(found)

    def labels(self, study_id: int, region: str) -> dict[str, str]:
        """Finding -> what is said of it in a region, present over uncertain over absent.

        What is denied without a place is denied here too.
        """
        return settle(
            (finding, label)
            for place, finding, label in self._labels.get(study_id, ())
            if (lies_in(region, place) if label == ABSENT else place is not None and lies_in(place, region))
        )

    def case(self, number: int, ids: tuple[str, int, int], region: str, similarity: float | None = None) -> Case:
        """A case with its evidence. ids: dicom_id, study_id, subject_id."""
        dicom_id, study_id, subject_id = ids
        said, labels = self.sentences(study_id, region), self.labels(study_id, region)
        return Case(number, dicom_id, study_id, subject_id, said, labels, similarity)


def lies_in(place: str, region: str | None) -> bool:
    """Whether a place is the region or a part of it; None is everywhere."""
    return region is None or place == region or region in ANCESTORS[place]


def settle(findings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Finding -> label of pairs that may repeat a finding: present over uncertain over absent."""
    found: dict[str, str] = {}
    for finding, label in findings:
        found[finding] = min(found.get(finding, label), label, key=_STRENGTH.index)
    return dict(sorted(found.items()))


def said_present(cases: Sequence[Case]) -> dict[str, list[int]]:
    """Finding -> numbers of the cases whose reports have it in the region, most cases first, then by name."""
    having: dict[str, list[int]] = {}
    for case in cases:
        for finding in case.labels:
            if case.has(finding):
                having.setdefault(finding, []).append(case.number)
    return dict(sorted(having.items(), key=lambda row: (-len(row[1]), row[0])))
