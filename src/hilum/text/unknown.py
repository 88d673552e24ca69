"""Terms that the vocabulary lacks: what an entity recogniser sees in a report and no row covers.

In: reports with their sections, the name of a spaCy pipeline or its folder (en_core_sci_sm, ./my_model). Out: a table
of terms by how many reports say them, to read and to choose rows for the vocabulary from. A pipeline without a
recogniser, and `blank`, give no term.
The recogniser reads the raw sentence with its own tokenizer: it was trained on capitals, hyphens and brackets, which
the plain form (sentences.py) does not have. A term is known where a finding, false friend, place, cue or mark of the
vocabulary lies on its head, the last word in front of "of", "in", "with" ...; known words in front of the head are left
out ("left basilar oleothorax" is the term "oleothorax"). A sentence is read once and counted in every report.
Known to be imperfect: a recogniser's general words ("patient", "radiograph") are terms too; a name of a person can be.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd
from spacy.language import Language
from spacy.tokens import Span

from hilum.errors import UsageError
from hilum.schema import UNKNOWN_TERMS
from hilum.text.lexicon import Lexicon
from hilum.text.pipeline import build_pipeline
from hilum.text.sections import SectionSpan
from hilum.text.sentences import RawOffsets, plain, split_sentences
from hilum.vocabulary.language import load_sections

N_EXAMPLES = 5
MEMO_SIZE = 100_000
_FEEDS = frozenset({"tok2vec", "transformer"})  # what a recogniser may take its vectors from
_AFTER_HEAD = frozenset({"of", "in", "at", "with", "within", "on", "to", "from", "for", "by", "over"})
_STOP = frozenset({"a", "an", "the", "this", "that", "these", "those", "his", "her", "its", "any", "some", "other",
                   "dr", "mr", "mrs", "ms"})  # fmt: skip
_GAP = "\u00a4"  # plain form's sign for a gap of de-identification

Term = tuple[str, str]
"""The words, and the recogniser's label."""


def load_recogniser(spacy_model: str) -> Language | None:
    """The named pipeline, of which only what recognises entities runs; None where nothing does.

    Raises UsageError if it is not installed and no folder of a pipeline.
    """
    import spacy

    if spacy_model == "blank":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scispaCy's infix pattern warns on Python 3.11
        try:
            nlp = spacy.load(spacy_model)
        except OSError:
            raise UsageError(
                f"parse.spacy_model is '{spacy_model}', which is not installed and is no folder of a spaCy pipeline; "
                f"install it, give its folder, or write 'blank'."
            ) from None
    names = [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]
    if not names:
        return None
    nlp.select_pipes(enable=[name for name in nlp.pipe_names if name in names or name in _FEEDS])
    return nlp


