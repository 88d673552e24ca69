"""Which words of a report a model reads: its body, and the sentences that speak of each region.

In: reports, sections, mentions. Out: clean strings, routes, and what each sentence says of findings. Known to be
imperfect: a report without findings and impression is read whole, headers and all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from hilum.labels.parents import ANCESTORS

BODY_SECTIONS = ("findings", "impression")
SPOKEN = ("present", "uncertain")
_GAPS = re.compile(r"[\s_]+")  # line breaks and de-identified words alike


def clean_text(text: str) -> str:
    """One line, single spaces, without the underscores of de-identification."""
    return _GAPS.sub(" ", text).strip()


def raw_texts(reports: pd.DataFrame) -> dict[int, str]:
    """study_id to the report file's text, in which mentions' spans are counted."""
    return {int(study): str(text) for study, text in zip(reports["study_id"], reports["text"])}


def report_bodies(reports: pd.DataFrame, sections: pd.DataFrame) -> dict[int, str]:
    """study_id to the clean text of its findings and impression, in file order; the whole text where it has neither."""
    body = sections[sections["section"].isin(BODY_SECTIONS)].sort_values(["study_id", "section_index"])
    spans: dict[int, list[tuple[int, int]]] = {}
    for study, start, end in zip(body["study_id"], body["char_start"], body["char_end"]):
        spans.setdefault(int(study), []).append((int(start), int(end)))
    bodies = {}
    for study, text in zip(reports["study_id"], reports["text"]):
        parts = [text[start:end] for start, end in spans.get(int(study), [])]
        bodies[int(study)] = clean_text(" ".join(parts)) or clean_text(text)
    return bodies


def route_sentences(
    mentions: pd.DataFrame, texts: Mapping[int, str], ancestors: Mapping[str, tuple[str, ...]] = ANCESTORS
) -> pd.DataFrame:
    """The sentences that speak of each region of each study, in reading order.

    A sentence goes to the regions of its mentions, and what is said to be there goes to the regions around them too
    (ancestors). Where a region has sentences of something present or doubted, those that only deny are left out.
    Returns study_id, region, sentence_text, one row each once; rows of studies without a text are left out.
    """
    placed = mentions[mentions["assertion"].isin((*SPOKEN, "absent")) & (mentions["regions"].str.len() > 0)]
    placed = placed[placed["study_id"].isin(list(texts))]
    rows: dict[tuple[int, str, int, int], bool] = {}
    columns = ("study_id", "regions", "sentence_start", "sentence_end", "assertion")
    for study, regions, start, end, assertion in zip(*(placed[name] for name in columns)):
        spoken = assertion in SPOKEN
        around = [a for region in regions for a in ancestors.get(region, ())] if spoken else []
        for region in [*regions, *around]:
            key = (int(study), str(region), int(start), int(end))
            rows[key] = rows.get(key, False) or spoken
    has_spoken = {key[:2] for key, spoken in rows.items() if spoken}
    kept = sorted(key for key, spoken in rows.items() if spoken or key[:2] not in has_spoken)
    routed = pd.DataFrame(
        {
            "study_id": np.array([key[0] for key in kept], np.int64),
            "region": pd.Series([key[1] for key in kept], dtype=object),
            "sentence_text": pd.Series([clean_text(texts[k[0]][k[2] : k[3]]) for k in kept], dtype=object),
        }
    )
    return routed[routed["sentence_text"].str.len() > 0].drop_duplicates(ignore_index=True)


def sentence_states(mentions: pd.DataFrame, texts: Mapping[int, str]) -> pd.DataFrame:
    """What each sentence says of each finding, present or absent, wherever it says it to be.

    A finding that a sentence both asserts and denies ("left effusion, none on the right") is left out for it; so is
    what it doubts. Returns study_id, sentence_text, finding, state, one row each once, sorted.
    """
    said = mentions[mentions["assertion"].isin(("present", "absent")) & mentions["study_id"].isin(list(texts))]
    columns = ("study_id", "sentence_start", "sentence_end", "finding", "assertion")
    rows = [
        (int(study), clean_text(texts[int(study)][int(start) : int(end)]), finding, state)
        for study, start, end, finding, state in zip(*(said[name] for name in columns))
    ]
    names = ["study_id", "sentence_text", "finding", "state"]
    frame = pd.DataFrame(sorted(set(rows)), columns=names).astype({"study_id": "int64"})
    both = frame.groupby(["study_id", "sentence_text", "finding"])["state"].transform("size") > 1
    return frame[~both & (frame["sentence_text"].str.len() > 0)].reset_index(drop=True)
