"""Which words of place belong to which finding.

In: candidates and place words. Out: candidates with pairs of side and kind; regions.py makes regions of them.
Neighbouring place words make a phrase ("right upper and left lower lobe"). Each phrase goes to one finding: the one it
stands before ("left basilar atelectasis"), the one it follows ("opacity at the left base"), or the first one of a
clause that opens with it ("The right base shows an opacity"). Findings joined by "and" share a place unless they are
denied; "X may represent Y" puts Y where X is; "effusion with adjacent Y" hands on the side alone.
Known to be imperfect: a place between two findings goes to one of them by the words around it, without grammar.
"""

from __future__ import annotations

from itertools import pairwise

from spacy.language import Language
from spacy.tokens import Doc

from hilum.text.lexicon import Mark
from hilum.text.reading import Candidate, Reading, reading_of
from hilum.text.regions import PlacePhrase, is_said, merge_pairs, placements, read_pairs, settle_sides
from hilum.vocabulary.language import load_cues
from hilum.vocabulary.language.terms import load_terms

_SEPARATORS = frozenset({",", "and", "or", "with", "without", "no", ":", "of"})


@Language.factory("hilum_regions")
def make_regions(nlp: Language, name: str) -> RegionFinder:
    """The component that places findings."""
    return RegionFinder()


