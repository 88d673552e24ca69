"""What reports say of regions: the sentences, with the findings that they name there.

In: mentions and reports of a few studies. Out: sentences by study, what is present first. They are routed as
for the model (hilum.training.texts): what is said to be in a region is said of the regions around it too, and where
anything is present or doubted, sentences that only deny are left out. Weak: found by rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from hilum.labels.parents import ANCESTORS
from hilum.vocabulary import finding_name

RANK = {"present": 0, "uncertain": 1, "absent": 2}
DENIED = "absent"


@dataclass(frozen=True)
class Claim:
    """A finding that a sentence names in a region. start, end: its words within the sentence's text."""

    finding: str
    assertion: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """The finding in readable words."""
        return finding_name(self.finding)


@dataclass(frozen=True)
class Sentence:
    """One sentence of a report, as it stands there, with what it claims of the regions asked for."""

    text: str
    claims: tuple[Claim, ...]

    @property
    def pieces(self) -> tuple[tuple[str, Claim | None], ...]:
        """The text cut where claims begin and end; overlapping words belong to the earlier claim."""
        out: list[tuple[str, Claim | None]] = []
        at = 0
        for claim in sorted(self.claims, key=lambda c: (c.start, c.end)):
            if claim.start >= at:
                out += [(self.text[at : claim.start], None), (self.text[claim.start : claim.end], claim)]
                at = claim.end
        out.append((self.text[at:], None))
        return tuple(piece for piece in out if piece[0])

    @property
    def rank(self) -> int:
        """0 if it says that something is there, 1 if it doubts it, 2 if it only denies."""
        return min(RANK[claim.assertion] for claim in self.claims)


def find_sentences(
    mentions: pd.DataFrame, texts: Mapping[int, str], regions: Sequence[str]
) -> dict[int, tuple[Sentence, ...]]:
    """The sentences that speak of any of the regions, by study_id; of each study what is present first.

    mentions: MENTIONS rows. texts: study_id -> the report file's text, in which their spans are counted. Studies whose
    reports say nothing of the regions are not in the answer.
    """
    asked = set(regions)
    found: dict[int, dict[tuple[int, int], list[Claim]]] = {}
    columns = ("study_id", "sentence_start", "sentence_end", "finding", "assertion", "char_start", "char_end")
    of_interest = mentions[mentions["assertion"].isin(list(RANK)) & mentions["study_id"].isin(list(texts))]
    for places, *row in zip(of_interest["regions"], *(of_interest[name] for name in columns), strict=True):
        study, start, end, finding, assertion, first, last = row
        said = {str(region) for region in places}
        if assertion != DENIED:
            said |= {around for region in said for around in ANCESTORS.get(region, ())}
        if said & asked:
            claim = Claim(finding, assertion, int(first) - int(start), int(last) - int(start))
            found.setdefault(int(study), {}).setdefault((int(start), int(end)), []).append(claim)
    return {study: _order(spans, texts[study]) for study, spans in found.items()}


def _order(spans: Mapping[tuple[int, int], list[Claim]], text: str) -> tuple[Sentence, ...]:
    sentences = [Sentence(text[start:end], tuple(claims)) for (start, end), claims in sorted(spans.items())]
    speaking = [sentence for sentence in sentences if sentence.rank < RANK[DENIED]]
    distinct: dict[str, Sentence] = {}
    for sentence in speaking or sentences:
        distinct.setdefault(" ".join(sentence.text.split()), sentence)
    return tuple(sorted(distinct.values(), key=lambda sentence: sentence.rank))
