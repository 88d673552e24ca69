"""What the components of the pipeline write down about one sentence.

In: nothing. Out: `Reading`s, kept in `doc.user_data["hilum"]` while sentences run through the pipeline (plain objects:
spaCy's extension attributes cost more than the rules), and `Mention`, what remains of it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from spacy.tokens import Doc

from hilum.text.lexicon import Hits, Mark, Term
from hilum.vocabulary.language import Cue

KEY = "hilum"
Pair = tuple[str | None, str | None]
"""A side (left, right, None; "?left", "?right", "?both" unless one is said) and a kind (None: a side alone)."""
CueHit = tuple[int, int, Cue]
"""First token, one past the last, and the cue."""


@dataclass(slots=True)
class Candidate:
    """A finding in a sentence while its place and assertion are being found. Token offsets, last exclusive.

    tokens: those that are this finding's alone. weight: how many its pattern matched ("heart and mediastinum are
    normal": two findings share a normal). twins: patterns of other findings that matched the same ones.
    pairs: places said. leads: the places stand before the finding. place_spans: where they were said, in this sentence.
    place_words: the words there. placed_by: how they came to this finding (said, shared with ..., side of ...).
    stands_for: the finding that its words stand for ("none on the left").
    decided: the cue behind the assertion, where one stands in front of the finding.
    explains: the sign that it is offered as the cause or nature of ("opacity, which may be atelectasis"); itself where
    the sign is none of our findings. explains_back: the sign is in the sentence before ("This may be atelectasis").
    """

    start: int
    end: int
    tokens: tuple[int, ...]
    term: Term
    weight: int = 0
    assertion: str = "present"
    cue: str = ""
    pairs: list[Pair] = field(default_factory=list)
    leads: bool = False
    own_place: bool = False
    twins: list[Term] = field(default_factory=list)
    refers_back: bool = False
    severity: str | None = None
    temporal: str | None = None
    size_mm: float | None = None
    decided: CueHit | None = None
    explains: Candidate | None = None
    explains_back: bool = False
    stands_for: Candidate | None = None
    place_spans: list[tuple[int, int]] = field(default_factory=list)
    place_words: str = ""
    placed_by: str = ""

    @property
    def finding(self) -> str:
        """The finding's key; false friends never become candidates."""
        return self.term.finding or ""


@dataclass(slots=True)
class Reading:
    """One sentence. words: its tokens as they were meant, and `spans` where each stands in its plain form `text`.

    breaks: token -> strength of the boundary in front of it.
    """

    text: str
    words: list[str]
    spans: list[tuple[int, int]]
    hits: Hits
    breaks: dict[int, str] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    _cuts: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    def broken(self, start: int, end: int, *strengths: str) -> bool:
        """Whether a boundary of one of the strengths lies in front of a token of [start, end)."""
        if not self.breaks:
            return False
        cuts = self._cuts.get(strengths)
        if cuts is None:
            cuts = sorted(at for at, strength in self.breaks.items() if strength in strengths)
            self._cuts[strengths] = cuts
        nearest = bisect_left(cuts, start)
        return nearest < len(cuts) and cuts[nearest] < end

    def last_break(self, at: int) -> int:
        """The last token up to `at` with a boundary of any strength in front of it; -1 if there is none."""
        return max((token for token in self.breaks if token <= at), default=-1)

    def add(self, candidates: list[Candidate]) -> None:
        """Take in more candidates; no cue reaches across the beginning of one."""
        for candidate in candidates:
            self.breaks.setdefault(candidate.start, "soft")
        self._cuts.clear()
        self.candidates = sorted([*self.candidates, *candidates], key=lambda c: (c.start, c.end))

    def marks_in(self, start: int, end: int) -> list[tuple[int, int, Mark]]:
        """The marks that lie in [start, end)."""
        marks = self.hits.marks
        first = bisect_left(marks, start, key=itemgetter(0))
        last = bisect_left(marks, end, lo=first, key=itemgetter(0))
        return [hit for hit in marks[first:last] if hit[1] <= end]

    def is_marked(self, start: int, end: int, *kinds: str) -> bool:
        """Whether a mark of one of the kinds lies in [start, end)."""
        return any(mark.kind in kinds for _, _, mark in self.marks_in(start, end))


class Mention(NamedTuple):
    """One finding named in a sentence; offsets of characters in the sentence's plain form.

    explains: which of the sentence's mentions it is the explanation of, counted from 0; its own: of a sign that no
    finding names. explains_back: it explains a sign of the sentence before, if that names one.
    refers_back: it has no place of its own and the sentence goes on with what the one before it spoke of.
    """

    start: int
    end: int
    finding: str
    pairs: tuple[Pair, ...]
    assertion: str
    severity: str | None
    temporal: str | None
    size_mm: float | None
    explains: int | None
    finding_rule: str
    assertion_rule: str
    place_words: str
    placed_by: str
    refers_back: bool = False
    explains_back: bool = False


def readings_of(doc: Doc) -> list[Reading]:
    """The readings of a Doc's sentences, which its first component began."""
    readings: list[Reading] = doc.user_data[KEY]
    return readings
