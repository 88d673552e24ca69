"""The cards say what the record holds, to the digit, and of the rest that it is unknown."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hilum.errors import BadDataError
from hilum.lineage.card_text import DATA_CARD, MODEL_CARD, render_card
from hilum.lineage.cards import describe_data, describe_model
from hilum.lineage.ledger import append
from hilum.lineage.record import open_record
from tests.unit.lineage.small_line import AUTHOR, METRICS, STUDIES, SUBJECT, WITHDRAWN, SmallLine

WORDS = {"mix": "what hilum does", "mirrored": "a control that must fail", "mix - global": "a paired difference"}
SOURCE = [{"landing": "L0001", "files": 2345, "bytes": 9, "reports": 4, "images": 5, "listed_by_source": 3,
           "agreeing": 2}]  # fmt: skip


@pytest.fixture
def line(tmp_path: Path) -> SmallLine:
    return SmallLine(tmp_path)


def model_of(line: SmallLine, revision: str | None = None) -> dict[str, Any]:
    with open_record(line.folder, revision) as record:
        return describe_model(record, WORDS)


def data_of(line: SmallLine) -> dict[str, Any]:
    with open_record(line.folder) as record:
        return describe_data(record, SOURCE)


def row_of(card: str, *start: str) -> str:
    (row,) = [row for row in card.splitlines() if row.startswith("| " + " | ".join(start) + " |")]
    return row


def test_figures_stand_with_chance_interval_and_controls(line: SmallLine) -> None:
    facts = model_of(line)
    found = {(row["task"], row["score"], row["average"], row["metric"]): row for row in facts["figures"]}
    mix = METRICS["retrieval"]["rra_vl"]
    row = found["retrieval", "mix", "macro", "located_at_10"]
    assert [row[key] for key in ("value", "low", "high", "chance")] == [
        mix[f"located_at_10{end}"] for end in ("", "_low", "_high", "_chance")
    ]
    assert found["retrieval", "mix", "micro", "located_at_10"]["value"] == 0.625
    assert found["retrieval", "mix - global", "macro", "located_at_10"]["low"] == -0.125
    assert found["grounding", "phrase", "macro", "mean_iou"]["low"] is None
    assert len(found) == len(facts["figures"]) == 5
    card = render_card(MODEL_CARD, facts)
    assert row_of(card, "mix", "macro").endswith("| 0.812 | 0.750 to 0.875 | 0.438 | what hilum does |")
    assert row_of(card, "mirrored", "macro").endswith(
        "| 0.188 | unknown to unknown | 0.438 | a control that must fail |"
    )
    assert row_of(card, "mix - global", "macro").endswith("| none | a paired difference |")
    assert "9 questions of 8 patients in 7 cells" in card


def test_the_model_is_told_by_its_parameters_and_digests(line: SmallLine) -> None:
    facts = model_of(line)
    card = render_card(MODEL_CARD, facts)
    assert "- Parameters of align: learning_rate 0.0005\n" in card
    assert facts["trained_on"]["landings"] == ["L0001"] and facts["trained_on"]["images"] == 5
    item = line.item("data/locate")
    assert facts["model"]["md5"] == item["md5"] and f"| data/locate | `{item['md5']}` | {item['size']} |" in card
    assert {row["path"] for row in facts["digests"]} >= {"data/locate", "reports/metrics.json"}
    assert "no model is served from this checkout" in card
    assert model_of(line, "HEAD") == facts


def test_gate_splits_labels_landings_and_withdrawals_are_counted(line: SmallLine) -> None:
    facts = data_of(line)
    card = render_card(DATA_CARD, facts)
    assert "Verdict: **amber**, of 2 checks 1 failed." in card
    assert "- warning: region_labels.in_list (label): a label of the list; 1 of 4 are otherwise\n" in card
    assert "| train | 3 | 4 | 2 | 5 |\n| test | unknown | unknown | unknown | unknown |\n\n" in card
    assert "| pneumothorax | 7 | 0 | 11 |" in card
    assert "| L0001 | tree | 2,345 | 9 | 4 | 5 | 3 | 2 |" in card
    assert facts["withdrawn"] == {"subjects": 1, "studies": 0}
    assert "Withdrawn: 1 subjects and 0 single studies." in card
    assert "- files landed: 1,234\n" in card and "- empty_report: 6\n" in card


def test_both_say_what_they_are_for_and_what_is_not_known(line: SmallLine) -> None:
    for name, facts in ((MODEL_CARD, model_of(line)), (DATA_CARD, data_of(line))):
        card = render_card(name, facts)
        for part in ("uses", "not_for", "limits", "unknown"):
            assert facts[part] and all(f"- {row}\n" in card for row in facts[part])
        assert any(row.startswith("Diagnosis") for row in facts["not_for"])
        assert any("weak" in row for row in facts["limits"])
        assert any("licence" in row for row in facts["unknown"])
        assert "When, where and with which packages it was run: unknown." in card
        json.dumps(facts)


def test_only_the_phantom_is_said_to_be_synthetic(line: SmallLine, tmp_path_factory: pytest.TempPathFactory) -> None:
    phantom = SmallLine(tmp_path_factory.mktemp("phantom"), "phantom")
    assert "synthetic" in model_of(phantom)["limits"][0]
    assert not any("synthetic" in row for row in model_of(line)["limits"])
    assert any("consent" in row for row in data_of(line)["unknown"])
    assert not any("consent" in row for row in data_of(phantom)["unknown"])


def test_what_is_not_here_is_unknown_and_no_error(line: SmallLine) -> None:
    line.forget("data/validation/validation.json")
    line.forget("data/locate/config.json")
    (line.folder / "reports/metrics.json").unlink()
    facts = model_of(line)
    card = render_card(MODEL_CARD, facts)
    assert "- Objective: unknown\n" in card and "Verdict: **unknown**.\n" in card
    assert any(row.startswith("Every figure") for row in facts["unknown"])
    assert any(row.startswith("Its shape") for row in facts["unknown"])
    data = data_of(line)
    assert any(row.startswith("Every count") for row in data["unknown"])
    assert "| unknown | | | |\n" in render_card(DATA_CARD, data)


@pytest.mark.parametrize("weights, word", [("weights", "yes"), ("other weights", "no")])
def test_a_served_model_is_said_to_be_this_one_or_another(line: SmallLine, weights: str, word: str) -> None:
    line.write("data/served/champion/model/model.safetensors", weights)
    item = {**line.item("data/served/champion"), "path": "champion"}
    line.write("data/served/champion.dvc", yaml.safe_dump({"outs": [item]}))
    line.write("reports/decision.json", json.dumps({"verdict": "promoted", "by": "policy", "model_id": "abc"}))
    card = render_card(MODEL_CARD, model_of(line))
    assert f"- Served: this model: {word}; md5 `{item['md5']}`" in card
    assert "the last decision: promoted of abc, by policy" in card


def test_a_run_of_the_ledger_is_told_only_if_it_left_these_locks(line: SmallLine) -> None:
    assert append(line.folder, "run", "0" * 40, lambda: None) is not None
    run = model_of(line)["run"]
    assert run["what"] == "run" and run["environment"]["python"].startswith("3.11")
    assert f"Run recorded {run['at']} (run), with " in render_card(MODEL_CARD, model_of(line))
    lock = line.folder / "dvc.lock"
    lock.write_text(lock.read_text().replace("on_conflict: present", "on_conflict: other"))
    assert hashlib.sha256(lock.read_bytes()).hexdigest() not in (line.folder / "reports/ledger.jsonl").read_text()
    assert model_of(line)["run"] is None


def test_without_a_model_there_is_no_card(line: SmallLine) -> None:
    stages = (line.folder / "dvc.lock").read_text()
    line.write("dvc.lock", stages.replace("data/locate", "data/elsewhere"))
    with pytest.raises(BadDataError, match="data/locate"):
        model_of(line)


def test_no_patient_and_no_person_is_in_them(line: SmallLine) -> None:
    model, data = model_of(line), data_of(line)
    text = json.dumps([model, data]) + render_card(MODEL_CARD, model) + render_card(DATA_CARD, data)
    ids = [study for studies in STUDIES.values() for study in studies]
    private = [*map(str, (*ids, SUBJECT, WITHDRAWN)), *AUTHOR, str(line.folder)]
    assert [word for word in private if word in text] == []
