"""The body of a report: findings, impression and addendum, as sentences with their statements.

In: claims and the report's shape. Out: `Body`. Sentences that state nothing (normal lungs, recommendations, histories)
are written here too; of the normal ones, those of heart size, mediastinum, trachea,
vessels and costophrenic angles deny a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hilum.phantom.case import StudyCase
from hilum.phantom.grammar_claims import SEVERITIES, Claim, is_lesser
from hilum.phantom.grammar_denials import absent, choose_denied, deniable, deny_all, deny_but, deny_side, other_than
from hilum.phantom.grammar_pairs import join_briefly, say_pairs
from hilum.phantom.grammar_places import SIDES, placeable, sides_of
from hilum.phantom.grammar_rows import Dice, Grammar
from hilum.phantom.grammar_sentences import Said, say_claim, tidy

SHAPES = ("full", "impression_only", "findings_only", "last_paragraph", "no_header", "combined")
MIDDLE = (
    "enlarged_hilum",
    "tortuous_aorta",
    "mediastinal_widening",
    "mediastinal_displacement",
    "superior_mediastinal_mass",
    "goiter",
    "hernia",
    "vascular_calcification",
    "pneumomediastinum",
)
CONGESTED = ("pulmonary_edema", "vascular_congestion", "vascular_redistribution", "fluid_overload_heart_failure")
AERATION = ("low_lung_volumes", "hyperaeration")


@dataclass
class Body:
    """Sentences of each part. findings: one list a paragraph. wet_read: superseded, and so stating nothing."""

    findings: list[list[Said]] = field(default_factory=list)
    impression: list[Said] = field(default_factory=list)
    addendum: list[Said] = field(default_factory=list)
    wet_read: list[str] = field(default_factory=list)


class BodyWriter:
    """Writes one body; keeps what has been said, so that nothing said or drawn is denied."""

    def __init__(self, grammar: Grammar, case: StudyCase, claims: Sequence[Claim], dice: Dice) -> None:
        self.grammar, self.case, self.claims, self.dice = grammar, case, claims, dice
        self.taken = frozenset(d.finding for d in (*case.findings, *(case.prior or ())))
        self.groups: dict[str, list[Said]] = {}
        self.kept: Claim | None = None

    def write(self, shape: str) -> Body:
        """The body of a report of that shape; only a full one has both sections."""
        body = Body()
        body.addendum = [self._say(c, c.label) for c in self.claims if c.where == "addendum"]
        rest = [c for c in self.claims if c.where != "addendum"]
        if shape == "full":
            joined, single = join_briefly(self.grammar, self._worth_repeating(rest), self.dice)
            body.impression = joined + [self._say(c, c.label, True) for c in single]
            rest = [c for c in rest if c.where != "impression"]
            self._say_findings(rest, lambda claim: claim.first_label)
        else:
            self._say_findings(rest, lambda claim: claim.label)
        said = [s for group in self.groups.values() for s in group] + body.impression + body.addendum
        self._surround(said)
        body.findings = self._paragraphs()
        if shape == "full":
            self._close(body, said)
        elif shape in ("impression_only", "combined") and self.dice.chance(0.6):
            self._close_quietly(body)
        if self.dice.chance(0.05):
            body.wet_read = self._wet_read(rest)
        return body

    def _worth_repeating(self, claims: Sequence[Claim]) -> list[Claim]:
        """The impression's claims: those planned for it, and the worst of the acute ones if none is; some unplaced."""
        chosen = [c for c in claims if c.where != "findings"]
        acute = [c for c in claims if c.label != "absent" and not is_lesser(self.grammar.row(c.finding))]
        if acute and not any(c in acute for c in chosen):
            chosen.append(max(acute, key=lambda c: SEVERITIES.index(c.severity)))
        loose = [c.where == "both" and not c.decides and self.dice.chance(0.07) for c in chosen]
        can = [placeable(self.grammar.row(c.finding)) and c.label != "absent" and not c.other_word for c in chosen]
        return [replace(c, placed=False) if a and b else c for c, a, b in zip(chosen, loose, can)]

    def _wet_read(self, claims: Sequence[Claim]) -> list[str]:
        """What was said in a hurry: some of the claims, and a denial that may be wrong."""
        chosen = claims[: self.dice.number(0, 2)]
        texts = [self._say(claim, claim.first_label, True).text for claim in chosen]
        others = [f for f in self.grammar.body["denied_common"] if f not in {claim.finding for claim in chosen}]
        denied = self.dice.shuffled(others)[: self.dice.number(1, 2)]
        return texts + [said.text for said in deny_all(self.grammar, denied, False, self.dice)]

    def _say(self, claim: Claim, label: str, brief: bool = False) -> Said:
        return say_claim(self.grammar, claim, label, self.taken, self.dice, brief)

    def _say_findings(self, claims: list[Claim], label_of: Callable[[Claim], str]) -> None:
        pairs, claims = say_pairs(self.grammar, claims, self.dice)
        for name, sentence in pairs:
            self.groups.setdefault(name, []).append(sentence)
        if self.dice.chance(0.12):
            self.kept = next((c for c in claims if self._can_follow_but(c, label_of(c))), None)
        for claim in claims:
            if claim is self.kept:
                continue
            group = self.groups.setdefault(self.grammar.row(claim.finding).group, [])
            group.append(self._say(claim, label_of(claim)))
            free = deny_side(self.grammar, self.case, claim, self.dice) if self.dice.chance(0.2) else None
            if free:
                group.append(free)

    def _can_follow_but(self, claim: Claim, label: str) -> bool:
        row = self.grammar.row(claim.finding)
        plain = label == "present" and claim.change is None and not claim.other_word
        return plain and placeable(row) and row.group in ("lung", "pleura")

    def _surround(self, said: list[Said]) -> None:
        """Denials and normal statements; `said` is what the report says elsewhere."""
        dice, lines = self.dice, self.grammar.body["normals"]
        drawn = {d.finding for d in self.case.findings}
        spoken = drawn | {s.finding for sentence in said for s in sentence.statements if s.label != "absent"}
        groups = {self.grammar.row(finding).group for finding in spoken if finding not in AERATION}
        small = "low_lung_volumes" in spoken
        clear = "lung" not in groups and self.kept is None and dice.chance(0.75)
        free = deniable(self.grammar, self.case, said)
        denied = choose_denied(self.grammar, free, dice) if dice.chance(0.92) else []
        sentences = self._keep_promise(denied, spoken) + deny_all(self.grammar, denied, clear and not small, dice)
        if clear and not any("lungs are" in s.text or "lear lungs" in s.text for s in sentences):
            self._add("lung", [line for line in lines["lungs"] if not (small and "expanded" in line)])
        elif "lung" in groups:
            self._add_otherwise(lines)
        self.groups.setdefault("pleura", []).extend(sentences)
        self._add_heart(lines, spoken)
        twice = any("mediastin" in sentence.text for sentence in self.groups.get("heart", ()))
        if not twice and not spoken.intersection(MIDDLE) and dice.chance(0.45):
            self._add("heart", lines["mediastinum"])
        if not spoken.intersection(CONGESTED) and dice.chance(0.25):
            self._add("heart", lines["vessels"])
        if not spoken & {"pleural_effusion", "costophrenic_angle_blunting"} and dice.chance(0.06):
            self._add("pleura", lines["angles"])
        if "bone" not in groups and dice.chance(0.3):
            self._add("bone", lines["bones"])
        if dice.chance(0.08):
            self._add("bone", lines["abdomen"])

    def _keep_promise(self, denied: list[str], spoken: set[str]) -> list[Said]:
        """The claim kept back for a sentence with "but" or "other than"; takes the findings it denies off the list."""
        claim = self.kept
        if claim is None:
            return []
        row = self.grammar.row(claim.finding)
        others = {f for f in spoken if self.grammar.row(f).group == "lung" and f != claim.finding}
        if row.group == "lung" and row.place == "zoned" and not others and self.dice.chance(0.4):
            return [other_than(self.grammar, claim, self.dice)]
        items = denied[:2]
        del denied[:2]
        return [deny_but(self.grammar, items, claim, self.dice)] if items else [self._say(claim, "present")]

    def _add(self, group: str, lines: Sequence[str]) -> None:
        text, _, denied = self.dice.pick(lines).partition(" | ")
        self.groups.setdefault(group, []).append(Said(text, absent(self.grammar, denied.split())))

    def _add_heart(self, lines: dict[str, list[str]], spoken: set[str]) -> None:
        if "enlarged_cardiac_silhouette" not in spoken and self.dice.chance(0.8):
            whole = not spoken.intersection(MIDDLE)
            fitting = [line for line in lines["heart"] if whole or not ("hilar" in line or "mediastin" in line)]
            self._add("heart", fitting)
        elif self.case.prior is not None and self.dice.chance(0.12):
            self._add("heart", lines["heart_stable"])

    def _add_otherwise(self, lines: dict[str, list[str]]) -> None:
        lung = [d.region for d in self.case.findings if self.grammar.row(d.finding).group == "lung"]
        sides = sides_of(tuple(lung))
        if len(sides) == 1 and self.dice.chance(0.12):
            other = SIDES[1 - SIDES.index(sides[0])]
            text = self.dice.pick(lines["opposite"]).format(side=other)
            self.groups.setdefault("lung", []).append(Said(tidy(text), ()))
        elif self.groups.get("lung") and self.dice.chance(0.12):
            self._add("lung", lines["lungs_otherwise"])

    def _paragraphs(self) -> list[list[Said]]:
        """The groups in one of the usual orders, as one paragraph or several."""
        dice, body = self.dice, self.grammar.body
        groups = [self.groups[name] for name in dice.pick(body["groups"]) if self.groups.get(name)]
        if dice.chance(0.06):
            groups.insert(0, [Said(dice.pick(body["limits"]), ())])
        if dice.chance(0.05):
            groups.insert(dice.number(0, len(groups)), [Said(dice.pick(body["historical"]), ())])
        if dice.chance(0.05):
            groups.append([Said(dice.pick(body["hypothetical"]), ())])
        if dice.chance(0.7):
            return [[sentence for group in groups for sentence in group]] if groups else []
        return groups

    def _close_quietly(self, body: Body) -> None:
        """A normal phrase for an impression that names nothing."""
        said = [sentence for paragraph in body.findings for sentence in paragraph]
        if not any(x.label != "absent" for sentence in said for x in sentence.statements):
            quiet = "chronic" if self.case.findings else "normal"
            body.findings.append([Said(self.dice.pick(self.grammar.body["impressions"][quiet]), ())])

    def _close(self, body: Body, said: list[Said]) -> None:
        """Finish the impression: normal phrases, repeated denials, a recommendation."""
        dice, lines = self.dice, self.grammar.body["impressions"]
        findings = [s for s in said if any(x.label != "absent" for x in s.statements)]
        body.impression = dice.shuffled(body.impression) if dice.chance(0.3) else body.impression
        positive = any(x.label != "absent" for s in body.impression for x in s.statements)
        if not positive:
            quiet = "normal" if not findings and not self.case.findings else "chronic"
            kind = "stable" if self.case.prior is not None and dice.chance(0.25) else quiet
            body.impression.append(Said(dice.pick(lines[kind]), ()))
        if dice.chance(0.2):
            free = [f for f in deniable(self.grammar, self.case, said) if f in self.grammar.body["denied_common"][:3]]
            body.impression += deny_all(self.grammar, dice.shuffled(free)[: dice.number(1, 2)], False, dice)
        if positive and dice.chance(0.1):
            body.impression.append(Said(dice.pick(lines["otherwise"]), ()))
        if dice.chance(0.1):
            body.impression.append(Said(dice.pick(self.grammar.body["hypothetical"]), ()))
