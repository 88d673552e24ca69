"""What the components of the pipeline write down about one sentence.

In: nothing. Out: `Reading`, kept in `doc.user_data["hilum"]` while a sentence runs through the pipeline (plain objects:
spaCy's extension attributes cost more than the rules), and `Mention`, what remains of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spacy.tokens import Doc

from hilum.text.lexicon import Hits, Term

KEY = "hilum"
Pair = tuple[str | None, str | None]
"""A side (left, right, None; "?left", "?right", "?both" unless one is said) and a kind (None: a side alone)."""


@dataclass(slots=True)
class Candidate:
    """A finding in a sentence while its place and assertion are being found. Token offsets, last exclusive.

    tokens: those that are this finding's alone. weight: how many its pattern matched ("heart and mediastinum are
    normal": two findings share a normal). twins: patterns of other findings that matched the same ones.
    pairs: places said. leads: the places stand before the finding. place_words: the words that said them.
    explains: the sign that it is offered as the cause or nature of ("opacity, which may be atelectasis").
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
    explains: Candidate | None = None
    place_words: str = ""

    @property
    def finding(self) -> str:
        """The finding's key; false friends never become candidates."""
        return self.term.finding or ""


@dataclass(slots=True)
class Reading:
    """One sentence. words: its tokens. breaks: token -> strength of the boundary in front of it."""

    words: list[str]
    hits: Hits
    breaks: dict[int, str] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)

    def broken(self, start: int, end: int, *strengths: str) -> bool:
        """Whether a boundary of one of the strengths lies in front of a token of [start, end)."""
        return any(start <= at < end and strength in strengths for at, strength in self.breaks.items())


@dataclass(frozen=True, slots=True)
class Mention:
    """One finding named in a sentence; offsets of characters in the sentence's plain form.

    explains: which of the sentence's mentions it is the explanation of, counted from 0.
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
    refers_back: bool = False


def reading_of(doc: Doc) -> Reading:
    """The reading that an earlier component began."""
    reading: Reading = doc.user_data[KEY]
    return reading
