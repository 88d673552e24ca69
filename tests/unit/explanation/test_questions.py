"""questions: who is explained where, and from whose cases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hilum.evaluation.relevance import Presence
from hilum.explanation.questions import choose_questions, draw_cases, one_a_study

ROWS = pd.DataFrame(
    {
        "dicom_id": list("abcdef"), "study_id": [1, 1, 2, 3, 4, 5], "subject_id": [1, 1, 1, 2, 3, 4],
        "split": ["test", "test", "train", "test", "test", "train"],
    }
)  # fmt: skip
PRESENT = np.zeros((6, 3, 2), bool)
PRESENT[0, 0, :] = PRESENT[3, 1, 1] = PRESENT[2, 2, 0] = True
PRESENCE = Presence(PRESENT, ("left lung", "right lung", "spine"), ("mass", "effusion"))


def test_sick_and_healthy_regions_of_the_split_are_asked_about() -> None:
    asked = choose_questions(ROWS, PRESENCE, "test", 10, 100, 0)
    assert [(q.name, q.true) for q in asked if q.true] == [
        ("a|left lung", ("mass", "effusion")),
        ("d|right lung", ("effusion",)),
    ]
    healthy = {q.name for q in asked if not q.true}  # of the spine the split has no finding at all
    assert healthy == {"a|right lung", "b|left lung", "b|right lung", "d|left lung", "e|left lung", "e|right lung"}
    assert [q.name for q in asked] == sorted(q.name for q in asked)


def test_a_limit_draws_by_the_seed() -> None:
    drawn = [[q.name for q in choose_questions(ROWS, PRESENCE, "test", 1, 2, seed)] for seed in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1] and len({tuple(names) for names in drawn}) > 1 and all(len(n) == 3 for n in drawn)


def test_cases_are_one_a_study_and_of_other_patients() -> None:
    assert one_a_study(ROWS, [0, 1, 2, 3], 2) == [0, 2]
    random = np.random.Generator(np.random.PCG64(0))
    for _ in range(20):
        rows = draw_cases(ROWS, 1, 3, random)
        assert sorted(rows) == [3, 4, 5]
    assert draw_cases(ROWS, 2, 9, random) and all(ROWS["subject_id"][r] != 2 for r in draw_cases(ROWS, 2, 9, random))
