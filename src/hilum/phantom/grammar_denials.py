"""What a report says is not there: negated lists, sides that are free, and the findings that may not be denied.

In: what is drawn and what the report has said so far. Out: sentences with absent statements. Nothing that is drawn is
ever denied in its place, nor anything that a stated finding implies.
"""

from __future__ import annotations

from collections.abc import Sequence

from hilum.phantom.case import Statement, StudyCase
from hilum.phantom.grammar_claims import Claim
from hilum.phantom.grammar_places import SIDES, sides_of, stated_regions
from hilum.phantom.grammar_rows import Dice, Grammar
from hilum.phantom.grammar_sentences import IS, Said, Wording, tidy

COMMON = 0.8  # of each of the three that nearly every report denies
NO_LONGER_THAN = 4  # findings in one list


def deniable(grammar: Grammar, case: StudyCase, said: Sequence[Said]) -> list[str]:
    """Findings that the report may deny altogether, common ones first."""
    there = {drawn.finding for drawn in case.findings}
    there |= {s.finding for sentence in said for s in sentence.statements if s.label != "absent"}
    forbidden = there | {other for finding in there for other in grammar.body["forbids"].get(finding, ())}
    every = [*grammar.body["denied_common"], *grammar.body["denied_other"]]
    return [finding for finding in every if finding not in forbidden]


def choose_denied(grammar: Grammar, free: Sequence[str], dice: Dice) -> list[str]:
    """Which of them it denies, in the order of the lists."""
    common = grammar.body["denied_common"]
    chosen = [finding for finding in free if finding in common and dice.chance(COMMON)]
    rest = [finding for finding in free if finding not in common]
    more = (0, 0, 1, 1, 2, 3)[dice.number(0, 5)]
    while rest and more:
        chosen.append(rest.pop(int(dice.roll() ** 1.6 * len(rest))))
        more -= 1
    return dice.shuffled(chosen)


def deny_all(grammar: Grammar, denied: Sequence[str], clear: bool, dice: Dice) -> list[Said]:
    """Sentences that deny the findings. clear: the lungs may be called clear in the same breath."""
    sentences: list[Said] = []
    rest = list(denied)
    while rest:
        n = min(len(rest), dice.pick((3, 2, 1, NO_LONGER_THAN)))
        items, rest = rest[:n], rest[n:]
        lungs = clear and not sentences and dice.chance(0.3)
        frame = dice.pick(grammar.body["denials"]["clear" if lungs else "one" if n == 1 else "many"])
        if "{neither}" in frame and n != 2:
            frame = "No {or}."
        words = [dice.pick(grammar.row(finding).denied) for finding in items]
        sentences.append(Said(_list(frame, words), absent(grammar, items)))
    return sentences


def absent(grammar: Grammar, findings: Sequence[str]) -> tuple[Statement, ...]:
    """The findings as absent, each where the convention puts it when no place is named."""
    return tuple(
        Statement(finding, region, "absent")
        for finding in findings
        for region in grammar.row(finding).denied_regions or stated_regions(grammar.row(finding), (), False)
    )


def _list(frame: str, words: Sequence[str], **slots: str) -> str:
    comma = ", " if len(words) > 2 else " "
    head = ", ".join(words[:-1])
    plural = words[0].endswith("s") and not words[0].endswith("sis")
    text = frame.format_map(
        {
            "or": f"{head}{comma}or {words[-1]}" if head else words[0],
            "Or": words[0],
            "nor": f"{head} nor {words[-1]}" if head else words[0],
            "neither": f"{head} nor {words[-1]}",
            "each": ", no ".join(words[:-1]) + f", and no {words[-1]}" if head else words[0],
            "And": f"{head}{comma}and {words[-1]}" if head else words[0],
            "is": "are" if plural else "is",
            **slots,
        }
    )
    return tidy(text)


def deny_but(grammar: Grammar, denied: Sequence[str], claim: Claim, dice: Dice) -> Said:
    """A list that stops at "but": what follows is there."""
    words = [dice.pick(grammar.row(finding).denied) for finding in denied]
    return _and_claim(grammar, dice.pick(grammar.body["denials"]["but"]), words, claim, absent(grammar, denied), dice)


def other_than(grammar: Grammar, claim: Claim, dice: Dice) -> Said:
    """The lungs are clear but for one finding."""
    return _and_claim(grammar, dice.pick(grammar.body["denials"]["other_than"]), ["finding"], claim, (), dice)


def _and_claim(
    grammar: Grammar, frame: str, words: Sequence[str], claim: Claim, before: tuple[Statement, ...], dice: Dice
) -> Said:
    w = Wording(grammar, claim, dice)
    np = w.phrase()
    text = _list(frame, words, np=np.text, a="a " if np.number == "s" else "", np_is=IS[np.number])
    here = tuple(Statement(claim.finding, region, "present") for region in w.regions())
    return Said(text, before + here)


def deny_side(grammar: Grammar, case: StudyCase, claim: Claim, dice: Dice) -> Said | None:
    """After a finding on one side: that the other side is free of it; None where that is not so or not sayable."""
    row = grammar.row(claim.finding)
    sides = sides_of(tuple(drawn.region for drawn in case.findings if drawn.finding == claim.finding))
    sayable = row.key in ("pleural_effusion", "pneumothorax") and claim.label == "present" and claim.placed
    if not sayable or len(sides) != 1 or claim.other_word:
        return None
    side = SIDES[1 - SIDES.index(sides[0])]
    noun = dice.pick(row.nouns["one"]).text
    text = dice.pick(grammar.body["denials"]["side"]).format(side=side, noun=noun)
    regions = stated_regions(row, (f"{side} lung",))
    return Said(tidy(text), tuple(Statement(row.key, region, "absent") for region in regions))
