"""The report writer: form of the file, truth of its statements, shares of what is hard, traps."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hilum.phantom.case import DrawnFinding, Statement, StudyCase
from hilum.phantom.grammar_body import Body, BodyWriter
from hilum.phantom.grammar_claims import plan_claims
from hilum.phantom.grammar_layout import choose_shape
from hilum.phantom.grammar_lines import wrap
from hilum.phantom.grammar_places import side_of, stated_regions
from hilum.phantom.grammar_rows import GROUPS, Dice, grammar
from hilum.phantom.grammar_sentences import Said, tidy
from hilum.phantom.regions import REGIONS
from hilum.phantom.writer import settle, write_report

N_CASES = 2000
SEVERITIES = ("minimal", "mild", "moderate", "severe")
ZONES = ("upper lung zone", "mid lung zone", "lower lung zone", "apical zone")
PLACES = {
    "pleural_effusion": ("right costophrenic angle", "left costophrenic angle"),
    "costophrenic_angle_blunting": ("right costophrenic angle", "left costophrenic angle"),
    "pneumothorax": ("right apical zone", "left apical zone"),
    "elevated_hemidiaphragm": ("right hemidiaphragm", "left hemidiaphragm"),
    "enlarged_hilum": ("right hilar structures", "left hilar structures"),
    "rib_fracture": ("right lung", "left lung"),
    "subcutaneous_air": ("right lung", "left lung"),
    "chest_tube": ("right lung", "left lung"),
    "enlarged_cardiac_silhouette": ("cardiac silhouette",),
    "cardiac_pacer_and_wires": ("cardiac silhouette",),
    "tortuous_aorta": ("aortic arch",),
    "vascular_calcification": ("aortic arch",),
    "hernia": ("mediastinum",),
    "sternotomy_wires": ("mediastinum",),
    "scoliosis": ("spine",),
    "picc": ("svc", "cavoatrial junction"),
    "endotracheal_tube": ("trachea",),
    "enteric_tube": ("abdomen",),
}
ZONED = (
    "consolidation",
    "atelectasis",
    "mass_nodule",
    "calcified_nodule",
    "pleural_parenchymal_scarring",
    "cyst_bullae",
)
BOTH_LUNGS = ("pulmonary_edema", "hyperaeration", "low_lung_volumes")
PLAN_KEYS = re.findall(
    r"\w+",
    """
    lung_opacity airspace_opacity consolidation infiltration atelectasis linear_patchy_atelectasis
    lobar_segmental_collapse pulmonary_edema vascular_congestion vascular_redistribution
    increased_reticular_markings pleural_effusion costophrenic_angle_blunting pleural_parenchymal_scarring
    bronchiectasis enlarged_cardiac_silhouette mediastinal_displacement mediastinal_widening enlarged_hilum
    tortuous_aorta vascular_calcification pneumomediastinum pneumothorax hydropneumothorax lung_lesion
    mass_nodule multiple_masses_nodules calcified_nodule superior_mediastinal_mass rib_fracture
    clavicle_fracture spinal_fracture hyperaeration cyst_bullae elevated_hemidiaphragm
    diaphragmatic_eventration subdiaphragmatic_air subcutaneous_air hernia scoliosis
    spinal_degenerative_changes shoulder_osteoarthritis bone_lesion pneumonia fluid_overload_heart_failure
    copd_emphysema granulomatous_disease interstitial_lung_disease goiter lung_cancer aspiration
    alveolar_hemorrhage pericardial_effusion chest_tube mediastinal_drain pigtail_catheter endotracheal_tube
    tracheostomy_tube picc ij_line chest_port subclavian_line swan_ganz_catheter intra_aortic_balloon_pump
    enteric_tube sternotomy_wires cabg_grafts aortic_graft_repair prosthetic_valve cardiac_pacer_and_wires
    low_lung_volumes rotated artifact breast_nipple_shadows skin_fold pleural_thickening
    """,
)


def _drawn(rng: np.random.Generator) -> list[DrawnFinding]:
    names = [*PLACES, *ZONED, *ZONED, *BOTH_LUNGS]
    findings: dict[tuple[str, str], DrawnFinding] = {}
    for name in rng.permutation(names)[: rng.integers(0, 5)].tolist():
        regions = PLACES.get(name, ("right lung", "left lung"))
        if name in ZONED:
            zone = ZONES[rng.integers(4)]
            regions = (f"right {zone}", f"left {zone}")
        whole = name in BOTH_LUNGS or (side_of(regions[0]) and rng.random() < 0.25)
        for region in regions if whole else (regions[rng.integers(len(regions))],):
            findings[name, region] = DrawnFinding(name, region, SEVERITIES[rng.integers(4)])
    return list(findings.values())


def make_case(seed: int) -> StudyCase:
    """A random study; half of them have an earlier one, of which more than half is still there."""
    rng = np.random.default_rng(seed)
    prior = tuple(_drawn(rng)) if rng.random() < 0.5 else None
    now = {(d.finding, d.region): d for d in _drawn(rng)}
    if prior is not None:
        now = {key: DrawnFinding(d.finding, d.region, d.severity, "new") for key, d in now.items()}
        for d in prior:
            if rng.random() < 0.6:
                change = ("unchanged", "improved", "worsened")[rng.integers(3)]
                now[d.finding, d.region] = DrawnFinding(d.finding, d.region, d.severity, change)
    view = ("AP", "PA")[rng.integers(2)]
    findings = tuple(now[key] for key in sorted(now))
    return StudyCase(10000000 + seed, 50000000 + seed, 0, "21500101120000", view, findings, prior, 60, "MF"[seed % 2])


def case_of(*findings: tuple[str, str], prior: tuple[tuple[str, str], ...] | None = None) -> StudyCase:
    drawn = tuple(DrawnFinding(f, r, "moderate") for f, r in findings)
    before = None if prior is None else tuple(DrawnFinding(f, r, "moderate") for f, r in prior)
    return StudyCase(10000001, 50000001, 0, "21500101120000", "PA", drawn, before, 60, "F")


def draft(case: StudyCase, seed: int) -> tuple[list, Body]:
    """The claims and the body behind write_report(case, default_rng(seed))."""
    dice = Dice(np.random.default_rng(seed))
    shape = choose_shape(dice)
    claims = plan_claims(grammar(), case, dice)
    return claims, BodyWriter(grammar(), case, claims, dice).write(shape)


@pytest.fixture(scope="module")
def reports():
    """2,000 random cases with their reports."""
    cases = [make_case(seed) for seed in range(N_CASES)]
    return [(case, write_report(case, np.random.default_rng(seed))) for seed, case in enumerate(cases)]


def test_file_has_the_form_of_a_mimic_report(reports):
    for _, report in reports:
        lines = report.text.split("\n")
        assert lines[-1] == "" and lines[-2].strip()
        assert max(map(len, lines)) <= 79
        assert "\n\n" not in report.text and "\t" not in report.text
        indented = [line for line in lines[:-1] if not re.match(r"(FINDINGS|IMPRESSION|CONCLUSION):", line)]
        assert all(line.startswith(" ") for line in indented)
        assert not re.search(
            r"[{}]|\(\w+ \w+\)\.|  \.|\ba [aeiou]| ,|\bnone\b\.|None\b(?! (on|available))(?!\.|\n)", report.text
        )
    titled = sum(" " * 33 + "FINAL REPORT\n" in report.text for _, report in reports)
    assert 0.95 < titled / N_CASES < 1


def test_the_same_generator_state_gives_the_same_report():
    for seed in range(50):
        first, second = (write_report(make_case(seed), np.random.default_rng(seed)) for _ in range(2))
        assert first == second
    texts = {write_report(make_case(3), np.random.default_rng(seed)).text for seed in range(50)}
    assert len(texts) == 50


def test_statements_are_unique_sorted_and_in_known_regions(reports):
    for _, report in reports:
        keys = [(s.finding, s.region) for s in report.statements]
        assert len(set(keys)) == len(keys)
        assert keys == sorted(keys, key=lambda key: (key[0], key[1] or ""))
        assert {s.label for s in report.statements} <= {"present", "absent", "uncertain"}
        assert {s.region for s in report.statements} <= {*REGIONS, None}
        assert {s.finding for s in report.statements} <= set(PLAN_KEYS)


def test_nothing_is_denied_where_it_is_drawn_or_said(reports):
    rules = grammar()
    for seed, (case, report) in enumerate(reports):
        _, body = draft(case, seed)
        said = [s for paragraph in body.findings for s in paragraph] + body.impression + body.addendum
        raw = [statement for sentence in said for statement in sentence.statements]
        absent = {(s.finding, s.region) for s in raw if s.label == "absent"}
        assert not absent & {(s.finding, s.region) for s in raw if s.label != "absent"}
        for drawn in case.findings:
            regions = stated_regions(rules.row(drawn.finding), (drawn.region,))
            assert not absent & {(drawn.finding, region) for region in (*regions, None)}
        assert settle(body) == report.statements


def test_every_drawn_finding_is_stated_or_left_out_on_purpose(reports):
    rules, counts = grammar(), Counter()
    for seed, (case, report) in enumerate(reports):
        labels = {(s.finding, s.region): s.label for s in report.statements}
        claims, _ = draft(case, seed)
        claimed = {(c.finding, r) for c in claims for r in stated_regions(rules.row(c.finding), c.regions, c.placed)
                   if not c.other_word}  # fmt: skip
        for drawn in case.findings:
            own = stated_regions(rules.row(drawn.finding), (drawn.region,))[0]
            wider = (own, f"{side_of(drawn.region)} lung", None)
            found = [labels[drawn.finding, region] for region in wider if (drawn.finding, region) in labels]
            assert bool(found) == any((drawn.finding, region) in claimed for region in wider), drawn
            counts["drawn"] += 1
            counts["stated"] += bool(found)
            counts["hedged"] += found[:1] == ["uncertain"]
            counts["unplaced"] += (
                own is not None and not any((drawn.finding, r) in labels for r in wider[:2]) and bool(found)
            )
    share = {name: count / counts["drawn"] for name, count in counts.items()}
    assert 0.92 <= share["stated"] <= 0.955
    assert 0.045 <= share["hedged"] <= 0.08
    assert 0.05 <= share["unplaced"] <= 0.1


def _shape(text: str) -> str:
    impression = r"(?i)\b(IMPRESSION|CONCLUSION|IMPRESION|IMPRSSION|IMPESSION|MPRESSION):"
    findings = r"(?i)\b(FINDINGS|FINDNGS|FINIDNGS|FIDNINGS|FINDING|CHEST, \w+ \w+ ?\w*|CHEST|VIEWS):"
    return "impression" if re.search(impression, text) else "findings" if re.search(findings, text) else "neither"


def test_sections_come_in_the_shares_of_mimic(reports):
    shapes = Counter(_shape(report.text) for _, report in reports)
    assert 0.80 < shapes["impression"] / N_CASES < 0.87
    assert 0.09 < shapes["findings"] / N_CASES < 0.15
    assert 0.025 < shapes["neither"] / N_CASES < 0.075


TRAPS = {
    "an empty FINDINGS with IMPRESSION on the next line": r"\n FINDINGS:\n (IMPRESSION|CONCLUSION):",
    "digits in a header": r"\n [A-Z, ]*\d [A-Z ]+:",
    "a header on the first line": r"\A [A-Z ]+:",
    "no space behind the colon": r"\n FINDINGS:\S",
    "two headers on one line": r"\n [A-Z ]+:.*\S  ?[A-Z]{6,}[A-Z ]*:  ",
    "a misspelt header": r"\n (NDICATION|IDICATION|IMPRESION|FINDNGS|COMPARISION)",
    "a header in small letters": r"\n (Findings|findings):",
    "an impression in small letters": r"\n (Impression|impression|Conclusion|conclusion):",
    "a header without its space": r"\n(FINDINGS|IMPRESSION):",
    "no header at all": r"\A {33}FINAL REPORT\n [^:\n]*\n [^:]*\Z",
    "a last paragraph": r"\n COMPARISON[A-Z ]*:[^\n]*\n \n [A-Z][^:]*\Z",
    "an addendum above a line of underscores": r"FINAL ADDENDUM\n ADDENDUM(.|\n)+\n _{70,78}\n {33}FINAL REPORT",
    "a wet read": r"\A {33}WET READ: ___(.|\n)+\n _{70,78}\n",
    "both sections in one": r"\n FINDINGS(/| AND )IMPRESSION:",
    "a numbered impression": r"\n? 1\. [A-Z](.|\n)* 2\. [A-Z]",
    "a recommendation": r"\n RECOMMENDATIONS?(\(S\))?:",
    "a notification": r"\n NOTIFICATION:",
    "a history of what is not stated": r"history of pneumothorax",
    "a question of what is not stated": r"rule\s+out\s+pneumonia",
    "a gap": r"(?i)\b(no|the|there)\s+___",
    "a lost space between sentences": r"[a-z]\.[A-Z][a-z]",
    "left greater than right": r"left\s+greater\s+than\s+right",
    "a place behind the noun": r"predominantly\s+at\s+the\s+(lung\s+)?base\s+on\s+the\s+(left|right)",
    "a negation that is none": r"(?i)no\s+(significant|interval)\s+change\s+in\s+the",
    "a negation that ends": r"(?i)\bno [^.]+(, but|; however,|, although)",
    "a resolved finding": r"(has|have)\s+resolved",
    "a differential": r"versus",
    "a diagnosis not excluded": r"cannot\s+be\s+excluded",
    "a removed device": r"(has|have)\s+been\s+removed|removal\s+of\s+the",
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_occurs(reports, trap):
    found = sum(bool(re.search(TRAPS[trap], report.text)) for _, report in reports)
    assert found >= 2
    assert found < 0.5 * N_CASES


def test_the_impression_decides_over_the_findings():
    place = ("consolidation", "left lower lung zone")
    body = Body(
        findings=[[Said("", (Statement(*place, "uncertain"),)), Said("", (Statement("hernia", None, "absent"),))]],
        impression=[Said("", (Statement(*place, "present"),))],
        addendum=[Said("", (Statement("hernia", None, "uncertain"),))],
    )
    assert settle(body) == (Statement(*place, "present"), Statement("hernia", None, "uncertain"))
    body.impression = [Said("", (Statement(*place, "uncertain"),))]
    body.findings = [[Said("", (Statement(*place, "present"),))]]
    assert settle(body)[0].label == "uncertain"


def test_impressions_decide_in_some_reports(reports):
    decided = sum(c.decides for seed, (case, _) in enumerate(reports) for c in draft(case, seed)[0])
    claims = sum(len(case.findings) for case, _ in reports)
    assert 0.02 < decided / claims < 0.1


@pytest.mark.parametrize(
    ("finding", "regions", "placed", "stated"),
    [
        ("pleural_effusion", ("left costophrenic angle",), True, ("left costophrenic angle",)),
        ("pleural_effusion", ("left lower lung zone",), True, ("left costophrenic angle",)),
        ("pleural_effusion", ("left costophrenic angle",), False, (None,)),
        ("pneumothorax", ("right lung",), True, ("right apical zone",)),
        ("pneumothorax", ("right lower lung zone",), True, ("right lower lung zone",)),
        ("pneumothorax", (), False, (None,)),
        ("enlarged_cardiac_silhouette", (), False, ("cardiac silhouette",)),
        ("pulmonary_edema", (), False, ("right lung", "left lung")),
        ("pulmonary_edema", ("left lung",), True, ("left lung",)),
        ("hyperaeration", ("left lung",), True, ("right lung", "left lung")),
        ("picc", ("cavoatrial junction",), True, ("cavoatrial junction",)),
        ("picc", ("right lung",), True, ("svc",)),
        ("cardiac_pacer_and_wires", ("cardiac silhouette",), True, (None,)),
        ("cardiac_pacer_and_wires", ("left lung",), True, ("left lung",)),
        ("enlarged_hilum", ("left hilar structures",), True, ("left hilar structures",)),
        ("rib_fracture", ("left upper lung zone",), True, ("left lung",)),
        ("consolidation", ("right upper lung zone",), True, ("right upper lung zone",)),
        ("fluid_overload_heart_failure", ("right lung",), True, (None,)),
    ],
)  # fmt: skip
def test_regions_follow_the_conventions(finding, regions, placed, stated):
    assert stated_regions(grammar().row(finding), regions, placed) == stated


@pytest.mark.parametrize("finding", [*PLAN_KEYS, "a_finding_of_the_future"])
def test_every_finding_of_the_plan_can_be_written(finding):
    row = grammar().row(finding)
    region = row.regions[0] if row.regions else "left lower lung zone"
    labels = Counter()
    for seed in range(40):
        report = write_report(case_of((finding, region)), np.random.default_rng(seed))
        labels.update((s.label, side_of(s.region or "")) for s in report.statements if s.finding == finding)
    assert sum(count for (label, _), count in labels.items() if label == "present") >= 20
    assert all(side == "right" for label, side in labels if label == "absent")


def test_a_finding_that_has_gone_is_absent_in_its_place():
    effusions = ("pleural_effusion", "right costophrenic angle"), ("pleural_effusion", "left costophrenic angle")
    case = case_of(effusions[0], prior=(*effusions, ("endotracheal_tube", "trachea"), ("scoliosis", "spine")))
    seen = Counter()
    for seed in range(200):
        seen.update((s.finding, s.region, s.label) for s in write_report(case, np.random.default_rng(seed)).statements)
    assert seen["pleural_effusion", "left costophrenic angle", "absent"] > 100
    assert seen["endotracheal_tube", "trachea", "absent"] > 100
    assert not seen["pleural_effusion", None, "absent"]
    assert not seen["scoliosis", "spine", "absent"]


def test_an_empty_case_is_normal_and_a_denial_names_no_place():
    seen = Counter()
    for seed in range(200):
        report = write_report(case_of(), np.random.default_rng(seed))
        assert all(s.label == "absent" for s in report.statements)
        seen.update((s.finding, s.region) for s in report.statements)
    assert seen["pleural_effusion", None] > 120
    assert seen["enlarged_cardiac_silhouette", "cardiac silhouette"] > 120
    assert seen["pulmonary_edema", "left lung"] == seen["pulmonary_edema", "right lung"] > 10
    assert not [key for key in seen if key[0] == "pleural_effusion" and key[1]]


@pytest.mark.parametrize("check", [len, str.strip])
def test_grammar_rows_are_whole(check: Callable[[str], object]):
    for row in grammar().findings.values():
        texts = [noun.text for nouns in row.nouns.values() for noun in nouns] + list(row.denied)
        texts += [text for states in row.clauses.values() for rows in states.values() for text in rows]
        texts += [linked.text for linked in row.linked]
        assert texts and all(check(text) for text in texts)
        assert row.group in GROUPS
        assert row.place != "sided" or "{side}" in row.region
        assert row.place != "fixed" or set(row.regions) <= set(REGIONS)
        assert all(linked.label in ("present", "uncertain", "omitted") for linked in row.linked)
    for finding in (*grammar().body["denied_common"], *grammar().body["denied_other"]):
        assert grammar().row(finding).denied, finding


def test_lines_are_wrapped_at_79_characters_and_words_kept():
    text = "Word " * 60 + "x" * 100 + "  end."
    lines = wrap(text.strip())
    assert [len(line) for line in lines if len(line) > 79] == [101]
    assert " ".join(lines).split() == text.split()
    assert wrap("") == []


def test_empty_slots_leave_no_trace():
    assert tidy("there is a   effusion , seen .") == "There is an effusion, seen."
    assert tidy("a 8 mm nodule") == "An 8 mm nodule"


def test_writer_shares_nothing_with_the_parser():
    folder = Path(write_report.__code__.co_filename).parent
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in imported if name.startswith(("hilum.text", "hilum.vocabulary", "hilum.labels"))], (
            path.name
        )
