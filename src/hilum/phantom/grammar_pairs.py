"""Two claims in one sentence that share a place, or of which one takes its place from the other.

In: the claims of a findings section. Out: sentences, and the claims still to be said.
"""

from __future__ import annotations

from hilum.phantom.case import Statement
from hilum.phantom.grammar_claims import Claim
from hilum.phantom.grammar_places import placeable, side_of, stated_regions, zone_of
from hilum.phantom.grammar_rows import Dice, Grammar, Noun
from hilum.phantom.grammar_sentences import Said, Wording, state_all, tidy

SHARE = 0.5


def say_pairs(grammar: Grammar, claims: list[Claim], dice: Dice) -> tuple[list[tuple[str, Said]], list[Claim]]:
    """Sentences with their group, and the claims not in any of them."""
    plain = [claim for claim in claims if _is_plain(claim)]
    said: list[tuple[str, Said]] = []
    used: list[Claim] = []
    for first in plain:
        for second in plain:
            if first is second or first in used or second in used:
                continue
            sentence = _say_pair(grammar, first, second, dice)
            if sentence:
                said.append(sentence)
                used += [first, second]
    return said, [claim for claim in claims if claim not in used]


def _is_plain(claim: Claim) -> bool:
    return (
        claim.label == "present"
        and claim.first_label == "present"
        and claim.placed
        and not claim.other_word
        and len(claim.regions) == 1
        and side_of(claim.regions[0]) != ""
    )


def _say_pair(grammar: Grammar, first: Claim, second: Claim, dice: Dice) -> tuple[str, Said] | None:
    a, b = first.regions[0], second.regions[0]
    basal = side_of(a) == side_of(b) and zone_of(b) == "lower lung zone"
    if first.finding == "pleural_effusion" and second.finding == "atelectasis" and basal and dice.chance(SHARE):
        return "pleura", _effusion_with(grammar, first, dice)
    if first.finding == "pleural_effusion" and second.finding == "consolidation" and basal and dice.chance(SHARE):
        return "pleura", _with_effusion(grammar, second, first, dice)
    massed = all(any(n.number == "m" and not n.after_only for n in _nouns(grammar, c)) for c in (first, second))
    zoned = all(grammar.row(c.finding).place == "zoned" and not grammar.row(c.finding).device for c in (first, second))
    if a == b and zoned and massed and dice.chance(SHARE):
        return "lung", _same_zone(grammar, first, second, dice)
    return None


def _nouns(grammar: Grammar, claim: Claim) -> tuple[Noun, ...]:
    return grammar.row(claim.finding).nouns["one"]


def _same_zone(grammar: Grammar, first: Claim, second: Claim, dice: Dice) -> Said:
    w = Wording(grammar, first, dice)
    x, y = (
        dice.pick([n.text for n in _nouns(grammar, claim) if n.number == "m" and not n.after_only])
        for claim in (first, second)
    )
    text = dice.pick(grammar.frames["pair_zone"]).replace("{x}", x).replace("{y}", y)
    return Said(w.fill(text), state_all(grammar, first, "present") + state_all(grammar, second, "present"))


def _effusion_with(grammar: Grammar, effusion: Claim, dice: Dice) -> Said:
    """The atelectasis is placed by its effusion alone: it takes the side."""
    w = Wording(grammar, effusion, dice)
    text = dice.pick(grammar.frames["effusion_with"]).replace("{word}", dice.pick(grammar.frames["effusion_word"]))
    side = Statement("atelectasis", f"{side_of(effusion.regions[0])} lung", "present")
    return Said(w.fill(text), (*state_all(grammar, effusion, "present"), side))


def _with_effusion(grammar: Grammar, consolidation: Claim, effusion: Claim, dice: Dice) -> Said:
    """The effusion takes its side from the consolidation before it."""
    w = Wording(grammar, consolidation, dice)
    size = Wording(grammar, effusion, dice).size(effusion.severity)
    text = dice.pick(grammar.frames["consolidation_with_effusion"]).replace("{size}", size)
    row = grammar.row(effusion.finding)
    taken = tuple(Statement(row.key, region, "present") for region in stated_regions(row, consolidation.regions))
    return Said(w.fill(text), state_all(grammar, consolidation, "present") + taken)


def join_briefly(grammar: Grammar, claims: list[Claim], dice: Dice) -> tuple[list[Said], list[Claim]]:
    """Two claims of an impression in one phrase, each with its own place before its noun; and the claims left."""
    fitting = [claim for claim in claims if _is_joinable(grammar, claim)]
    if len(fitting) < 2 or not dice.chance(0.25):
        return [], claims
    pair = fitting[:2]
    x, y = (Wording(grammar, claim, dice).phrase(1.0).text for claim in pair)
    text = tidy(dice.pick(grammar.frames["joined"]).format(x=x, y=y))
    statements = tuple(s for claim in pair for s in state_all(grammar, claim, "present"))
    return [Said(text, statements)], [claim for claim in claims if claim not in pair]


def _is_joinable(grammar: Grammar, claim: Claim) -> bool:
    row = grammar.row(claim.finding)
    if row.key == "enlarged_cardiac_silhouette":
        return claim.label == "present" and not claim.other_word
    return _is_plain(claim) and placeable(row) and not row.np_post_only and not row.device
