"""Which words of place a mention takes, and what it says of them."""

from __future__ import annotations

from typing import Any

import pytest

from hilum.text.reader import ReportReader

BASES = ("right lower lung zone", "left lower lung zone")


def read(reader: ReportReader, text: str) -> list[dict[str, Any]]:
    return next(reader.read([(50000001, text)])).mentions


def placed(reader: ReportReader, text: str, finding: str) -> list[tuple[tuple[str, ...], str]]:
    return [(m["regions"], m["region_rule"]) for m in read(reader, text) if m["finding"] == finding]


@pytest.mark.parametrize(
    ("text", "finding", "regions", "rule"),
    [
        ("Right upper and left lower lobe opacities.", "lung_opacity",
         ("right upper lung zone", "left lower lung zone"), "zone, said: right upper and left lower lobe"),
        ("Opacity on the left at the base.", "lung_opacity", ("left lower lung zone",), "zone, said: left at the base"),
        ("Bibasilar opacities, left greater than right.", "lung_opacity", BASES,
         "zone, said: bibasilar .. left greater than right"),
        ("Effusion at the left base.", "pleural_effusion", ("left costophrenic angle",), "sided, said: left base"),
        ("Left effusion with adjacent atelectasis.", "atelectasis", ("left lung",),
         "zone, side of pleural_effusion: left"),
        ("Left effusion and basilar atelectasis.", "atelectasis", ("left lower lung zone",),
         "zone, said, side of pleural_effusion: left .. basilar"),
        ("Left base opacity may be pneumonia.", "pneumonia", ("left lower lung zone",),
         "zone, shared with lung_opacity: left base"),
        ("Left base opacity. This may be pneumonia.", "pneumonia", ("left lower lung zone",),
         "zone, sentence before: left base"),
        ("Mass in the right middle lobe. There is mild surrounding atelectasis.", "atelectasis",
         ("right mid lung zone",), "zone, sentence before: right middle lobe"),
        ("Cardiomegaly on the left.", "enlarged_cardiac_silhouette", ("cardiac silhouette",), "fixed, implied"),
        ("Pulmonary edema.", "pulmonary_edema", ("right lung", "left lung"), "diffuse, implied"),
        ("Left PICC.", "picc", ("svc",), "tip, implied"),
        ("A nodule is seen.", "mass_nodule", (), ""),
        ("Opacity in the same location.", "lung_opacity", (), ""),
    ],
)  # fmt: skip
def test_the_rule_names_the_words_in_the_order_of_the_text(
    reader: ReportReader, text: str, finding: str, regions: tuple[str, ...], rule: str
) -> None:
    assert placed(reader, text, finding)[-1] == (regions, rule)


@pytest.mark.parametrize(
    ("text", "finding", "regions"),
    [
        ("Left PICC in the SVC with opacity at the right base.", "lung_opacity", ("right lower lung zone",)),
        ("Left PICC with opacity.", "lung_opacity", ()),
        ("Left-sided pacemaker with effusion.", "pleural_effusion", ()),
        ("Opacity obscuring the left heart border.", "lung_opacity", ()),
        ("Right atrial enlargement and small effusion.", "pleural_effusion", ()),
        ("Left main bronchus plug with atelectasis.", "atelectasis", ()),
        ("Left mastectomy and a nodule.", "mass_nodule", ()),
        ("Following right thoracentesis there is a pneumothorax.", "pneumothorax", ()),
        ("Left hilar calcifications and a nodule in the right lung.", "mass_nodule", ("right lung",)),
        ("Opacity in the right base and calcified right hilar lymph nodes.", "lung_opacity",
         ("right lower lung zone",)),
        ("Opacities throughout the right lung, sparing the apex.", "lung_opacity", ("right lung",)),
        ("The right lung is clear, with no effusion.", "pleural_effusion", ()),
        ("On the right there is no effusion.", "pleural_effusion", ("right costophrenic angle",)),
        ("Opacity in the right apex, asymmetric compared to the left.", "lung_opacity", ("right apical zone",)),
    ],
)  # fmt: skip
def test_a_side_that_belongs_to_something_else_is_no_place(
    reader: ReportReader, text: str, finding: str, regions: tuple[str, ...]
) -> None:
    assert [r for r, _ in placed(reader, text, finding)] == [regions]


@pytest.mark.parametrize(
    ("text", "finding", "regions"),
    [
        ("Left chest tube with small apical pneumothorax.", "pneumothorax", ("left apical zone",)),
        ("Right pigtail catheter with residual effusion.", "pleural_effusion", ("right costophrenic angle",)),
        ("Left apical pneumothorax with chest tube.", "chest_tube", ("left lung",)),
        ("Left chest tube with atelectasis.", "atelectasis", ()),
        ("Left chest tube with right apical pneumothorax.", "pneumothorax", ("right apical zone",)),
    ],
)
def test_a_chest_tube_shares_its_side_with_air_and_fluid_alone(
    reader: ReportReader, text: str, finding: str, regions: tuple[str, ...]
) -> None:
    assert [r for r, _ in placed(reader, text, finding)] == [regions]


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Small effusion on the right, none on the left.",
         [("present", ("right costophrenic angle",)), ("absent", ("left costophrenic angle",))]),
        ("No effusion on the left, small on the right.",
         [("absent", ("left costophrenic angle",)), ("present", ("right costophrenic angle",))]),
        ("Effusion on the right, none is seen on the left.",
         [("present", ("right costophrenic angle",)), ("absent", ("left costophrenic angle",))]),
        ("Possible effusion on the right, none on the left.",
         [("uncertain", ("right costophrenic angle",)), ("absent", ("left costophrenic angle",))]),
        ("Effusion on the right, none elsewhere.", [("present", ("right costophrenic angle",))]),
    ],
)  # fmt: skip
def test_a_word_stands_for_the_finding_before_it(
    reader: ReportReader, text: str, claims: list[tuple[str, tuple[str, ...]]]
) -> None:
    found = [(m["assertion"], m["regions"]) for m in read(reader, text) if m["finding"] == "pleural_effusion"]
    assert found == claims


def test_that_on_the_left_lies_where_the_other_one_lies(reader: ReportReader) -> None:
    found = read(reader, "Opacity at the right base is new while that on the left is unchanged.")
    assert [(m["regions"], m["temporal"]) for m in found] == [
        (("right lower lung zone",), "new"),
        (("left lower lung zone",), "unchanged"),
    ]


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("Atelectasis at the bases, more so on the left.", BASES),
        ("Opacities at the bases greater on the left.", BASES),
        ("Opacities in the bases, right worse than left.", BASES),
        ("Basilar atelectasis on the left.", ("left lower lung zone",)),
    ],
)
def test_emphasis_takes_no_side_away(reader: ReportReader, text: str, regions: tuple[str, ...]) -> None:
    assert read(reader, text)[0]["regions"] == regions


def test_a_later_topic_ends_what_a_sentence_can_refer_back_to(reader: ReportReader) -> None:
    found = read(reader, "Left base opacity. A nodule is also seen. This may be a granuloma.")
    assert found[-1]["finding"] == "calcified_nodule"
    assert found[-1]["regions"] == ()


def test_both_findings_are_not_both_sides(reader: ReportReader) -> None:
    found = read(reader, "Left effusion with adjacent atelectasis, both unchanged.")
    assert [(m["regions"], m["temporal"]) for m in found] == [
        (("left costophrenic angle",), "unchanged"),
        (("left lung",), "unchanged"),
    ]
