"""Checks across tables, second half: is what the rows say possible?

In: frames as `reading` gives them, the words of the vocabulary. Out: checks for `across.run_check`: spans inside their
report, words in the vocabulary, evidence that exists, labels that agree, boxes inside their image.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import pandas as pd

from hilum.quality.across import CrossCheck, Frames, of

BOX_SLACK_PX = 0.01  # rounding of a clipped box; a hundredth of a pixel shows in no picture
_SECTION = ("study_id", "section_index")
_MENTION = ("study_id", "mention_id")
_BOX = ("dicom_id", "region")
_SPAN_MOVE = "The rules in hilum.text made spans that are not in the report: correct them and run `dvc repro`."
_WORD_MOVE = "Add the word to src/hilum/vocabulary (as an alias, if one is there) or correct the rule that made it."


def find_sections_outside(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Sections whose body is not inside their report's text (an empty body is allowed)."""
    rows = _with_length(frames, "sections")
    good = (rows["char_start"] <= rows["char_end"]) & (rows["char_end"] <= rows["n_chars"])
    return rows[~good.fillna(False).astype(bool)], len(rows)


def find_mentions_outside(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Mentions that are empty, or not inside their sentence, or whose sentence is not inside the report's text."""
    rows = _with_length(frames, "mentions")
    good = (
        (rows["sentence_start"] <= rows["char_start"])
        & (rows["char_start"] < rows["char_end"])
        & (rows["char_end"] <= rows["sentence_end"])
        & (rows["sentence_end"] <= rows["n_chars"])
    )
    return rows[~good.fillna(False).astype(bool)], len(rows)


def find_lost_evidence(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Labels whose evidence is empty, or names a mention that is not there or speaks of another finding."""
    labels = frames["region_labels"]
    rows = labels[["study_id", "finding", "evidence"]].reset_index(drop=True).explode("evidence")
    rows = rows.reset_index().rename(columns={"evidence": "mention_id"})
    empty = rows["mention_id"].isna()
    rows["mention_id"] = rows["mention_id"].fillna(-1).astype("int64")
    mentions = frames["mentions"][["study_id", "mention_id", "finding"]].drop_duplicates()
    mentions = mentions.assign(mention_id=mentions["mention_id"].astype("int64"), _known=True)
    merged = rows.merge(mentions, on=["study_id", "mention_id", "finding"], how="left")
    lost = merged["_known"].isna() | empty.to_numpy()
    return labels.iloc[sorted(set(merged.loc[lost, "index"]))], len(labels)


def find_boxes_outside(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Region boxes of unknown images, and boxes that reach out of their image."""
    sizes = frames["images"][["dicom_id", "rows_px", "columns_px"]].drop_duplicates("dicom_id")
    rows = frames["region_boxes"].merge(sizes, on="dicom_id", how="left", validate="m:1")
    good = (
        (rows["x"] >= -BOX_SLACK_PX)
        & (rows["y"] >= -BOX_SLACK_PX)
        & (rows["x"] + rows["width"] <= rows["columns_px"] + BOX_SLACK_PX)
        & (rows["y"] + rows["height"] <= rows["rows_px"] + BOX_SLACK_PX)
    )
    return rows[~good.fillna(False).astype(bool)], len(rows)


def find_empty_boxes(frames: Frames) -> tuple[pd.DataFrame, int]:
    """Region boxes without area: nothing can be pooled from them."""
    boxes = frames["region_boxes"]
    return boxes[(boxes["width"] <= 0) | (boxes["height"] <= 0)], len(boxes)


def find_strange_regions(frames: Frames, regions: Collection[str]) -> tuple[pd.DataFrame, int]:
    """Mentions with a region that is not in the vocabulary."""
    mentions = frames["mentions"]
    said = mentions["regions"].explode().dropna()
    return mentions.loc[sorted(set(said[~said.isin(regions)].index))], len(mentions)


def find_denied_parents(frames: Frames, parents: Mapping[str, str]) -> tuple[pd.DataFrame, int]:
    """Findings present in a region and absent in the region it lies in; that they are present there follows."""
    labels = frames["region_labels"]
    present = labels.loc[labels["label"] == "present", ["study_id", "region", "finding"]]
    placed = present.assign(parent=present["region"].map(dict(parents))).dropna(subset=["parent"])
    absent = labels.loc[labels["label"] == "absent", ["study_id", "region", "finding"]]
    denied = set(absent.itertuples(index=False, name=None))
    rows = [row in denied for row in zip(placed["study_id"], placed["parent"], placed["finding"])]
    return placed[pd.Series(rows, index=placed.index, dtype=bool)], len(placed)


def word_checks(
    regions: Collection[str], findings: Collection[str], parents: Mapping[str, str]
) -> tuple[CrossCheck, ...]:
    """The checks against the vocabulary. parents: region -> the region it lies in."""
    return (
        _outsiders("mentions", "finding", findings, _MENTION),
        CrossCheck(
            "region_words",
            of("mentions", "regions", *_MENTION),
            _MENTION,
            "critical",
            f"regions of the vocabulary ({len(regions)} words)",
            _WORD_MOVE,
            partial(find_strange_regions, regions=regions),
        ),
        _outsiders("region_labels", "finding", findings, ("study_id", "finding")),
        _outsiders("region_labels", "region", regions, ("study_id", "region")),
        _outsiders("region_boxes", "region", regions, _BOX),
        CrossCheck(
            "no_contradiction",
            of("region_labels", "label", "study_id", "region", "finding"),
            ("study_id", "region", "finding"),
            "info",
            "what is present in a region is not absent in the region it lies in",
            "Nothing to do: present stands. Many of these mean that a rule places a denial too widely.",
            partial(find_denied_parents, parents=parents),
        ),
    )


def _outsiders(table: str, column: str, words: Collection[str], key: tuple[str, ...]) -> CrossCheck:
    """The check that every value of a column is a word of the vocabulary; null is not a value."""

    def find(frames: Frames) -> tuple[pd.DataFrame, int]:
        values = frames[table][column]
        return frames[table][values.notna() & ~values.isin(words)], len(values)

    expected = f"a {column} of the vocabulary ({len(words)} words)"
    return CrossCheck(f"{column}_words", of(table, column, *key), key, "critical", expected, _WORD_MOVE, find)


def _with_length(frames: Frames, table: str) -> pd.DataFrame:
    """The rows with the length of their report; an unknown study has none (and fails)."""
    lengths = frames["reports"][["study_id", "n_chars"]].drop_duplicates("study_id")
    return frames[table].merge(lengths, on="study_id", how="left", validate="m:1")


CONTENT_CHECKS = (
    CrossCheck(
        "inside_text",
        (*of("sections", "char_start", "char_end", *_SECTION), *of("reports", "study_id", "n_chars")),
        _SECTION,
        "critical",
        "a section lies inside its report's text",
        _SPAN_MOVE,
        find_sections_outside,
    ),
    CrossCheck(
        "inside_text",
        (
            *of("mentions", "char_start", "char_end", "sentence_start", "sentence_end", *_MENTION),
            *of("reports", "study_id", "n_chars"),
        ),
        _MENTION,
        "critical",
        "a mention lies inside its sentence, and that inside its report's text",
        _SPAN_MOVE,
        find_mentions_outside,
    ),
    CrossCheck(
        "evidence",
        (*of("region_labels", "evidence", "study_id", "finding"), *of("mentions", *_MENTION, "finding")),
        ("study_id", "finding"),
        "critical",
        "each label names the mentions it was made from",
        "Run `dvc repro label` so that labels and mentions are of one making.",
        find_lost_evidence,
    ),
    CrossCheck(
        "inside_image",
        (
            *of("region_boxes", "x", "y", "width", "height", *_BOX),
            *of("images", "dicom_id", "rows_px", "columns_px"),
        ),
        _BOX,
        "critical",
        "a region's box lies inside its image",
        "Correct the source of region boxes in hilum.image and run `dvc repro`.",
        find_boxes_outside,
    ),
    CrossCheck(
        "has_area",
        of("region_boxes", "width", "height", *_BOX),
        _BOX,
        "warning",
        "a region's box has an area",
        "Look at these images: the atlas may have been fitted off the picture.",
        find_empty_boxes,
    ),
)
