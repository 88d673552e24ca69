"""The spaCy pipeline that reads sentences: words, mentions, stand-ins, assertion, explanations, regions, qualities.

In: sentences in plain form (see sentences.py), many in one Doc. Out: the mentions of each. Sections and sentences are
cut from the raw text before spaCy sees it, because spans must index that text exactly, and because a sentence that ten
thousand reports share is then read once (see reader.py). The tokenizer is scispaCy's. What a sentence says does not
depend on the others of its Doc: behind the matcher each rule sees one sentence alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from hilum.text.assertion import assert_mentions
from hilum.text.explanations import ExplanationFinder
from hilum.text.lexicon import Lexicon
from hilum.text.mentions import find_mentions
from hilum.text.places import RegionFinder
from hilum.text.qualities import QualityFinder
from hilum.text.reading import Mention, Reading, readings_of
from hilum.text.standins import StandinFinder
from hilum.text.words import SEPARATOR, WordFinder

Rule = Callable[[Reading], None]
RULES: dict[str, Callable[[], Rule]] = {
    "hilum_mentions": lambda: find_mentions,
    "hilum_standins": StandinFinder,
    "hilum_assertion": lambda: assert_mentions,
    "hilum_explanations": ExplanationFinder,
    "hilum_regions": RegionFinder,
    "hilum_qualities": QualityFinder,
}
_LONGEST_SUFFIX = 32  # characters; only a run of dots is longer

COMPONENTS = ("hilum_words", *RULES)


class RuleComponent:
    """A rule as a component: applied to each sentence of a Doc that names a finding (the first: that may name one)."""

    def __init__(self, rule: Rule, first: bool) -> None:
        self._rule = rule
        self._first = first

    def __call__(self, doc: Doc) -> Doc:
        """Apply the rule."""
        for reading in readings_of(doc):
            if reading.candidates or (self._first and (reading.hits.terms or reading.hits.parts)):
                self._rule(reading)
        return doc


@Language.factory("hilum_words")
def make_words(nlp: Language, name: str) -> WordFinder:
    """The component that begins the readings."""
    return WordFinder(Lexicon(nlp))


def _register(name: str, make_rule: Callable[[], Rule]) -> None:
    def make(nlp: Language, name: str) -> RuleComponent:
        return RuleComponent(make_rule(), first=make_rule is RULES["hilum_mentions"])

    Language.factory(name, func=make)


for _name, _make_rule in RULES.items():
    _register(_name, _make_rule)


def _near_end(search: Callable[[str, int], Any]) -> Callable[[str], Any]:
    """A search for suffixes at a word's end alone: from its beginning, each sign there costs the length of the word."""
    return lambda word: search(word, max(0, len(word) - _LONGEST_SUFFIX))


def build_pipeline() -> Language:
    """A blank English pipeline with scispaCy's tokenizer and hilum's components.

    What spaCy would work out about each new word (its shape, whether it is a number ...) no rule looks at, and it costs
    more than the tokenizer: it is left out.
    """
    import spacy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scispaCy's infix pattern warns on Python 3.11
        from scispacy.custom_tokenizer import combined_rule_tokenizer

        nlp = spacy.blank("en")
        nlp.tokenizer = combined_rule_tokenizer(nlp)
    nlp.tokenizer.max_cache_size = 100_000  # words; an unknown one costs ten times as much as a known one
    nlp.tokenizer.suffix_search = _near_end(nlp.tokenizer.suffix_search)
    nlp.vocab.lex_attr_getters.clear()  # type: ignore[attr-defined]
    for component in COMPONENTS:
        nlp.add_pipe(component)
    return nlp


def read_sentences(nlp: Language, sentences: list[str]) -> list[tuple[Mention, ...]]:
    """The mentions of each sentence."""
    return [mentions_of(reading) for reading in readings_of(nlp(SEPARATOR.join(sentences)))]


def mentions_of(reading: Reading) -> tuple[Mention, ...]:
    """The mentions of a sentence that has been through the pipeline."""
    if not reading.candidates:
        return ()
    terms = [(c, term) for c in reading.candidates for term in (c.term, *c.twins)]
    numbers: dict[int, int] = {}
    for number, (candidate, _) in enumerate(terms):
        numbers.setdefault(id(candidate), number)
    return tuple(
        Mention(
            start=reading.spans[c.start][0],
            end=reading.spans[c.end - 1][1],
            finding=term.finding or "",
            pairs=tuple(c.pairs),
            assertion=c.assertion,
            severity=c.severity,
            temporal=c.temporal,
            size_mm=c.size_mm,
            explains=None if c.explains is None else number if c.explains is c else numbers[id(c.explains)],
            finding_rule=term.pattern,
            assertion_rule=c.cue,
            place_words=c.place_words,
            placed_by=c.placed_by,
            refers_back=c.refers_back,
            explains_back=c.explains_back,
        )
        for number, (c, term) in enumerate(terms)
    )
