from __future__ import annotations

from hilum.report.explanations import describe_explanations

FOUND = {"f1": 0.8, "f1_low": 0.7, "f1_high": 0.9}


def test_a_judge_adds_a_column_and_what_was_not_measured_has_none() -> None:
    figures = {"search": FOUND, "random": {"f1": 0.1}, "search_minus_random": {"f1": 0.7}}
    plain = describe_explanations(figures, [])
    assert [key for key, _ in plain["metrics"]] == ["f1"] and plain["judge"] is None
    judge = {"judge": "a model", "search": {"consistency": 4.5}, "random": {"consistency": 2.0}, "rated": 3}
    judged = describe_explanations({**figures, "judge": judge}, [])
    assert [key for key, _ in judged["metrics"]] == ["f1", "consistency"]
    values = {row["name"]: [figure.value for figure in row["figures"]] for row in judged["rows"]}
    assert values == {"search": [0.8, 4.5], "random": [0.1, 2.0], "search - random": [0.7, None]}


def test_the_difference_has_no_dot_and_nothing_measured_has_no_chart() -> None:
    drawn = describe_explanations({"search": FOUND, "search_minus_random": {"f1": 0.7}}, [])["chart"]
    assert drawn.count('class="dot"') == 1
    assert describe_explanations({}, [])["rows"] == [] and describe_explanations({}, [])["chart"] == ""
