"""An account of an audit in lines of text.

In: the facts. Out: lines, the figure first, then one hop a paragraph down to the raw files, then what was verified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def render_account(account: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an account."""
    value, state = account["value"], account["state"]
    many = isinstance(value, Mapping)
    yield f"{account['figure']}: {len(value)} figures" if many else f"{account['figure']} = {value}"
    yield f"  of {state['of']}" + (f", on commit {state['commit'][:12]}" if state["of"] == "the working tree" else "")
    if state["changed"]:
        yield f"  {len(state['changed'])} files differ from that commit ({', '.join(state['changed'][:3])})"
    yield f"  {_describe_recomputed(account['recomputed'])}"
    yield ""
    for hop in account["hops"]:
        yield from _render_hop(hop)
    for row in account["source"]:
        yield f"raw     {_describe_landing(row)}"
    yield ""
    yield from (line for check in account.get("checks", ()) for line in _describe_check(check))


def size_of(size: int) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    raise AssertionError


def _describe_recomputed(row: Mapping[str, Any]) -> str:
    if "why_not" in row:
        return f"not recomputed: {row['why_not']}"
    words = f"recomputed from {', '.join(row['from'])}: {row['n_equal']} of {row['n']} equal"
    for name, pair in row["unequal"].items():
        words += f"; {name.rpartition(':')[2]} is recorded as {pair['recorded']} and comes to {pair['recomputed']}"
    return words


def _render_hop(hop: Mapping[str, Any]) -> Iterator[str]:
    if hop["command"] is None:
        yield from (f"{'tracked':8}{_describe_written(out)}" for out in hop["writes"])
        return
    yield f"{hop['stage']}"
    yield from (f"  wrote  {_describe_written(out)}" for out in hop["writes"])
    code = [row for row in hop["reads"] if row["code"]]
    data = [row for row in hop["reads"] if not row["code"]]
    for row in data:
        by = f" by {_shorten(row['made_by'])}" if row["made_by"] else " in git"
        yield f"  read   {row['path']}  {row['md5'][:12]}{by}"
    if code:
        yield f"  code   {len(code)} files and folders, {size_of(sum(row['size'] for row in code))}"
    for name, values in hop["params"].items():
        yield f"  params {name}: {_describe_values(values)}"


def _describe_written(out: Mapping[str, Any]) -> str:
    words = [out["md5"][:12], size_of(out["size"])]
    if out["files"] > 1:
        words.append(f"{out['files']:,} files")
    if out["rows"] is not None:
        words.append(f"{out['rows']:,} rows")
    if out["git"]:
        words.append("in git")
    elif not out["here"]:
        words.append("not here")
    return f"{out['path']}  {', '.join(words)}"


def _describe_landing(row: Mapping[str, Any]) -> str:
    if "why_not" in row:
        return str(row["why_not"])
    words = (
        f"{row['landing']}: {row['files']:,} files ({row['reports']:,} reports, {row['images']:,} images), "
        f"{size_of(row['bytes'])}, each with its sha256"
    )
    if row["listed_by_source"]:
        words += f"; the source's own SHA256SUMS.txt names {row['listed_by_source']:,}, {row['agreeing']:,} agree"
    return words


def _describe_check(check: Mapping[str, Any]) -> Iterator[str]:
    size = f", {size_of(check['bytes'])}" if check["bytes"] else ""
    lost = [row for row in check["broken"] if not row["missing"]]
    broken = f"{len(lost)} BROKEN" if lost else f"{len(check['broken'])} not here" if check["broken"] else "whole"
    yield f"{check['level']:10}{check['n']:,} checked{size} in {check['seconds']:.2f} s: {broken}"
    yield from (f"{'':10}{note}" for note in check.get("notes", ()))


def _describe_values(values: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in values.items()) if isinstance(values, Mapping) else str(values)


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
