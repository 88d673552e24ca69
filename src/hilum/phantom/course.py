"""What befalls a phantom patient: the findings of each study, and how they change from one to the next.

In: a generator. Out: `StudyCase`s in order of time. About four in ten studies have no finding; the others one to
four and what goes with them. Chronic findings stay; acute ones improve, resolve, worsen or stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from hilum.phantom.case import DrawnFinding, StudyCase

SEVERITIES = ("minimal", "mild", "moderate", "severe")
_USUAL, _MARKED, _FIXED = (0.12, 0.30, 0.36, 0.22), (0.0, 0.30, 0.40, 0.30), (0.0, 0.0, 1.0, 0.0)
Places = tuple[tuple[float, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Habit:
    """How a finding occurs: its weight, where (groups of regions struck together), how marked, and whether it lasts."""

    finding: str
    weight: float
    places: Places
    severities: tuple[float, ...] = _USUAL
    chronic: bool = False


def _sides(region: str, right: float = 1.0, left: float = 1.0, both: float = 0.0) -> Places:
    places: Places = ((right, (f"right {region}",)), (left, (f"left {region}",)))
    return (*places, (both, (f"right {region}", f"left {region}"))) if both else places


_LOWER, _MID, _UPPER = "lower lung zone", "mid lung zone", "upper lung zone"
HABITS = (
    Habit("pleural_effusion", 13, _sides("costophrenic angle", 1.0, 1.0, 0.9)),
    Habit("consolidation", 25, _sides(_LOWER, both=0.15) + _sides(_MID) + _sides(_UPPER)),
    Habit("atelectasis", 15, _sides(_LOWER, 1.1, 1.2, 0.5) + _sides(_MID, 0.8, 0.8)),
    Habit("mass_nodule", 19, _sides(_UPPER) + _sides(_MID) + _sides(_LOWER, 0.9, 0.9), (0.1, 0.25, 0.4, 0.25), True),
    Habit("pneumothorax", 9, _sides("apical zone"), (0.1, 0.32, 0.36, 0.22)),
    Habit("pulmonary_edema", 6, ((1.0, ("right lung", "left lung")),), (0.0, 0.35, 0.4, 0.25)),
    Habit("enlarged_cardiac_silhouette", 5, ((1.0, ("cardiac silhouette",)),), _MARKED, True),
    Habit("hyperaeration", 4, ((1.0, ("right lung", "left lung")),), _MARKED, True),
    Habit("elevated_hemidiaphragm", 8, _sides("hemidiaphragm"), _MARKED, True),
    Habit("enlarged_hilum", 6, _sides("hilar structures", 1.0, 1.0, 0.5), _MARKED, True),
    Habit("tortuous_aorta", 4.5, ((1.0, ("aortic arch",)),), _MARKED, True),
    Habit("pleural_parenchymal_scarring", 6, _sides("apical zone", both=0.6), _MARKED, True),
    Habit("rib_fracture", 6.5, _sides("lung")),
    Habit("costophrenic_angle_blunting", 6, _sides("costophrenic angle", both=0.2), _MARKED, True),
    Habit("cyst_bullae", 6, _sides(_UPPER, both=0.3), _MARKED, True),
    Habit("calcified_nodule", 6, _sides(_UPPER) + _sides(_MID), _USUAL, True),
    Habit("hernia", 2, ((1.0, ("mediastinum",)),), _MARKED, True),
    Habit("scoliosis", 2.5, ((1.0, ("spine",)),), _MARKED, True),
    Habit("vascular_calcification", 2.5, ((1.0, ("aortic arch",)),), _MARKED, True),
    Habit("subcutaneous_air", 2, _sides("lung"), _MARKED),
    Habit("cardiac_pacer_and_wires", 3, ((1.0, ("cardiac silhouette",)),), _FIXED, True),
    Habit("picc", 4, ((1.2, ("svc",)), (1.0, ("cavoatrial junction",))), _FIXED),
    Habit("endotracheal_tube", 2.5, ((1.0, ("trachea",)),), _FIXED),
    Habit("enteric_tube", 2, ((1.0, ("abdomen",)),), _FIXED),
    Habit("chest_tube", 1, _sides("lung"), _FIXED),
    Habit("sternotomy_wires", 3, ((1.0, ("mediastinum",)),), _FIXED, True),
)
HABIT_OF = {habit.finding: habit for habit in HABITS}
_RANK = {habit.finding: rank for rank, habit in enumerate(HABITS)}
# What is found with it: finding, probability, places (None: the same side).
_COMPANIONS: dict[str, tuple[tuple[str, float, str | None], ...]] = {
    "pulmonary_edema": (("enlarged_cardiac_silhouette", 0.45, None), ("pleural_effusion", 0.4, None)),
    "pneumothorax": (("chest_tube", 0.3, "lung"), ("subcutaneous_air", 0.15, "lung")),
    "rib_fracture": (("pneumothorax", 0.12, "apical zone"),),
    "sternotomy_wires": (("enlarged_cardiac_silhouette", 0.25, None),),
    "cardiac_pacer_and_wires": (("enlarged_cardiac_silhouette", 0.25, None),),
    "endotracheal_tube": (("enteric_tube", 0.4, None), ("picc", 0.2, None)),
}
# Pairs that hide or contradict each other on one side (or at all, where a finding has no side).
_CLASHES = tuple(
    frozenset(pair)
    for pair in (
        ("pleural_effusion", "costophrenic_angle_blunting"),
        ("pleural_effusion", "elevated_hemidiaphragm"),
        ("costophrenic_angle_blunting", "elevated_hemidiaphragm"),
        ("pneumothorax", "pleural_parenchymal_scarring"),
        ("pneumothorax", "cyst_bullae"),
        ("pneumothorax", "pulmonary_edema"),
        ("hyperaeration", "pulmonary_edema"),
        ("hyperaeration", "elevated_hemidiaphragm"),
        ("hyperaeration", "enlarged_cardiac_silhouette"),
        ("cyst_bullae", "pulmonary_edema"),
        ("hernia", "enlarged_cardiac_silhouette"),
        ("enlarged_hilum", "pulmonary_edema"),
    )
)
_SHARES_OF_STUDIES = (0.55, 0.27, 0.12, 0.06)


def draw_course(rng: np.random.Generator, subject_id: int, study_ids: tuple[int, ...]) -> tuple[StudyCase, ...]:
    """The studies of one person, in order of time; as many of the study ids as the person has studies are used."""
    n_studies = 1 + int(rng.choice(len(_SHARES_OF_STUDIES), p=_SHARES_OF_STUDIES))
    age, sex = int(np.clip(rng.normal(60, 16), 19, 91)), "F" if rng.uniform() < 0.48 else "M"
    when = datetime(2110, 1, 1) + timedelta(days=int(rng.integers(0, 25000)), seconds=int(rng.integers(0, 86400)))
    cases: list[StudyCase] = []
    findings: tuple[DrawnFinding, ...] = ()
    for index in range(n_studies):
        prior = findings if index else None
        findings = _first_findings(rng) if prior is None else _next_findings(rng, prior)
        sick = any(f.finding in ("endotracheal_tube", "chest_tube", "pulmonary_edema", "picc") for f in findings)
        view = "AP" if rng.uniform() < (0.85 if sick else 0.45 if findings else 0.33) else "PA"
        has_lateral = bool(view == "PA" and rng.uniform() < 0.36)
        stamp = when.strftime("%Y%m%d%H%M%S")
        cases.append(
            StudyCase(subject_id, study_ids[index], index, stamp, view, findings, prior, age, sex, has_lateral)
        )
        when += timedelta(days=int(1 + rng.exponential(6.0 if sick else 120.0)), seconds=int(rng.integers(0, 40000)))
    return tuple(cases)


def _first_findings(rng: np.random.Generator) -> tuple[DrawnFinding, ...]:
    findings: list[DrawnFinding] = []
    if rng.uniform() < 0.60:
        for _ in range(1 + int(rng.choice(4, p=(0.33, 0.33, 0.22, 0.12)))):
            _add_finding(rng, findings)
    return _in_order(findings)


def _next_findings(rng: np.random.Generator, prior: tuple[DrawnFinding, ...]) -> tuple[DrawnFinding, ...]:
    findings: list[DrawnFinding] = []
    fates: dict[str, int] = {}
    for old in prior:
        habit = HABIT_OF[old.finding]
        if habit.severities == _FIXED:
            fate = 0 if habit.chronic or rng.uniform() < 0.55 else -9
        elif habit.chronic:
            fate = int(rng.choice((0, 1), p=(0.85, 0.15)))
        else:
            fate = int(rng.choice((-9, -1, 0, 1), p=(0.22, 0.30, 0.30, 0.18)))
        fate = fates.setdefault(old.finding, fate)  # both sides of a bilateral finding go the same way
        level = SEVERITIES.index(old.severity) + fate
        if level < 0:
            continue
        level = min(level, 3)
        step = level - SEVERITIES.index(old.severity)
        change = "improved" if step < 0 else "worsened" if step > 0 else "unchanged"
        findings.append(DrawnFinding(old.finding, old.region, SEVERITIES[level], change))
    if rng.uniform() < 0.34:
        known, before = len(findings), {(old.finding, old.region) for old in prior}
        _add_finding(rng, findings)
        fresh = [row for row in findings[known:] if (row.finding, row.region) not in before]
        findings[known:] = [replace(row, change="new") for row in fresh]
    return _in_order(findings)


def _add_finding(rng: np.random.Generator, findings: list[DrawnFinding]) -> None:
    """Add one drawn finding (in all its regions) and its companions, where nothing there forbids it."""
    weights = np.array([habit.weight for habit in HABITS])
    for _ in range(6):
        habit = HABITS[int(rng.choice(len(HABITS), p=weights / weights.sum()))]
        if _place_finding(rng, findings, habit, None):
            break
    else:
        return
    side = findings[-1].region.split(" ")[0]
    for name, probability, zone in _COMPANIONS.get(habit.finding, ()):
        if rng.uniform() < probability:
            _place_finding(rng, findings, HABIT_OF[name], f"{side} {zone}" if zone else None)


def _place_finding(rng: np.random.Generator, findings: list[DrawnFinding], habit: Habit, region: str | None) -> bool:
    shares = np.array([share for share, _ in habit.places])
    regions = habit.places[int(rng.choice(len(shares), p=shares / shares.sum()))][1]
    severity = SEVERITIES[int(rng.choice(4, p=habit.severities))]
    wanted = [DrawnFinding(habit.finding, name, severity) for name in ((region,) if region else regions)]
    if any(_clash(new, old) for new in wanted for old in findings):
        return False
    findings.extend(wanted)
    return True


def _clash(new: DrawnFinding, old: DrawnFinding) -> bool:
    if new.finding == old.finding:
        return new.region == old.region or HABIT_OF[new.finding].chronic or new.finding == "picc"
    same_side = not {"right", "left"} <= {new.region.split(" ")[0], old.region.split(" ")[0]}
    if not same_side:
        return False
    big = {"moderate", "severe"}
    other = old if new.finding == "pleural_effusion" else new
    if "pleural_effusion" in (new.finding, old.finding):
        drowned = new if new.finding == "pleural_effusion" else old
        if drowned.severity in big and other.region.endswith("lower lung zone"):
            return True
    crowded = new.region == old.region and {new.finding, old.finding} <= {"consolidation", "atelectasis", "mass_nodule"}
    return crowded or frozenset((new.finding, old.finding)) in _CLASHES


def _in_order(findings: list[DrawnFinding]) -> tuple[DrawnFinding, ...]:
    return tuple(sorted(findings, key=lambda finding: (_RANK[finding.finding], finding.region)))
