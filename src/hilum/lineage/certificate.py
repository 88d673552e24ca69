"""The certificate of a reproduction, for people.

In: the facts, as JSON keeps them. Out: a short Markdown text, and a verdict in a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hilum.lineage.distance import describe_distance


def verdict(facts: Mapping[str, Any]) -> str:
    """In one line: how many stages came out equal to the byte, and which is the first that did not."""
    n, exact = len(facts["stages"]), facts["counts"]["exact"]
    if facts["exact"]:
        return f"all {n} stages of {facts['commit'][:12]} were made again, equal to the byte"
    odd = next((row for row in facts["stages"] if row["verdict"] in ("differs", "not made")), None)
    first = odd or next(row for row in facts["stages"] if row["verdict"] != "exact")
    reason = f": {_reason(first)}" if _reason(first) else ""
    return f"{exact} of {n} stages of {facts['commit'][:12]} are equal to the byte; first {first['stage']}{reason}"


def render_certificate(facts: Mapping[str, Any]) -> str:
    """The certificate in Markdown."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Reproduction of {facts['commit'][:12]}: {'bit-exact' if facts['exact'] else 'NOT bit-exact'}"
    yield ""
    yield f"{verdict(facts)[0].upper()}{verdict(facts)[1:]}."
    yield ""
    yield f"- commit: `{facts['commit']}` (asked for as `{facts['revision']}`)"
    yield f"- made: {facts['at']}, in {facts['seconds']:.0f} s; {len(facts['from_outside'])} inputs came from outside"
    for side in ("recorded", "here"):
        yield f"- environment {side}: {_environment(facts.get('environment', {}).get(side))}"
    broken = facts["record"]["broken"]
    held = f"{len(broken)} do NOT hold, first {broken[0]}" if broken else "all hold"
    yield f"- the commit's own record: {facts['record']['links']:,} links, {held}"
    yield ""
    yield "| stage | verdict | by how much |"
    yield "|---|---|---|"
    for row in facts["stages"]:
        if row["verdict"] != "exact":
            yield f"| {row['stage']} | {row['verdict']} | {_reason(row) or _after(row)} |"
    equal = [row["stage"] for row in facts["stages"] if row["verdict"] == "exact"]
    yield f"| {_count(equal)} | exact | |"


def _count(names: list[str]) -> str:
    return f"{len(names)} stages ({', '.join(names)})" if names else "no stage"


def _reason(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "not made":
        return str(row["why"])
    changes = [f"`{file['path']}`: {describe_distance(file)}" for out in row["outs"] for file in out.get("differ", ())]
    missing = [f"`{out['path']}`: nothing was made" for out in row["outs"] if out["made"] is None]
    words = [*changes, *missing]
    return "; ".join(words[:3]) + (f"; {len(words) - 3} more files" if len(words) > 3 else "")


def _after(row: Mapping[str, Any]) -> str:
    return f"after {', '.join(row.get('after', ())[:2])}"


def _environment(found: Mapping[str, Any] | None) -> str:
    if not found:
        return "not known"
    words = {key: value for key, value in found.items() if not isinstance(value, Mapping)}
    for value in found.values():
        words |= value if isinstance(value, Mapping) else {}
    return ", ".join(f"{key} {value}" for key, value in words.items())
