from __future__ import annotations

import pandas as pd

from hilum.report.results import RETRIEVAL_METRICS, Figure, find_figure, list_cells, list_curves, list_dots, list_scores


def score(name: str, metric: str = "located_at_10", value: float | None = 0.5, task: str = "retrieval") -> dict:
    return {"task": task, "score": name, "average": "macro", "metric": metric, "value": value, "low": 0.4,
            "high": 0.6, "chance": None, "n_units": 9, "n_groups": 3}  # fmt: skip


def test_known_scores_come_in_their_order_and_unknown_ones_last_by_name() -> None:
    frame = pd.DataFrame([score(name) for name in ("zeta", "oracle", "alpha", "mirrored", "mix", "mix_mirrorable")])
    rows = list_scores(frame, "retrieval", "macro", RETRIEVAL_METRICS)
    assert [row.name for row in rows] == ["mix", "mix_mirrorable", "mirrored", "oracle", "alpha", "zeta"]
    assert rows[-1].words == "" and "must fail" in rows[2].words


def test_a_metric_that_was_not_measured_is_empty_and_not_zero() -> None:
    rows = list_scores(pd.DataFrame([score("mix")]), "retrieval", "macro", RETRIEVAL_METRICS)
    assert rows[0].figures == (Figure(0.5, 0.4, 0.6, None), *[Figure()] * 4)
    assert find_figure(rows, "global", 0) == Figure()


def test_other_tasks_and_averages_are_left_out() -> None:
    frame = pd.DataFrame([score("mix"), score("phrase", task="grounding")])
    assert [row.name for row in list_scores(frame, "retrieval", "macro", RETRIEVAL_METRICS)] == ["mix"]
    assert list_scores(frame, "retrieval", "micro", RETRIEVAL_METRICS) == []


def test_differences_and_missing_values_have_no_dot() -> None:
    frame = pd.DataFrame([score("mix"), score("mix - global"), score("global", value=None)])
    rows = list_scores(frame, "retrieval", "macro", RETRIEVAL_METRICS)
    assert [dot.name for dot in list_dots(rows, 0)] == ["mix"]


def test_cells_are_one_row_a_place_with_a_gap_where_a_score_was_not_measured() -> None:
    row = {"finding": "consolidation", "region": "left lung", "locatable": True, "n_positives": 20,
           "chance_located": 0.5, "chance_average_precision": 0.1, "average_precision": 0.2}  # fmt: skip
    frame = pd.DataFrame(
        [
            {**row, "score": "mix", "n_queries": 4, "located_at_10": 0.9},
            {**row, "score": "global", "n_queries": 4, "located_at_10": 0.4},
        ]
    )
    (cell,) = list_cells(frame)
    assert cell["located"] == [0.9, 0.4, None] and cell["n_queries"] == 4


def test_the_total_comes_first_among_the_losses() -> None:
    losses, figures = list_curves(
        pd.DataFrame({"epoch": [1], "phase": ["p"], "global": [1.0], "total": [3.0], "validate_region_ap": [0.1]})
    )
    assert [s.name for s in losses] == ["total", "global"]
    assert figures[0].points == ((1, 0.1),)
