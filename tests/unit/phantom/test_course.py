from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from hilum.phantom.case import StudyCase
from hilum.phantom.course import HABIT_OF, SEVERITIES, draw_course
from hilum.phantom.regions import REGIONS

N_SUBJECTS = 620


@pytest.fixture(scope="module")
def courses() -> list[tuple[StudyCase, ...]]:
    ids = (50000001, 50000009, 50000004, 50000002)
    return [draw_course(np.random.default_rng([1, n]), 10000000 + n, ids) for n in range(N_SUBJECTS)]


def test_counts_are_those_of_a_plausible_clinic(courses: list[tuple[StudyCase, ...]]) -> None:
    studies = [case for course in courses for case in course]
    assert 950 < len(studies) < 1150
    assert {len(course) for course in courses} == {1, 2, 3, 4}
    assert 0.33 < np.mean([not case.findings for case in studies]) < 0.43
    assert 0.13 < np.mean([case.has_lateral for case in studies]) < 0.27
    assert 0.3 < np.mean([case.view == "AP" for case in studies]) < 0.6
    assert len({f.finding for case in studies for f in case.findings}) >= 20


def test_most_cells_of_the_main_findings_are_filled(courses: list[tuple[StudyCase, ...]]) -> None:
    cells = Counter((f.finding, f.region) for course in courses for case in course for f in case.findings)
    main = ("pleural_effusion", "consolidation", "atelectasis", "mass_nodule", "pneumothorax", "pulmonary_edema",
            "enlarged_cardiac_silhouette", "elevated_hemidiaphragm", "enlarged_hilum", "cyst_bullae")  # fmt: skip
    places = [(name, region) for name in main for region in {r for _, rs in HABIT_OF[name].places for r in rs}]
    images_per_study = 1.24
    filled = [cells[place] * images_per_study >= 20 for place in places]
    assert np.mean(filled) >= 0.85


def test_rows_are_well_formed(courses: list[tuple[StudyCase, ...]]) -> None:
    for course in courses:
        assert [case.study_index for case in course] == list(range(len(course)))
        stamps = [case.study_datetime for case in course]
        assert stamps == sorted(set(stamps)) and all(len(stamp) == 14 for stamp in stamps)
        for case in course:
            keys = [(f.finding, f.region) for f in case.findings]
            assert len(keys) == len(set(keys))
            assert all(f.region in REGIONS and f.severity in SEVERITIES for f in case.findings)
            assert case.view in ("PA", "AP") and not (case.has_lateral and case.view == "AP")


def test_change_tells_the_truth_about_the_prior_study(courses: list[tuple[StudyCase, ...]]) -> None:
    seen: Counter[str | None] = Counter()
    for course in courses:
        assert course[0].prior is None and all(f.change is None for f in course[0].findings)
        for before, case in pairwise(course):
            assert case.prior == before.findings
            old = {(f.finding, f.region): SEVERITIES.index(f.severity) for f in before.findings}
            for f in case.findings:
                seen[f.change] += 1
                if (f.finding, f.region) not in old:
                    assert f.change == "new"
                    continue
                step = SEVERITIES.index(f.severity) - old[(f.finding, f.region)]
                assert f.change == ("improved" if step < 0 else "worsened" if step > 0 else "unchanged")
                assert not (HABIT_OF[f.finding].chronic and step < 0)
            seen["resolved"] += len(set(old) - {(f.finding, f.region) for f in case.findings})
    assert all(seen[change] >= 20 for change in ("new", "improved", "worsened", "unchanged", "resolved"))


def test_findings_that_hide_each_other_are_not_drawn_on_one_side(courses: list[tuple[StudyCase, ...]]) -> None:
    for course in courses:
        for case in course[:1]:
            where = {(f.finding, f.region.split(" ")[0]) for f in case.findings}
            for side in ("left", "right"):
                assert not {("pleural_effusion", side), ("costophrenic_angle_blunting", side)} <= where
                assert not {("pneumothorax", side), ("cyst_bullae", side)} <= where
