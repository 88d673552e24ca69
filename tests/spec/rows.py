"""The shape of a row, the names of places, and the two questions that every page of sentences asks.

A row is one fact: the sentence, where (several places joined by " + "; None, or "unplaced" among several: said without
a place), the finding, and the label: present, absent, uncertain, or "nothing" where the words must make no label of
that finding. A sentence that says different things of different places joins its labels in the same order. A fact is
what one mention says: the sentence, the finding, the column (assertion, severity, temporal, size_mm, explains) and its
value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

Row = tuple[str, str | None, str, str]
Fact = tuple[str, str, str, str | float | None]
Labels = set[tuple[str | None, str, str]]
ReadLabels = Callable[[str], Labels]
ReadMentions = Callable[[str], list[dict[str, object]]]

LEFT_LUNG, RIGHT_LUNG = "left lung", "right lung"
LUNGS = "right lung + left lung"
LEFT_APEX, RIGHT_APEX = "left apical zone", "right apical zone"
APICES = "right apical zone + left apical zone"
LEFT_UPPER, RIGHT_UPPER = "left upper lung zone", "right upper lung zone"
UPPERS = "right upper lung zone + left upper lung zone"
LEFT_MID, RIGHT_MID = "left mid lung zone", "right mid lung zone"
LEFT_BASE, RIGHT_BASE = "left lower lung zone", "right lower lung zone"
BASES = "right lower lung zone + left lower lung zone"
LEFT_HILUM, RIGHT_HILUM = "left hilar structures", "right hilar structures"
HILA = "right hilar structures + left hilar structures"
LEFT_ANGLE, RIGHT_ANGLE = "left costophrenic angle", "right costophrenic angle"
ANGLES = "right costophrenic angle + left costophrenic angle"
LEFT_DIAPHRAGM, RIGHT_DIAPHRAGM = "left hemidiaphragm", "right hemidiaphragm"
DIAPHRAGMS = "right hemidiaphragm + left hemidiaphragm"
HEART = "cardiac silhouette"
MEDIASTINUM = "mediastinum"


def on_one_line(text: str) -> str:
    """The beginning of a text, for the name of a case."""
    return " ".join(text.split())[:120]


def each(themes: Mapping[str, Sequence[Row]]) -> pytest.MarkDecorator:
    """The rows of a page as the cases of one test, named by theme, finding and sentence."""
    cases = [
        pytest.param(*row, id=f"{theme}: {row[2]}: {on_one_line(row[0])}")
        for theme, rows in themes.items()
        for row in rows
    ]
    return pytest.mark.parametrize(("sentence", "region", "finding", "label"), cases)


def each_fact(themes: Mapping[str, Sequence[Fact]]) -> pytest.MarkDecorator:
    """The facts of a page as the cases of one test, named by theme, finding, column and sentence."""
    cases = [
        pytest.param(*fact, id=f"{theme}: {fact[1]}: {fact[2]}: {on_one_line(fact[0])}")
        for theme, facts in themes.items()
        for fact in facts
    ]
    return pytest.mark.parametrize(("sentence", "finding", "column", "value"), cases)


def expected(region: str | None, label: str) -> set[tuple[str | None, str]]:
    """The (place, label) pairs that a row stands for."""
    if label == "nothing":
        return set()
    places = [None if place == "unplaced" else place for place in (region or "unplaced").split(" + ")]
    labels = label.split(" + ")
    return set(zip(places, labels if len(labels) > 1 else labels * len(places), strict=True))


def said(labels: Labels, finding: str) -> set[tuple[str | None, str]]:
    """What a report's labels say of one finding."""
    return {(where, what) for where, named, what in labels if named == finding}


def facts(mentions: Sequence[Mapping[str, object]], finding: str, column: str) -> set[object]:
    """The values of one column over the mentions of a finding; `explains` is told by the name of the sign."""
    values = [mention[column] for mention in mentions if mention["finding"] == finding]
    if column == "explains":
        named = {mention["mention_id"]: mention["finding"] for mention in mentions}
        values = [None if sign is None else named[sign] for sign in values]
    return set(values)
