"""Claims into sentences, each with the statements it makes.

In: a claim, and the label it has in the section being written. Out: `Said`. A claim is worded as a linked sentence
(several findings), a clause of its own, a contrast of the two sides, or a noun phrase in a frame.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hilum.phantom.case import Statement
from hilum.phantom.grammar_claims import SEVERITIES, Claim
from hilum.phantom.grammar_places import NO_WORDS, Place, find_words, stated_regions
from hilum.phantom.grammar_rows import Dice, FindingRow, Grammar, Linked, Noun

IS = {"s": "is", "m": "is", "p": "are"}
HAS = {"s": "has", "m": "has", "p": "have"}
PERSISTS = {"s": "persists", "m": "persists", "p": "persist"}
PLACE_SLOTS = ("{side}", "{adj}", "{post}", "{far}", "{over}", "{zone}")


@dataclass(frozen=True)
class Said:
    """One sentence (or two that belong together) and what it states."""

    text: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Phrase:
    """A noun phrase. number: s, p or m."""

    text: str
    number: str


def tidy(text: str) -> str:
    """Close the gaps that empty slots leave, mend a/an, and begin with a capital."""
    text = _GAPS.sub(" ", text).replace(" ,", ",").replace(" .", ".").strip(" ,")
    text = _ARTICLE.sub(r"\1n ", text)
    return text[:1].upper() + text[1:]


_GAPS = re.compile(r"  +")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU]|8 |11 |18 )")


class Wording:
    """Words for one claim; slots are drawn when a template asks for them."""

    def __init__(self, grammar: Grammar, claim: Claim, dice: Dice) -> None:
        self.grammar, self.claim, self.dice = grammar, claim, dice
        self.row: FindingRow = grammar.row(claim.finding)
        self.place: Place = (
            find_words(grammar, self.row, claim.regions, dice) if claim.placed else Place("none", "", "", NO_WORDS)
        )

    def __getitem__(self, slot: str) -> str:
        draw = getattr(self, f"_{slot}", None)
        if draw is None:
            raise KeyError(f"grammar slot {{{slot}}} has no words for {self.claim.finding}")
        return str(draw())

    def fill(self, template: str) -> str:
        """The template as a sentence."""
        return tidy(template.format_map(self))

    def regions(self) -> tuple[str | None, ...]:
        """What the claim's finding states."""
        return stated_regions(self.row, self.claim.regions, self.claim.placed)

    def size(self, severity: str, share: float = 0.7) -> str:
        """An adjective of severity, or nothing."""
        if not self.row.scale or not self.dice.chance(share):
            return ""
        words = self.grammar.words["scales"][self.row.scale][severity]
        return str(self._detail(words) if self.row.scale.startswith("length") else self.dice.pick(words))

    def noun(self, before: bool = False) -> Noun:
        """A noun that fits the number of sides, the severity and, if a place stands before it, that."""
        many = self.place.arity in ("both", "two") and "both" in self.row.nouns
        nouns = self.row.nouns["both" if many else "one"]
        fitting = [
            noun
            for noun in nouns
            if not (before and noun.after_only) and (not noun.severities or self.claim.severity in noun.severities)
        ]
        return self.dice.pick(fitting or nouns)

    def words(self, kind: str) -> str:
        """The place as adj, post, far or over; empty if it has none."""
        options = getattr(self.place.words, kind)
        return self.place.fill(self.dice.pick(options), self.grammar) if options else ""

    def phrase(self, place_first: float = 0.55, sized: float = 0.7) -> Phrase:
        """Size, place and noun. place_first: how often the place stands before the noun, if it can."""
        size = self.size(self.claim.severity, sized)
        before = bool(self.place.words.adj) and not self.row.np_post_only and self.dice.chance(place_first)
        noun = self.noun(before)
        parts = (size, self.words("adj"), noun.text) if before else (size, noun.text, self.words("post"))
        return Phrase(" ".join(part for part in parts if part), noun.number)

    def bare(self) -> Phrase:
        """Size and noun without the place."""
        noun = self.noun()
        return Phrase(f"{self.size(self.claim.severity)} {noun.text}".strip(), noun.number)

    def _detail(self, words: Sequence[str]) -> str:
        """The same of them in every sentence about the claim."""
        return words[int(self.claim.detail * len(words))]

    def _size(self) -> str:
        return self.size(self.claim.severity)

    def _fsize(self) -> str:
        return self.size(self.claim.severity, 1.0)

    def _adv(self) -> str:
        return self.dice.pick(self.grammar.words["adverbs"][self.claim.severity]) if self.dice.chance(0.6) else ""

    def _side(self) -> str:
        return self.place.side

    def _adj(self) -> str:
        return self.words("adj")

    def _post(self) -> str:
        return self.words("post")

    def _far(self) -> str:
        return self.words("far")

    def _over(self) -> str:
        return self.words("over")

    def _zone(self) -> str:
        return self.words("over").removeprefix("over the ").removeprefix("over ")

    def _noun(self) -> str:
        return self.noun().text

    def _mm(self) -> str:
        return str(5 + 5 * SEVERITIES.index(self.claim.severity) + int(self.claim.detail * 5))

    def _cm(self) -> str:
        return f"{2.5 + self.claim.detail * 3.7:.1f}"

    def _rib(self) -> str:
        return str(self._detail(self.grammar.words["ribs"]))

    def _ribs(self) -> str:
        return str(self._detail(self.grammar.words["rib_pairs"]))

    def _arm(self) -> str:
        return self.claim.arm

    def _tip(self) -> str:
        return str(self.dice.pick(self.grammar.places["tips"][str(self.regions()[0])]))


