"""Which cue decides, where its reach ends, and which sign an explanation explains."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hilum.text.reader import ReportReader

Claim = tuple[str, str, str]


def claims(reader: ReportReader, text: str) -> list[Claim]:
    """(finding, assertion, rule) of each mention, in order."""
    mentions = next(reader.read([(50000001, text)])).mentions
    return [(m["finding"], m["assertion"], m["assertion_rule"]) for m in mentions]


def explained(reader: ReportReader, text: str) -> dict[str, str | None]:
    """Finding -> the finding that it explains, of the mentions that are hypothetical."""
    mentions = next(reader.read([(50000001, text)])).mentions
    return {
        m["finding"]: None if m["explains"] is None else mentions[m["explains"]]["finding"]
        for m in mentions
        if m["assertion"] == "hypothetical"
    }


RULES: dict[str, Sequence[Claim]] = {
    "No effusion.": [("pleural_effusion", "absent", "no")],
    "No effusion or pneumothorax.": [("pleural_effusion", "absent", "no"), ("pneumothorax", "absent", "no")],
    "Heart size is normal.": [("enlarged_cardiac_silhouette", "absent", "normal")],
    "Left effusion.": [("pleural_effusion", "present", "")],
    "Pneumonia is not excluded.": [("pneumonia", "uncertain", "is not excluded")],
    "Atelectasis or pneumonia.": [("atelectasis", "uncertain", "or"), ("pneumonia", "uncertain", "or")],
    "The effusion has resolved.": [("pleural_effusion", "absent", "has resolved")],
    "The effusion has nearly resolved.": [("pleural_effusion", "present", "")],
    "If pneumonia is suspected, repeat the film.": [("pneumonia", "hypothetical", "if")],
    "No effusion, though pneumonia is suspected.": [
        ("pleural_effusion", "absent", "no"),
        ("pneumonia", "uncertain", "is suspected"),
    ],
    "Neither effusion has increased.": [("pleural_effusion", "present", "has increased")],
    "Compared to the prior study with pneumonia, an effusion is new.": [
        ("pneumonia", "historical", "compared to the prior study with"),
        ("pleural_effusion", "present", ""),
    ],
    "Atelectasis is favored over pneumonia.": [
        ("atelectasis", "uncertain", "is favored over"),
        ("pneumonia", "uncertain", "favored over"),
    ],
}


@pytest.mark.parametrize(("sentence", "expected"), RULES.items(), ids=RULES.keys())
def test_the_rule_that_decided_is_named(reader: ReportReader, sentence: str, expected: Sequence[Claim]) -> None:
    assert claims(reader, sentence) == list(expected)


CLAUSES: dict[str, list[str]] = {
    "No displaced, acute rib fractures are identified.": ["absent"],
    "No effusion, and the heart is enlarged.": ["absent", "present"],
    "No effusion seen, left basilar opacity.": ["absent", "present"],
    "No effusion or pneumothorax seen, nodule or mass.": ["absent"] * 4,
    "No effusion, nodule in the left lung and hilar calcifications suggest granulomatous disease.": [
        "absent", "present", "hypothetical",
    ],
    "Opacity, likely atelectasis, and a small left effusion.": ["present", "hypothetical", "present"],
    "No pneumothorax, stable effusion, or nodule.": ["absent"] * 3,
    "Without effusion and with atelectasis.": ["absent", "present"],
    "Left lung: no effusion.": ["absent"],
}  # fmt: skip


@pytest.mark.parametrize(("sentence", "expected"), CLAUSES.items(), ids=CLAUSES.keys())
def test_a_cue_ends_with_its_clause(reader: ReportReader, sentence: str, expected: list[str]) -> None:
    assert [assertion for _, assertion, _ in claims(reader, sentence)] == expected


OPACITY = "lung_opacity"
SIGNS: dict[str, dict[str, str | None]] = {
    "Opacity, which may represent atelectasis or pneumonia.": {"atelectasis": OPACITY, "pneumonia": OPACITY},
    "Opacity, likely atelectasis, less likely pneumonia.": {"atelectasis": OPACITY, "pneumonia": OPACITY},
    "The opacity is likely atelectasis.": {"atelectasis": OPACITY},
    "Opacity concerning for pneumonia versus aspiration.": {"pneumonia": OPACITY, "aspiration": OPACITY},
    "Hyperexpanded lungs suggesting COPD.": {"copd_emphysema": "hyperaeration"},
    "Opacity with volume loss suggests collapse of the lung.": {"lobar_segmental_collapse": OPACITY},
    "Opacity. This may represent pneumonia.": {"pneumonia": OPACITY},
    "Opacity and small effusion. Possibly atelectasis.": {"atelectasis": OPACITY},
    "Opacity. This could be atelectasis. It could also be pneumonia.": {"atelectasis": OPACITY, "pneumonia": OPACITY},
    "Opacity. Findings may represent pneumonia.": {"pneumonia": OPACITY},
    "Opacity. Differential includes pneumonia.": {"pneumonia": OPACITY},
    "Hilar calcification suggests granulomatous disease.": {"granulomatous_disease": "granulomatous_disease"},
    # doubts about the finding itself
    "Findings suggestive of pneumonia.": {},
    "Opacity. Findings suggestive of pneumonia.": {},
    "Opacity and findings suggestive of pneumonia.": {},
    "Atelectasis with possible effusions.": {},
    "Opacity, pneumonia cannot be excluded.": {},
    "Opacity, atelectasis versus pneumonia.": {},
    "There may be an effusion.": {},
    "This may represent pneumonia.": {},
    "Superimposed on a background of probable emphysema.": {},
    "No opacity to suggest pneumonia.": {},
    "Opacity consistent with pneumonia.": {},
    # a hypothesis that explains nothing
    "Evaluate for pneumonia.": {"pneumonia": None},
    "INDICATION: Opacity, likely pneumonia.": {OPACITY: None, "pneumonia": None},
}


@pytest.mark.parametrize(("text", "expected"), SIGNS.items(), ids=SIGNS.keys())
def test_an_explanation_names_its_sign(reader: ReportReader, text: str, expected: dict[str, str | None]) -> None:
    assert explained(reader, text) == expected
