from __future__ import annotations

import jinja2
import pytest

from hilum.report.page import render, write_count, write_key, write_score, write_share


def test_numbers_are_written_for_people() -> None:
    assert (write_count(1234567), write_count(-3), write_count(None)) == ("1,234,567", "\N{MINUS SIGN}3", "\N{EN DASH}")
    assert (write_share(0.1234), write_share(None)) == ("12.3 %", "\N{EN DASH}")
    assert (write_score(0.12345), write_score(-0.5, 1), write_score(None)) == (
        "0.123",
        "\N{MINUS SIGN}0.5",
        "\N{EN DASH}",
    )
    assert write_score(float("nan")) == "\N{EN DASH}"


def test_a_null_part_of_a_key_is_named() -> None:
    assert write_key({"study_id": 5, "region": None}) == "study_id 5, region null"


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("data.html", {})
