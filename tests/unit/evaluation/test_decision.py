"""The policy, case by case, and how a decision reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hilum.config import ChallengeParams
from hilum.evaluation.challenge import Comparison
from hilum.evaluation.decision import judge_challenge, render_decision

LIMITS = {
    "label_rate": 0.1, "embedding": 0.1, "agreement": 0.1, "unknown_words": 0.1, "significance": 0.05,
    "n_shuffles": 19, "max_images": 10, "seed": 0,
}  # fmt: skip
PARAMS = ChallengeParams(
    benchmark=("L0001",), min_positives=1, metric="located_at_10", margin=0.02, guards={"precision_at_5": 0.03},
    gate="amber", n_bootstrap=10, seed=0, drift=LIMITS,
)  # fmt: skip


def compared(metric: str, difference: float, low: float) -> Comparison:
    return Comparison(metric, 0.5, 0.5 + difference, difference, low, difference + 0.05, 40, 6)


def judge(
    located: tuple[float, float], precise: float = 0.0, verdict: str = "green", params: ChallengeParams = PARAMS
) -> tuple:
    found = [compared("located_at_10", *located), compared("precision_at_5", precise, precise - 0.2)]
    return judge_challenge(found, verdict, [] if verdict == "green" else ["images.view"], params)


@pytest.mark.parametrize(
    "located, precise, gate, changes, verdict, n_reasons, said",
    [
        ((0.1, 0.05), 0.0, "green", {}, "promoted", 3, "is above -0.020"),
        ((0.0, -0.0199), 0.0, "green", {}, "promoted", 3, "is above -0.020"),
        ((0.0, -0.02), 0.0, "green", {}, "refused", 1, "-0.020, is not above -0.020"),
        ((0.1, -0.3), 0.0, "green", {}, "refused", 1, "located_at_10: 0.600 against the champion's 0.500, +0.100"),
        ((0.1, 0.05), -0.03, "green", {}, "promoted", 3, "may fall by 0.030"),
        ((0.1, 0.05), -0.0301, "green", {}, "refused", 1, "may fall by 0.030 at most"),
        ((0.1, 0.05), 0.0, "amber", {}, "promoted", 3, "the gate is amber (images.view)"),
        ((0.1, 0.05), 0.0, "amber", {"gate": "green"}, "refused", 1, "amber (images.view); the policy asks for green"),
        ((0.1, 0.05), 0.0, "red", {}, "refused", 1, "the gate is red"),
        ((0.0, 0.0), 0.0, "green", {"margin": 0.0}, "refused", 1, "is not above"),
        ((-0.2, -0.3), -0.2, "red", {}, "refused", 3, "the gate is red"),
        ((0.1, np.nan), 0.0, "green", {}, "refused", 1, "no question of the benchmark has it"),
        ((0.1, 0.05), np.nan, "green", {}, "refused", 1, "precision_at_5: no question of the benchmark has it"),
    ],
)
def test_the_policy(
    located: tuple, precise: float, gate: str, changes: dict, verdict: str, n_reasons: int, said: str
) -> None:
    found, reasons = judge(located, precise, gate, PARAMS.model_copy(update=changes))
    assert (found, len(reasons)) == (verdict, n_reasons) and said in "\n".join(reasons)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_better_challenger_is_never_refused_where_a_worse_one_passes(
    low: float, precise: float, better: float, finer: float
) -> None:
    if judge((low, low), precise)[0] == "promoted":
        assert judge((low + better, low + better), precise + finer)[0] == "promoted"


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"metric": "recall"}, "metric"),
        ({"guards": {"recall": 0.1}}, "guards"),
        ({"guards": {"precision_at_5": -0.1}}, "greater than or equal to 0"),
        ({"gate": "red"}, "gate"),
        ({"benchmark": ()}, "benchmark"),
    ],
)
def test_a_policy_that_means_nothing_is_no_policy(changed: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ChallengeParams(**{**PARAMS.model_dump(), **changed})


def evidence(**drift: object) -> dict:
    row = {"champion": 0.5, "challenger": 0.4, "difference": -0.1, "low": -0.2, "high": 0.0, "n_queries": 1200,
           "n_cells": 7}  # fmt: skip
    parts = dict.fromkeys(("label_rates", "embedding", "agreement", "unknown_words", "unknown_terms"))
    return {
        "verdict": "refused", "reasons": ["one", "two"],
        "metrics": {"located_at_10": row, "precision_at_5": {**dict.fromkeys(row), "n_queries": 0, "n_cells": 0}},
        "benchmark": {"landings": ["L0001"], "relevance": "weak", "n_images": 1300, "n_queries": 1200,
                      "n_patients": 60, "n_cells": 7, "sha256": "0123456789abcdef" * 4},
        "drift": {"landings": ["L0002"], **parts, "left_out": {}, "warnings": [], **drift},
        "champion": {"model_id": "aaaa", "objective": "rra_vl", "alpha": 0.5, "landings": ["L0001"]},
        "challenger": {"model_id": "bbbb", "objective": "global", "alpha": 1.0, "landings": ["L0001", "L0002"]},
    }  # fmt: skip


def test_a_decision_reads_as_one() -> None:
    text = render_decision(evidence(left_out={"embedding": "few", "agreement": "few"}, warnings=["look here"]))
    assert text.startswith("# Refused: bbbb against aaaa\n\n- one\n- two\n\n| metric")
    assert "| located_at_10 | 0.500 | 0.400 | -0.100 | -0.200 to +0.000 | 1,200 | 7 |" in text
    assert "| precision_at_5 | | | not measured | | 0 | 0 |" in text
    assert "Challenger bbbb (global, alpha 1, trained on L0001, L0002)." in text
    assert "- Warning: look here\n- Not measured (embedding, agreement): few.\n" in text


def test_every_part_of_drift_is_told() -> None:
    text = render_decision(
        evidence(
            label_rates={"largest": [{"finding": "edema", "trained": 0.1, "new": 0.25, "p": 0.005}]},
            embedding={"distance": 0.1234, "distance_by_chance": 0.02, "p": 0.005},
            agreement={"trained": 0.3, "new": 0.1, "p": 0.01},
            unknown_words={"trained": 0.001, "new": 0.0125, "p": 0.2},
            unknown_terms={"trained_per_report": 1, "new_per_report": 2.5, "share_unheard": 0.4},
        )
    )
    for said in ("edema 10.0% to 25.0% (p 0.005)", "0.123 apart", "0.300 to 0.100", "0.10% to 1.25%", "1.00 to 2.50"):
        assert said in text