def say_claim(
    grammar: Grammar, claim: Claim, label: str, taken: frozenset[str], dice: Dice, brief: bool = False
) -> Said:
    """One sentence that makes the claim with that label.

    taken: findings that a sentence about another may not speak of (drawn now or earlier). brief: as in an impression.
    """
    w = Wording(grammar, claim, dice)
    state = label if label != "present" else claim.change or "present"
    if claim.other_word:
        return _say_linked(w, dice.pick(_fitting_links(w, "omitted", frozenset())))
    statements = state_all(grammar, claim, label)
    if brief and state == "present" and not w.row.device and not w.row.np_post_only and dice.chance(0.5):
        return Said(_frame(w, "impression", w.phrase()), statements)
    linked = _fitting_links(w, state, taken)
    if linked and dice.chance(w.row.linked_share):
        return _say_linked(w, dice.pick(linked))
    clauses = _fitting_clauses(w, state)
    if clauses and (dice.chance(w.row.clause_share) or (w.row.np_post_only and w.place.arity == "none")):
        return Said(w.fill(dice.pick(clauses)), statements)
    if (
        w.place.arity == "both"
        and state == "present"
        and len(set(claim.severities)) == 2
        and w.row.scale
        and not w.row.np_post_only
        and dice.chance(0.6)
    ):
        return Said(_contrast(w), statements)
    return Said(_framed(w, state), statements)


def state_all(grammar: Grammar, claim: Claim, label: str) -> tuple[Statement, ...]:
    """The claim's own statements."""
    regions = stated_regions(grammar.row(claim.finding), claim.regions, claim.placed)
    return tuple(Statement(claim.finding, region, label) for region in regions)


def _fitting_links(w: Wording, state: str, taken: frozenset[str]) -> list[Linked]:
    shaped = ["", "{adj}", "{post}"] if w.place.words.adj else ["", "{post}"]
    return [
        linked
        for linked in w.row.linked
        if linked.label == state
        and all(finding == "self" or finding not in taken for finding, _ in linked.says)
        and (w.place.arity != "none" or not any(slot in linked.text for slot in PLACE_SLOTS))
        and not ("{side}" in linked.text and w.place.arity != "one")
        and not ("{adj}" in linked.text and "{adj}" not in shaped)
    ]


def _say_linked(w: Wording, linked: Linked) -> Said:
    placed = any(slot in linked.text for slot in PLACE_SLOTS) or w.row.place not in ("sided", "zoned", "pneumothorax")
    statements = []
    for finding, label in linked.says:
        row = w.row if finding == "self" else w.grammar.row(finding)
        for region in stated_regions(row, w.claim.regions, placed and w.claim.placed):
            statements.append(Statement(row.key, region, label))
    return Said(w.fill(linked.text), tuple(statements))


def _fitting_clauses(w: Wording, state: str) -> tuple[str, ...]:
    """Clauses for the state; of a device in a changed state without one, those of its presence."""
    arity = "unplaced" if w.place.arity == "none" else w.place.arity
    if arity == "unplaced" and w.row.place not in ("sided", "zoned", "pneumothorax"):
        arity = "one"
    states = w.row.clauses.get(arity, {})
    whole = w.row.clause_share == 1.0 or (w.row.np_post_only and arity == "unplaced")
    spare = "present" if whole and state not in ("uncertain", "absent") else ""
    clauses = states.get(state) or states.get(spare, ())
    return tuple(text for text in clauses if "{adj}" not in text or w.place.words.adj)


def _contrast(w: Wording) -> str:
    first, second = w.claim.severities
    bigger = SEVERITIES.index(first) > SEVERITIES.index(second)
    big, small = ("right", "left") if bigger else ("left", "right")
    noun = w.noun(True)
    slots = {
        "big": big,
        "small": small,
        "noun": noun.text,
        "is": IS[noun.number],
        "big_size": w.size(first if bigger else second, 1.0),
        "small_size": w.size(second if bigger else first, 1.0),
    }
    if w.dice.chance(0.35):
        adj = w.dice.pick(w.grammar.frames["contrast_adj"]).format_map(slots)
        if w.row.place == "zoned" and w.place.zone != "lung":
            slots["noun"] = f"{w.words('adj')} {noun.text}"
            return tidy(f"{slots['noun']}, {adj}.")
        return tidy(_frame(w, "present", Phrase(f"{adj} {noun.text}", noun.number)))
    if w.row.place == "zoned" and w.place.zone != "lung":
        return tidy(f"{w.words('adj')} {noun.text}, {big_than(w, big, small)}.")
    return tidy(w.dice.pick(w.grammar.frames["contrast"]).format_map(slots))


def big_than(w: Wording, big: str, small: str) -> str:
    """Which side has more, after a comma."""
    return w.dice.pick((f"{big} greater than {small}", f"worse on the {big}", f"more pronounced on the {big}"))


def _framed(w: Wording, state: str) -> str:
    far = f"{state}_far"
    if (
        far in w.grammar.frames
        and w.place.arity == "one"
        and w.place.words.far
        and not w.row.np_post_only
        and w.dice.chance(0.14)
    ):
        bare = w.bare()
        return _frame(w, far, bare)
    device = f"device_{state}"
    sized = 0.3 if state in ("improved", "worsened") else 0.7
    return _frame(w, device if w.row.device and device in w.grammar.frames else state, w.phrase(sized=sized))


def _frame(w: Wording, name: str, phrase: Phrase) -> str:
    frame = w.dice.pick(w.grammar.frames[name])
    number = phrase.number
    text = frame.format_map(
        {
            "np": phrase.text,
            "bare": phrase.text,
            "a": "a " if number == "s" else "",
            "is": IS[number],
            "has": HAS[number],
            "persists": PERSISTS[number],
            "far": w.words("far") if "{far}" in frame else "",
        }
    )
    return tidy(text)
