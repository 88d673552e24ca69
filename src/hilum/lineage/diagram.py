"""A chain as a picture: one box a stage, however many partitions it ran for, from the figure down to the raw files.

In: the hops of an account and its broken links. Out: where boxes and arrows lie, plain numbers for a template. An
arrow that a longer path implies is left out. A stage lies below all that read from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BOX, GAP, TALL, ROW = 168, 22, 52, 84
MARGIN = 6


@dataclass
class Group:
    """The hops of one stage. below: the groups it reads from. broken, absent: links that do not hold, or are not here.

    x, y: the middle of its box's upper edge, once it is placed.
    """

    name: str
    hops: list[Mapping[str, Any]] = field(default_factory=list)
    below: set[str] = field(default_factory=set)
    broken: list[Mapping[str, Any]] = field(default_factory=list)
    absent: list[Mapping[str, Any]] = field(default_factory=list)
    row: int = 0
    x: float = 0
    y: float = 0

    @property
    def anchor(self) -> str:
        """The id of its part of the page."""
        return anchor_of(self.name)


def anchor_of(name: str) -> str:
    """The id of a stage's part of the page."""
    return "hop-" + "".join(c if c.isalnum() else "-" for c in name)


def group_hops(hops: Sequence[Mapping[str, Any]], broken: Sequence[Mapping[str, Any]]) -> list[Group]:
    """The stages of a chain, nearest to the figure first; what is tracked and not made is one group."""
    of_hop = {hop["stage"]: _group_name(hop) for hop in hops}
    groups: dict[str, Group] = {}
    for hop in hops:
        group = groups.setdefault(of_hop[hop["stage"]], Group(of_hop[hop["stage"]]))
        group.hops.append(hop)
        group.below |= {of_hop[maker] for read in hop["reads"] for maker in read["made_by"] if maker in of_hop}
        for link in broken:
            if touches(hop, link["where"]):
                (group.absent if link["missing"] else group.broken).append(link)
    for group in groups.values():
        group.below.discard(group.name)
    return list(groups.values())


def touches(hop: Mapping[str, Any], where: str) -> bool:
    """Whether a broken link is one of this hop: its record, what it read, or what it wrote."""
    if hop["command"] is not None:
        ends = (f", read by {hop['stage']}", f", written by {hop['stage']}")
        if where.endswith(ends) or f": {hop['stage']}," in f"{where},":
            return True
        if ", read by " in where or ", written by " in where:
            return False
    path = where.partition(", ")[0].partition(" in the cache")[0]
    return any(path == out["path"] or path.startswith(f"{out['path']}/") for out in hop["writes"])


def lay_out(groups: Sequence[Group]) -> dict[str, Any]:
    """Place the boxes row by row. Returns width, height and arrows as (x, y, x, y) from a box to one that it reads."""
    named = {group.name: group for group in groups}
    for _ in groups:  # as deep as the longest path at most
        for group in groups:
            for below in group.below:
                named[below].row = max(named[below].row, group.row + 1)
    rows: dict[int, list[Group]] = {}
    for group in groups:
        rows.setdefault(group.row, []).append(group)
    width = max((len(row) for row in rows.values()), default=1) * (BOX + GAP) - GAP + 2 * MARGIN
    for number, row in rows.items():
        free = (width - len(row) * BOX) / (len(row) + 1)
        for i, group in enumerate(row):
            group.x, group.y = round(free + BOX / 2 + i * (BOX + free), 1), MARGIN + number * ROW
    arrows = [
        (group.x, group.y + TALL, named[below].x, named[below].y)
        for group in groups
        for below in sorted(group.below)
        if not any(below in _reach(named, other) for other in group.below - {below})
    ]
    return {"width": width, "height": len(rows) * ROW - ROW + TALL + 2 * MARGIN, "arrows": arrows}


def _reach(named: Mapping[str, Group], start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        new = named[todo.pop()].below - found
        found |= new
        todo += new
    return found


def _group_name(hop: Mapping[str, Any]) -> str:
    if hop["command"] is None:
        places = ("data/raw/", "data/truth/")  # a phantom's landing comes with its truth
        return "landed" if any(out["path"].startswith(places) for out in hop["writes"]) else "tracked"
    place, _, name = str(hop["stage"]).rpartition(":")
    return f"{'served: ' if place else ''}{name.partition('@')[0]}"
