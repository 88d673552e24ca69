"""Findings by their words: shared words, gaps, twins, false friends, misspellings, and the span of what is said."""

from __future__ import annotations

import pytest

from hilum.text.reader import ReportReader
from hilum.text.spelling import Speller


def named(reader: ReportReader, text: str) -> list[tuple[str, str]]:
    """(finding, the words in the text) of each mention, in order."""
    mentions = next(reader.read([(50000001, text)])).mentions
    return [(m["finding"], text[m["char_start"] : m["char_end"]]) for m in mentions]


NAMED: dict[str, list[tuple[str, str]]] = {
    # one word lent to two findings
    "Pleural or pericardial effusion.": [
        ("pleural_effusion", "Pleural"), ("pericardial_effusion", "pericardial effusion"),
    ],
    "Rib and clavicle fractures.": [("rib_fracture", "Rib"), ("clavicle_fracture", "clavicle fractures")],
    "The aorta is calcified and tortuous.": [
        ("vascular_calcification", "aorta is calcified"), ("tortuous_aorta", "tortuous"),
    ],
    "Degenerative changes in the shoulders and spine.": [
        ("shoulder_osteoarthritis", "Degenerative changes in the shoulders"), ("spinal_degenerative_changes", "spine"),
    ],
    # two findings by the same words
    "Increased interstitial opacities.": [
        ("increased_reticular_markings", "Increased interstitial opacities"),
        ("lung_opacity", "Increased interstitial opacities"),
    ],
    "Aspiration pneumonia.": [("aspiration", "Aspiration pneumonia"), ("pneumonia", "Aspiration pneumonia")],
    # gaps
    "The heart, as before, is enlarged.": [("enlarged_cardiac_silhouette", "heart, as before, is enlarged")],
    "Fractures of the left posterior fifth through seventh ribs.": [
        ("rib_fracture", "Fractures of the left posterior fifth through seventh ribs"),
    ],
    "The heart is stable. There is an enlarged hilum.": [("enlarged_hilum", "enlarged hilum")],
    # false friends
    "The sternotomy wire is fractured.": [("sternotomy_wires", "sternotomy wire")],
    "The left costophrenic angle is obscured.": [],
    "The lateral view is obscured by habitus.": [],
    "New volume loss in the left lower lobe.": [],
    "Degenerative changes of the costochondral junctions.": [],
    "Status post hiatal hernia repair.": [],
    "Fracture of the left humerus.": [("fracture", "Fracture of the left humerus")],
    # misspellings
    "Left plueral effusoin.": [("pleural_effusion", "plueral effusoin")],
    "Hepatic congestion, vascluar congestion, medistinal widening.": [("vascular_congestion", "vascluar congestion"),
                                                  ("mediastinal_widening", "medistinal widening")],
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NAMED.items(), ids=NAMED.keys())
def test_findings_are_named_by_their_words(reader: ReportReader, text: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(named(reader, text)) == sorted(expected)


KNOWN = ("effusion", "contusion", "pleural", "opacity", "infection", "nodule", "marking", "making")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("effusion", "effusion"),
        ("efusion", "effusion"),  # a letter missing
        ("efffusion", "effusion"),  # a letter added
        ("effsuion", "effusion"),  # two letters exchanged
        ("effosion", "effusion"),  # a wrong vowel
        ("confusion", "confusion"),  # a wrong consonant is another word
        ("infusion", "infusion"),
        ("effusions", "effusions"),  # the last letter must be right
        ("making", "making"),  # a word of its own
        ("plural", "pleural"),
        ("nodle", "nodle"),  # too short
        ("opacity2", "opacity2"),
    ],
)
def test_long_words_are_mended(word: str, meant: str) -> None:
    speller = Speller(KNOWN, KNOWN)
    assert speller.mend(["a", word]) == speller.mend(["a", word]) == ["a", meant]


def test_a_word_between_two_is_left_alone() -> None:
    assert Speller(("calcified", "calcifies"), ("calcified", "calcifies")).mend(["calcifed"]) == ["calcified"]
    assert Speller(("abcdxefg", "abcdyefg"), ("abcdxefg", "abcdyefg")).mend(["abcdefg"]) == ["abcdefg"]


def test_the_memory_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.text.spelling.MEMO_SIZE", 1)
    speller = Speller(KNOWN, KNOWN)
    assert speller.mend(["efusion", "opcaity", "plueral", "efusion"]) == ["effusion", "opacity", "pleural", "effusion"]
