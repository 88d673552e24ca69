"""An attribution in lines of text.

In: the facts. Out: lines, the difference and its parts first, then what each cause is. Numbers are rounded so that the
parts shown sum to the difference shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any


def render_difference(facts: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an attribution: the difference and its parts in one, then the causes and what is to be known."""
    old, new = facts["old"], facts["new"]
    yield f"{facts['figure']}: {old['value']} ({old['of']}) -> {new['value']} ({new['of']})"
    if "why_not" in facts:
        yield f"  {facts['why_not']}"
    else:
        yield f"  {describe_parts(facts)}"
        for row in facts["not_run"]:
            yield f"  {row['cause']}: its part is not known, for without it the line does not run: {row['why_not']}"
        if facts["closes"]:
            yield f"  {facts['replays']} replays; with everything undone the line gives the old value"
        elif facts["closes"] is None and facts["replays"]:
            yield f"  {facts['replays']} replays; with everything undone the line does not run, so nothing proves these"
        elif len(facts["causes"]) == 1:
            yield "  one thing differs, so all of it is its; nothing was replayed"
    here = facts.get("environments", {})
    yield from (
        f"  it ran on {name} {was} then and {now} now, which no replay undoes" for name, (was, now) in here.items()
    )
    for side in (old, new):
        if side["broken"]:
            yield f"  {side['of']} is not what its files make: {side['broken'][0]}"
    yield from (f"{cause['cause']:24}  {_describe_cause(cause)}" for cause in facts["causes"])


def describe_parts(facts: Mapping[str, Any]) -> str:
    """As `+0.021: landing L0003 +0.017, vocabulary +0.006, interaction -0.002`; what is shown sums as well."""
    total = Fraction(facts["exact"])
    if not facts["parts"]:
        return "+0: nothing that the figure rests on differs" if not facts["causes"] else f"{float(total):+g}"
    sizes = [abs(Fraction(part["exact"])) for part in facts["parts"] if part["value"]]
    digits = max([3, *(2 - math.ceil(math.log10(float(max(sizes)))) for _ in sizes[:1])])
    unit = Fraction(1, 10**digits)
    shown = [math.floor(Fraction(part["exact"]) / unit) for part in facts["parts"]]
    whole = round(total / unit)
    rests = [Fraction(part["exact"]) / unit - low for part, low in zip(facts["parts"], shown, strict=True)]
    for number in sorted(range(len(shown)), key=lambda i: -rests[i])[: whole - sum(shown)]:
        shown[number] += 1
    parts = ", ".join(
        f"{part['cause']} {_signed(value, digits)}" for part, value in zip(facts["parts"], shown, strict=True)
    )
    return f"{_signed(whole, digits)}: {parts}"


def _signed(value: int, digits: int) -> str:
    return f"{value / 10**digits:+.{digits}f}"


def _describe_cause(cause: Mapping[str, Any]) -> str:
    words = []
    for what in ("added", "replaced", "withdrawn"):
        if what in cause:
            first = ", ".join(cause[what]["first"][:2])
            words.append(f"{cause[what]['files']:,} raw files {what} ({first}{', ...' * (cause[what]['files'] > 2)})")
    for what in ("withdrawn_subjects", "withdrawn_studies"):
        if what in cause:
            words.append(f"{cause[what]} {what.partition('_')[2]} withdrawn")
    changes = cause.get("changes", {})
    for name, change in [*changes.items()][:3]:
        words.append(
            f"{name} {change['old']} -> {change['new']}" if isinstance(change, Mapping) else f"{name} {change}"
        )
    words += [f"{len(changes) - 3} more"] if len(changes) > 3 else []
    words += [cause["why_not"]] if "why_not" in cause else []
    return "; ".join(words) or f"{len(cause['files'])} files"
