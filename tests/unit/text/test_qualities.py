"""Severity, change and size of a finding, and the lengths that are none."""

from __future__ import annotations

import pytest

from hilum.text.reader import ReportReader
from hilum.text.sentences import plain
from hilum.text.sizes import find_sizes

Said = tuple[str | None, str | None]


def read(reader: ReportReader, text: str) -> dict[str, Said]:
    mentions = next(reader.read([(50000001, text)])).mentions
    return {m["finding"]: (m["severity"], m["temporal"]) for m in mentions}


@pytest.mark.parametrize(
    ("text", "finding", "said"),
    [
        ("Mild cardiomegaly, unchanged.", "enlarged_cardiac_silhouette", ("mild", "unchanged")),
        ("The heart is mildly enlarged but stable.", "enlarged_cardiac_silhouette", ("mild", "unchanged")),
        ("Again seen is a small left effusion.", "pleural_effusion", ("mild", "unchanged")),
        ("Small amount of pleural fluid.", "pleural_effusion", ("mild", None)),
        ("Interval increase in the left effusion, now moderate.", "pleural_effusion", ("moderate", "worsened")),
        ("The effusion has slightly decreased but remains large.", "pleural_effusion", ("severe", "improved")),
        ("The small effusion is not significantly changed.", "pleural_effusion", ("mild", "unchanged")),
        ("No significant interval change in the small effusion.", "pleural_effusion", ("mild", "unchanged")),
        ("Little change in the moderate effusion.", "pleural_effusion", ("moderate", "unchanged")),
        ("Opacity has not resolved.", "lung_opacity", (None, "unchanged")),
        ("The opacity has nearly completely resolved.", "lung_opacity", (None, "improved")),
        ("The effusion is smaller than before.", "pleural_effusion", (None, "improved")),
        ("The opacity is more prominent than on the prior.", "lung_opacity", (None, "worsened")),
        ("Increased left effusion.", "pleural_effusion", (None, "worsened")),
        ("Edema has progressed.", "pulmonary_edema", (None, "worsened")),
        ("Large pneumothorax, increased.", "pneumothorax", ("severe", "worsened")),
    ],
)
def test_words_go_to_what_they_are_said_of(reader: ReportReader, text: str, finding: str, said: Said) -> None:
    assert read(reader, text)[finding] == said


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("Unchanged small effusion and new opacity.", ("mild", "unchanged"), (None, "new")),
        ("The effusion is unchanged and moderate opacity is seen.", (None, "unchanged"), ("moderate", None)),
        ("Stable effusion and opacity.", (None, "unchanged"), (None, "unchanged")),
        ("The effusion and opacity are unchanged.", (None, "unchanged"), (None, "unchanged")),
        ("Effusion with large opacity.", (None, None), ("severe", None)),
        ("Interval worsening of moderate effusion with small opacity.", ("moderate", "worsened"), ("mild", None)),
        ("Increasing effusion and stable opacity.", (None, "worsened"), (None, "unchanged")),
        ("Effusion with adjacent opacity, both unchanged.", (None, "unchanged"), (None, "unchanged")),
    ],
)
def test_each_finding_has_its_own(reader: ReportReader, text: str, first: Said, second: Said) -> None:
    said = read(reader, text)
    assert (said["pleural_effusion"], said["lung_opacity"]) == (first, second)


@pytest.mark.parametrize(
    ("text", "finding", "said"),
    [
        ("Small left and moderate right pleural effusions.", "pleural_effusion", ("moderate", None)),
        ("Effusions are seen, small on the right and moderate on the left.", "pleural_effusion", ("moderate", None)),
        ("Small to moderate effusion.", "pleural_effusion", ("moderate", None)),
        ("Stable to slightly improved opacities.", "lung_opacity", (None, "improved")),
        ("Persistent but improved opacity.", "lung_opacity", (None, "improved")),
        ("Left effusion, stable or slightly increased.", "pleural_effusion", (None, "worsened")),
    ],
)
def test_of_several_the_greater_counts(reader: ReportReader, text: str, finding: str, said: Said) -> None:
    assert read(reader, text)[finding] == said


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("Opacity along the minor fissure.", "lung_opacity"),
        ("Effusions, right larger than left.", "pleural_effusion"),
        ("Opacities more prominent on the left.", "lung_opacity"),
        ("Nodule is better seen on the lateral view.", "mass_nodule"),
        ("No large effusion.", "pleural_effusion"),
        ("No new opacity.", "lung_opacity"),
        ("Low lung volumes.", "low_lung_volumes"),
        ("Increased opacity at the left base.", "lung_opacity"),
    ],
)
def test_words_that_measure_something_else_say_nothing(reader: ReportReader, text: str, finding: str) -> None:
    assert read(reader, text)[finding] == (None, None)


def test_a_change_is_measured_apart_from_the_finding(reader: ReportReader) -> None:
    assert read(reader, "Slight interval increase in the effusion.")["pleural_effusion"] == (None, "worsened")
    assert read(reader, "Markedly improved opacity.")["lung_opacity"] == (None, "improved")


def test_what_is_gone_is_resolved(reader: ReportReader) -> None:
    assert read(reader, "The small pneumothorax has resolved.")["pneumothorax"] == (None, "resolved")
    assert read(reader, "The pneumothorax is no longer seen.")["pneumothorax"] == (None, "resolved")


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("3.5 cm mass", [35.0]),
        ("a 12mm nodule", [12.0]),
        ("7-mm nodule", [7.0]),
        ("1.2 x 0.8 cm nodule", [12.0]),
        ("4.6 cm x 3.7 cm mass", [46.0]),
        ("22 x 14 mm", [22.0]),
        ("2-3 cm mass", [30.0]),
        ("2 to 3 cm mass", [30.0]),
        ("now 12 mm, previously 8 mm", [12.0]),
        ("increased from 8 mm to 12 mm", [12.0]),
        ("ribs 4-6 5 mm nodule", [5.0]),
        ("6 mm nodule above the diaphragm", [6.0]),
        ("subcentimeter nodule", []),
        ("4 cm above the carina", []),
        ("approximately 4.0 cm or so above the carina", []),
        ("withdrawn by approximately 2 cm", []),
        ("5 mm of leftward displacement", []),
        ("1 cm from the pleura", []),
        ("T12, 65-year-old, 3/4/2012", []),
    ],
)
def test_lengths(text: str, sizes: list[float]) -> None:
    assert [size_mm for _, _, size_mm in find_sizes(plain(text))] == sizes


@pytest.mark.parametrize(
    ("text", "finding", "size_mm"),
    [
        ("Rounded mass in the right middle lobe measures approximately 4.6 cm x 3.7 cm.", "mass_nodule", 46.0),
        ("7 mm and 9 mm nodules in the left base.", "mass_nodule", 9.0),
        ("Tube 4 cm from the carina with 8 mm nodule at the base.", "mass_nodule", 8.0),
        ("Endotracheal tube 4 cm.", "endotracheal_tube", None),
        ("Severe emphysema with a nodule, 9 mm.", "copd_emphysema", None),
        ("Severe emphysema with a nodule, 9 mm.", "mass_nodule", 9.0),
    ],
)
def test_the_size_of_a_finding(reader: ReportReader, text: str, finding: str, size_mm: float | None) -> None:
    mentions = next(reader.read([(50000001, text)])).mentions
    assert [m["size_mm"] for m in mentions if m["finding"] == finding] == [size_mm]
