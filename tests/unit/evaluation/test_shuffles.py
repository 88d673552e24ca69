"""Groups dealt out again: differences equal the slow version, chance is calibrated, and what is there is found."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from hilum.evaluation.shuffles import compare_shares, compare_vectors, group_patients

N_SHUFFLES = 99


def test_a_patient_in_both_groups_counts_as_two() -> None:
    groups = group_patients(np.array([7, 7, 8, 7]), np.array([False, True, True, False]))
    assert groups.unit.tolist() == [0, 1, 2, 0] and groups.is_new.tolist() == [False, True, True]


def test_every_deal_has_as_many_new_patients() -> None:
    dealt = group_patients(np.arange(9), np.arange(9) < 4).shuffle(30, 0)
    assert dealt.shape == (31, 9) and (dealt.sum(axis=1) == 4).all()
    assert dealt[0].tolist() == [i < 4 for i in range(9)] and len({tuple(row) for row in dealt}) > 20


def test_shares_by_hand() -> None:
    counts, totals = np.array([[1, 0], [1, 1], [0, 2], [3, 0]]), np.array([2, 2, 2, 4])
    groups = group_patients(np.array([1, 2, 2, 3]), np.array([False, False, True, True]))
    found = compare_shares(counts, totals, groups, 19, 0)
    assert found.trained.tolist() == [2 / 4, 1 / 4] and found.new.tolist() == [3 / 6, 2 / 6]


def test_p_is_the_share_of_deals_that_differ_as_much() -> None:
    """Of 6 patients, the 3 new ones have all findings: 2 of the 20 ways to choose 3 differ as much."""
    marks = np.array([[0], [0], [0], [1], [1], [1]])
    ways = [abs(marks[list(c)].mean() - marks[[i for i in range(6) if i not in c]].mean()) for c in
            combinations(range(6), 3)]  # fmt: skip
    exact = np.mean(np.array(ways) >= 1)
    found = compare_shares(marks, np.ones(6), group_patients(np.arange(6), np.arange(6) > 2), 3999, 0)
    assert exact == 0.1 and found.p[0] == pytest.approx(exact, abs=0.015)


def clustered(random: np.random.Generator, n_patients: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Five findings of patients with 1 to 4 studies that are much alike: (n_studies,) subjects, marks."""
    subjects = np.repeat(np.arange(n_patients), random.integers(1, 5, n_patients))
    usual = random.random((n_patients, 5)) < 0.3
    return subjects, usual[subjects] ^ (random.random((len(subjects), 5)) < 0.05)


def test_no_difference_is_seldom_called_one_however_alike_a_patient_s_studies() -> None:
    false_alarms = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        subjects, marks = clustered(random)
        is_new = random.permutation(60)[subjects] < 20
        found = compare_shares(marks, np.ones(len(marks)), group_patients(subjects, is_new), N_SHUFFLES, seed)
        false_alarms += bool((found.p <= 0.05).any())
    assert 1 <= false_alarms <= 12  # of 100, 5 expected over all five findings together


def test_a_difference_is_found_and_only_where_it_is() -> None:
    random = np.random.default_rng(0)
    subjects, marks = clustered(random)
    is_new = subjects % 2 == 1
    marks[is_new, 2] = True
    found = compare_shares(marks, np.ones(len(marks)), group_patients(subjects, is_new), N_SHUFFLES, 0)
    assert found.p[2] == 0.01 and (np.delete(found.p, 2) > 0.05).all()


def test_a_column_that_never_changes_is_no_difference() -> None:
    found = compare_shares(np.zeros((4, 1)), np.ones(4), group_patients(np.arange(4), np.arange(4) < 2), 19, 0)
    assert found.p.tolist() == [1.0]


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_distance_equals_the_slow_version() -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(9, 4)))
    is_new = np.array([True] * 4 + [False] * 5)
    apart = [[float(np.linalg.norm(a.astype(float) - b)) for b in vectors] for a in vectors]
    between = np.mean([apart[i][j] for i in range(4) for j in range(4, 9)])
    within = [np.mean([apart[i][j] for i in g for j in g if i != j]) for g in (range(4), range(4, 9))]
    found = compare_vectors(vectors, group_patients(np.arange(9), is_new), 19, 0)
    assert found.value == pytest.approx((2 * between - sum(within)) / (2 * between), abs=1e-6)


def test_two_points_are_wholly_apart_and_one_point_is_not() -> None:
    two = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
    groups = group_patients(np.arange(10), np.arange(10) < 5)
    assert compare_vectors(two, groups, 99, 0).value == pytest.approx(1)
    one = compare_vectors(two[:1].repeat(10, axis=0), groups, 99, 0)
    assert (one.value, one.p) == (0, 1)


def test_the_distance_of_one_cloud_to_itself_is_calibrated_and_a_moved_cloud_is_found() -> None:
    false_alarms = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        patients = np.repeat(np.arange(40), 2)
        vectors = unit(random.normal(size=(40, 8))[patients] + 0.3 * random.normal(size=(80, 8)))
        groups = group_patients(patients, random.permutation(40)[patients] < 15)
        false_alarms += compare_vectors(vectors, groups, N_SHUFFLES, seed).p <= 0.05
    assert false_alarms <= 9
    moved = unit(vectors + 1.5 * groups.rows[:, None] * np.eye(8)[0])
    found = compare_vectors(moved, groups, N_SHUFFLES, 0)
    assert found.p == 0.01 and found.value > 3 * found.by_chance > 0
