from __future__ import annotations

import pandas as pd

from hilum.report.controls import describe_report_tasks, list_controls
from hilum.report.results import Figure


def score(name: str, value: float, *, task: str = "retrieval", band: tuple[float, float] | None = None, **more) -> dict:
    low, high = band or (None, None)
    return {"task": task, "score": name, "average": "macro", "metric": "located_at_10", "value": value, "low": None,
            "high": None, "chance": 0.25, "chance_low": low, "chance_high": high, "n_units": 8, "n_groups": 2,
            **more}  # fmt: skip


def test_each_score_has_its_band_and_the_difference_that_is_its_own() -> None:
    frame = pd.DataFrame(
        [
            score("mix", 0.9),
            score("global", 0.6, band=(0.2, 0.3)),
            score("mix - global", 0.3),
            score("mirrored", 0.1),
            score("mix - mirrored", 0.7),  # over other queries than those that the mirror has
            score("mix_mirrorable - mirrored", 0.8),
            score("global", 0.5, average="micro"),
        ]
    )
    by_name = {row.name: row for row in list_controls(frame, "retrieval")}
    assert list(by_name) == ["mix", "global", "mirrored"]
    assert by_name["global"].bands == ((0.2, 0.3), None, None) and by_name["global"].differences[0].value == 0.3
    assert by_name["mirrored"].differences[0].value == 0.8
    assert by_name["mix"].differences == (Figure(),) * 3 and by_name["mix"].bands[0] is None


def test_tasks_that_were_not_measured_are_not_shown() -> None:
    curve = pd.DataFrame({"task": ["report_to_image"] * 2, "alpha": [0.0, 1.0], "located_at_10": [0.4, 0.8]})
    frame = pd.DataFrame([score("mix", 0.9, task="report_to_image"), score("keyword", 0.5, task="report_to_image")])
    shown = describe_report_tasks(frame, curve)
    assert [task["name"] for task in shown["tasks"]] == ["report to image"]
    assert [name for _, name in shown["columns"]] == ["mix", "keyword"]
    assert "report to image" in shown["curve_chart"]
    empty = describe_report_tasks(frame.iloc[:0], curve)
    assert empty["tasks"] == [] and empty["curve_chart"] == ""
