"""consensus: what the cases agree on, in words that the rules for reports read back."""

from __future__ import annotations

from typing import Any

from hilum.explanation.consensus import agree
from hilum.explanation.reading import cut_sentences
from hilum.explanation.statements import check_answer, said
from hilum.text.regions import place
from hilum.vocabulary import FINDINGS, REGIONS

from .material import case

BESIDE = {"hydropneumothorax": "pneumothorax", "multiple_masses_nodules": "mass_nodule"}
"""Findings whose words are read as another one too, here as in reports, so that cases have both."""


def region_of(finding: str) -> str:
    """A region where reports put the finding, whatever words they place it by."""
    words = [(side, kind) for side in ("right", None) for kind in ("lower lung zone", None)]
    found = [place(finding, (pair,)) for pair in words] + [place(finding, ())]
    return next((regions[0] for regions in found if regions), REGIONS[0])


def test_it_says_what_enough_cases_share() -> None:
    cases = [case(1, "pleural_effusion"), case(2, "pleural_effusion", "mass_nodule"), case(3), case(4), case(5)]
    assert agree("right costophrenic angle", cases, 0.4) == (
        "EXPLANATION:\n- Pleural effusion in the right costophrenic angle, as in 2 of 5 cases [1][2].\n"
        "IMPRESSION:\n- Pleural effusion [1][2]."
    )
    assert agree("right costophrenic angle", cases, 0.5) == "" == agree("right costophrenic angle", [], 0.4)


def test_a_share_is_reached_by_three_of_ten() -> None:
    assert "3 of 10" in agree("right lung", [case(n, *(["mass_nodule"] if n < 4 else [])) for n in range(1, 11)], 0.3)


def test_every_finding_is_read_back_from_its_own_words(reader: Any) -> None:
    wrong = {}
    for finding in set(FINDINGS) - {"linear_patchy_atelectasis"}:  # every spelling is read as atelectasis
        region = region_of(finding)
        both = {finding, BESIDE.get(finding, finding)}
        cases = [case(1, *both), case(2, *both)]
        statements = check_answer(agree(region, cases, 0.5), region, cases, reader.read, cut_sentences)
        if set(said(statements)) != both or any(row.dropped for row in statements):
            wrong[finding] = (region, statements)
    assert not wrong


def test_two_findings_are_both_read_back(reader: Any) -> None:
    cases = [case(1, "lung_opacity", "mass_nodule"), case(2, "lung_opacity"), case(3, "mass_nodule")]
    statements = check_answer(agree("left lung", cases, 0.5), "left lung", cases, reader.read, cut_sentences)
    assert said(statements) == ("lung_opacity", "mass_nodule") and [row.dropped for row in statements] == [None] * 3
