"""Regions: which ones a finding's mention means, and the words that place it.

In: a finding's row and the regions meant. Out: stated regions by the conventions of writer.py, or words. The rule is
the same whatever the mention asserts.
"""

from __future__ import annotations

from dataclasses import dataclass

from hilum.phantom.grammar_rows import Dice, FindingRow, Grammar, PlaceWords

SIDES = ("right", "left")
LOW = ("lower lung zone", "costophrenic angle", "hemidiaphragm")
BOTH_LUNGS: tuple[str | None, ...] = ("right lung", "left lung")


def side_of(region: str) -> str:
    """right, left, or "" for a region without a side (the right atrium is one)."""
    head = region.split(" ", 1)[0]
    return head if head in SIDES and region != "right atrium" else ""


def zone_of(region: str) -> str:
    """The region's name without its side."""
    side = side_of(region)
    return region[len(side) + 1 :] if side else region


def sides_of(regions: tuple[str, ...]) -> tuple[str, ...]:
    """The sides that occur, right first."""
    return tuple(side for side in SIDES if any(side_of(region) == side for region in regions))


def stated_regions(row: FindingRow, regions: tuple[str, ...], placed: bool = True) -> tuple[str | None, ...]:
    """The regions that a mention of the finding states when its words mean `regions`; (None,) if it states none."""
    if row.place == "nowhere":
        return (None,)
    if row.place == "fixed":
        return row.regions
    if row.place == "whole":
        return BOTH_LUNGS
    if row.place == "tip":
        return tuple(r for r in regions if r in ("svc", "cavoatrial junction", "right atrium"))[:1] or ("svc",)
    if row.place == "diffuse":
        return tuple(r for r in regions if placed and zone_of(r) in ZONES) or BOTH_LUNGS
    if not placed or not regions:
        return (None,)
    if row.place == "sided":
        return tuple(row.region.format(side=side) for side in sides_of(regions)) or (None,)
    if row.place == "pneumothorax":
        return tuple(_pneumothorax_region(region) for region in regions)
    return regions


ZONES = ("lung", "upper lung zone", "mid lung zone", "lower lung zone", "apical zone")


def _pneumothorax_region(region: str) -> str | None:
    side = side_of(region)
    if not side:
        return None
    return f"{side} lower lung zone" if zone_of(region) in LOW else f"{side} apical zone"


def placeable(row: FindingRow) -> bool:
    """Whether a mention of the finding can leave its place unsaid."""
    return row.place in ("sided", "zoned", "pneumothorax")


@dataclass(frozen=True)
class Place:
    """The words for a claim's place; empty tuples when nothing is said of it.

    arity: one, both (right and left of one region), two (other pairs) or none. side: of arity one.
    """

    arity: str
    side: str
    zone: str
    words: PlaceWords

    def fill(self, template: str, grammar: Grammar) -> str:
        """Put the side into a template of places.yaml."""
        if "{" not in template:
            return template
        w, side = grammar.words, self.side or "right"
        return template.format(
            side=side,
            middle=w["middle"][side],
            middle_lobe=w["middle_lobe"][side],
            retrocardiac=w["retrocardiac"][side],
            retrocardiac_region=w["retrocardiac_region"][side],
        )


NO_WORDS = PlaceWords((), (), (), ())


def find_words(grammar: Grammar, row: FindingRow, regions: tuple[str, ...], dice: Dice) -> Place:
    """Words that place the finding in the regions, and nothing else."""
    sides = sides_of(regions)
    single = len(regions) == 1 or (row.place == "sided" and len(sides) == 1)
    arity = "one" if single else "both" if len(sides) == 2 else "two"
    side = sides[0] if len(sides) == 1 else ""
    zone = zone_of(regions[0])
    if row.place == "zoned" or (row.place == "diffuse" and zone != "lung"):
        if arity != "one" and (len({zone_of(region) for region in regions}) > 1 or len(sides) < 2):
            return Place("two", side, zone, PlaceWords((), _two_zones(grammar, regions, dice), (), ()))
        tube = grammar.places["device"].get(zone) if row.device else None
        return Place(arity, side, zone, (tube or grammar.zones[regions[0]])[arity])
    if row.place == "sided":
        own, common = row.words.get(arity, NO_WORDS), grammar.places["sided"][arity]
        return Place(
            arity,
            side,
            zone,
            PlaceWords(own.adj or common.adj, own.post or common.post, own.far or common.far, common.over),
        )
    if row.place == "pneumothorax":
        kind = "basal_pneumothorax" if zone in LOW else "pneumothorax"
        return Place(arity, side, zone, grammar.places[kind][arity])
    if row.place == "diffuse" and len(sides) == 1:
        return Place("one", side, zone, grammar.places["diffuse"]["one"])
    return Place("one", "", zone, NO_WORDS)


def _two_zones(grammar: Grammar, regions: tuple[str, ...], dice: Dice) -> tuple[str, ...]:
    short, forms = grammar.words["zone_names"], grammar.places["two_zones"]
    a, b = (short[zone_of(region)] for region in regions)
    across = len(sides_of(regions)) == 2
    lobes = not any(side_of(region) == "left" and zone_of(region) == "mid lung zone" for region in regions)
    template = dice.pick(forms[("across" if across else "same_side") + ("" if lobes else "_zones")])
    if lobes:
        a, b = forms["lobes"][a], forms["lobes"][b]
    return (template.format(side=side_of(regions[0]), a=a, b=b),)


def can_join(row: FindingRow, first: str, second: str, grammar: Grammar) -> bool:
    """Whether one noun phrase can place the finding in both regions without saying anything else."""
    short = grammar.words["zone_names"]
    mirrored = zone_of(first) == zone_of(second) and {side_of(first), side_of(second)} == set(SIDES)
    if row.place == "zoned":
        return mirrored or (zone_of(first) in short and zone_of(second) in short)
    return mirrored and row.place in ("sided", "pneumothorax", "diffuse")