class TermCounter:
    """Counts the unknown terms of reports. recogniser: as `load_recogniser` gives it; None finds nothing."""

    def __init__(self, recogniser: Language | None) -> None:
        self._recogniser = recogniser
        if recogniser is not None:
            self._words = build_pipeline()
            self._lexicon = Lexicon(self._words)
        self._readings = load_sections().readings
        self._memo: dict[str, tuple[Term, ...]] = {}
        self._n_reports: Counter[Term] = Counter()
        self._n_mentions: Counter[Term] = Counter()
        self._studies: dict[Term, list[int]] = {}

    def count(self, reports: Sequence[tuple[int, str, Sequence[SectionSpan]]]) -> None:
        """Count a batch of reports: study_id, text, sections. A term counts once for a report and once a mention."""
        if self._recogniser is None:
            return
        sentences = [self._sentences(text, sections) for _, text, sections in reports]
        self._learn(sentence for report in sentences for sentence in report)
        for (study_id, _, _), report in zip(reports, sentences, strict=True):
            said = Counter(term for sentence in report for term in self._memo[sentence])
            self._n_mentions.update(said)
            self._n_reports.update(said.keys())
            for term in said:
                studies = self._studies.setdefault(term, [])
                if len(studies) < N_EXAMPLES:
                    studies.append(study_id)

    def rows(self) -> pd.DataFrame:
        """The table of what was counted, the term that most reports say first."""
        order = sorted(self._n_reports, key=lambda t: (-self._n_reports[t], -self._n_mentions[t], t))
        rows = [
            (number, *term, self._n_reports[term], self._n_mentions[term], self._studies[term])
            for number, term in enumerate(order)
        ]
        return pd.DataFrame(rows, columns=list(UNKNOWN_TERMS.column_names), dtype=object)

    def _sentences(self, text: str, sections: Sequence[SectionSpan]) -> list[str]:
        return [
            " ".join(text[start:end].split())
            for span in sections
            if self._readings[span.section] != "skip"
            for start, end in split_sentences(text, span.start, span.end)
        ]

    def _learn(self, sentences: Iterable[str]) -> None:
        assert self._recogniser is not None
        if len(self._memo) > MEMO_SIZE:
            self._memo.clear()
        new = list(dict.fromkeys(sentences))
        new = [sentence for sentence in new if sentence not in self._memo]
        for sentence, doc in zip(new, self._recogniser.pipe(new, batch_size=256), strict=True):
            self._memo[sentence] = self._terms(sentence, doc.ents)

    def _terms(self, sentence: str, entities: Sequence[Span]) -> tuple[Term, ...]:
        """The unknown ones of a sentence's entities, in order."""
        if not entities:
            return ()
        plain_form = plain(sentence)
        doc, offsets = self._words.make_doc(plain_form), RawOffsets(sentence, plain_form)
        spans = [offsets.span(token.idx, token.idx + len(token)) for token in doc]
        hits = self._lexicon.find(doc)
        known: set[int] = set()
        for rows in (hits.terms, hits.parts, hits.cues, hits.places, hits.marks):
            for start, end, *_ in rows:
                known.update(range(start, end))
        found = []
        for entity in entities:
            inside = [i for i, (a, b) in enumerate(spans) if a < entity.end_char and entity.start_char < b]
            term = _name([(doc[i].text, i in known) for i in inside])
            if term:
                found.append((term, entity.label_))
        return tuple(found)


def merge_terms(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The terms of several partitions as one table: term, entity, n_reports, n_mentions, study_ids; the first first."""
    rows: dict[Term, tuple[int, int, list[int]]] = {}
    for table in tables:
        for term, entity, n_reports, n_mentions, studies in zip(
            *(table[name] for name in ("term", "entity", "n_reports", "n_mentions", "study_ids")), strict=True
        ):
            before = rows.get((term, entity), (0, 0, []))
            kept = [*before[2], *(int(study) for study in studies)][:N_EXAMPLES]
            rows[term, entity] = (before[0] + int(n_reports), before[1] + int(n_mentions), kept)
    order = sorted(rows, key=lambda term: (-rows[term][0], -rows[term][1], term))
    return pd.DataFrame(
        [(*term, *rows[term]) for term in order],
        columns=["term", "entity", "n_reports", "n_mentions", "study_ids"],
        dtype=object,
    )


def _name(words: Sequence[tuple[str, bool]]) -> str:
    """The term that an entity's words are, each with whether it is known; empty where its head is known or no word."""
    words = [(word, known) for word, known in words if any(c.isalnum() for c in word) or _GAP in word]
    heads = [i for i, (word, _) in enumerate(words) if word in _AFTER_HEAD and i]
    words = words[: heads[0]] if heads else words
    if not words or words[-1][1]:
        return ""
    while len(words) > 1 and (words[0][1] or words[0][0] in _STOP | _AFTER_HEAD):
        words = words[1:]
    term = [word for word, _ in words]
    letters = sum(c.isalpha() for c in term[-1])
    return " ".join(term) if letters > 1 and _GAP not in "".join(term) and term[-1] not in _STOP else ""
