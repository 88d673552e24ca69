"""What a figure opens into: its rows with their weights, the labels behind them down to the characters, and every
disagreement between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hilum.config import read_section
from hilum.lineage.figures import parse_figure
from hilum.lineage.page import render_page
from hilum.lineage.record import open_record
from hilum.schema import MENTIONS, QUERIES, REGION_LABELS, REPORTS
from hilum.stages.audit import audit_figure
from hilum.stages.audit_cases import open_figure
from hilum.stages.audit_units import read_name
from tests.unit.stages.audit_material import EFFUSION, LEFT, LUNG, WORDS, MadeLine, image, study

MAP = "retrieval.rra_vl.mean_average_precision"


@pytest.fixture
def made(tmp_path: Path) -> MadeLine:
    return MadeLine(tmp_path)


def opened(line: MadeLine, name: str, **options: Any) -> dict[str, Any]:
    with open_record(line.root) as record:
        return open_figure(record, parse_figure(name), **options)


@pytest.mark.parametrize("truth", [True, False], ids=["truth", "weak labels"])
def test_a_query_opens_to_the_characters_of_the_report(tmp_path: Path, truth: bool) -> None:
    line = MadeLine(tmp_path, truth=truth)
    facts = opened(line, MAP)
    assert facts["disagreements"] == [] and facts["n_checked"] > 30
    assert facts["source"] == ("truth" if truth else "weak") and facts["n"] == 2
    asked = facts["units"][0]
    assert (asked["study_id"], asked["region"], asked["finding"], asked["weight"]) == (study(0), LUNG, EFFUSION, 0.5)
    assert sum(row["weight"] * row["value"] for row in facts["units"]) == pytest.approx(
        line.metrics["retrieval"]["rra_vl"]["mean_average_precision"], abs=1e-6
    )
    (ranked,) = asked["lists"]
    assert [answer["study_id"] for answer in ranked["answers"]] == [study(i) for i in (1, 3, 2, 4, 5)]
    second = ranked["answers"][1]
    assert second["relevant"] and second["at"] == [LEFT] and second["said_at"] == [LEFT]
    facts_of_study = facts["studies"][study(3)]
    (label,) = facts_of_study["labels"]
    (mention,) = label["mentions"]
    text = line.texts[3]
    assert text[mention["char_start"] : mention["char_end"]] == "effusion"
    assert text[mention["sentence_start"] : mention["sentence_end"]].startswith("In study 3")
    assert facts_of_study["report"]["file"] == f"data/raw/L0001/tree/files/s{study(3)}.txt"
    assert len(facts_of_study["report"]["sha256"]) == 64
    assert facts_of_study["images"][image(3)]["file"].endswith(f"{image(3)}.jpg")
    assert [row["region"] for row in facts_of_study["truth"]] == ([LEFT] if truth else [])
    assert [(c["n_positives"], c["n_same_finding"], c["locatable"]) for c in facts["cells"]] == [(4, 5, True)]


def test_words_come_only_where_asked_for(made: MadeLine) -> None:
    silent, told = json.dumps(opened(made, MAP)), opened(made, MAP, show_text=True)
    assert "In study" not in silent and WORDS not in silent
    (label,) = told["studies"][study(3)]["labels"]
    assert "".join(label["mentions"][0]["words"]) == f"In study 3 is an {WORDS} of the place."
    assert label["mentions"][0]["words"][1] == "effusion"


@pytest.mark.parametrize(
    ("name", "n", "values"),
    [
        ("retrieval.rra_vl.precision_at_1", 2, [1.0, 0.0]),
        ("retrieval.rra_vl.micro.precision_at_1", 2, [1.0, 0.0]),
        ("retrieval.rra_vl.precision_at_1_low", 2, [1.0, 0.0]),
        ("retrieval.difference.mix_minus_global.precision_at_1", 2, [1.0, 0.0]),
        ("retrieval.rra_vl.located_at_10", 2, [0.75, 0.75]),
        ("grounding.rra_vl.pointing_game", 2, [1.0, 0.0]),
        ("grounding.rra_vl.contrast_to_noise_ratio", 2, [1.5, None]),
        ("grounding.phrase_minus_prior.pointing_game", 2, [0.0, -1.0]),
    ],
)
def test_the_units_average_to_the_figure(made: MadeLine, name: str, n: int, values: list[float]) -> None:
    facts = opened(made, name)
    assert facts["disagreements"] == [] and facts["n"] == n
    assert [row["value"] for row in facts["units"]] == values


def test_interval_and_chance_stand_beside(made: MadeLine) -> None:
    assert opened(made, "retrieval.rra_vl.precision_at_1")["beside"] == {"low": 0.0, "high": 1.0, "chance": 0.6}
    assert opened(made, "counts.images")["beside"] == {}


@pytest.mark.parametrize("name", ["labels.micro_precision", "labels.n_labels", f"labels.f1.{EFFUSION}"])
def test_label_figures_open_into_triples(made: MadeLine, name: str) -> None:
    facts = opened(made, name)
    assert facts["disagreements"] == []
    wrong = [(row["study_id"], row["finding"], row["outcome"]) for row in facts["units"] if row["outcome"] != "right"]
    expected = [(study(5), EFFUSION, "unfounded")]
    if "f1" not in name:
        expected.append((study(5), "lung_opacity", "missed"))
    assert sorted(wrong) == sorted(expected)
    assert facts["units"][0]["outcome"] != "right"  # what is wrong comes first
    row = next(row for row in facts["findings"] if row["finding"] == EFFUSION)
    assert (row["n_true"], row["n_found"], row["n_right"]) == (5, 6, 5)


def set_cell(row: int, column: str, value: Any) -> Callable[[pd.DataFrame], None]:
    def change(frame: pd.DataFrame) -> None:
        frame.at[row, column] = value

    return change


MIX_0 = 1  # rows are sorted by query, then by score


@pytest.mark.parametrize(
    ("path", "table", "change", "told"),
    [
        ("evaluation/queries", QUERIES, set_cell(MIX_0, "relevant", [False, True, False, False, True]),
         "answer 1: recorded as not relevant"),
        ("evaluation/queries", QUERIES, set_cell(MIX_0, "precision_at_5", 0.8), "precision_at_5 is recorded as 0.8"),
        ("evaluation/queries", QUERIES, set_cell(MIX_0, "located_at_10", 0.5), "located_at_10 is recorded as 0.5"),
        ("evaluation/queries", QUERIES, set_cell(MIX_0, "average_precision", 0.5), "its rows average to"),
        ("evaluation/queries", QUERIES, set_cell(MIX_0, "subject_id", 10_000_002), "of the patient who asks"),
        ("texts/p", REPORTS, set_cell(3, "text", "Another report of the same length, or nearly so."),
         "the text that was read is not data/raw/L0001/tree/files/s50000004.txt"),
        ("mentions/p", MENTIONS, set_cell(3, "char_end", 4000), "lies outside its sentence or report"),
        ("mentions/p", MENTIONS, set_cell(3, "finding", "pneumothorax"), "mention 0 is of another finding"),
        ("region_labels/p", REGION_LABELS, set_cell(3, "n_mentions", 2), "a mention behind it is missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_listed(made: MadeLine, path: str, table: Any, change: Any, told: str) -> None:
    made.edit(f"data/{path}.parquet", table, change)
    found = opened(made, MAP)["disagreements"]
    assert any(told in words for words in found), found
    assert all("In study" not in words and "Another report" not in words for words in found)


def test_without_truth_relevance_is_the_labels(tmp_path: Path) -> None:
    line = MadeLine(tmp_path, truth=False)
    line.edit("data/region_labels/p.parquet", REGION_LABELS, set_cell(3, "label", "absent"))
    found = opened(line, MAP)["disagreements"]
    assert any("answer 2: recorded as relevant" in words for words in found)


def test_what_cannot_be_opened_says_why(made: MadeLine) -> None:
    assert "averages nothing" in opened(made, "counts.images")["why_not"]
    (made.root / "data/mentions/p.parquet").unlink()
    assert "data/mentions/p.parquet" in opened(made, MAP)["why_not"]


def test_tables_that_do_not_hang_together_say_so(made: MadeLine) -> None:
    made.edit("data/evaluation/queries.parquet", QUERIES, set_cell(MIX_0, "answers", [image(77)] * 5))
    assert "KeyError" in opened(made, MAP)["why_not"]


@pytest.mark.parametrize("truth", [True, False], ids=["truth", "weak labels"])
@pytest.mark.parametrize(
    "name",
    [MAP, "retrieval.difference.mix_minus_global.precision_at_1", "retrieval.rra_vl.precision_at_1_low",
     "grounding.rra_vl.pointing_game", "labels.n_labels", "counts.images"],
)  # fmt: skip
@pytest.mark.parametrize("show_text", [True, False], ids=["with words", "without"])
def test_every_kind_of_figure_makes_a_page(tmp_path: Path, name: str, truth: bool, show_text: bool) -> None:
    line, figure = MadeLine(tmp_path, truth=truth), parse_figure(name)
    with open_record(line.root) as record:
        account = audit_figure(record, figure, read_section)
        facts = open_figure(record, figure, show_text=show_text)
        text = render_page(account, facts)
    for link in re.findall(r"href=[\"']?#([^\"'> ]+)", text):
        assert re.search(rf"id=[\"']?{re.escape(link)}[\"'> ]", text), link
    assert WORDS not in text  # its < is escaped
    told = sum(f"In study {i} is an <mark>effusion</mark> &lt;b&gt; of the place." in text for i in range(6))
    assert (told > 0) == (show_text and "studies" in facts)
    assert ("In study" in text) == (told > 0) == ("shows report text" in text)


def test_only_so_many_are_shown(made: MadeLine) -> None:
    facts = opened(made, MAP, shown=1)
    assert facts["n"] == 2 and len(facts["units"]) == 1 and facts["disagreements"] == []


def test_names_are_read_as_metrics_json_writes_them() -> None:
    asked = read_name("retrieval.rra_vl.micro.precision_at_5_chance")
    assert (asked.scores, asked.metric, asked.average, asked.end) == (("rra_vl",), "precision_at_5", "micro", "_chance")
    assert read_name("retrieval.difference.mix_minus_global.located_at_10").scores == ("mix", "global")
