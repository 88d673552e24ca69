"""The spaCy pipeline that reads one sentence: words, mentions, assertion, explanations, regions, qualities.

In: a sentence in plain form (see sentences.py). Out: its mentions. Sections and sentences are cut from the raw text
before spaCy sees it, because spans must index that text exactly, and because a sentence that ten thousand reports share
is then read once (see reader.py). The tokenizer is scispaCy's.
"""

from __future__ import annotations

import warnings

from spacy.language import Language
from spacy.tokens import Doc

from hilum.errors import UsageError
from hilum.text import assertion, explanations, mentions, places, qualities, standins
from hilum.text.reading import Mention, reading_of

COMPONENTS = (
    "hilum_words",
    "hilum_mentions",
    "hilum_standins",
    "hilum_assertion",
    "hilum_explanations",
    "hilum_regions",
    "hilum_qualities",
)
_MODULES = (assertion, explanations, mentions, places, qualities, standins)  # importing them registers the components


def build_pipeline(spacy_model: str = "blank") -> Language:
    """A blank English pipeline, or an installed one such as en_core_sci_sm, with hilum's components at the end.

    Raises UsageError if the named pipeline is not installed.
    """
    import spacy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scispaCy's infix pattern warns on Python 3.11
        from scispacy.custom_tokenizer import combined_rule_tokenizer

        if spacy_model == "blank":
            nlp = spacy.blank("en")
        else:
            try:
                nlp = spacy.load(spacy_model)
            except OSError:
                raise UsageError(
                    f"parse.spacy_model is '{spacy_model}', which is not installed; install it or write 'blank'."
                ) from None
        nlp.tokenizer = combined_rule_tokenizer(nlp)
    for component in COMPONENTS:
        nlp.add_pipe(component)
    return nlp


def mentions_of(doc: Doc) -> tuple[Mention, ...]:
    """The mentions of a sentence that has been through the pipeline."""
    reading = reading_of(doc)
    terms = [(c, term) for c in reading.candidates for term in (c.term, *c.twins)]
    numbers: dict[int, int] = {}
    for number, (candidate, _) in enumerate(terms):
        numbers.setdefault(id(candidate), number)
    return tuple(
        Mention(
            start=doc[c.start].idx,
            end=doc[c.end - 1].idx + len(doc[c.end - 1]),
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
