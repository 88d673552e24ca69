"""The words of sentences: their tokens, and what of the vocabulary stands in them.

In: a spaCy Doc of sentences in plain form, a separator between them. Out: a reading of each, in order. Tokenizer and
matcher run once over all of them, because a Doc costs more than a short sentence; no phrase of the vocabulary holds the
separator. Misspelt words of the vocabulary are read as they were meant.
"""

from __future__ import annotations

from spacy.tokens import Doc

from hilum.text.clauses import ClauseFinder
from hilum.text.lexicon import Lexicon
from hilum.text.reading import KEY, Reading

SEPARATOR = "\x1e"  # of records; white space that no plain form holds, and that spaCy has no special case for


class WordFinder:
    """The component that finds every word of the vocabulary, as it was meant, and the clause boundaries."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._clauses = ClauseFinder()

    def __call__(self, doc: Doc) -> Doc:
        """Begin the reading of every sentence."""
        words = [token.text for token in doc]
        starts = [token.idx for token in doc]
        meant = self.lexicon.speller.mend(words)
        firsts = [0, *(at + 1 for at, word in enumerate(words) if word == SEPARATOR)]
        found = self.lexicon.find_all(doc if meant == words else Doc(doc.vocab, words=meant), firsts)
        readings = []
        bounds = zip(firsts, [first - 1 for first in firsts[1:]] + [len(words)], strict=True)
        for text, (first, last), hits in zip(doc.text.split(SEPARATOR), bounds, found, strict=True):
            begin = starts[first] if first < last else 0
            spans = [(starts[at] - begin, starts[at] - begin + len(words[at])) for at in range(first, last)]
            reading = Reading(text, meant[first:last], spans, hits)
            if hits.terms or hits.parts:
                reading.breaks = self._clauses.find(reading)
            readings.append(reading)
        doc.user_data[KEY] = readings
        return doc
