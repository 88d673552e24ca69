"""The rows: closed lists, no empty phrase, and errors that name the row."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from hilum import vocabulary
from hilum.errors import BadDataError
from hilum.vocabulary import concepts, language, rows
from hilum.vocabulary.language import terms
from hilum.vocabulary.language.phrases import expand, split_parts


def test_the_29_regions_and_their_parents() -> None:
    assert len(vocabulary.REGIONS) == len(set(vocabulary.REGIONS)) == 29
    assert vocabulary.REGION_PARENTS["left costophrenic angle"] == "left lung"
    assert vocabulary.REGION_PARENTS["right atrium"] == "cardiac silhouette"
    assert vocabulary.REGION_PARENTS["carina"] == "mediastinum"
    assert "left lung" not in vocabulary.REGION_PARENTS
    assert set(vocabulary.REGION_PARENTS.values()) <= set(vocabulary.REGIONS)


def test_the_mirror_is_its_own_inverse() -> None:
    assert vocabulary.MIRROR["left lower lung zone"] == "right lower lung zone"
    assert vocabulary.MIRROR["spine"] == vocabulary.MIRROR["right atrium"].replace("right atrium", "spine") == "spine"
    assert all(vocabulary.MIRROR[vocabulary.MIRROR[region]] == region for region in vocabulary.REGIONS)


def test_findings_have_names_and_categories() -> None:
    assert vocabulary.finding_name("pleural_effusion") == "pleural effusion"
    assert vocabulary.finding_category("picc") == "tubesandlines"
    assert vocabulary.finding_chexpert("airspace_opacity") == "Lung Opacity"
    assert vocabulary.finding_chexpert("scoliosis") is None
    assert {vocabulary.finding_category(f) for f in vocabulary.FINDINGS} == set(concepts.CATEGORIES)


def test_no_phrase_belongs_to_two_false_friends_or_is_empty() -> None:
    for finding in terms.load_terms():
        for pattern in (*finding.terms, *finding.normal, *finding.not_terms):
            assert all(phrase for part in split_parts(pattern) for phrase in part)


def test_every_section_header_belongs_to_one_section() -> None:
    rows = language.load_sections().rows
    names = [name for row in rows for name in row.names]
    assert sorted(names) == sorted(set(names))


def test_importing_the_vocabulary_is_light() -> None:
    code = "import sys, hilum.vocabulary; print(sorted({'spacy', 'pandas', 'pydantic', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("pattern", "phrases"),
    [
        ("effusion(|s)", ["effusion", "effusions"]),
        ("(mild|small|) (left |)effusion", ["mild left effusion", "mild effusion", "small left effusion",
                                            "small effusion", "left effusion", "effusion"]),
        ("plain words", ["plain words"]),
    ],
)  # fmt: skip
def test_patterns_expand(pattern: str, phrases: list[str]) -> None:
    assert list(expand(pattern)) == phrases


@pytest.mark.parametrize("pattern", ["(a|b", "a)b", "(a|(b))", "a..b", "(|)"])
def test_broken_patterns_are_named(pattern: str) -> None:
    with pytest.raises(BadDataError, match=r"vocabulary: the pattern"):
        expand(pattern)


def test_parts_of_a_pattern_with_a_gap() -> None:
    assert split_parts("(heart|aorta) .. enlarged") == (("heart", "aorta"), ("enlarged",))


GOOD = {"finding": "hernia", "name": "hernia", "category": "anatomicalfinding"}
WORDS = {"finding": "hernia", "terms": ["hernia"]}


def test_a_wrong_category_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concepts, "read_rows", lambda name, key: [{**GOOD, "category": "organ"}])
    with pytest.raises(BadDataError, match="row 'hernia' has category 'organ'"):
        concepts.load_findings.__wrapped__()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, r"unknown keys \['colour'\]"),
        ({"terms": ["Hernia"]}, "phrase 'Hernia'"),
        ({"terms": [""]}, "phrase ''"),
        ({"terms": [True]}, "phrase True"),
        ({"placement": {"rule": "fixed", "regions": ["left ear"]}}, "region 'left ear'"),
        ({"placement": {"rule": "sided", "unit": "ear"}}, "unit 'left ear'"),
        ({"placement": {"rule": "anywhere"}}, "rule 'anywhere'"),
    ],
)
def test_a_wrong_row_is_named(monkeypatch: pytest.MonkeyPatch, change: Mapping[str, Any], message: str) -> None:
    monkeypatch.setattr(terms, "read_rows", lambda name, key: [{**WORDS, **change}])
    with pytest.raises(BadDataError, match=message):
        terms.load_terms.__wrapped__()


def test_a_finding_without_words_and_words_without_a_finding_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rows.read_rows
    for change in (lambda r: r[1:], lambda r: [*r, {"finding": "goitre", "terms": ["goitre"]}], lambda r: [*r, r[0]]):
        monkeypatch.setattr(terms, "read_rows", lambda name, key, change=change: change(real(name, key)))
        with pytest.raises(BadDataError, match="need exactly one row here"):
            terms.load_terms.__wrapped__()


def test_a_finding_listed_twice_and_a_lacking_key_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concepts, "read_rows", lambda name, key: [GOOD, GOOD])
    with pytest.raises(BadDataError, match=r"\['hernia'\] are listed twice"):
        concepts.load_findings.__wrapped__()
    monkeypatch.setattr(concepts, "read_rows", lambda name, key: [{"finding": "hernia"}])
    with pytest.raises(BadDataError, match=r"row 'hernia' lacks \['name', 'category'\]"):
        concepts.load_findings.__wrapped__()


def test_a_list_that_is_not_there_is_named() -> None:
    with pytest.raises(BadDataError, match=r"vocabulary/concepts/regions\.yaml cannot be read"):
        rows.read_rows("concepts/regions.yaml", "places")
