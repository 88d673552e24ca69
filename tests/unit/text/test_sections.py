"""Every behaviour and trap of MIMIC's report files, decided on purpose (science.md 5.3 and 5.4)."""

# ruff: noqa: E501 (a table of reports reads better in long lines)
from __future__ import annotations

import pytest

from hilum.text.sections import split_sections

HEAD = "                                 FINAL REPORT\n"
RULE = "_" * 78


def named(text: str) -> list[tuple[str, str]]:
    return [(span.section, " ".join(text[span.start : span.end].split())) for span in split_sections(text)]


CASES = {
    "plain report": (
        HEAD + " INDICATION:  Cough.\n \n FINDINGS:  Lungs clear.\n \n IMPRESSION:  Normal.\n",
        [("indication", "Cough."), ("findings", "Lungs clear."), ("impression", "Normal.")],
    ),
    "header on the first line": ("FINDINGS: Lungs clear.", [("findings", "Lungs clear.")]),
    "no leading space": ("INDICATION: Cough.\nIMPRESSION: Normal.", [("indication", "Cough."), ("impression", "Normal.")]),
    "empty findings right above impression": (HEAD + " FINDINGS:\n IMPRESSION:  Normal.\n", [("impression", "Normal.")]),
    "text glued to the colon": (HEAD + " FINDINGS:Clear.\n IMPRESSION:Normal.\n",
                                [("findings", "Clear."), ("impression", "Normal.")]),
    "digits in a header": (HEAD + " CHEST 2 VIEWS:  Clear.\n", [("findings", "Clear.")]),
    "a header that begins with a digit": (HEAD + " 2 VIEWS OF THE CHEST:  Clear.\n", [("findings", "Clear.")]),
    "view-like header": (HEAD + " PORTABLE AP CHEST:  Clear.\n", [("findings", "Clear.")]),
    "two headers on one line": (HEAD + " FINDINGS: Clear. IMPRESSION: Normal.\n",
                                [("findings", "Clear."), ("impression", "Normal.")]),
    "small letters": ("Findings: Clear.\n\nImpression: Normal.", [("findings", "Clear."), ("impression", "Normal.")]),
    "findings and impression": (HEAD + " FINDINGS AND IMPRESSION:  Clear.\n", [("impression", "Clear.")]),
    "conclusion": (HEAD + " CONCLUSION:  Clear.\n", [("impression", "Clear.")]),
    "misspelt findings": (HEAD + " FINIDNGS:  Clear.\n", [("findings", "Clear.")]),
    "the misspelling of indication that MIT-LCP takes for an impression": (
        HEAD + " NDICATION:  Pneumonia.\n \n FINDINGS:  Clear.\n", [("indication", "Pneumonia."), ("findings", "Clear.")]),
    "a heading inside the findings": (
        HEAD + " FINDINGS:\n LUNGS: Clear.\n HEART: Normal.\n", [("findings", "LUNGS: Clear. HEART: Normal.")]),
    "an unknown heading before the findings": (
        HEAD + " ORDERING SERVICE:  Ward.\n FINDINGS:  Clear.\n", [("other", "Ward."), ("findings", "Clear.")]),
    "no header at all": (HEAD + " The lungs are clear.\n", [("full_report", "The lungs are clear.")]),
    "last paragraph": (
        HEAD + " COMPARISON:  None.\n \n The lungs are clear.\n", [("comparison", "None."),
                                                                  ("last_paragraph", "The lungs are clear.")]),
    "findings without impression keep no last paragraph": (
        HEAD + " FINDINGS:  Clear.\n \n No effusion.\n", [("findings", "Clear. No effusion.")]),
    "addendum on top": (
        f"                                 FINAL ADDENDUM\n ADDENDUM:  A nodule.\n{RULE}\n{HEAD} IMPRESSION:  Normal.\n",
        [("addendum", "A nodule."), ("impression", "Normal.")]),
    "wet read on top": (
        f" WET READ: ___ ___ 9:45 PM\n  Effusion.\n IMPRESSION:  Edema.\n{RULE}\n{HEAD} IMPRESSION:  Normal.\n",
        [("wet_read", "Effusion. IMPRESSION: Edema."), ("impression", "Normal.")]),
    "recommendation": (HEAD + " IMPRESSION:  Nodule.\n \n RECOMMENDATION(S):  CT.\n",
                       [("impression", "Nodule."), ("recommendation", "CT.")]),
    "empty text": ("", []),
    "white space only": (" \n \n", []),
    "only a header": ("IMPRESSION:", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sections(text: str, expected: list[tuple[str, str]]) -> None:
    assert named(text) == expected


def test_a_colon_inside_a_wrapped_sentence_is_no_header() -> None:
    text = HEAD + " FINDINGS:  The following changes are seen in the\n chest: an effusion.\n"
    assert named(text) == [("findings", "The following changes are seen in the chest: an effusion.")]


def test_addendum_alone_leaves_the_last_paragraph_to_be_found() -> None:
    text = f" FINAL ADDENDUM\n A nodule.\n{RULE}\n{HEAD} COMPARISON:  None.\n \n Clear.\n"
    assert [name for name, _ in named(text)] == ["addendum", "comparison", "last_paragraph"]