class RegionFinder:
    """Place phrases to findings, and findings to regions."""

    def __init__(self) -> None:
        cues = load_cues()
        self._verbs = cues.verbs
        self._prepositions = cues.prepositions
        self._glue = cues.glue
        self._placements = placements()
        self._signs = {f.finding for f in load_terms() if f.sign}

    def __call__(self, doc: Doc) -> Doc:
        """Place every candidate of the sentence."""
        reading = reading_of(doc)
        if not reading.candidates:
            return doc
        for phrase in self._phrases(reading):
            self._attach(reading, phrase)
        self._share(reading)
        self._look_back(reading)
        return doc

    def _phrases(self, reading: Reading) -> list[PlacePhrase]:
        phrases: list[PlacePhrase] = []
        starts = {c.start for c in reading.candidates}
        for start, end, words in reading.hits.places:
            last = phrases[-1] if phrases else None
            if last is not None and self._continues(reading, last, start, starts):
                last.words.append((start, end, words))
                last.end = max(last.end, end)
            else:
                phrases.append(PlacePhrase(start, end, [(start, end, words)]))
        return phrases

    def _continues(self, reading: Reading, phrase: PlacePhrase, start: int, starts: set[int]) -> bool:
        between = reading.words[phrase.end : start]
        if any(phrase.end <= s < start for s in starts) or reading.broken(phrase.end, start + 1, "hard", "exception"):
            return False
        return len(between) <= 4 and all(
            w in self._glue or (w == "," and i == 0 and len(between) <= 2) for i, w in enumerate(between)
        )

    def _attach(self, reading: Reading, phrase: PlacePhrase) -> None:
        inside = [c for c in reading.candidates if c.start < phrase.end and phrase.start < c.end]
        if inside:
            self._give(reading, inside[0], phrase, leads=phrase.start < inside[0].start)
            return
        before = [
            c for c in reading.candidates if c.end <= phrase.start and not self._cut(reading, c.end, phrase.start)
        ]
        after = [c for c in reading.candidates if c.start >= phrase.end and not self._cut(reading, phrase.end, c.start)]
        if before and after and self._leads(reading, phrase, after[0].start):
            head, tail = self._split(reading, phrase, before[-1])
            if head is not None:
                self._give(reading, before[-1], head, leads=False)
            self._give(reading, after[0], tail, leads=True)
        elif before:
            self._give(reading, before[-1], phrase, leads=False)
        elif after:
            self._give(reading, after[0], phrase, leads=True)

    @staticmethod
    def _cut(reading: Reading, start: int, end: int) -> bool:
        return reading.broken(start, end + 1, "hard", "exception")

    def _leads(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether only words that describe stand between the phrase and the finding at `start`."""
        between = reading.words[phrase.end : start]
        if len(between) > 5 or any(m.kind in {"link", "boundary"} for m in _marks(reading, phrase.end, start)):
            return False
        if between[1:2] == ["of"]:  # "bibasilar areas of atelectasis"
            between = between[2:]
        return not any(w in self._verbs or w in self._prepositions or w in _SEPARATORS for w in between)

    def _split(
        self, reading: Reading, phrase: PlacePhrase, before: Candidate
    ) -> tuple[PlacePhrase | None, PlacePhrase]:
        """Part a phrase between two findings: "in the left base and right apical nodule"."""
        ahead = phrase.start - 1
        while ahead >= before.end and reading.words[ahead] in {"the", "a", "an"}:
            ahead -= 1
        if ahead < before.end or reading.words[ahead] not in self._prepositions:
            return None, phrase
        for number in range(len(phrase.words) - 1, 0, -1):
            if {"and", ","} & set(reading.words[phrase.words[number - 1][1] : phrase.words[number][0]]):
                cut = phrase.words[number][0]
                return (
                    PlacePhrase(phrase.start, phrase.words[number - 1][1], phrase.words[:number]),
                    PlacePhrase(cut, phrase.end, phrase.words[number:]),
                )
        return None, phrase

    @staticmethod
    def _give(reading: Reading, candidate: Candidate, phrase: PlacePhrase, *, leads: bool) -> None:
        pairs = read_pairs(phrase, candidate)
        if pairs:
            candidate.leads = leads if not candidate.own_place else candidate.leads
            candidate.own_place = True
            candidate.place_words = " ".join(filter(None, [candidate.place_words, _words(reading, phrase)]))
            candidate.pairs = merge_pairs(candidate.pairs + pairs)

    def _share(self, reading: Reading) -> None:
        candidates = reading.candidates
        for first, second in pairwise(candidates):
            if second.own_place and any(is_said(side) for side, _ in second.pairs):
                continue
            relation = self._relation(reading, first, second)
            if relation is None or not first.pairs or not self._may_share(first, second, relation):
                continue
            sides = list(dict.fromkeys(side for side, _ in settle_sides(first.pairs)))
            if second.own_place:
                if sides:
                    second.pairs = merge_pairs([(side, kind) for _, kind in second.pairs for side in sides])
                    second.place_words = f"{first.place_words} {second.place_words}"
            elif relation == "beside" and self._placements[first.finding].rule == "sided":
                second.pairs = [(side, None) for side in sides]
                second.place_words = first.place_words
            elif relation in {"link", "beside"} or first.leads or not first.own_place:
                second.pairs = list(first.pairs)
                second.place_words = first.place_words
                second.leads = first.leads
        for first, second in reversed(list(pairwise(candidates))):
            if first.pairs or not second.own_place or second.leads or second.term.n_parts > 1:
                continue
            if self._relation(reading, first, second) == "list" and self._may_share(first, second, "list"):
                first.pairs = list(second.pairs)
                first.place_words = second.place_words

    def _may_share(self, first: Candidate, second: Candidate, relation: str) -> bool:
        if "absent" in (first.assertion, second.assertion):
            return False
        rules = {self._placements[c.finding].rule for c in (first, second)}
        if relation == "link":
            return not rules & {"tip", "none"}
        units = {
            self._placements[c.finding].unit for c in (first, second) if self._placements[c.finding].rule == "sided"
        }
        return rules <= {"zone", "sided"} and units <= {"costophrenic angle"}

    def _relation(self, reading: Reading, first: Candidate, second: Candidate) -> str | None:
        """How two neighbouring findings are joined: link, beside, list, or not at all."""
        if reading.broken(first.end, second.start + 1, "hard", "exception"):
            return None
        between = reading.words[first.end : second.start]
        links = [e for s, e, m in reading.hits.marks if m.kind == "link" and first.end <= s and e <= second.start]
        if links and not {"and", ","} & set(reading.words[max(links) : second.start]):
            return "link"
        if self._is_gloss(first, second, between):
            return "link"
        if any(m.kind == "beside" for m in _marks(reading, first.end, second.start)) and "with" in between:
            return "beside"
        if len(between) > 7 or any(w in self._verbs or w in {"with", ":"} for w in between):
            return None
        return "list" if not between or {"and", "or", ",", "versus", "vs"} & set(between) else None

    def _is_gloss(self, first: Candidate, second: Candidate, between: list[str]) -> bool:
        """A sign with its explanation behind a comma or a removed word: "opacity, ___ atelectasis"."""
        if first.finding not in self._signs or second.finding in self._signs:
            return False
        if self._placements[second.finding].rule != "zone":
            return is_gap(between[-1] if between else "") or is_gap(between[-2] if len(between) > 1 else "")
        behind = between[len(between) - between[::-1].index(",") :] if "," in between else None
        gap = any(is_gap(word) for word in between[-3:])
        return gap or (
            behind is not None and len(behind) <= 2 and not {"and", "or", "nor", "with", "no", "without"} & set(behind)
        )

    def _look_back(self, reading: Reading) -> None:
        """Mark findings without a place in a sentence that goes on with the one before it ("This may be ...")."""
        if not any(s == 0 and m.kind == "backref" for s, _, m in reading.hits.marks):
            return
        if any(c.pairs for c in reading.candidates[:1]):
            return
        for candidate in reading.candidates:
            rule = self._placements[candidate.finding].rule
            candidate.refers_back = (
                not candidate.pairs and candidate.assertion != "absent" and rule in {"zone", "sided"}
            )


def is_gap(word: str) -> bool:
    """Whether a token stands for words removed by de-identification."""
    return word.startswith("\u00a4") or (len(word) > 2 and not word.strip("x"))


def _words(reading: Reading, phrase: PlacePhrase) -> str:
    return " ".join(" ".join(reading.words[start:end]) for start, end, _ in phrase.words)


def _marks(reading: Reading, start: int, end: int) -> list[Mark]:
    return [m for s, e, m in reading.hits.marks if start <= s and e <= end]
