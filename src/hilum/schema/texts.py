"""Tables of what reports say."""

from __future__ import annotations

from hilum.schema.describe import Column, Table, chexpert, study, subject
from hilum.schema.words import ASSERTIONS, LABELS, SEVERITIES, SIDES, TEMPORALS

SECTIONS = Table(
    "sections",
    "Where each section of a report lies",
    ("study_id", "section_index"),
    (
        study(),
        Column("section_index", "int32", "Order in the report, from 0", minimum=0),
        Column("section", "string", "Normalised name (vocabulary/language/sections.yaml)"),
        Column("char_start", "int32", "First character of the body in the raw text", minimum=0),
        Column("char_end", "int32", "One past its last character", minimum=0),
    ),
)

MENTIONS = Table(
    "mentions",
    "Findings named in a report: span, place and assertion",
    ("study_id", "mention_id"),
    (
        study(),
        Column("mention_id", "int32", "Order in the report, from 0", minimum=0),
        Column("section", "string", "Normalised section name"),
        Column("sentence", "int32", "Order of the sentence in the report, from 0", minimum=0),
        Column("sentence_start", "int32", "First character of the sentence in the raw text", minimum=0),
        Column("sentence_end", "int32", "One past its last character", minimum=0),
        Column("char_start", "int32", "First character of the mention in the raw text", minimum=0),
        Column("char_end", "int32", "One past its last character", minimum=0),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("regions", "list<string>", "Regions of vocabulary/concepts/regions.yaml; empty = unplaced"),
        Column("side", "string", "Side said or implied", True, values=SIDES),
        Column("assertion", "string", "What is claimed of the finding", values=ASSERTIONS),
        Column("severity", "string", "Severity or size said", True, values=SEVERITIES),
        Column("temporal", "string", "Change against an earlier study", True, values=TEMPORALS),
        Column("size_mm", "float64", "Largest measure given for it", True, minimum=0, unit="mm"),
        Column(
            "explains",
            "int32",
            "mention_id of the sign that it is offered as the cause or nature of; its own: a sign no finding names",
            True,
            minimum=0,
        ),
        Column("finding_rule", "string", "The vocabulary row that named the finding"),
        Column(
            "assertion_rule", "string", "The cue or the section that decided the assertion; empty: none, so present"
        ),
        Column("region_rule", "string", "The words or the placement that decided the regions; empty = unplaced"),
    ),
    caveat="Weak: made by rules from the text.",
)

REGION_LABELS = Table(
    "region_labels",
    "What a study's report says of a finding in a region",
    ("study_id", "region", "finding"),
    (
        study(),
        Column("region", "string", "Region; null = the finding is named and not placed", True),
        Column("finding", "string", "Key of vocabulary/concepts/findings.yaml"),
        Column("label", "string", "Not mentioned has no row, and is never an absence", values=LABELS),
        Column("n_mentions", "int32", "Mentions behind the label", minimum=1),
        Column("evidence", "list<int32>", "Their mention_id"),
    ),
    caveat="Weak: from text, not from the image. Not for diagnosis.",
)

CHEXPERT_LABELS = Table(
    "chexpert_labels",
    "CheXpert's 14 labels of a study's report, in the form of mimic-cxr-2.0.0-chexpert.csv",
    ("study_id",),
    (subject(), study(), *chexpert()),
    caveat="Weak, and read from the text that label.chexpert_text names. Nothing downstream learns from it.",
)

UNKNOWN_TERMS = Table(
    "unknown_terms",
    "Terms that the recogniser of parse.spacy_model sees and no row of the vocabulary covers: candidates for it",
    ("term_id",),
    (
        Column("term_id", "int32", "Order by n_reports, from 0", minimum=0),
        Column("term", "string", "The words in plain form, without known words in front", private=True),
        Column("entity", "string", "The recogniser's label"),
        Column("n_reports", "int32", "Reports of the partition that say it", minimum=1),
        Column("n_mentions", "int32", "How often they say it", minimum=1),
        Column("study_ids", "list<int32>", "The first studies that say it, at most five"),
    ),
    caveat="Report text. Empty where parse.spacy_model names no pipeline with a recogniser.",
)
