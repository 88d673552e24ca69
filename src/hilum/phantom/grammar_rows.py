"""The report writer's grammar, read from grammar/*.yaml into frozen rows, and the dice that choose among them.

In: the YAML files beside this module. Out: `grammar()`, read once. A finding's row says how its region follows
(place), how severity is worded (scale), its nouns ("s:" singular, "p:" plural, "m:" mass; "^" only before a place that
follows; "@mild,severe" only at these severities), its full-sentence clauses by number of sides and state, sentences
that state other findings along with it (linked; label omitted: said instead of it), and how it is denied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import yaml

FOLDER = Path(__file__).parent / "grammar"
FINDING_FILES = ("pleura", "lung", "heart", "device")
GROUPS = ("device", "lung", "pleura", "heart", "bone")
PLACES = ("fixed", "sided", "zoned", "pneumothorax", "diffuse", "whole", "tip", "nowhere")

Item = TypeVar("Item")


class Dice:
    """Choices drawn from one generator, in blocks: the same generator state gives the same choices."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._block: list[float] = []

    def roll(self) -> float:
        """Uniform in [0, 1)."""
        if not self._block:
            self._block = self._rng.random(128).tolist()
        return self._block.pop()

    def chance(self, share: float) -> bool:
        """True in that share of calls."""
        return self.roll() < share

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items; earlier ones are commoner (the first of ten in about one call of six)."""
        return items[int(self.roll() ** 1.3 * len(items))]

    def any(self, items: Sequence[Item]) -> Item:
        """One of the items, all alike."""
        return items[int(self.roll() * len(items))]

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.roll() * (high - low + 1))

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items in another order."""
        keys = [self.roll() for _ in items]
        return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]


@dataclass(frozen=True)
class Noun:
    """A noun: number s, p or m; after_only: its place follows it; severities: empty means any."""

    text: str
    number: str
    after_only: bool
    severities: tuple[str, ...]


@dataclass(frozen=True)
class PlaceWords:
    """Words for one place: before the noun, behind it, at the end of a longer sentence, after "projects"."""

    adj: tuple[str, ...]
    post: tuple[str, ...]
    far: tuple[str, ...]
    over: tuple[str, ...]


@dataclass(frozen=True)
class Linked:
    """A sentence that states several findings. says: (finding or "self", label)."""

    label: str
    text: str
    says: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FindingRow:
    """How one finding is written. place: one of PLACES."""

    key: str
    group: str
    place: str
    region: str
    regions: tuple[str, ...]
    scale: str
    device: bool
    lasting: bool
    notable: bool
    np_post_only: bool
    clause_share: float
    linked_share: float
    nouns: Mapping[str, tuple[Noun, ...]]
    words: Mapping[str, PlaceWords]
    clauses: Mapping[str, Mapping[str, tuple[str, ...]]]
    linked: tuple[Linked, ...]
    denied: tuple[str, ...]
    denied_regions: tuple[str, ...]


@dataclass(frozen=True)
class Grammar:
    """All of it. The plain mappings keep the shape of their YAML file."""

    findings: Mapping[str, FindingRow]
    zones: Mapping[str, Mapping[str, PlaceWords]]
    places: Mapping[str, Any]
    frames: Mapping[str, tuple[str, ...]]
    words: Mapping[str, Any]
    body: Mapping[str, Any]
    layout: Mapping[str, Any]

    def row(self, finding: str) -> FindingRow:
        """The finding's row; a key without one is written in the words of its key, as something that lies in a zone."""
        return self.findings.get(finding) or _finding_row(
            finding, {"place": "zoned", "nouns": {"one": [f"m: {finding.replace('_', ' ')}"]}}, "lung"
        )


@cache
def grammar() -> Grammar:
    """Read the grammar once. ValueError names a row that cannot be used."""
    findings: dict[str, FindingRow] = {}
    for group in FINDING_FILES:
        for key, raw in _read(f"findings_{group}").items():
            findings[key] = _finding_row(key, raw, group)
    places = _read("places")
    zones: dict[str, Mapping[str, PlaceWords]] = {}
    for name, raw in places["zoned"].items():
        for side in ("right", "left") if "{side}" in name else ("",):
            zones[name.replace("{side}", side)] = _words(raw)
    shared: dict[str, Any] = {
        name: _words(places[name]) for name in ("sided", "pneumothorax", "basal_pneumothorax", "diffuse")
    }
    shared["device"] = {zone: _words(raw) for zone, raw in places["device"].items()}
    frames = {name: tuple(rows) for name, rows in _read("frames").items()}
    return Grammar(findings, zones, {**places, **shared}, frames, _read("words"), _read("body"), _read("layout"))


def _read(name: str) -> dict[str, Any]:
    loaded = yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader=_LOADER)
    if not isinstance(loaded, dict):
        raise ValueError(f"grammar/{name}.yaml holds {type(loaded).__name__}; a mapping was expected")
    return loaded


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _finding_row(key: str, raw: Mapping[str, Any], group: str) -> FindingRow:
    if raw["place"] not in PLACES:
        raise ValueError(f"grammar row {key} has place {raw['place']!r}; use one of {', '.join(PLACES)}")
    if raw.get("group", group) not in GROUPS:
        raise ValueError(f"grammar row {key} has group {raw['group']!r}; use one of {', '.join(GROUPS)}")
    own: dict[str, dict[str, Any]] = {}
    for kind in ("adj", "post", "far"):
        for arity, rows in raw.get(kind, {}).items():
            own.setdefault(arity, {})[kind] = rows
    return FindingRow(
        key=key,
        group=raw.get("group", group),
        place=raw["place"],
        region=raw.get("region", ""),
        regions=tuple(raw.get("regions", ())),
        scale=raw.get("scale", ""),
        device=raw.get("device", False),
        lasting=raw.get("lasting", False),
        notable=raw.get("notable", False),
        np_post_only=raw.get("np_post_only", False),
        clause_share=raw.get("clause_share", 0.0),
        linked_share=raw.get("linked_share", 0.0),
        nouns={arity: tuple(_noun(text) for text in rows) for arity, rows in raw["nouns"].items()},
        words=_words(own),
        clauses={
            arity: {state: tuple(rows) for state, rows in states.items()}
            for arity, states in raw.get("clauses", {}).items()
        },
        linked=tuple(
            Linked(row["label"], row["one"], tuple((said.split()[0], said.split()[1]) for said in row["says"]))
            for row in raw.get("linked", ())
        ),
        denied=tuple(raw.get("denied", ())),
        denied_regions=tuple(raw.get("denied_regions", ())),
    )


def _noun(text: str) -> Noun:
    head, _, rest = text.partition(": ")
    words, _, severities = rest.partition(" @")
    return Noun(words, head[0], head.endswith("^"), tuple(severities.split(",")) if severities else ())


def _words(raw: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, PlaceWords]:
    return {
        arity: PlaceWords(*(tuple(rows.get(kind, ())) for kind in ("adj", "post", "far", "over")))
        for arity, rows in raw.items()
    }
