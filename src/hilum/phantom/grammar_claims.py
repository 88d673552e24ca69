"""What one report will say of what is drawn: which findings, how surely, where, and in which section.

In: a study case. Out: claims. Everything a radiologist may leave out, hedge, leave unplaced or change their mind on
between findings and impression is decided here; the words come later (grammar_sentences.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hilum.phantom.case import DrawnFinding, StudyCase
from hilum.phantom.grammar_places import can_join, placeable, side_of, stated_regions, zone_of
from hilum.phantom.grammar_rows import Dice, FindingRow, Grammar

OMITTED = {"minimal": 0.1, "mild": 0.07, "moderate": 0.05, "severe": 0.03}
HEDGED = 0.05  # in every section
FIRST_HEDGED = 0.05  # hedged in the findings, committed in the impression
LATER_HEDGED = 0.015  # committed in the findings, hedged in the impression
UNPLACED = 0.17  # of those whose place can be left out
COARSE = 0.04  # placed by side only
RESOLVED = 0.65  # of the earlier study's passing findings that are gone
SEVERITIES = ("minimal", "mild", "moderate", "severe")


@dataclass(frozen=True)
class Claim:
    """One thing to say. regions: drawn, right first; severities alike.

    label: what the report says in the end (present, uncertain, absent); first_label: what its findings section says;
    other_word: an opacity is described and the finding itself left unnamed.
    where: findings, impression, both or addendum. detail: in [0, 1), chooses what must not change within a report (a
    nodule's millimetres, the rib, the tip of a line). arm: of a line.
    """

    finding: str
    regions: tuple[str, ...]
    severities: tuple[str, ...]
    change: str | None
    label: str = "present"
    first_label: str = "present"
    placed: bool = True
    other_word: bool = False
    where: str = "both"
    detail: float = 0.0
    arm: str = "right"

    @property
    def severity(self) -> str:
        """The worst of its severities."""
        return max(self.severities, key=SEVERITIES.index)

    @property
    def decides(self) -> bool:
        """Whether the impression says otherwise than the findings."""
        return self.label != self.first_label


def plan_claims(grammar: Grammar, case: StudyCase, dice: Dice) -> list[Claim]:
    """What the report says of the drawn findings, then of those that have gone."""
    claims: list[Claim] = []
    for finding in dict.fromkeys(drawn.finding for drawn in case.findings):
        row = grammar.row(finding)
        for claim in _group(grammar, row, [d for d in case.findings if d.finding == finding], dice):
            claims.extend(_decide(row, claim, case.prior is not None, dice))
    resolved = _resolved(grammar, case, dice)
    claims = [_placed_again(grammar, claim, claims + resolved) for claim in claims] + resolved
    arm = "left" if case.subject_id % 3 == 0 else "right"
    return [replace(claim, detail=dice.roll(), arm=arm) for claim in claims]


def _group(grammar: Grammar, row: FindingRow, drawn: Sequence[DrawnFinding], dice: Dice) -> list[Claim]:
    """Findings of one key, joined where one phrase can name them all."""
    singles: dict[tuple[str | None, ...], DrawnFinding] = {}
    for item in sorted(drawn, key=lambda d: (side_of(d.region) != "right", zone_of(d.region))):
        singles.setdefault(stated_regions(row, (item.region,)), item)
    needs_side = row.place in ("sided", "pneumothorax")
    rest = [
        Claim(row.key, (d.region,), (d.severity,), d.change, placed=side_of(d.region) != "" or not needs_side)
        for d in singles.values()
    ]
    if row.place == "whole":
        return [
            replace(claim, regions=("right lung", "left lung"), severities=claim.severities * 2) for claim in rest[:1]
        ]
    claims: list[Claim] = []
    while rest:
        claim = rest.pop(0)
        for other in rest:
            mirrored = zone_of(claim.regions[0]) == zone_of(other.regions[0])
            joinable = claim.change == other.change and can_join(row, claim.regions[0], other.regions[0], grammar)
            if joinable and (row.place == "diffuse" or dice.chance(0.8 if mirrored else 0.4)):
                rest.remove(other)
                claim = replace(
                    claim, regions=claim.regions + other.regions, severities=claim.severities + other.severities
                )
                break
        claims.append(claim)
    return claims


def _decide(row: FindingRow, claim: Claim, has_prior: bool, dice: Dice) -> list[Claim]:
    if dice.chance(OMITTED[claim.severity]):
        words = any(linked.label == "omitted" for linked in row.linked)
        return [replace(claim, other_word=True)] if words and dice.chance(0.5) else []
    roll = dice.roll()
    if roll < HEDGED:
        claim = replace(claim, label="uncertain", first_label="uncertain")
    elif roll < HEDGED + FIRST_HEDGED and not row.device:
        claim = replace(claim, first_label="uncertain")
    elif roll < HEDGED + FIRST_HEDGED + LATER_HEDGED and not row.device:
        claim = replace(claim, label="uncertain")
    if placeable(row) and dice.chance(UNPLACED):
        claim = replace(claim, placed=False)
    elif row.place == "zoned" and len(claim.regions) == 1 and side_of(claim.regions[0]) and dice.chance(COARSE):
        claim = replace(claim, regions=(f"{side_of(claim.regions[0])} lung",))
    if not has_prior or (claim.change and dice.chance(0.15)):
        claim = replace(claim, change=None)
    elif (row.device or row.lasting) and claim.change not in (None, "new", *row.clauses.get("one", ())):
        claim = replace(claim, change="unchanged")
    return [replace(claim, where=_where(row, claim, dice))]


def _where(row: FindingRow, claim: Claim, dice: Dice) -> str:
    if claim.decides:
        return "both"
    if is_lesser(row):
        return "both" if dice.chance(0.15) else "findings"
    if dice.chance(0.015):
        return "addendum"
    roll = dice.roll()
    return "both" if roll < 0.72 else "impression" if roll < 0.77 else "findings"


def _placed_again(grammar: Grammar, claim: Claim, claims: Sequence[Claim]) -> Claim:
    """A place may be left unsaid only where nothing else is said of the finding."""
    alone = sum(other.finding == claim.finding for other in claims) == 1
    said = stated_regions(grammar.row(claim.finding), claim.regions) != (None,)
    return claim if alone or not said else replace(claim, placed=True)


def is_lesser(row: FindingRow) -> bool:
    """Whether the finding is a device or of long standing, and seldom worth a line of the impression."""
    return not row.notable and (row.device or row.lasting or row.group == "bone")


def _resolved(grammar: Grammar, case: StudyCase, dice: Dice) -> list[Claim]:
    """Findings of the earlier study that are no longer there, if the report says so."""
    now = {(d.finding, region) for d in case.findings for region in stated_regions(grammar.row(d.finding), (d.region,))}
    there = {d.finding for d in case.findings}
    claims: list[Claim] = []
    said: set[tuple[str, str | None]] = set()
    for drawn in case.prior or ():
        row = grammar.row(drawn.finding)
        regions = stated_regions(row, (drawn.region,))
        gone = not any((drawn.finding, region) in now for region in regions)
        new = not any((drawn.finding, region) in said for region in regions)
        if row.lasting or not gone or not new or not dice.chance(RESOLVED):
            continue
        placed = drawn.finding in there or (row.place != "diffuse" and not (placeable(row) and dice.chance(0.1)))
        regions = stated_regions(row, (drawn.region,), placed)
        said.update((drawn.finding, region) for region in regions)
        where = "both" if dice.chance(0.45) else "findings"
        claims.append(
            Claim(drawn.finding, (drawn.region,), (drawn.severity,), None, "absent", "absent", placed, where=where)
        )
    return claims
