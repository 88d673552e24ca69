"""Sentences of a region: the same as the model is taught with, with the claims in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.browse.sentences import Claim, Sentence, find_sentences
from hilum.training.texts import clean_text, route_sentences
from hilum.vocabulary import REGIONS

TEXT = "Heart is large. Small left effusion, perhaps.\nNo right\neffusion. Heart is large."
SPANS = ((0, 15), (16, 45), (46, 64), (65, 80))


def mention(
    sentence: int, words: str, finding: str, assertion: str, regions: list[str], study: int = 1
) -> dict[str, Any]:
    start, end = SPANS[sentence]
    at = TEXT.index(words, start)
    return {"study_id": study, "sentence_start": start, "sentence_end": end, "char_start": at,
            "char_end": at + len(words), "finding": finding, "assertion": assertion, "regions": regions}  # fmt: skip


def test_a_sentence_belongs_to_its_regions_and_those_around_them() -> None:
    rows = pd.DataFrame([mention(1, "effusion", "pleural_effusion", "uncertain", ["left costophrenic angle"])])
    for region in ("left costophrenic angle", "left lung"):
        (sentence,) = find_sentences(rows, {1: TEXT}, [region])[1]
        assert sentence.text == "Small left effusion, perhaps." and sentence.claims[0].name == "pleural effusion"
        assert sentence.pieces == (("Small left ", None), ("effusion", sentence.claims[0]), (", perhaps.", None))
    assert find_sentences(rows, {1: TEXT}, ["left apical zone"]) == {}


def test_what_is_present_comes_first_and_denials_only_alone() -> None:
    cpa = "right costophrenic angle"
    denied = mention(2, "effusion", "pleural_effusion", "absent", [cpa])
    doubted = mention(1, "effusion", "pleural_effusion", "uncertain", [cpa])
    present = mention(3, "large", "enlarged_cardiac_silhouette", "present", [cpa])
    assert [s.rank for s in find_sentences(pd.DataFrame([denied, doubted, present]), {1: TEXT}, [cpa])[1]] == [0, 1]
    (only,) = find_sentences(pd.DataFrame([denied]), {1: TEXT}, [cpa])[1]
    assert only.rank == 2
    assert find_sentences(pd.DataFrame([denied]), {1: TEXT}, ["right lung"]) == {}  # nothing follows for the lung


def test_a_sentence_said_twice_is_shown_once_and_unknown_reports_not() -> None:
    rows = [mention(n, "large", "enlarged_cardiac_silhouette", "present", ["cardiac silhouette"]) for n in (0, 3)]
    found = find_sentences(pd.DataFrame([*rows, {**rows[0], "study_id": 2}]), {1: TEXT}, ["cardiac silhouette"])
    assert list(found) == [1] and len(found[1]) == 1


def test_claims_that_overlap_are_marked_once() -> None:
    claims = (Claim("lung_opacity", "present", 0, 9), Claim("atelectasis", "present", 5, 12))
    pieces = Sentence("opacified lung base", claims).pieces
    assert "".join(text for text, _ in pieces) == "opacified lung base" and pieces[0] == ("opacified", claims[0])
    assert [claim for _, claim in pieces] == [claims[0], None]


@pytest.mark.parametrize("seed", range(5))
def test_the_sentences_are_those_of_training(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = []
    for study in range(8):
        for _ in range(int(random.integers(1, 6))):
            words = [(0, "large"), (1, "effusion"), (2, "effusion"), (3, "large")][int(random.integers(4))]
            regions = [str(r) for r in random.choice(REGIONS[:16], int(random.integers(0, 3)), replace=False)]
            assertion = str(random.choice(["present", "uncertain", "absent", "historical"]))
            rows.append(mention(words[0], words[1], "pleural_effusion", assertion, regions, study))
    mentions, texts = pd.DataFrame(rows), dict.fromkeys(range(7), TEXT)
    routed = route_sentences(mentions, texts)
    for region in REGIONS[:16]:
        expected = routed[routed["region"] == region].groupby("study_id")["sentence_text"].agg(set).to_dict()
        found = find_sentences(mentions, texts, [region])
        assert {study: {clean_text(s.text) for s in said} for study, said in found.items()} == expected
