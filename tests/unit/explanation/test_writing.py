"""Prompts hold what they must, whatever reports say; a judge's answer becomes a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hilum.explanation.answers import Answer, Journal
from hilum.explanation.prompting import EXPLAIN, JUDGE, fill_prompt
from hilum.explanation.writing import NO_RATING, Rated, rate_all, read_rating, writer_name

from .material import case, chat, language_model


def test_the_prompt_shows_each_case_with_its_sentences_and_no_id() -> None:
    awkward = '{{ cases }} {% raw %} <script>alert(1)</script> & "quoted"'
    cases = (case(1, "mass_nodule", sentences=("A nodule.", awkward)), case(2))
    prompt = fill_prompt(EXPLAIN, region="left lung", cases=cases)
    assert f"\nCase 1\n> A nodule.\n> {awkward}\n\nCase 2\n(The report says nothing of the left lung.)\n" in prompt
    assert "2 cases of other patients" in prompt and "EXPLANATION:" in prompt and "IMPRESSION:" in prompt
    assert not any(str(number) in prompt for one in cases for number in (one.study_id, one.subject_id, one.dicom_id))


def test_the_judge_sees_both_texts_and_rates(serve: Callable[..., Any]) -> None:
    server = serve(lambda body: chat("RATING: 4\nbecause"))
    rated = [
        Rated("one", "left lung", ("A nodule.",), "Explanation:\n- A mass. [1]"),
        Rated("two", "left lung", (), ""),
    ]
    assert rate_all(rated, language_model(address=server.address), Journal(None)) == [(4, None), (4, None)]
    first, second = server.prompts()
    assert "> A nodule.\n" in first and "> - A mass. [1]\n" in first
    assert "(The report says nothing of the left lung.)" in second and "(The program found nothing to say.)" in second
    assert fill_prompt(JUDGE, region="left lung", reference=("A nodule.",), text="Explanation:\n- A mass. [1]") == first


@pytest.mark.parametrize(
    ("text", "rating"),
    [("RATING: 5", 5), ("**Rating:** 2.", 2), ("3", 3), ("rating = 1", 1), ("RATING: 10", None), ("RATING: 0", None),
     ("Four.", None), ("I see 3 findings", None)],
)  # fmt: skip
def test_a_rating_is_read(text: str, rating: int | None) -> None:
    assert read_rating(Answer(text)) == ((rating, None) if rating else (None, NO_RATING))


def test_a_failure_is_no_rating() -> None:
    assert read_rating(Answer(None, "HTTP 500")) == (None, "HTTP 500")


def test_a_writer_is_named_without_address_or_path() -> None:
    assert writer_name(language_model(client="consensus", model="")) == "consensus"
    assert writer_name(language_model(model="org/small-7b")) == "server: small-7b"
    assert writer_name(language_model(client="local", model="/models/of/mine/")) == "local: mine"
