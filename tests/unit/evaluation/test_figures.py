"""metrics.json and the examples: fixed order, six digits, no name that means two things, typical queries."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from hilum.evaluation.figures import grounding_figures, main_name, plot_csv, render_json, retrieval_figures
from hilum.evaluation.gallery import choose_examples


def test_json_is_rounded_ordered_and_without_nan() -> None:
    text = render_json({"b": np.float64(1 / 3), "a": {"n": np.int64(2), "x": [float("nan"), -0.0]}, "t": "phantom"})
    assert json.loads(text) == {"b": 0.333333, "a": {"n": 2, "x": [None, 0.0]}, "t": "phantom"}
    assert text.index('"b"') < text.index('"a"') and "-0" not in text and text.endswith("\n")


@pytest.mark.parametrize(("objective", "key"), [("rra_vl", "rra_vl"), ("global", "global_mix"), ("maple", "maple")])
def test_the_objective_never_takes_a_score_s_name(objective: str, key: str) -> None:
    assert main_name(objective) == key


def score_rows(task: str, names: list[str], metrics: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"task": task, "score": name, "average": average, "metric": metric, "value": 0.5, "low": 0.4, "high": 0.6,
             "chance": np.nan if " - " in name else 0.1, "n_units": 9, "n_groups": 3}
            for name in names for average in ("macro", "micro") for metric in metrics
        ]
    )  # fmt: skip


def test_retrieval_figures_of_the_baseline_objective() -> None:
    metrics = ["precision_at_1", "precision_at_5", "mean_average_precision", "located_at_10"]
    found = retrieval_figures(score_rows("retrieval", ["mix", "global", "mix - global"], metrics), "global")
    assert list(found) == ["global_mix", "global", "difference"]
    assert found["global_mix"]["located_at_10_chance"] == 0.1 and found["global_mix"]["micro"]["precision_at_1"] == 0.5
    assert "precision_at_1" not in found["global"] and "located_at_10_low" in found["global"]
    assert "located_at_10_chance" not in found["difference"]["mix_minus_global"]
    assert retrieval_figures(score_rows("retrieval", [], metrics).reindex(columns=["task"]), "rra_vl") == {}


def test_grounding_figures_name_the_model_by_its_objective() -> None:
    found = grounding_figures(
        score_rows("grounding", ["phrase", "prior", "phrase - prior"], ["mean_iou"]), "phrase", "rra_vl"
    )
    assert list(found) == ["rra_vl", "prior", "phrase_minus_prior"]
    assert found["rra_vl"]["micro"]["mean_iou"] == 0.5


def test_plot_data_says_whose_labels() -> None:
    assert plot_csv(pd.DataFrame({"a": [1 / 3]}), "weak") == "a,labels\n0.333333,weak\n"


def test_examples_are_typical_and_take_turns() -> None:
    rows = [
        {"query": f"{i:02}|{region}|{finding}", "score": score, "finding": finding, "region": region,
         "located_at_10": i / 10, "average_precision": 0.5}
        for finding, region in (("a", "left lung"), ("a", "left apical zone"), ("b", "spine"))
        for i in range(5) for score in ("mix", "global")
    ]  # fmt: skip
    parents = {"left apical zone": "left lung"}
    chosen = choose_examples(pd.DataFrame(rows), 9, parents)
    assert list(chosen["query"]) == ["02|left apical zone|a", "02|spine|b", "02|left lung|a"]
    assert list(choose_examples(pd.DataFrame(rows), 2, parents)["finding"]) == ["a", "b"]
    assert len(choose_examples(pd.DataFrame(rows), 0, parents)) == 0
    assert (chosen["score"] == "mix").all()
