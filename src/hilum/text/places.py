"""Which words of place belong to which finding.

In: candidates and place words. Out: candidates with pairs of side and kind; regions.py makes regions of them.
Neighbouring place words make a phrase ("right upper and left lower lobe"). Each phrase goes to one finding: the one it
stands before ("left basilar atelectasis"), the one it follows ("opacity at the left base"), or the first one of a
clause that opens with it ("The right base shows an opacity"). A bare side that describes a word unknown to the
vocabulary ("left mastectomy and a nodule") goes to nothing. What findings take from each other is in sharing.py.
Known to be imperfect: a place between two findings goes to one of them by the words around it, without grammar.
"""

from __future__ import annotations

from bisect import bisect_left

from hilum.text.pairs import PlaceHit, PlacePhrase, has_side, merge_pairs, read_pairs
from hilum.text.reading import Candidate, Reading
from hilum.text.regions import placements
from hilum.text.sharing import PlaceSharer
from hilum.vocabulary.language import load_cues
from hilum.vocabulary.language.standins import load_emphasis, load_sparing

_SEPARATORS = frozenset({",", "and", "or", "with", "without", "no", ":", "of"})
_ARTICLES = frozenset({"the", "a", "an"})
_EMPHASIS = 4
_OPENS = frozenset({",", ":", "there"})


class RegionFinder:
    """Place phrases to findings."""

    def __init__(self) -> None:
        cues = load_cues()
        self._verbs = cues.verbs
        self._prepositions = cues.prepositions
        self._glue = cues.glue
        self._emphasis = load_emphasis()
        self._sparing = load_sparing()
        self._sharer = PlaceSharer()

    def __call__(self, reading: Reading) -> None:
        """Place every candidate of the sentence."""
        phrases = [
            p for p in self._phrases(reading) if not (self._is_spared(reading, p) or self._is_pronoun(reading, p))
        ]
        weak = [hit for phrase in phrases if (hit := self._attach(reading, phrase)) is not None]
        for candidate, phrase in weak:
            if not any(has_side(side) for side, _ in candidate.pairs):
                _give(candidate, phrase, leads=True)
        self._sharer.share(reading)
        for candidate in reading.candidates:
            candidate.place_words = _words(reading, candidate)

    def _phrases(self, reading: Reading) -> list[PlacePhrase]:
        phrases: list[PlacePhrase] = []
        starts = [c.start for c in reading.candidates]
        for hit in reading.hits.places:
            last = phrases[-1] if phrases else None
            if last is not None and self._continues(reading, last, hit, starts):
                last.words.append(hit)
                last.end = max(last.end, hit[1])
            else:
                phrases.append(PlacePhrase(hit[0], hit[1], [hit]))
        return phrases

    def _continues(self, reading: Reading, phrase: PlacePhrase, hit: PlaceHit, starts: list[int]) -> bool:
        start, _, words = hit
        before = phrase.words[-1][2].kind
        between = reading.words[phrase.end : start]
        if len(between) > 4 or bisect_left(starts, phrase.end) < bisect_left(starts, start):
            return False
        if reading.broken(phrase.end, start + 1, "hard", "exception"):
            return False
        if words.kind is None and before is not None and not self._emphasis.isdisjoint(between):
            return False  # "at the bases, greater on the left"
        if words.kind is None and before is None and between[:1] == ["and"]:
            between = self._undescribed(
                reading, phrase.end, start
            )  # "moderate right and possible small left effusions"
        return all(w in self._glue or (w == "," and i == 0 and len(between) <= 2) for i, w in enumerate(between))

    @staticmethod
    def _undescribed(reading: Reading, start: int, end: int) -> list[str]:
        """The words of [start, end) without those of severity, change and doubt."""
        said = [hit[:2] for hit in reading.marks_in(start, end) if hit[2].kind in {"severity", "temporal"}]
        said += [(s, e) for s, e, cue in reading.hits.cues if start <= s and e <= end and cue.assertion == "uncertain"]
        return [reading.words[at] for at in range(start, end) if not any(s <= at < e for s, e in said)]

    def _attach(self, reading: Reading, phrase: PlacePhrase) -> tuple[Candidate, PlacePhrase] | None:
        """Give a phrase to its finding; returned where it is that finding's only if it has no place of its own."""
        inside = next((c for c in reading.candidates if c.start < phrase.end and phrase.start < c.end), None)
        if inside is not None:
            _give(inside, phrase, leads=phrase.start < inside.start)
            return None
        before = next((c for c in reversed(reading.candidates) if c.end <= phrase.start), None)
        if before is not None and _cut(reading, before.end, phrase.start):
            before = None
        after = next((c for c in reading.candidates if c.start >= phrase.end), None)
        if after is not None and _cut(reading, phrase.end, after.start):
            after = None
        if after is not None and self._leads(reading, phrase, after.start):
            head, tail = self._split(reading, phrase, before) if before is not None else (None, phrase)
            if head is not None and before is not None:
                _give(before, head, leads=False)
            _give(after, tail, leads=True)
        elif before is not None and self._is_emphasis(reading, phrase, before):
            before.place_spans.append((phrase.start, phrase.end))
        elif before is not None and not self._is_others(reading, phrase, before.end):
            _give(before, phrase, leads=False)
        elif before is not None:  # "right apical irregularities compatible with scarring"
            if after is not None and _marked(reading, phrase.end, after.start, "link"):
                _give(after, phrase, leads=True)
        elif after is not None and self._opens(reading, phrase, after.start):
            if self._is_listed(reading, phrase.end, after.start):
                return after, phrase
            _give(after, phrase, leads=True)
        return None

    def _leads(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether only words that describe stand between the phrase and the finding at `start`."""
        between = reading.words[phrase.end : start]
        if len(between) > 5 or _marked(reading, phrase.end, start, "link", "boundary"):
            return False
        if between[1:2] == ["of"]:  # "bibasilar areas of atelectasis"
            between = between[2:]
        return not any(w in self._verbs or w in self._prepositions or w in _SEPARATORS for w in between)

    def _opens(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether a clause that opens with the phrase speaks of it: "on the left there is", "the left shows"."""
        if any(words.kind is not None for _, _, words in phrase.words):
            return True
        words = reading.words
        ahead = _ahead(reading, phrase.start, 0)
        if ahead >= 0 and words[ahead] in self._prepositions and phrase.start - ahead > 1:
            return True
        behind = words[phrase.end]
        return behind in _OPENS or behind in self._verbs or _marked(reading, phrase.end, start, "link")

    def _is_spared(self, reading: Reading, phrase: PlacePhrase) -> bool:
        """Whether it is said that the finding is not there: "with sparing of the apices"."""
        ahead = _ahead(reading, phrase.start, 0)
        ahead -= ahead > 0 and reading.words[ahead] == "of"
        return ahead >= 0 and reading.words[ahead] in self._sparing

    def _is_pronoun(self, reading: Reading, phrase: PlacePhrase) -> bool:
        """Whether "both" is said of two findings and not of two sides: "effusion and atelectasis, both unchanged"."""
        if reading.words[phrase.start : phrase.end] != ["both"] or phrase.end == len(reading.words):
            return False
        changes = {
            start for start, _, mark in reading.marks_in(phrase.end, len(reading.words)) if mark.kind == "temporal"
        }
        return reading.words[phrase.end] in self._verbs | {"of"} or phrase.end in changes

    def _is_emphasis(self, reading: Reading, phrase: PlacePhrase, before: Candidate) -> bool:
        """Whether a side tells where more is of what lies on both: "at the bases, more so on the left"."""
        if any(words.kind is not None for _, _, words in phrase.words):
            return False
        near = reading.words[max(before.end, phrase.start - _EMPHASIS) : phrase.start]
        return not self._emphasis.isdisjoint(near) and any(side == "?both" for side, _ in before.pairs)

    def _is_listed(self, reading: Reading, start: int, end: int) -> bool:
        """Whether something unknown stands in a list before a finding: "left hilar calcifications and a nodule"."""
        between = reading.words[start:end]
        return between[1:] != [] and "and" in between[1:] and self._verbs.isdisjoint(between)

    def _is_others(self, reading: Reading, phrase: PlacePhrase, start: int) -> bool:
        """Whether a phrase behind a finding describes something unknown: "granuloma and right hilar lymph nodes"."""
        words = reading.words
        if (
            phrase.end >= len(words)
            or not words[phrase.end].isalpha()
            or words[phrase.end].endswith(("ly", "ing", "ed"))
        ):
            return False
        behind = words[phrase.end]
        if behind in self._verbs or behind in self._prepositions or behind in self._glue or behind in _SEPARATORS:
            return False
        known = [first for first, _, mark in reading.marks_in(phrase.end, len(words)) if mark.kind != "subject"]
        if phrase.end in known or any(first == phrase.end for first, _, _ in reading.hits.cues):
            return False
        for ahead in range(phrase.start - 1, start - 1, -1):
            if words[ahead] in {",", "and"}:
                return True
            if words[ahead] in self._prepositions or words[ahead] in self._verbs:
                return False
        return False

    def _split(
        self, reading: Reading, phrase: PlacePhrase, before: Candidate
    ) -> tuple[PlacePhrase | None, PlacePhrase]:
        """Part a phrase between two findings: "in the left base and right apical nodule"."""
        ahead = _ahead(reading, phrase.start, before.end)
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


def _give(candidate: Candidate, phrase: PlacePhrase, *, leads: bool) -> None:
    pairs = read_pairs(phrase, candidate, diffuse=placements()[candidate.finding].rule == "diffuse")
    if pairs:
        candidate.leads = leads if not candidate.own_place else candidate.leads
        candidate.own_place = True
        candidate.placed_by = "said"
        candidate.place_spans.append((phrase.start, phrase.end))
        candidate.pairs = merge_pairs(candidate.pairs + pairs)


def _ahead(reading: Reading, start: int, low: int) -> int:
    """The token in front of `start` and the articles there; low - 1 if there is none from `low` on."""
    ahead = start - 1
    while ahead >= low and reading.words[ahead] in _ARTICLES:
        ahead -= 1
    return ahead


def _cut(reading: Reading, start: int, end: int) -> bool:
    return reading.broken(start, end + 1, "hard", "exception")


def _marked(reading: Reading, start: int, end: int, *kinds: str) -> bool:
    """Whether a mark of one of the kinds lies in [start, end)."""
    return any(mark.kind in kinds for _, _, mark in reading.marks_in(start, end))


def _words(reading: Reading, candidate: Candidate) -> str:
    """The words that placed a candidate, in the order of the text."""
    spans = sorted(set(candidate.place_spans))
    return (
        " .. ".join(" ".join(reading.words[start:end]) for start, end in spans)
        .replace(" ,", ",")
        .replace("\u00a4", "_")
    )
